//! Definitions: refused when they are wrong (R12), taken over live when they change.

use cojson::json::Json;

use super::device::Device;
use super::fixtures::{json, texts, todos};

#[test]
fn r12_an_event_outside_the_contract_is_refused_with_the_types_there_are() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    let event = engine::machine::Event::new("REMOVE", Json::Null);
    let error = device.engine.send(&actor, event).unwrap_err();
    assert_eq!(error.code(), "PLEIONE_E_NOT_IN_CONTRACT");
    assert!(error.to_string().contains("CREATE"), "{error}");
}

#[test]
fn r12_a_wrong_definition_names_document_path_and_expectation() {
    let check = |definition: &str, document: &str, path: &str| {
        let mut device = Device::new(1);
        let result = device.engine.create_actor(&json(definition));
        device.settle();
        let message = match result {
            Err(error) => error.to_string(),
            Ok(_) => device
                .failures
                .pop()
                .unwrap_or_else(|| panic!("{definition} was accepted")),
        };
        assert!(
            message.contains(document) && message.contains(path),
            "{definition}: {message}"
        );
    };
    check(r#"{"context":{}}"#, "actor", "id");
    check(r#"{"id":"a","colour":1}"#, "actor", "colour");
    check(
        r#"{"id":"a","state":{"initial":"x","states":{"x":{"on":{"E":"gone"}}}}}"#,
        "state",
        "states.x.on.E",
    );
    check(
        r#"{"id":"a","state":{"initial":"x","states":{"x":{"entry":{"tool":"@no/tool"}}}}}"#,
        "state",
        "states.x.entry",
    );
    check(
        r#"{"id":"a","messageTypes":["A"],"state":{"initial":"x","states":{"x":{"on":{"B":"x"}}}}}"#,
        "state",
        "states.x.on.B",
    );
    check(
        r#"{"id":"a","view":{"content":{"tag":"script"}}}"#,
        "view",
        "content",
    );
    check(
        r#"{"id":"a","context":{"q":{"schema":"s","options":{"order":1}}}}"#,
        "context",
        "q.options.order",
    );
    check(
        r#"{"id":"a","messageTypes":{"A":{"type":"nothing"}}}"#,
        "actor",
        "messageTypes.A",
    );
}

#[test]
fn a_definition_edited_live_keeps_state_and_context() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    device.send(&actor, "CREATE", r#"{"text":"milk"}"#);
    device.send(&actor, "CREATE", r#"{"text":""}"#);
    assert_eq!(device.state(&actor), "failed");
    let edited = todos().to_string().replace(
        r#""on":{"CREATE":"creating"}}"#,
        r#""on":{"CREATE":"creating","TOGGLE":"idle"}}"#,
    );
    device.create(&json(&edited));
    assert_eq!(device.state(&actor), "failed");
    assert_eq!(texts(&mut device, &actor), ["milk"]);
    assert!(device.send(&actor, "TOGGLE", "{}"));
    assert_eq!(device.state(&actor), "idle");
}

#[test]
fn r12_a_definition_that_was_refused_can_be_mended_and_created_again() {
    let mut device = Device::new(1);
    let wrong = r#"{"id":"a","state":{"initial":"gone","states":{"idle":{}}}}"#;
    let _ = device.engine.create_actor(&json(wrong));
    device.settle();
    assert!(device.failures.pop().unwrap().contains("gone"));
    let actor = device.create(&json(&wrong.replace("gone", "idle")));
    assert_eq!(device.state(&actor), "idle");
}
