//! Histories: what an actor did, how it was then, and whether its definition would do the same again.

use cojson::header::{Uniqueness, ValueType};
use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::NewValue;
use engine::actor::{ActorId, When};

use super::device::{Device, Storage, mail_tool};
use super::fixtures::json;

/// A mailer that remembers, waits for tools and for time, and looks at the clock.
fn clerk() -> Json {
    json(
        r#"{
        "id": "clerk", "history": true,
        "context": {"sent": 0, "at": null, "problem": null},
        "messageTypes": ["SEND", "COUNT", "NOTE"],
        "state": {"initial": "idle", "entry": {"updateContext": {"at": {"$now": null}}}, "states": {
            "idle": {"on": {
                "SEND": "sending",
                "COUNT": {"actions": {"updateContext": {"sent": {"$add": ["$sent", 1]}}}},
                "NOTE": {"target": "noting"}
            }},
            "noting": {
                "entry": {"tool": "@db", "payload": {"op": "create", "schema": "notes", "data": {"text": "$$text"}},
                          "onSuccess": {"updateContext": {"note": "$$result.id"}}},
                "on": {"SUCCESS": "idle"}
            },
            "sending": {
                "entry": {"if": {"in": "sending"}, "then": {"tool": "@mail/send", "payload": {"to": "$$to"}}, "else": "resetError"},
                "after": {"60000": {"target": "idle", "actions": {"updateContext": {"problem": "late"}}}},
                "on": {
                    "SUCCESS": {"target": "idle", "actions": [{"updateContext": {"sent": "$$result.count", "at": {"$now": null}}}]},
                    "ERROR": {"target": "idle", "actions": [{"updateContext": {"problem": "$$errors.0.type"}}]}
                }
            }
        }}
    }"#,
    )
}

fn with_clerk() -> (Device, ActorId) {
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(false)]);
    let actor = device.create(&clerk());
    (device, actor)
}

/// `from>to type changed` of each transition.
fn lines(device: &mut Device, actor: &ActorId) -> Vec<String> {
    let history = device.engine.history(actor).unwrap();
    let text = |json: &Json| json.to_string().replace(['"', '[', ']'], "");
    let line = |it: &Json| {
        let part = |key: &str| text(it.get(key).unwrap());
        let event = text(it.get("event").unwrap().get("type").unwrap());
        format!(
            "{}>{} {event} {}",
            part("from"),
            part("to"),
            part("changed")
        )
    };
    history.as_array().unwrap().iter().map(line).collect()
}

fn check_replay(device: &mut Device, actor: &ActorId, steps: u32) {
    let replay = device.engine.replay(actor).unwrap();
    assert_eq!(replay.get("difference"), Some(&Json::Null), "{replay}");
    assert_eq!(replay.get("steps"), Some(&steps.into()));
}

#[test]
fn each_transition_is_in_the_history_with_its_event_time_and_author() {
    let (mut device, actor) = with_clerk();
    device.send(&actor, "SEND", r#"{"to":"ada"}"#);
    let answered = device.now.plus_ms(1);
    device.answer(Ok(json(r#"{"count":7}"#)));
    assert_eq!(
        lines(&mut device, &actor),
        [
            "null>idle start at",
            "idle>sending SEND ",
            "sending>idle SUCCESS sent,at"
        ]
    );
    let history = device.engine.history(&actor).unwrap();
    let last = history.as_array().unwrap().last().unwrap().clone();
    let account = device.engine.node().account_id().to_string();
    assert_eq!(last.get("author").unwrap().as_str(), Some(account.as_str()));
    assert_eq!(
        last.get("time").unwrap().as_number(),
        Some(answered.0).map(
            |ms| f64::from(u32::try_from(ms - 1_800_000_000_000).unwrap()) + 1_800_000_000_000.0
        )
    );
    assert_eq!(
        last.get("event").unwrap().to_string(),
        r#"{"type":"SUCCESS","payload":{"count":7},"tool":"@mail/send"}"#
    );
    check_replay(&mut device, &actor, 3);
}

#[test]
fn r1_a_history_is_in_the_write_of_its_transition() {
    let (mut device, actor) = with_clerk();
    device.writes.clear();
    device.send(&actor, "COUNT", "{}");
    assert_eq!(device.writes.len(), 1);
    assert_eq!(
        device.take_transactions(),
        2,
        "the context's and the history's"
    );
    // A crash before the write is done takes both.
    device.queue(&actor, "COUNT", "{}");
    device.engine.process_inbox(device.now.plus_ms(1));
    device.engine.flush();
    let mut restarted = device.restart(1, &[mail_tool(false)]);
    let actor = restarted.create(&clerk());
    assert_eq!(lines(&mut restarted, &actor).len(), 2);
    assert_eq!(restarted.context(&actor).get("sent"), Some(&1.into()));
    check_replay(&mut restarted, &actor, 2);
}

#[test]
fn an_actor_is_shown_as_it_was_after_every_transition_and_at_every_time() {
    let (mut device, actor) = with_clerk();
    let began = device.now;
    for _ in 0..3 {
        device.queue(&actor, "COUNT", "{}");
    }
    device.settle();
    let counted = device.now;
    device.send(&actor, "SEND", r#"{"to":"ada"}"#);
    let seen = |device: &mut Device, when: When| {
        let at = device.engine.at(&actor, when).unwrap()?;
        let sent = at.get("context")?.get("sent")?.as_number()?;
        Some(format!("{} {sent}", at.get("state")?))
    };
    let now = device.now;
    // The first three are of one task, and so of one transaction of the context.
    for (index, expected) in [
        "\"idle\" 0",
        "\"idle\" 1",
        "\"idle\" 2",
        "\"idle\" 3",
        "\"sending\" 3",
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(
            seen(&mut device, When::After(index)).as_deref(),
            Some(*expected),
            "{index}"
        );
    }
    assert_eq!(seen(&mut device, When::After(5)), None);
    assert_eq!(
        seen(&mut device, When::At(began)).as_deref(),
        Some("\"idle\" 0")
    );
    assert_eq!(
        seen(&mut device, When::At(counted)).as_deref(),
        Some("\"idle\" 3")
    );
    assert_eq!(
        seen(&mut device, When::At(now)).as_deref(),
        Some("\"sending\" 3")
    );
    assert_eq!(seen(&mut device, When::At(Timestamp(0))), None);
    check_replay(&mut device, &actor, 5);
}

#[test]
fn r3_a_replay_takes_tools_timers_the_clock_and_reloads_as_they_were() {
    let (mut device, actor) = with_clerk();
    device.send(&actor, "NOTE", r#"{"text":"hello"}"#);
    device.send(&actor, "SEND", r#"{"to":"ada"}"#);
    device.now = device.now.plus_ms(61_000);
    device.settle();
    device.send(&actor, "SEND", r#"{"to":"bob"}"#);
    let mut restarted = device.restart(1, &[mail_tool(false)]);
    let actor = restarted.create(&clerk());
    restarted.settle();
    restarted.send(&actor, "SEND", r#"{"to":"eve"}"#);
    restarted.answer(Ok(json(r#"{"count":3}"#)));
    let lines = lines(&mut restarted, &actor);
    assert_eq!(
        lines,
        [
            "null>idle start at",
            "idle>noting NOTE ",
            "noting>idle SUCCESS note",
            "idle>sending SEND ",
            "sending>idle after.60000.sending problem",
            "idle>sending SEND ",
            "sending>idle ERROR problem",
            "idle>sending SEND ",
            "sending>idle SUCCESS sent,at"
        ]
    );
    let values = restarted.storage.borrow().len();
    check_replay(&mut restarted, &actor, 9);
    restarted.settle();
    assert_eq!(
        restarted.storage.borrow().len(),
        values,
        "a replay calls no tool"
    );
    assert!(restarted.calls.is_empty());
}

#[test]
fn a_replay_under_another_definition_tells_the_first_difference() {
    let (mut device, actor) = with_clerk();
    device.send(&actor, "COUNT", "{}");
    device.send(&actor, "COUNT", "{}");
    device.send(&actor, "SEND", r#"{"to":"ada"}"#);
    let check = |device: &Device, from: &str, to: &str, expected: &str| {
        let changed = json(&clerk().to_string().replace(from, to));
        assert_ne!(changed, clerk(), "{from}");
        let mut restarted = device.restart(2, &[mail_tool(false)]);
        let actor = restarted.create(&changed);
        let replay = restarted.engine.replay(&actor).unwrap();
        assert_eq!(replay.get("difference").unwrap().to_string(), expected);
    };
    check(
        &device,
        r#"["$sent",1]"#,
        r#"["$sent",2]"#,
        r#"{"index":1,"what":"context","recorded":{"sent":1,"at":1800000000006,"problem":null},"replayed":{"sent":2,"at":1800000000006,"problem":null}}"#,
    );
    check(
        &device,
        r#""SEND":"sending""#,
        r#""SEND":"noting""#,
        r#"{"index":3,"what":"tools","recorded":"@mail/send","replayed":"@db"}"#,
    );
    check(
        &device,
        r#""NOTE":{"target":"noting"}"#,
        r#""NOTE":{"target":"noting"},"*":"idle""#,
        "null",
    );
    check(
        &device,
        r#"{"actions":{"updateContext":{"sent":{"$add":["$sent",1]}}}}"#,
        r#"{"target":"sending"}"#,
        r#"{"index":1,"what":"tools","recorded":null,"replayed":"@mail/send"}"#,
    );
}

const DAY_MS: u64 = 86_400_000;

/// A clerk whose history is kept for a day.
fn clerk_of_a_day() -> Json {
    let mut definition = clerk().as_object().cloned().unwrap();
    definition.insert("history".into(), json(r#"{"days":1}"#));
    definition.into()
}

#[test]
fn a_history_of_days_reads_the_last_two_periods_only() {
    let definition = clerk_of_a_day();
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(false)]);
    let actor = device.create(&definition);
    device.send(&actor, "COUNT", "{}");
    let mut counts = Vec::new();
    for _ in 0..3 {
        device.now = device.now.plus_ms(DAY_MS);
        device.send(&actor, "COUNT", "{}");
        device.settle();
        counts.push(lines(&mut device, &actor).len());
        check_replay(
            &mut device,
            &actor,
            u32::try_from(counts.last().copied().unwrap()).unwrap(),
        );
    }
    assert_eq!(counts, [3, 2, 2]);
    let mut restarted = device.restart(1, &[mail_tool(false)]);
    let actor = restarted.create(&definition);
    assert_eq!(lines(&mut restarted, &actor).len(), 2);
    restarted.send(&actor, "COUNT", "{}");
    assert_eq!(lines(&mut restarted, &actor).len(), 3);
}

/// The stream of a period of the clerk's history.
fn stream_of(device: &Device, period: u64) -> CoId {
    let period = period.to_string();
    let named = [("actor", "clerk"), ("part", "history"), ("period", &period)];
    let node = device.engine.node();
    node.named_id(&NewValue {
        value_type: ValueType::CoStream,
        owner: node.own_group(),
        uniqueness: Uniqueness::named(named),
        meta: Json::Null,
    })
}

#[test]
fn what_a_history_of_days_no_longer_keeps_is_deleted_when_a_period_begins_and_at_a_start() {
    let definition = clerk_of_a_day();
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(false)]);
    let actor = device.create(&definition);
    let first = device.now.0 / DAY_MS;
    let is_deleted = |device: &mut Device, day: u64| {
        let id = stream_of(device, first + day);
        device.engine.node_mut().load(&id);
        device.settle();
        device.engine.node_mut().is_deleted(&id)
    };
    device.send(&actor, "COUNT", "{}");
    for day in 1..=2 {
        assert!(!is_deleted(&mut device, 0), "day {day}");
        device.now = device.now.plus_ms(DAY_MS);
        device.send(&actor, "COUNT", "{}");
    }
    assert!(is_deleted(&mut device, 0));
    assert!(!is_deleted(&mut device, 1) && !is_deleted(&mut device, 2));
    let mut restarted = device.restart(1, &[mail_tool(false)]);
    restarted.now = restarted.now.plus_ms(3 * DAY_MS);
    restarted.create(&definition);
    assert!(is_deleted(&mut restarted, 1) && is_deleted(&mut restarted, 2));
    assert_eq!(restarted.context(&actor).get("sent"), Some(&3.into()));
}

#[test]
fn who_asks_for_no_history_writes_none_and_is_told_so() {
    let mut definition = clerk().as_object().cloned().unwrap();
    definition.remove("history");
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(false)]);
    let actor = device.create(&definition.clone().into());
    device.take_transactions();
    device.send(&actor, "COUNT", "{}");
    assert_eq!(device.take_transactions(), 1);
    let error = device.engine.history(&actor).unwrap_err();
    assert_eq!(error.code(), "PLEIONE_E_NO_HISTORY");
    assert!(error.to_string().contains(r#""history": true"#), "{error}");
    let now = device.now;
    assert!(device.engine.at(&actor, When::At(now)).unwrap().is_some());

    definition.insert("history".into(), json(r#"{"days":0}"#));
    let error = device.engine.create_actor(&definition.clone().into());
    assert_eq!(error.unwrap_err().path, "history");

    // It may be asked for while the actor runs; its stream has to be looked for first.
    definition.insert("history".into(), true.into());
    device.engine.create_actor(&definition.into()).unwrap();
    device.send(&actor, "COUNT", "{}");
    device.send(&actor, "COUNT", "{}");
    device.settle();
    assert_eq!(lines(&mut device, &actor).len(), 2);
    check_replay(&mut device, &actor, 2);
}

#[test]
fn r4_what_two_tabs_did_is_one_history() {
    let (mut first, actor) = with_clerk();
    let mut second = Device::over(first.storage.clone(), 2, &[mail_tool(false)]);
    second.now = first.now;
    let same = second.create(&clerk());
    first.writes.clear();
    second.writes.clear();
    for _ in 0..3 {
        first.send(&actor, "COUNT", "{}");
        second.now = first.now.plus_ms(5);
        second.hear(&std::mem::take(&mut first.writes));
        second.send(&same, "COUNT", "{}");
        first.now = second.now.plus_ms(5);
        first.hear(&std::mem::take(&mut second.writes));
    }
    assert_eq!(lines(&mut first, &actor), lines(&mut second, &same));
    assert_eq!(lines(&mut first, &actor).len(), 7);
    assert_eq!(first.context(&actor).get("sent"), Some(&6.into()));
    check_replay(&mut first, &actor, 7);
    check_replay(&mut second, &same, 7);
}

/// Goes through once there are so many notes.
fn gate(needs: u32) -> Json {
    let text = r#"{"id":"gate","history":true,"context":{"list":{"schema":"notes"},"tries":0},"state":{"initial":"shut","states":{
        "shut":{"on":{
            "NOTE":{"actions":{"tool":"@db","payload":{"op":"create","schema":"notes","data":{"text":"$$text"}}}},
            "GO":[{"guard":{"$gte":[{"$length":"$list"},NEEDS]},"target":"open"},
                {"actions":{"updateContext":{"tries":{"$add":["$tries",1]}}}}]}},
        "open":{"on":{"BACK":"shut"}}}}}"#;
    json(&text.replace("NEEDS", &needs.to_string()))
}

#[test]
fn a_replay_sees_what_queries_showed_to_guards_then() {
    let mut device = Device::new(1);
    let actor = device.create(&gate(2));
    for event in ["GO", "NOTE", "GO", "NOTE", "GO", "BACK", "GO"] {
        device.send(&actor, event, r#"{"text":"a"}"#);
    }
    assert_eq!(device.state(&actor), "open");
    check_replay(&mut device, &actor, 8);
    let mut restarted = device.restart(1, &[]);
    restarted.create(&gate(2));
    restarted.send(&actor, "BACK", "{}");
    restarted.send(&actor, "NOTE", r#"{"text":"b"}"#);
    restarted.send(&actor, "GO", "{}");
    check_replay(&mut restarted, &actor, 11);
    // Another guard would have let it through at another time.
    restarted.create(&gate(1));
    let replay = restarted.engine.replay(&actor).unwrap();
    let difference = replay.get("difference").unwrap();
    assert_eq!(difference.get("index"), Some(&3.into()), "{replay}");
    assert_eq!(replay.get("unsure"), Some(&Vec::new().into()));
    let then = restarted
        .engine
        .at(&actor, When::After(4))
        .unwrap()
        .unwrap();
    assert!(then.get("context").unwrap().get("list").is_none());
}

#[test]
fn a_replay_says_for_which_steps_it_does_not_know_what_queries_showed() {
    let mut device = Device::new(1);
    let actor = device.create(&gate(2));
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(9_000));
    for event in ["GO", "NOTE", "GO", "NOTE", "GO"] {
        device.send(&actor, event, &long);
    }
    let replay = device.engine.replay(&actor).unwrap();
    assert_eq!(replay.get("unsure").unwrap().to_string(), "[5]", "{replay}");
}
