//! Messages between actors: each handled once (R4).

use std::rc::Rc;

use cojson::json::Json;

use super::device::Device;
use super::fixtures::json;

fn counter() -> Json {
    json(
        r#"{"id":"counter","context":{"list":[]},"state":{"initial":"idle","states":{"idle":{"on":{
            "COUNT":{"target":"idle","actions":[{"updateContext":{"list":{"$concat":["$list",["$$number"]]}}}]}}}}}}"#,
    )
}

fn teller() -> Json {
    json(
        r#"{"id":"teller","state":{"initial":"idle","states":{"idle":{"on":{"TELL":{"target":"idle","actions":[
            {"tool":"@core/publishMessage","payload":{"type":"COUNT","target":"counter","payload":{"number":"$$number"}}}]}}}}}}"#,
    )
}

#[test]
fn r4_a_message_to_an_actor_is_handled_once_over_reloads() {
    let mut device = Device::new(1);
    let teller_id = device.create(&teller());
    device.send(&teller_id, "TELL", r#"{"number":1}"#);
    let counter_id = device.create(&counter());
    assert_eq!(
        device.context(&counter_id).get("list").unwrap().to_string(),
        "[1]",
        "sent before it ran"
    );
    device.send(&teller_id, "TELL", r#"{"number":2}"#);
    let mut restarted = device.restart(1, &[]);
    let counter_id = restarted.create(&counter());
    assert_eq!(
        restarted
            .context(&counter_id)
            .get("list")
            .unwrap()
            .to_string(),
        "[1,2]"
    );
}

#[test]
fn r4_a_dead_tabs_messages_are_handled_by_the_driver_alone() {
    let mut dead = Device::new(1);
    let teller_id = dead.create(&teller());
    dead.send(&teller_id, "TELL", r#"{"number":7}"#);
    let mut other = dead.restart(2, &[]);
    other.grants_claims = false;
    let counter_id = other.create(&counter());
    assert_eq!(
        other.context(&counter_id).get("list").unwrap().to_string(),
        "[]",
        "not its driver"
    );
    other.engine.set_driver(&counter_id, true);
    other.settle();
    assert_eq!(
        other.context(&counter_id).get("list").unwrap().to_string(),
        "[7]"
    );
    other.engine.set_driver(&counter_id, true);
    other.settle();
    assert_eq!(
        other.context(&counter_id).get("list").unwrap().to_string(),
        "[7]"
    );
}

#[test]
fn a_message_to_an_inbox_that_storage_lacks_waits_for_the_server_and_does_nothing_meanwhile() {
    let mut first = Device::new(1);
    let teller_id = first.create(&teller());
    let storage = Rc::clone(&first.storage);
    let mut device = Device::with_server(storage, 1, &[]);
    device.now = first.now.plus_ms(1_000);
    device.create(&teller());
    device.queue(&teller_id, "TELL", r#"{"number":1}"#);
    // It settles, which it does not while one answer of storage leads to the next question.
    device.settle();
    device.engine.stop_awaiting_sync();
    device.settle();
    let mut alone = device.restart(1, &[]);
    let counter_id = alone.create(&counter());
    let context = alone.context(&counter_id);
    assert_eq!(context.get("list").unwrap().to_string(), "[1]");
}

#[test]
fn r5_what_messages_sent_before_an_actor_ran_made_is_shown_by_its_query() {
    let mut device = Device::new(1);
    let teller_id = device.create(&teller());
    for number in 1..=3 {
        device.send(&teller_id, "TELL", &format!(r#"{{"number":{number}}}"#));
    }
    let keeper = device.create(&json(
        r#"{"id":"counter","context":{"kept":{"schema":"kept"}},"state":{"initial":"idle","states":{"idle":{"on":{
            "COUNT":{"target":"idle","actions":[{"tool":"@db","payload":{"op":"create","schema":"kept","data":{"number":"$$number"}}}]}}}}}}"#,
    ));
    let context = device.context(&keeper);
    assert_eq!(context.get("kept").unwrap().as_array().unwrap().len(), 3);
}
