//! Tools that answer later.

use super::*;

const CREATING: &str = r#"{"initial":"idle","states":{
    "idle":{"on":{"CREATE":"creating","ERROR":"failed"}},
    "creating":{
        "entry":[
            {"updateContext":{"n":1}},
            {"tool":"@later","payload":{"text":"$$value"},"onSuccess":{"updateContext":{"id":"$$result.id"}}},
            {"tool":"@ok","payload":["$id","$$value"]}],
        "on":{"SUCCESS":{"target":"idle","actions":{"updateContext":{"said":"$$value"}}},
            "ERROR":{"target":"failed","actions":{"updateContext":{"error":"$$errors.0.type"}}},
            "CREATE":"creating","BACK":"idle"}},
    "failed":{}}}"#;

fn creating() -> Driver {
    let mut driver = Driver::start(CREATING, "{}");
    assert!(driver.send("CREATE", r#"{"value":"milk"}"#));
    driver.check("creating", r#"{"n":1}"#);
    driver
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "an outcome, as the machine is told it"
)]
fn saved() -> Result<Json, ToolFailure> {
    Ok(json(r#"{"id":"x"}"#))
}

#[test]
fn the_rest_of_the_list_waits_and_then_success_is_raised() {
    let mut driver = creating();
    assert_eq!(driver.tools.calls, [r#"@later {"text":"milk"}"#]);
    assert!(driver.finish(0, saved()));
    assert_eq!(driver.tools.calls[1], r#"@ok ["x","milk"]"#);
    driver.check("idle", r#"{"n":1,"id":"x","said":"milk"}"#);
}

#[test]
fn a_later_failure_raises_error_and_drops_the_rest() {
    let mut driver = creating();
    assert!(driver.finish(0, Err(ToolFailure::new("network", "offline"))));
    driver.check("failed", r#"{"n":1,"error":"network"}"#);
    assert_eq!(driver.tools.calls.len(), 1);
}

#[test]
fn an_outcome_for_a_state_that_was_left_changes_nothing() {
    let mut driver = creating();
    assert!(driver.send("BACK", "{}"));
    assert!(!driver.snapshot.awaits(&driver.pending[0]));
    assert!(!driver.finish(0, saved()));
    driver.check("idle", r#"{"n":1}"#);
    assert!(!driver.finish(0, Err(ToolFailure::new("network", "offline"))));
    driver.check("idle", r#"{"n":1}"#);
    assert_eq!(driver.unheard, [ToolFailure::new("network", "offline")]);
}

#[test]
fn a_state_left_and_entered_again_waits_only_for_its_own_call() {
    let mut driver = creating();
    driver.send("CREATE", r#"{"value":"eggs"}"#);
    assert!(!driver.finish(0, saved()));
    driver.check("creating", r#"{"n":1}"#);
    assert!(driver.finish(1, saved()));
    driver.check("idle", r#"{"n":1,"id":"x","said":"eggs"}"#);
}

#[test]
fn r3_a_call_that_was_cut_off_is_told_as_interrupted_after_a_reload() {
    let driver = creating();
    let record = driver.pending[0].to_json(&driver.snapshot).to_string();
    let machine = machine(CREATING);
    let context = driver.snapshot.context.clone();
    let restored = machine.restore(&"creating".into(), &Json::Null, context);
    let restored = restored.into_snapshot();
    let call = PendingCall::from_json(&json(&record), &restored).unwrap();
    assert!(restored.awaits(&call));
    assert_eq!(
        (&call.event, &call.of),
        (&driver.pending[0].event, &driver.pending[0].of)
    );

    let failure = Err(ToolFailure::interrupted(&call.tool));
    let mut tools = Tools::default();
    let step = machine.tool_finished(&restored, &call, failure, &mut tools);
    assert_eq!(step.snapshot.state, "failed".into());
    assert_eq!(
        step.snapshot.context,
        json(r#"{"n":1,"error":"interrupted"}"#)
    );

    let step = machine.tool_finished(&restored, &call, saved(), &mut tools);
    assert_eq!(step.snapshot.state, "idle".into());
    assert_eq!(tools.calls, [r#"@ok ["x","milk"]"#]);
}

#[test]
fn a_record_of_a_state_that_was_left_is_awaited_by_nobody_after_a_reload() {
    let mut driver = creating();
    driver.send("BACK", "{}");
    let record = driver.pending[0].to_json(&driver.snapshot);
    let call = PendingCall::from_json(&record, &driver.snapshot).unwrap();
    assert!(!driver.snapshot.awaits(&call));
    let awaited = creating().pending[0].to_json(&creating().snapshot);
    let call = PendingCall::from_json(&awaited, &driver.snapshot).unwrap();
    assert!(
        !driver.snapshot.awaits(&call),
        "the machine fell back to another state"
    );
}

#[test]
fn a_transitions_call_goes_on_in_the_target_and_its_failure_is_always_told() {
    let definition = r#"{"initial":"idle","states":{
        "idle":{"exit":{"tool":"@later"},"on":{
            "GO":{"target":"idle","actions":{"tool":"@later"}},
            "SUCCESS":{"target":"idle","actions":{"updateContext":{"done":true}}},
            "ERROR":{"target":"idle","actions":{"updateContext":{"error":"$$errors.0.type"}}}}}}}"#;
    let mut driver = Driver::start(definition, "{}");
    driver.send("GO", "{}");
    driver.send("GO", "{}");
    assert_eq!(driver.pending.len(), 4);
    for call in driver.pending.clone() {
        let again = PendingCall::from_json(&call.to_json(&driver.snapshot), &driver.snapshot);
        assert_eq!(again.unwrap().of, call.of);
    }
    assert!(!driver.finish(1, saved()));
    driver.check("idle", "{}");
    driver.finish(0, Err(ToolFailure::new("network", "offline")));
    driver.check("idle", r#"{"error":"network"}"#);
}

#[test]
fn a_records_text_that_is_not_one_is_refused() {
    let driver = creating();
    let record = driver.pending[0].to_json(&driver.snapshot);
    for key in [
        "id",
        "tool",
        "payload",
        "eventType",
        "eventPayload",
        "state",
        "list",
        "index",
    ] {
        let mut members = record.as_object().unwrap().clone();
        members.remove(key);
        assert!(
            PendingCall::from_json(&members.into(), &driver.snapshot).is_none(),
            "{key}"
        );
    }
    for (key, value) in [
        ("index", "-1"),
        ("index", "1e300"),
        ("list", "[]"),
        ("list", "\"x\""),
    ] {
        let mut members = record.as_object().unwrap().clone();
        members.insert(key.into(), json(value));
        assert!(
            PendingCall::from_json(&members.into(), &driver.snapshot).is_none(),
            "{key}"
        );
    }
}

#[test]
fn an_edited_definition_does_not_run_the_rest_of_another_list() {
    let driver = creating();
    let edited = machine(
        r#"{"initial":"creating","states":{"creating":{
        "entry":[{"tool":"@ok"},{"tool":"@fail"},{"tool":"@fail"}],"on":{"SUCCESS":"creating"}}}}"#,
    );
    let mut tools = Tools::default();
    let step = edited.tool_finished(&driver.snapshot, &driver.pending[0], saved(), &mut tools);
    assert!(tools.calls.is_empty());
    assert_eq!(step.snapshot.context, driver.snapshot.context);
}

#[test]
fn a_call_is_not_awaited_by_a_machine_that_another_device_moved() {
    let mut driver = creating();
    driver.send("BACK", "{}");
    let moved = driver
        .machine
        .restore(&"idle".into(), &Json::Null, json("{}"))
        .into_snapshot();
    for call in &driver.pending {
        assert!(!moved.awaits(call));
    }
    let started = Driver::start(
        r#"{"initial":"a","states":{"a":{"entry":{"tool":"@later"}},"b":{}}}"#,
        "{}",
    );
    let moved = started
        .machine
        .restore(&"b".into(), &Json::Null, json("{}"))
        .into_snapshot();
    assert!(started.snapshot.awaits(&started.pending[0]));
    assert!(!moved.awaits(&started.pending[0]));
}
