//! Many events at once: the same as one by one, in one transaction.

use cojson::json::Json;
use engine::actor::{ActorId, Events, Ticket};
use engine::machine::Event;

use super::device::{Device, Storage, mail_tool};
use super::fixtures::json;

fn counter(more: &str) -> Json {
    json(&format!(
        r#"{{
        "id": "counter", "context": {{"count": 0, "notes": {{"schema": "notes"}}}}, "messageTypes": ["ADD", "NOTE", "SEND", "WRONG", "END"],
        "state": {{"initial": "even", "states": {{
            "even": {{"on": {{"ADD": {{"target": "odd", "actions": {{"updateContext": {{"count": {{"$add": ["$count", "$$by"]}}}}}}}},
                "NOTE": "noting", "SEND": "sending", "END": "over",
                "WRONG": {{"actions": {{"updateContext": {{"count": {{"$add": ["$count", "x"]}}}}}}}}}}}},
            "odd": {{"on": {{"ADD": {{"target": "even", "actions": {{"updateContext": {{"count": {{"$add": ["$count", "$$by"]}}}}}}}}}},
                "after": {{"1000": "even"}}}},
            "noting": {{"entry": {{"tool": "@db", "payload": {{"op": "create", "schema": "notes", "data": {{"text": "$$text"}}}}}},
                "on": {{"SUCCESS": "even"}}}},
            "sending": {{"entry": {{"tool": "@mail/send"}}, "on": {{"SUCCESS": "even"}}}},
            "over": {{"type": "final"}}
        }}}} {more}
    }}"#
    ))
}

/// The definition without what makes its steps wait for each other.
fn plain() -> Json {
    let text = counter("").to_string();
    json(
        &text
            .replace(r#","notes":{"schema":"notes"}"#, "")
            .replace(r#","after":{"1000":"even"}"#, ""),
    )
}

fn event(text: &str) -> Event {
    let (event_type, payload) = text.split_once(' ').unwrap_or((text, "{}"));
    Event::new(event_type, json(payload))
}

fn over(definition: &Json) -> (Device, ActorId) {
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(false)]);
    let actor = device.create(definition);
    device.take_transactions();
    (device, actor)
}

/// How events are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sending {
    Batch,
    OneTask,
    TaskEach,
}

/// What is seen of an actor after some events.
fn outcome(
    definition: &Json,
    events: &[&str],
    sending: Sending,
) -> (String, String, usize, Vec<bool>) {
    let (mut device, actor) = over(definition);
    let events = events.iter().map(|text| event(text));
    let mut send = |event| {
        let ticket = device.engine.send(&actor, event).unwrap();
        if sending == Sending::TaskEach {
            device.settle();
        }
        ticket
    };
    let tickets: Vec<_> = match sending {
        Sending::Batch => vec![device.engine.send_all(&actor, events.collect()).unwrap()],
        _ => events.map(&mut send).collect(),
    };
    device.settle();
    let handled = tickets
        .iter()
        .map(|ticket| device.handled.remove(ticket).unwrap().unwrap_or(false));
    let handled = handled.collect();
    let mut context = device.context(&actor).as_object().cloned().unwrap();
    // A note's id is its own.
    if let Some(notes) = context
        .get("notes")
        .and_then(Json::as_array)
        .map(<[Json]>::len)
    {
        context.insert("notes".into(), Json::from(u32::try_from(notes).unwrap()));
    }
    (
        device.state(&actor),
        Json::from(context).to_string(),
        device.calls.len(),
        handled,
    )
}

#[test]
fn r1_a_batch_leads_where_its_events_lead_one_by_one() {
    let add = r#"ADD {"by":1}"#;
    for definition in [plain(), counter(""), counter(r#", "history": true"#)] {
        for events in [
            vec![add; 7],
            vec![
                add,
                "ADD {\"by\":5}",
                "NOTE {\"text\":\"a\"}",
                add,
                "NOTE",
                add,
                add,
            ],
            vec![add, add, "SEND", add, "NOTE {\"text\":\"a\"}"],
            vec![add, add, "WRONG", add, add],
            vec![add, "SEND", "WRONG", add, "END", "END", add],
            vec![add, add, "END", add],
            vec![
                "NOTE {\"text\":\"a\"}",
                "NOTE {\"text\":\"b\"}",
                "NOTE {\"text\":\"c\"}",
            ],
        ] {
            let one_task = outcome(&definition, &events, Sending::OneTask);
            // What a tool makes may need a task of its own; then those after it find another state.
            let is_toolless = |text: &&str| !text.starts_with("NOTE") && *text != "SEND";
            if events.iter().all(is_toolless) {
                let apart = outcome(&definition, &events, Sending::TaskEach);
                assert_eq!(one_task, apart, "{events:?}");
            }
            let (state, context, calls, handled) = one_task;
            let batch = outcome(&definition, &events, Sending::Batch);
            let all = handled.iter().all(|handled| *handled);
            assert_eq!(batch, (state, context, calls, vec![all]), "{events:?}");
        }
    }
}

#[test]
fn r1_a_batch_is_one_transaction_and_one_write() {
    let (mut device, actor) = over(&plain());
    device.writes.clear();
    let events = (0..25_000).map(|_| event(r#"ADD {"by":2}"#)).collect();
    let ticket = device.engine.send_all(&actor, events).unwrap();
    device.settle();
    assert!(device.handled.remove(&ticket).unwrap().unwrap());
    assert_eq!(device.writes.len(), 1);
    assert_eq!(device.take_transactions(), 1);
    assert_eq!(device.context(&actor).get("count"), Some(&50_000.into()));

    let ticket = device.engine.send_all(&actor, Events::default()).unwrap();
    device.settle();
    assert!(device.handled.remove(&ticket).unwrap().unwrap());
}

#[test]
fn what_the_contract_does_not_name_refuses_the_whole_batch() {
    let (mut device, actor) = over(&plain());
    let events = [r#"ADD {"by":2}"#, "GONE"].map(event);
    let sent = device.engine.send_all(&actor, events.into_iter().collect());
    let error = sent.unwrap_err();
    assert_eq!(error.code(), "PLEIONE_E_NOT_IN_CONTRACT");
    device.settle();
    assert_eq!(device.take_transactions(), 0);
}

#[test]
fn a_batch_tells_its_first_failure_and_handles_the_rest() {
    let (mut device, actor) = over(&plain());
    let events = ["WRONG", r#"ADD {"by":2}"#, r#"ADD {"by":2}"#].map(event);
    let sent = device.engine.send_all(&actor, events.into_iter().collect());
    let ticket = sent.unwrap();
    device.settle();
    let error = device.handled.remove(&ticket).unwrap().unwrap_err();
    assert!(error.to_string().contains("takes two numbers"), "{error}");
    assert_eq!(device.context(&actor).get("count"), Some(&4.into()));
}

#[test]
fn what_is_sent_many_times_has_a_ticket_each_time() {
    let (mut device, actor) = over(&plain());
    let added = device
        .engine
        .send_times(&actor, event(r#"ADD {"by":2}"#), 1_500);
    let ended = device.engine.send_times(&actor, event("END"), 3);
    let refused = device.engine.send_times(&actor, event("GONE"), 2);
    device.settle();
    let of = |first: Ticket, count: u64| (first.0..first.0 + count).map(Ticket);
    for ticket in of(added, 1_500) {
        assert!(device.handled.remove(&ticket).unwrap().unwrap());
    }
    let taken: Vec<bool> = of(ended, 3)
        .map(|ticket| device.handled.remove(&ticket).unwrap().unwrap())
        .collect();
    assert_eq!(taken, [true, false, false]);
    for ticket in of(refused, 2) {
        let error = device.handled.remove(&ticket).unwrap().unwrap_err();
        assert_eq!(error.code(), "PLEIONE_E_NOT_IN_CONTRACT");
    }
    assert!(device.handled.is_empty(), "no ticket twice");
    assert_eq!(device.context(&actor).get("count"), Some(&3_000.into()));
}
