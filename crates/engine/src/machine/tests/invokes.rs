//! What states invoke: begun at the end of the step that entered them, ended when they are left.

use super::*;

const ASKING: &str = r#"{"initial":"idle","states":{
    "idle":{"on":{"GO":"asking"}},
    "asking":{
        "entry":{"updateContext":{"question":"why"}},
        "invoke":{"id":"question","tool":"@later","payload":{"q":"$question"},
            "onDone":{"target":"idle","actions":{"updateContext":{"answer":"$$result"}}},
            "onError":{"target":"idle","actions":{"updateContext":{"problem":"$$errors.0.type"}}},
            "onProgress":{"actions":{"updateContext":{"seen":"$$progress"}}}},
        "on":{"BACK":"idle","GO":"asking"}}}}"#;

fn asking() -> Driver {
    let mut driver = Driver::start(ASKING, "{}");
    assert!(driver.send("GO", "{}"));
    driver
}

#[test]
fn what_a_state_invokes_is_called_at_the_end_of_the_step_and_its_end_is_an_event() {
    let mut driver = asking();
    assert_eq!(
        driver.tools.calls,
        [r#"@later {"q":"why"}"#],
        "after its entry"
    );
    assert!(driver.finish(0, Ok(json(r#""because""#))));
    driver.check("idle", r#"{"question":"why","answer":"because"}"#);
}

#[test]
fn what_it_says_meanwhile_and_its_failure_are_events_too() {
    let mut driver = asking();
    let call = driver.pending[0].clone();
    let step =
        driver
            .machine
            .tool_progressed(&driver.snapshot, &call, &0.5.into(), &mut driver.tools);
    driver.keep(step);
    driver.check("asking", r#"{"question":"why","seen":0.5}"#);
    driver.finish(0, Err(ToolFailure::new("offline", "no")));
    driver.check(
        "idle",
        r#"{"question":"why","seen":0.5,"problem":"offline"}"#,
    );
    assert!(driver.unheard.is_empty());
}

#[test]
fn what_was_invoked_ends_with_its_state_and_says_nothing_more() {
    let mut driver = asking();
    driver.send("BACK", "{}");
    assert_eq!(driver.left, ["asking".into()]);
    assert!(!driver.finish(0, Ok(json(r#""late""#))));
    driver.check("idle", r#"{"question":"why"}"#);
    assert!(driver.unheard.is_empty());
}

#[test]
fn a_self_transition_ends_it_and_begins_it_again() {
    let mut driver = asking();
    driver.send("GO", "{}");
    assert_eq!(driver.left, ["asking".into()]);
    assert_eq!(driver.pending.len(), 2);
    assert!(!driver.finish(0, Ok(json("1"))), "the first is for nobody");
    assert!(driver.finish(1, Ok(json("2"))));
    driver.check("idle", r#"{"question":"why","answer":2}"#);
}

#[test]
fn a_state_that_is_only_passed_through_invokes_nothing() {
    let mut driver = Driver::start(
        r#"{"initial":"idle","states":{"idle":{"on":{"GO":"passed"}},
            "passed":{"invoke":{"tool":"@later"},"always":"there"},"there":{}}}"#,
        "{}",
    );
    driver.send("GO", "{}");
    driver.check("there", "{}");
    assert!(driver.tools.calls.is_empty() && driver.left.is_empty());
}

#[test]
fn what_answers_at_once_leads_on_within_the_step() {
    let mut driver = Driver::start(
        r#"{"initial":"a","states":{
            "a":{"invoke":[{"tool":"@ok","payload":7,"onDone":"b"},{"tool":"@later"}]},
            "b":{"invoke":{"tool":"@fail","onError":{"target":"c","actions":{"updateContext":{"why":"$$errors.0.type"}}}}},
            "c":{"invoke":{"tool":"@ok","payload":{"$add":["x",1]},"onError":"d"}},
            "d":{}}}"#,
        "{}",
    );
    driver.check("d", r#"{"why":"permission"}"#);
    assert!(
        driver.pending.is_empty(),
        "a's second ended with it, unmade"
    );
    assert!(!driver.send("GO", "{}"));
}

#[test]
fn a_failure_that_nobody_takes_is_told() {
    let driver = Driver::start(
        r#"{"initial":"a","states":{"a":{"invoke":{"tool":"@fail"}}}}"#,
        "{}",
    );
    assert_eq!(driver.unheard.len(), 1);
}

#[test]
fn r3_what_is_invoked_is_awaited_again_after_a_reload() {
    let driver = asking();
    let record = driver.pending[0].to_json(&driver.snapshot).to_string();
    let restored = driver
        .machine
        .restore(&"asking".into(), &Json::Null, json("{}"))
        .into_snapshot();
    let call = PendingCall::from_json(&json(&record), &restored).unwrap();
    assert!(call.is_invoked() && restored.awaits(&call));
    assert_eq!(call.state(), &Arc::from("asking"));
    let step = driver
        .machine
        .tool_finished(&restored, &call, Ok(json("1")), &mut Tools::default());
    assert_eq!(step.snapshot.state, "idle".into());
}

#[test]
fn a_final_state_of_the_machine_tells_its_output() {
    let machine = machine(
        r#"{"initial":"a","states":{"a":{"on":{"GO":"end"}},"end":{"type":"final","output":{"n":"$$n"}}}}"#,
    );
    let mut tools = Tools::default();
    let snapshot = machine.start(json("{}"), &mut tools).snapshot;
    let step = machine.step(&snapshot, &Event::new("GO", json(r#"{"n":3}"#)), &mut tools);
    assert_eq!(step.output, Some(json(r#"{"n":3}"#)));
}

#[test]
fn r12_a_bad_invoke_is_refused_with_its_place() {
    let refused = |invoke: &str| {
        let text = format!(r#"{{"initial":"a","states":{{"a":{{"invoke":{invoke}}}}}}}"#);
        compile(&text).unwrap_err().to_string()
    };
    for (invoke, path) in [
        (r#"{"tool":"@none"}"#, "states.a.invoke.tool"),
        (r#"{"actor":"nobody"}"#, "states.a.invoke.actor"),
        (r#"{"tool":"@ok","input":1}"#, "\"input\""),
        (r#"{"tool":"@ok","autoForward":true}"#, "\"autoForward\""),
        (
            r#"{"actor":{},"autoForward":1}"#,
            "states.a.invoke.autoForward",
        ),
        (
            r#"[{"tool":"@ok","id":"x"},{"tool":"@ok","id":"x"}]"#,
            "states.a.invoke[1]",
        ),
        (
            r#"{"tool":"@ok","onDone":"nowhere"}"#,
            "states.a.invoke.onDone",
        ),
    ] {
        let error = refused(invoke);
        assert!(error.contains(path), "{invoke}: {error}");
    }
}
