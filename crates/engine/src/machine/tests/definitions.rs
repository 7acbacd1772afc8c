//! Definitions that are refused.

use super::*;

fn check_refused(definition: &str, path: &str, expected: &str) {
    let error = compile(definition).expect_err(definition);
    assert_eq!(error.path, path, "{error}");
    assert_eq!(error.document, "state");
    assert!(error.expected.contains(expected), "{error}");
}

/// With this in the place of a state's `on`.
fn check_refused_on(on: &str, path: &str, expected: &str) {
    let definition = format!(r#"{{"initial":"a","states":{{"a":{{"on":{on}}}}}}}"#);
    check_refused(&definition, &format!("states.a.on{path}"), expected);
}

/// With this as an entry action.
fn check_refused_action(action: &str, path: &str, expected: &str) {
    let definition = format!(r#"{{"initial":"a","states":{{"a":{{"entry":[{action}]}}}}}}"#);
    check_refused(&definition, &format!("states.a.entry[0]{path}"), expected);
}

#[test]
fn b12_a_transition_to_an_unknown_state_is_refused() {
    check_refused_on(r#"{"GO":"gone"}"#, ".GO", r#"the name of a state: "a""#);
    check_refused_on(
        r#"{"GO":{"target":"gone"}}"#,
        ".GO.target",
        r#"the name of a state: "a""#,
    );
    check_refused_on(
        r#"{"GO":[{"target":"a"},{"target":1}]}"#,
        ".GO[1].target",
        "a state",
    );
    check_refused_on(r#"{"GO":{"target":[]}}"#, ".GO.target", "a state");
}

#[test]
fn r12_an_unknown_state_or_member_is_refused_with_its_place() {
    check_refused(r#"{"states":{"a":{}}}"#, "initial", "a state");
    check_refused(r#"{"initial":"b","states":{"a":{}}}"#, "initial", "a state");
    check_refused(r#"{"initial":"a"}"#, "states", "at least one state");
    check_refused(
        r#"{"initial":"a","states":{}}"#,
        "states",
        "at least one state",
    );
    check_refused(
        r#"{"initial":"a","states":{"a":{}},"context":{}}"#,
        "",
        "an object with",
    );
    check_refused(
        r#"{"initial":"a","states":{"a":{"never":[]}}}"#,
        "states.a",
        r#""entry""#,
    );
    check_refused("[]", "", "an object with");
}

#[test]
fn r12_an_unknown_event_or_guard_is_refused_with_its_place() {
    check_refused_on("[]", "", "transitions by the type of event");
    check_refused_on(r#"{"DISMISS":"a"}"#, ".DISMISS", "messageTypes");
    check_refused_on(r#"{"GO":[]}"#, ".GO", "an object with");
    check_refused_on(r#"{"GO":{"target":"a","cond":true}}"#, ".GO", r#""guard""#);
    check_refused_on(
        r#"{"GO":{"target":"a","guard":"isOpen"}}"#,
        ".GO.guard",
        "a boolean",
    );
    check_refused_on(
        r#"{"GO":{"target":"a","guard":{"$less":[1,2]}}}"#,
        ".GO.guard.$less",
        "operators",
    );
    check_refused_on(
        r#"{"GO":{"target":"a","guard":{"x":1}}}"#,
        ".GO.guard",
        "a boolean",
    );

    check_refused_on(
        r#"{"GO":{"target":"a","guard":{"schema":{"properties":{"n":{"type":"int"}}}}}}"#,
        ".GO.guard.schema.properties.n.type",
        "integer",
    );
    check_refused_on(
        r#"{"GO":{"target":"a","guard":{"schema":{},"never":1}}}"#,
        ".GO.guard",
        "schema",
    );
}

#[test]
fn r12_an_unknown_action_or_tool_is_refused_with_its_place() {
    check_refused_action(r#""sendToDetailActor""#, "", r#""resetError""#);
    check_refused_action("1", "", "an action");
    check_refused_action(r#"{"raise":{"type":7}}"#, ".raise.type", "a name");
    check_refused_action(
        r#"{"raise":{"type":"GO","id":{"$less":1}}}"#,
        ".raise.id.$less",
        "operators",
    );
    check_refused_action(r#"{"if":true}"#, ".then", "actions");
    check_refused_action(r#"{"if":"open","then":[]}"#, ".if", "a boolean");
    check_refused_action(r#"{"if":true,"then":[],"elseif":[]}"#, "", r#""else""#);
    check_refused_action(
        r#"{"if":{"in":"gone"},"then":[]}"#,
        ".if.in",
        "the name of a state",
    );
    check_refused_action(
        r#"{"if":true,"then":["resetError"],"else":{"send":"GO"}}"#,
        ".else",
        "an action",
    );
    let deep = |depth| {
        let inner = (0..depth).fold("[]".to_owned(), |inner, _| {
            format!(r#"{{"if":true,"then":{inner}}}"#)
        });
        format!(r#"{{"initial":"a","states":{{"a":{{"entry":{inner}}}}}}}"#)
    };
    assert!(compile(&deep(50)).is_ok());
    let path = format!("states.a.entry{}", ".then".repeat(50));
    check_refused(&deep(51), &path, "at most 50 deep");
    check_refused_action(r#"{"send":"GO"}"#, "", "an action");
    check_refused_action(
        r#"{"tool":"@gone"}"#,
        ".tool",
        r#"a registered tool: "@ok""#,
    );
    check_refused_action(r#"{"tool":1}"#, ".tool", "the name of a tool");
    check_refused_action(r#"{"tool":"@ok","args":{}}"#, "", r#""payload""#);
    check_refused_action(
        r#"{"tool":"@ok","payload":{"$less":1}}"#,
        ".payload.$less",
        "operators",
    );
    check_refused_action(
        r#"{"tool":"@ok","onSuccess":{"send":"GO"}}"#,
        ".onSuccess",
        "updateContext",
    );
    check_refused_action(
        r#"{"tool":"@ok","onSuccess":{}}"#,
        ".onSuccess",
        "updateContext",
    );
    check_refused_action(
        r#"{"updateContext":{"a":1},"tool2":1}"#,
        "",
        "updateContext",
    );
    check_refused_action(r#"{"updateContext":[1]}"#, ".updateContext", "context keys");
    check_refused_action(
        r#"{"updateContext":"text"}"#,
        ".updateContext",
        "context keys",
    );
    check_refused_action(
        r#"{"updateContext":{"_currentState":"b"}}"#,
        ".updateContext._currentState",
        "belong to the runtime",
    );
    check_refused_action(
        r#"{"mapData":{"x":{"op":"create","schema":"y"}}}"#,
        ".mapData.x.op",
        "only reads",
    );
    check_refused_action(
        r#"{"mapData":{"x":{"op":"read"}}}"#,
        ".mapData.x.schema",
        "schema",
    );
    check_refused_action(
        r#"{"mapData":{"x":{"schema":"y","sort":1}}}"#,
        ".mapData.x",
        r#""filter""#,
    );
    check_refused_action(r#"{"mapData":[]}"#, ".mapData", "queries");
}

#[test]
fn tools_that_are_registered_later_may_be_named_where_that_is_allowed() {
    let definition = |tool: &str| {
        json(&format!(
            r#"{{"initial":"a","states":{{"a":{{"entry":{{"tool":"{tool}"}}}}}}}}"#
        ))
    };
    let library = MachineLibrary {
        patterns: &NoPatterns,
        tools: &[],
        allows_unknown_tools: true,
        actors: &[],
        message_types: None,
        reserved_keys: &[],
    };
    let compile = |tool| Machine::compile(&definition(tool), &library, &Place::root("state"));
    assert!(compile("@mail/send").is_ok());
    assert!(compile("mail").is_err());
}
