//! Tools and actors that states invoke: with the life of their state, over reloads, attempts and tabs.

use cojson::ids::Timestamp;
use cojson::json::Json;
use engine::actor::{ActorId, ToolDeclaration};
use engine::machine::ToolFailure;

use super::device::{Device, Storage, mail_tool};
use super::fixtures::json;

fn sender() -> Json {
    json(
        r#"{"id":"sender","context":{"outcome":null,"seen":null},"state":{"initial":"idle","states":{
            "idle":{"on":{"SEND":"sending"}},
            "sending":{"invoke":{"tool":"@mail/send","payload":{"to":"$$to"},
                    "onDone":{"target":"idle","actions":{"updateContext":{"outcome":"$$result"}}},
                    "onError":{"target":"idle","actions":{"updateContext":{"outcome":"$$errors.0.type"}}},
                    "onProgress":{"actions":{"updateContext":{"seen":"$$progress"}}}},
                "on":{"STOP":"idle"}}}}}"#,
    )
}

fn retried() -> ToolDeclaration {
    ToolDeclaration {
        timeout_ms: Some(5_000),
        retries: 2,
        backoff_ms: Some(1_000),
        ..mail_tool(true)
    }
}

fn sending(tool: ToolDeclaration) -> (Device, ActorId) {
    let mut device = Device::over(Storage::default(), 1, &[tool]);
    let actor = device.create(&sender());
    device.send(&actor, "SEND", r#"{"to":"ada"}"#);
    (device, actor)
}

fn outcome(device: &mut Device, actor: &ActorId) -> String {
    device.context(actor).get("outcome").unwrap().to_string()
}

fn failed() -> Result<Json, ToolFailure> {
    Err(ToolFailure::new("offline", "no network"))
}

/// Lets that much time pass after what is due next.
fn pass_deadline(device: &mut Device) -> Timestamp {
    let due = device.engine.next_deadline().unwrap();
    device.now = due;
    device.settle();
    due
}

#[test]
fn an_invoked_tool_tells_its_progress_and_its_result() {
    let (mut device, actor) = sending(mail_tool(false));
    let call = device.calls[0].call.clone();
    device.engine.tool_progressed(&call, "half".into());
    device.settle();
    let seen = device.context(&actor).get("seen").cloned();
    assert_eq!(seen, Some("half".into()));
    device.answer(Ok("sent".into()));
    assert_eq!(outcome(&mut device, &actor), r#""sent""#);
    assert!(device.cancelled.is_empty());
}

#[test]
fn an_invoked_tool_is_cancelled_when_its_state_is_left_and_its_record_goes() {
    let (mut device, actor) = sending(mail_tool(false));
    let call = device.calls[0].call.clone();
    device.send(&actor, "STOP", "{}");
    assert_eq!(device.cancelled, std::slice::from_ref(&call));
    device.engine.tool_finished(&call, Ok("late".into()));
    device.settle();
    assert_eq!(outcome(&mut device, &actor), "null");
    let mut restarted = device.restart(1, &[mail_tool(true)]);
    restarted.create(&sender());
    assert!(restarted.calls.is_empty(), "nothing is left to take up");
}

/// The same with the call in the state's `entry`.
fn entering(action: &str) -> Json {
    let text = r#"{"id":"enterer","context":{"list":{"schema":"kept"},"outcome":null,"problem":null},"state":{"initial":"idle","states":{
        "idle":{"on":{"SEND":"sending"}},
        "sending":{"entry":[ACTION,{"updateContext":{"outcome":"$$result"}}],
            "on":{"STOP":"idle","SEND":"sending","SUCCESS":"idle",
                "ERROR":{"target":"idle","actions":{"updateContext":{"problem":"$$errors.0.type"}}}}}}}}"#;
    json(&text.replace("ACTION", action))
}

const MAIL: &str = r#"{"tool":"@mail/send","payload":{"to":"$$to"}}"#;

#[test]
fn a_tool_that_an_entry_called_is_cancelled_when_its_state_is_left_and_its_record_goes() {
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(true)]);
    let actor = device.create(&entering(MAIL));
    for (leaving, calls_left) in [("STOP", 0), ("SEND", 1)] {
        device.send(&actor, "SEND", r#"{"to":"ada"}"#);
        let call = device.calls.last().unwrap().call.clone();
        device.cancelled.clear();
        device.send(&actor, leaving, r#"{"to":"bob"}"#);
        assert_eq!(device.cancelled, std::slice::from_ref(&call), "{leaving}");
        assert_eq!(device.calls.len(), calls_left, "{leaving}");
        device.engine.tool_finished(&call, Ok("late".into()));
        device.settle();
        assert_eq!(outcome(&mut device, &actor), "null", "{leaving}");
    }
    let mut restarted = device.restart(1, &[mail_tool(true)]);
    restarted.create(&entering(MAIL));
    assert_eq!(restarted.calls.len(), 1, "the one whose state is active");
    restarted.answer(Ok("sent".into()));
    assert_eq!(outcome(&mut restarted, &actor), r#""sent""#);
    assert_eq!(restarted.state(&actor), "idle");
}

#[test]
fn a_tool_whose_state_is_left_in_the_step_that_entered_it_is_never_called() {
    let passing = json(
        r#"{"id":"passing","state":{"initial":"idle","states":{"idle":{"on":{"SEND":"sending"}},
        "sending":{"entry":{"tool":"@mail/send","payload":{}},"always":"idle"}}}}"#,
    );
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(true)]);
    let actor = device.create(&passing);
    assert!(device.send(&actor, "SEND", "{}"));
    assert!(device.calls.is_empty() && device.cancelled.is_empty());
}

#[test]
fn what_a_transition_called_goes_on_whatever_is_left() {
    let going = json(
        r#"{"id":"going","context":{"sent":0},"state":{"initial":"idle","states":{"idle":{"on":{
        "SEND":{"target":"idle","actions":[{"tool":"@mail/send","payload":{}},{"updateContext":{"sent":1}}]}}}}}}"#,
    );
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(true)]);
    let actor = device.create(&going);
    for _ in 0..5 {
        device.send(&actor, "SEND", "{}");
    }
    assert_eq!(device.calls.len(), 5, "five mails");
    assert!(device.cancelled.is_empty());
}

#[test]
fn what_an_entry_writes_is_written_though_its_state_is_left_before_storage_has_answered() {
    let first = Device::new(1);
    let create = r#"{"tool":"@db","payload":{"op":"create","schema":"kept","data":{"to":"$$to"}}}"#;
    let mut device = Device::over(std::rc::Rc::clone(&first.storage), 2, &[]);
    let actor = device.create(&entering(create));
    device.is_slow = true;
    for to in ["ada", "bob", "cyd"] {
        device.queue(&actor, "SEND", &format!(r#"{{"to":"{to}"}}"#));
    }
    device.settle();
    device.answer_loads();
    let list = device.context(&actor).get("list").cloned().unwrap();
    assert_eq!(list.as_array().unwrap().len(), 3, "{list}");
}

#[test]
fn a_tool_is_cancelled_when_another_tab_moves_the_machine_on() {
    let (mut device, actor) = sending(mail_tool(false));
    let call = device.calls[0].call.clone();
    let mut other = Device::over(std::rc::Rc::clone(&device.storage), 2, &[mail_tool(false)]);
    other.grants_claims = false;
    other.create(&sender());
    assert_eq!(other.state(&actor), "sending");
    other.writes.clear();
    other.send(&actor, "STOP", "{}");
    device.hear(&other.writes);
    assert_eq!(device.state(&actor), "idle");
    assert_eq!(device.cancelled, [call]);
}

#[test]
fn a_call_is_still_awaited_when_another_tab_moved_another_region() {
    let both = json(
        r#"{"id":"both","context":{"n":0},"state":{"type":"parallel","initial":"x","states":{
            "one":{"initial":"a","states":{"a":{"on":{"GO":"b"}},"b":{}}},
            "two":{"initial":"wait","states":{"wait":{"invoke":{"tool":"@mail/send","onDone":"done"}},"done":{}}}}}}"#,
    );
    let both = json(&both.to_string().replace(r#""initial":"x","#, ""));
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(false)]);
    let actor = device.create(&both);
    let mut other = Device::over(std::rc::Rc::clone(&device.storage), 2, &[mail_tool(false)]);
    other.grants_claims = false;
    other.create(&both);
    other.writes.clear();
    other.send(&actor, "GO", "{}");
    device.hear(&other.writes);
    device.answer(Ok(Json::Null));
    assert_eq!(device.state(&actor), r#"{"one":"b","two":"done"}"#);
}

#[test]
fn r3_an_invoked_tool_that_a_crash_cut_off_is_told_or_called_again_with_its_key() {
    let (device, _) = sending(mail_tool(false));
    let mut restarted = device.restart(1, &[mail_tool(false)]);
    let actor = restarted.create(&sender());
    assert_eq!(outcome(&mut restarted, &actor), r#""interrupted""#);

    let (device, _) = sending(mail_tool(true));
    let key = device.calls[0].call.clone();
    let mut restarted = device.restart(1, &[mail_tool(true)]);
    let actor = restarted.create(&sender());
    assert_eq!(restarted.calls[0].call, key);
    restarted.answer(Ok("sent".into()));
    assert_eq!(outcome(&mut restarted, &actor), r#""sent""#);
}

#[test]
fn r3_a_tool_is_not_called_before_the_record_of_its_call_is_durable() {
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(false)]);
    let actor = device.create(&sender());
    device.refuses_writes = true;
    device.queue(&actor, "SEND", r#"{"to":"ada"}"#);
    device.turn();
    assert!(
        device.calls.is_empty(),
        "a crash now would not know that it was called"
    );
    device.refuses_writes = false;
    device.settle();
    device.settle();
    assert_eq!(device.calls.len(), 1);
}

#[test]
fn an_attempt_that_takes_too_long_is_cancelled_and_told() {
    let tool = ToolDeclaration {
        timeout_ms: Some(5_000),
        ..mail_tool(false)
    };
    let (mut device, actor) = sending(tool);
    let asked = device.now;
    let due = pass_deadline(&mut device);
    assert!(due.0.abs_diff(asked.0) <= 5_000);
    assert_eq!(device.cancelled.len(), 1);
    assert_eq!(outcome(&mut device, &actor), r#""timeout""#);
}

#[test]
fn an_idempotent_call_that_fails_is_made_again_with_the_same_key_after_ever_longer_waits() {
    let (mut device, actor) = sending(retried());
    let key = device.calls[0].call.clone();
    let mut waits = Vec::new();
    for _ in 0..2 {
        device.answer(failed());
        assert!(device.calls.is_empty(), "it waits");
        let failed_at = device.now;
        waits.push(pass_deadline(&mut device).0 - failed_at.0);
        assert_eq!(device.calls[0].call, key);
    }
    assert!(
        waits[0] > 900 && waits[0] <= 1_000 && waits[1] > 1_900,
        "{waits:?}"
    );
    assert_eq!(outcome(&mut device, &actor), "null");
    device.answer(failed());
    assert_eq!(
        outcome(&mut device, &actor),
        r#""offline""#,
        "no attempt is left"
    );
}

#[test]
fn no_wait_between_attempts_is_longer_than_a_minute() {
    let (mut device, _) = sending(ToolDeclaration {
        retries: 20,
        backoff_ms: Some(20_000),
        ..mail_tool(true)
    });
    let mut waits = Vec::new();
    for _ in 0..20 {
        device.answer(failed());
        let failed_at = device.now;
        waits.push(pass_deadline(&mut device).0 - failed_at.0);
    }
    let long = waits.split_off(2);
    assert!(waits[0] <= 20_000 && waits[1] <= 40_000, "{waits:?}");
    let is_a_minute = |wait: &u64| (59_900..=60_000).contains(wait);
    assert!(long.iter().all(is_a_minute), "{long:?}");
}

#[test]
fn r3_a_crash_neither_forgets_a_failed_attempt_nor_shortens_the_wait() {
    let (mut device, _) = sending(retried());
    let key = device.calls[0].call.clone();
    device.answer(failed());
    pass_deadline(&mut device);
    device.answer(failed());
    let due = device.engine.next_deadline().unwrap();
    let mut restarted = device.restart(1, &[retried()]);
    restarted.now = device.now;
    let actor = restarted.create(&sender());
    assert!(restarted.calls.is_empty());
    assert_eq!(restarted.engine.next_deadline(), Some(due));
    pass_deadline(&mut restarted);
    assert_eq!(restarted.calls[0].call, key);
    restarted.answer(failed());
    assert_eq!(
        outcome(&mut restarted, &actor),
        r#""offline""#,
        "it was the last"
    );
}

#[test]
fn a_wait_for_the_next_attempt_ends_with_the_state() {
    let (mut device, actor) = sending(retried());
    device.answer(failed());
    device.send(&actor, "STOP", "{}");
    assert_eq!(device.engine.next_deadline(), None);
    device.now = device.now.plus_ms(60_000);
    device.settle();
    assert!(device.calls.is_empty());
}

#[test]
fn only_an_idempotent_tool_can_be_retried() {
    let mut device = Device::new(1);
    let tool = ToolDeclaration {
        is_idempotent: false,
        ..retried()
    };
    let error = device.engine.register_tool(&tool).unwrap_err();
    assert!(error.to_string().contains("retries"), "{error}");
}

#[test]
fn the_tools_are_told_in_the_form_that_language_models_take() {
    let tool = ToolDeclaration {
        description: Some("Sends a mail.".into()),
        parameters: Some(json(r#"{"type":"object","required":["to"]}"#)),
        ..mail_tool(false)
    };
    let device = Device::over(Storage::default(), 1, &[tool]);
    assert_eq!(
        device.engine.tools().to_string(),
        r#"[{"name":"mail_send","description":"Sends a mail.","input_schema":{"type":"object","required":["to"]}}]"#
    );
}

fn parent() -> Json {
    json(
        r#"{"id":"parent","context":{"total":null,"@actors":{"adder":{
            "context":{"sum":0},
            "state":{"initial":"adding","states":{
                "adding":{"on":{"ADD":{"actions":{"updateContext":{"sum":{"$add":["$sum","$$n"]}}}},"END":"end"}},
                "end":{"type":"final","output":{"sum":"$sum"}}}}}}},
        "state":{"initial":"idle","states":{
            "idle":{"on":{"GO":"running"}},
            "running":{"invoke":{"actor":"adder","input":{"sum":"$$from"},
                    "onDone":{"target":"idle","actions":{"updateContext":{"total":"$$output.sum"}}},
                    "onError":{"target":"idle","actions":{"updateContext":{"total":"$$errors.0.type"}}}},
                "on":{"STOP":"idle","GO":"running"}}}}}"#,
    )
}

/// The child that runs now.
fn child(device: &Device) -> ActorId {
    device.claims.last().unwrap().clone()
}

fn running() -> (Device, ActorId) {
    let mut device = Device::new(1);
    let actor = device.create(&parent());
    device.send(&actor, "GO", r#"{"from":10}"#);
    (device, actor)
}

#[test]
fn an_invoked_actor_starts_with_its_input_and_its_output_comes_when_it_ends() {
    let (mut device, actor) = running();
    let adder = child(&device);
    assert!(adder.as_str().starts_with("parent/"));
    device.send(&adder, "ADD", r#"{"n":5}"#);
    device.send(&adder, "END", "{}");
    assert_eq!(device.state(&actor), "idle");
    assert_eq!(
        device.context(&actor).get("total").unwrap().to_string(),
        "15"
    );
    assert_eq!(device.ended, std::slice::from_ref(&adder));
    assert!(!device.engine.is_ready(&adder));
}

#[test]
fn an_invoked_actor_ends_with_its_state_and_the_next_visit_gets_another() {
    let (mut device, actor) = running();
    let first = child(&device);
    device.send(&first, "ADD", r#"{"n":5}"#);
    device.send(&actor, "GO", r#"{"from":1}"#);
    let second = child(&device);
    assert_ne!(first, second);
    assert_eq!(device.ended, [first]);
    device.send(&second, "END", "{}");
    assert_eq!(
        device.context(&actor).get("total").unwrap().to_string(),
        "1"
    );
    device.send(&actor, "GO", r#"{"from":1}"#);
    device.send(&actor, "STOP", "{}");
    assert_eq!(device.ended.len(), 3);
}

#[test]
fn r3_an_invoked_actor_goes_on_after_a_crash_where_it_was() {
    let (mut device, _) = running();
    let adder = child(&device);
    device.send(&adder, "ADD", r#"{"n":5}"#);
    let mut restarted = device.restart(1, &[]);
    let actor = restarted.create(&parent());
    assert_eq!(child(&restarted), adder);
    restarted.send(&adder, "END", "{}");
    assert_eq!(
        restarted.context(&actor).get("total").unwrap().to_string(),
        "15"
    );
}

#[test]
fn an_actor_that_cannot_be_made_is_an_error_of_its_invoke() {
    let mut device = Device::new(1);
    let broken = parent()
        .to_string()
        .replace(r#""initial":"adding""#, r#""initial":"nowhere""#);
    let actor = device.create(&json(&broken));
    device.send(&actor, "GO", "{}");
    assert_eq!(
        device.context(&actor).get("total").unwrap().as_str(),
        Some("definition")
    );
    assert!(device.failures.is_empty());
}
