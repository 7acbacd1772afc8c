//! Steps: what an event changes, and what is written of it (R1).

use cojson::json::Json;

use super::device::Device;
use super::fixtures::{json, texts, todos};

#[test]
fn r1_a_create_is_three_transactions_in_one_write() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    device.send(&actor, "CREATE", r#"{"text":"warm up"}"#);
    device.take_transactions();
    assert!(device.send(&actor, "CREATE", r#"{"text":"milk"}"#));
    assert_eq!(device.writes.len(), 1, "one storage write");
    assert!(device.take_transactions() <= 3);
    assert_eq!(texts(&mut device, &actor), ["warm up", "milk"]);
    assert_eq!(device.state(&actor), "idle");
}

#[test]
fn r1_what_cannot_be_stored_is_told_and_kept_for_the_next_write() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    device.refuses_writes = true;
    let ticket = device.queue(&actor, "CREATE", r#"{"text":"milk"}"#);
    device.engine.process_inbox(device.now.plus_ms(1));
    device.engine.flush();
    while let Some(effect) = device.engine.poll_effect() {
        if let engine::actor::Effect::Node(cojson::sync::Effect::Store(batch)) = effect {
            device.engine.store_failed(batch.id);
        } else if let engine::actor::Effect::Handled { tickets, outcome } = effect {
            device.handled.insert(tickets.first, outcome);
        }
    }
    assert!(device.handled[&ticket].is_err());
    device.refuses_writes = false;
    device.settle();
    let mut restarted = device.restart(1, &[]);
    let actor = restarted.create(&todos());
    assert_eq!(texts(&mut restarted, &actor), ["milk"]);
}

#[test]
fn b11_five_submits_in_one_task_are_five_creations() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    for number in 0..5 {
        device.queue(&actor, "CREATE", &format!(r#"{{"text":"{number}"}}"#));
    }
    device.settle();
    assert_eq!(texts(&mut device, &actor), ["0", "1", "2", "3", "4"]);
}

#[test]
fn b04_b05_b17_what_a_user_types_is_text() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    let typed = [
        "$draft",
        "why? because: x",
        "[1,2]",
        r#"{\"a\":1}"#,
        " leading",
        "$5 off",
        "$$text",
    ];
    for text in typed {
        assert!(
            device.send(&actor, "CREATE", &format!(r#"{{"text":"{text}"}}"#)),
            "{text}"
        );
    }
    let expected: Vec<String> = typed.iter().map(|text| text.replace('\\', "")).collect();
    assert_eq!(texts(&mut device, &actor), expected);
}

#[test]
fn data_that_its_schema_refuses_is_not_written() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    device.send(&actor, "CREATE", r#"{"text":""}"#);
    assert_eq!(device.state(&actor), "failed");
    assert!(texts(&mut device, &actor).is_empty());
    assert!(!device.context(&actor).get("error").unwrap().is_null());
}

#[test]
fn an_event_that_no_state_takes_is_not_handled_and_writes_nothing() {
    let mut device = Device::new(1);
    let actor = device.create(&mailer_without_tool());
    device.take_transactions();
    assert!(!device.send(&actor, "NOTHING", "{}"));
    assert_eq!(device.take_transactions(), 0);
}

fn mailer_without_tool() -> Json {
    json(r#"{"id":"plain","state":{"initial":"idle","states":{"idle":{}}}}"#)
}
