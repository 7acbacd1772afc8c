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

#[test]
fn r12_everything_that_is_wrong_is_told_at_once() {
    let mut device = Device::new(1);
    let wrong = json(
        r#"{"id":"a","colour":1,"messageTypes":["GO"],"schemas":{"s":{"type":"strin"}},"state":{"initial":"x","states":{
            "x":{"entry":[{"tool":"@no/tool"},{"updateContext":{"n":{"$frob":1}}},{"raise":""}],
                "on":{"GO":[{"target":"gone"},{"guard":{"$ad":1},"target":"lost"}],"STAY":"x"}},
            "y":{"after":{"soon":"x"},"always":{"target":"x","when":true}}}},
            "view":{"content":{"tag":"div","children":[{"tag":"script"},{"tag":"p","frob":1}]}}}"#,
    );
    device.engine.create_actor(&wrong).unwrap();
    device.settle();
    let told = device.failures.pop().unwrap();
    let expected = [
        ("actor", "colour"),
        ("actor", "schemas.s"),
        ("state", "states.x.on.GO[0]"),
        ("state", "states.x.on.GO[1].guard"),
        ("state", "states.x.on.GO[1].target"),
        ("state", "states.x.on.STAY"),
        ("state", "states.x.entry[0]"),
        ("state", "states.x.entry[1]"),
        ("state", "states.x.entry[2]"),
        ("state", "states.y.after.soon"),
        ("state", "states.y.always"),
        ("view", "content.children[0]"),
        ("view", "content.children[1]"),
    ];
    for (document, path) in expected {
        let start = format!("the document \"{document}\" is wrong at {path}");
        let found = told.lines().filter(|line| line.contains(&start)).count();
        assert_eq!(found, 1, "{start} in {told}");
    }
    assert_eq!(told.lines().count(), expected.len(), "{told}");
}

#[test]
fn r12_a_context_key_that_nothing_puts_there_is_remarked_and_no_other() {
    let mut device = Device::new(1);
    device.create(&json(
        r#"{"id":"a","context":{"known":1,"list":{"schema":"s"},"@actors":{"child":{"id":"c"}}},
        "state":{"initial":"x","states":{"x":{"entry":["setLoading",{"updateContext":{"written":"$known.part","typed":"$knwon"}}],
            "on":{"GO":{"guard":{"$and":["$isLoading","$written","$typed",{"$eq":["$lst.length",1]}]},"target":"x"},
                "CHECK":{"guard":{"schema":{"const":"$not a path"}}}}}}},
        "view":{"tag":"p","text":"$tilte","children":[{"tag":"i","text":"$known"},{"$slot":"$child"}]}}"#,
    ));
    let remarks = device
        .warnings
        .iter()
        .filter(|it| it.code == "PLEIONE_W_UNKNOWN_KEY");
    let remarks: Vec<&str> = remarks.map(|it| it.message.as_str()).collect();
    for (place, key) in [
        ("states.x.entry[1].updateContext.typed", "knwon"),
        ("states.x.on.GO.guard.$and[3].$eq[0]", "lst"),
        ("text", "tilte"),
    ] {
        let found = |remark: &&&str| remark.contains(place) && remark.contains(key);
        assert_eq!(remarks.iter().filter(found).count(), 1, "{remarks:?}");
    }
    assert_eq!(remarks.len(), 3, "{remarks:?}");
}

#[test]
fn a_definition_whose_actions_write_keys_by_an_expression_gets_no_remark_on_keys() {
    let mut device = Device::new(1);
    device.create(&json(
        r#"{"id":"a","state":{"initial":"x","states":{"x":{"on":{
            "SET":{"actions":{"updateContext":"$$all"}},"GO":{"guard":"$anything","target":"x"}}}}}}"#,
    ));
    assert!(device.warnings.is_empty(), "{:?}", device.warnings);
}
