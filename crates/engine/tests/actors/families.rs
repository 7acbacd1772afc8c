//! What an actor and one that it invokes tell each other.

use cojson::json::Json;
use engine::actor::ActorId;

use super::device::Device;
use super::fixtures::json;

/// Tells what it invokes what it is told, and keeps what that says.
fn parent() -> Json {
    json(
        r##"{"id":"parent","context":{"heard":null,"problem":null},"state":{"initial":"on","states":{"on":{
            "invoke":{"id":"kid","actor":{"context":{},"state":{"initial":"a","states":{"a":{"on":{
                "HELLO":{"actions":{"tool":"@core/tell","payload":{"target":"#_parent","type":"BACK","payload":{"n":"$$n"}}}}}}}}}},
            "on":{"GO":{"actions":{"tool":"@core/tell","payload":{"target":"#_kid","type":"HELLO","payload":{"n":"$$n"}}}},
                "BACK":{"actions":{"updateContext":{"heard":"$$n"}}}}}}}}"##,
    )
}

fn shown(device: &mut Device, actor: &ActorId, key: &str) -> String {
    device.context(actor).get(key).unwrap().to_string()
}

#[test]
fn parent_and_invoked_actor_tell_each_other_without_knowing_their_names() {
    let mut device = Device::new(1);
    let actor = device.create(&parent());
    device.send(&actor, "GO", r#"{"n":3}"#);
    assert_eq!(shown(&mut device, &actor, "heard"), "3");
}

#[test]
fn what_is_told_to_an_invoked_actor_finds_it_though_it_is_not_made_yet() {
    let parent = parent().to_string();
    let parent = parent.replacen(
        r#""initial":"on","states":{"#,
        r#""initial":"off","states":{"off":{"on":{"START":"on"}},"#,
        1,
    );
    let mut device = Device::new(1);
    let actor = device.create(&json(&parent));
    device.queue(&actor, "START", "{}");
    device.queue(&actor, "GO", r#"{"n":4}"#);
    device.settle();
    assert_eq!(shown(&mut device, &actor, "heard"), "4");
}

#[test]
fn what_an_invoked_actor_tells_before_its_end_is_heard_before_its_end() {
    let mut device = Device::new(1);
    let told = |number: u8| {
        format!(
            r##"{{"tool":"@core/tell","payload":{{"target":"#_parent","type":"SAID","payload":{{"n":{number}}}}}}}"##
        )
    };
    let parent = r#"{"id":"parent","context":{"heard":[],"total":null},"state":{"initial":"on","states":{
        "on":{"invoke":{"id":"kid","actor":{"context":{},"state":{"initial":"a","states":{
                "a":{"entry":TOLD1,"always":"end"},
                "end":{"type":"final","entry":TOLD2,"exit":TOLD3,"output":6}}}},
            "onDone":{"target":"off","actions":{"updateContext":{"total":"$$output"}}}},
            "on":{"SAID":{"actions":{"updateContext":{"heard":{"$concat":["$heard","$$n"]}}}}}},
        "off":{}}}}"#;
    let parent = (1..=3).fold(parent.to_owned(), |text, number| {
        text.replace(&format!("TOLD{number}"), &told(number))
    });
    let actor = device.create(&json(&parent));
    assert_eq!(device.state(&actor), "off");
    assert_eq!(shown(&mut device, &actor, "heard"), "[1,2,3]");
    assert_eq!(shown(&mut device, &actor, "total"), "6");
    assert_eq!(device.engine.dead_letters().value(), Vec::new().into());
}

#[test]
fn what_is_told_to_a_relative_that_there_is_not_is_an_error_and_makes_no_inbox() {
    let lonely = r#"{"id":"lonely","context":{"problem":null},"state":{"initial":"on","states":{"on":{"on":{
        "GO":{"actions":{"tool":"@core/tell","payload":{"target":"$$to","type":"HELLO"}}},
        "ERROR":{"actions":{"updateContext":{"problem":"$$errors.0.message"}}}}}}}}"#;
    let mut device = Device::new(1);
    let actor = device.create(&json(lonely));
    let values = device.storage.borrow().len();
    for to in ["#_parent", "#_kid"] {
        device.send(&actor, "GO", &format!(r#"{{"to":"{to}"}}"#));
        let problem = shown(&mut device, &actor, "problem");
        assert!(
            problem.contains("nobody") && problem.contains(to),
            "{problem}"
        );
    }
    assert_eq!(device.storage.borrow().len(), values);
}
