//! Actions that depend on a condition.

use super::*;

/// In `b`, where the transition for GO led that does this.
fn going(actions: &str, context: &str) -> Driver {
    let definition = format!(
        r#"{{"initial":"a","states":{{
            "a":{{"on":{{"GO":{{"target":"b","actions":{actions}}}}}}},"b":{{}}}}}}"#
    );
    let mut driver = Driver::start(&definition, context);
    driver.send("GO", "{}");
    driver
}

const SORTED: &str = r#"[
    {"updateContext":{"n":"$$n"}},
    {"if":{"$gt":["$n",2]},"then":[
        {"updateContext":{"size":"large"}},
        {"if":{"and":[{"$gt":["$n",9]},true]},"then":"setLoading","else":{"updateContext":{"more":false}}}
    ],"else":{"if":{"$gt":["$n",1]},"then":{"updateContext":{"size":"middle"}},"else":{"updateContext":{"size":"small"}}}},
    {"updateContext":{"done":"$size"}}]"#;

#[test]
fn a_condition_sees_what_the_actions_before_it_wrote() {
    let sorted = |n: &str, context: &str| {
        let driver = going(&SORTED.replace(r#""$$n""#, n), "{}");
        driver.check("b", context);
    };
    sorted(
        "10",
        r#"{"n":10,"size":"large","isLoading":true,"done":"large"}"#,
    );
    sorted("3", r#"{"n":3,"size":"large","more":false,"done":"large"}"#);
    sorted("2", r#"{"n":2,"size":"middle","done":"middle"}"#);
    sorted("1", r#"{"n":1,"size":"small","done":"small"}"#);
}

#[test]
fn a_condition_without_else_leaves_out_its_actions_only() {
    let driver = going(
        r#"[{"if":"$n","then":[]},{"if":"$n","then":{"updateContext":{"a":1}},"else":[]},{"updateContext":{"b":1}}]"#,
        "{}",
    );
    driver.check("b", r#"{"b":1}"#);
}

#[test]
fn a_condition_that_cannot_be_evaluated_ends_its_list_with_an_error() {
    let driver = going(
        r#"[{"if":{"$add":["x",1]},"then":[]},{"updateContext":{"b":1}}]"#,
        "{}",
    );
    driver.check("b", "{}");
    let error = &driver.unheard[0].errors[0];
    assert_eq!(&*error.error_type, "expression");
    let path = "states.a.on.GO.actions[0].if.$add";
    assert_eq!(error.path.as_deref(), Some(path));
}

#[test]
fn a_condition_asks_for_what_is_active_when_it_is_reached() {
    let note = |what: &str, name: &str| {
        format!(
            r#"{{"if":{{"in":"{name}"}},"then":{{"updateContext":{{"log":{{"$concat":["$log",["{what} {name}"]]}}}}}}}}"#
        )
    };
    let notes = |what: &str| ["a", "x", "b"].map(|name| note(what, name)).join(",");
    let definition = format!(
        r#"{{"initial":"a","states":{{
            "a":{{"initial":"x","exit":[{}],"states":{{"x":{{"exit":[{}]}}}},"on":{{"GO":{{"target":"b","actions":[{}]}}}}}},
            "b":{{"entry":[{}]}}}}}}"#,
        notes("leaving a"),
        notes("leaving x"),
        notes("between"),
        notes("entering b")
    );
    let mut driver = Driver::start(&definition, r#"{"log":[]}"#);
    driver.send("GO", "{}");
    driver.check(
        "b",
        r#"{"log":["leaving x a","leaving x x","leaving a a","entering b b"]}"#,
    );
}

const SAVING: &str = r#"{"initial":"idle","states":{
    "idle":{"on":{"CREATE":"saving"}},
    "saving":{"entry":[
            {"if":"$$value","then":[{"tool":"@later","payload":"$$value"},{"updateContext":{"saved":"$$result"}}],
                "else":{"updateContext":{"saved":"nothing"}}},
            {"updateContext":{"after":"$saved"}}],
        "on":{"SUCCESS":"idle","BACK":"idle"}}}}"#;

#[test]
fn r3_a_call_in_a_condition_goes_on_after_it_also_when_it_was_restored() {
    let mut driver = Driver::start(SAVING, "{}");
    driver.send("CREATE", r#"{"value":"milk"}"#);
    driver.check("saving", "{}");
    let record = driver.pending[0].to_json(&driver.snapshot).to_string();
    driver.pending[0] = PendingCall::from_json(&json(&record), &driver.snapshot).unwrap();
    assert!(driver.finish(0, Ok("kept".into())));
    driver.check("idle", r#"{"saved":"kept","after":"kept"}"#);
}

#[test]
fn where_no_tool_was_called_there_is_no_success() {
    let mut driver = Driver::start(SAVING, "{}");
    driver.send("CREATE", "{}");
    driver.check("saving", r#"{"saved":"nothing","after":"nothing"}"#);
}
