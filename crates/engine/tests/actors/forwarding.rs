//! Invoked actors that get what the actor that invokes them is sent.

use cojson::json::Json;
use engine::actor::ActorId;

use super::device::Device;
use super::fixtures::json;

/// Runs one that adds, and one that only counts what it takes; notes ADD itself where it is to.
fn parent(note: &str) -> Json {
    let text = r#"{"id":"parent","context":{"total":null,"noted":0,"@actors":{"adder":{
            "context":{"sum":0},"messageTypes":{"ADD":{"required":["n"]},"END":true},
            "state":{"initial":"adding","states":{
                "adding":{"on":{"ADD":{"actions":{"updateContext":{"sum":{"$add":["$sum","$$n"]}}}},"END":"end"}},
                "end":{"type":"final","output":"$sum"}}}}}},
        "state":{"initial":"running","states":{"running":{
            "invoke":[{"actor":"adder","autoForward":true},{"actor":"adder"}],
            "on":{NOTE"done.invoke.running":{"target":"idle","actions":{"updateContext":{"total":"$$output"}}}}},
            "idle":{"on":{"GO":"running"}}}}}"#;
    json(&text.replace("NOTE", note))
}

const NOTED: &str = r#""ADD":{"actions":{"updateContext":{"noted":{"$add":["$noted",1]}}}},"#;

fn seen(device: &mut Device, actor: &ActorId) -> (String, String) {
    let context = device.context(actor);
    let member = |key: &str| context.get(key).unwrap().to_string();
    (member("noted"), member("total"))
}

#[test]
fn an_invoked_actor_gets_what_it_takes_of_what_the_other_is_sent() {
    for (note, noted) in [("", "0"), (NOTED, "2")] {
        let mut device = Device::new(1);
        let actor = device.create(&parent(note));
        assert!(device.send(&actor, "ADD", r#"{"n":5}"#));
        assert!(device.send(&actor, "ADD", r#"{"n":2}"#));
        assert!(!device.send(&actor, "OTHER", "{}"));
        assert!(device.send(&actor, "END", "{}"));
        let expected = (noted.to_owned(), "7".to_owned());
        assert_eq!(seen(&mut device, &actor), expected);
        assert!(!device.send(&actor, "END", "{}"), "nobody is left");
    }
}

#[test]
fn what_the_contract_of_the_invoked_actor_refuses_is_not_passed_on() {
    let mut device = Device::new(1);
    let actor = device.create(&parent(""));
    assert!(!device.send(&actor, "ADD", "{}"));
    assert!(device.failures.is_empty());
    assert!(device.send(&actor, "END", "{}"));
    assert_eq!(seen(&mut device, &actor).1, "0");
}

#[test]
fn a_message_that_only_an_invoked_actor_takes_is_no_dead_letter() {
    let mut device = Device::new(1);
    let actor = device.create(&parent(""));
    let teller = device.create(&json(
        r#"{"id":"teller","state":{"initial":"idle","states":{"idle":{"on":{"*":{"actions":
            {"tool":"@core/tell","payload":{"target":"parent","type":{"$eventType":null},"payload":"$$"}}}}}}}}"#,
    ));
    for event in ["ADD", "OTHER", "END"] {
        assert!(device.send(&teller, event, r#"{"n":3}"#));
    }
    assert_eq!(seen(&mut device, &actor).1, "3");
    let letters = device.engine.dead_letters().value().to_string();
    assert!(
        letters.contains("OTHER") && !letters.contains("ADD"),
        "{letters}"
    );
}

#[test]
fn r4_an_invoked_actor_that_is_not_made_yet_gets_it_once_it_is() {
    for is_slow in [false, true] {
        let mut device = Device::new(1);
        let waiting = parent(NOTED).to_string();
        let waiting = waiting.replace(r#""initial":"running""#, r#""initial":"idle""#);
        let actor = device.create(&json(&waiting));
        device.is_slow = is_slow;
        let events = [("GO", "{}"), ("ADD", r#"{"n":5}"#), ("ADD", r#"{"n":2}"#)];
        let sent = events.map(|(event, payload)| device.queue(&actor, event, payload));
        device.settle();
        device.answer_loads();
        let handled = sent.map(|it| device.handled.remove(&it).unwrap().unwrap());
        assert_eq!(handled, [true; 3]);
        assert!(device.send(&actor, "END", "{}"));
        let expected = ("2".to_owned(), "7".to_owned());
        assert_eq!(seen(&mut device, &actor), expected, "{is_slow}");
    }
}
