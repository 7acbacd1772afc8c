//! A built-in tool that has to wait is part of the step that calls it. What comes while storage is read comes after the step;
//! while a server is asked the machine goes on, and the step is done all the same.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use cojson::json::Json;
use engine::actor::{ActorId, Events, SendError};
use engine::machine::Event;

use super::device::{Device, mail_tool};
use super::fixtures::json;

/// An actor that counts what it has written once it is written: an event that came in between would take it away from that.
fn writer() -> Json {
    json(
        r#"{"id":"writer","context":{"written":0,"told":0,"late":0,"mails":0},"state":{"initial":"idle","states":{
            "idle":{"on":{"WRITE":"writing","MAIL":"mailing"}},
            "writing":{"entry":[
                    {"tool":"@db","payload":{"op":"create","schema":"kept","data":{"text":"$$text"}}},
                    {"updateContext":{"written":{"$add":["$written",1]}}}],
                "on":{"WRITE":"writing","STOP":"idle","SUCCESS":{"actions":{"updateContext":{"told":{"$add":["$told",1]}}}}},
                "after":{"5":{"target":"idle","actions":{"updateContext":{"late":{"$add":["$late",1]}}}}}},
            "mailing":{"type":"parallel",
                "on":{"STOP":"idle","done.invoke.mail":{"target":"idle","actions":{"updateContext":{"mails":{"$add":["$mails",1]}}}}},
                "states":{
                    "sending":{"invoke":{"id":"mail","tool":"@mail/send"}},
                    "noting":{"entry":[
                        {"tool":"@db","payload":{"op":"create","schema":"kept","data":{"text":"$$text"}}},
                        {"updateContext":{"written":{"$add":["$written",1]}}}]}}}
        }}}"#,
    )
}

const TEXT: &str = r#"{"text":"a"}"#;

/// A device whose storage takes its time from now on, with the writer at rest. What the writer writes to was never read.
fn slow() -> (Device, ActorId) {
    let mut device = Device::over(Rc::default(), 1, &[mail_tool(false)]);
    let actor = device.create(&writer());
    device.is_slow = true;
    (device, actor)
}

/// How much was written by steps that were done, how much is in the list, and the state.
fn seen(device: &mut Device, actor: &ActorId) -> (f64, usize, String) {
    device.send(actor, "STOP", "{}");
    let written = device
        .context(actor)
        .get("written")
        .and_then(Json::as_number);
    let reader = device.create(&json(
        r#"{"id":"reader","context":{"list":{"schema":"kept"}}}"#,
    ));
    let context = device.context(&reader);
    let list = context.get("list").and_then(Json::as_array).unwrap();
    (written.unwrap(), list.len(), device.state(actor))
}

#[test]
fn r4_an_event_that_comes_while_a_step_waits_for_storage_comes_after_it() {
    let (mut device, actor) = slow();
    let written = device.queue(&actor, "WRITE", TEXT);
    let again = device.queue(&actor, "WRITE", TEXT);
    device.settle();
    let stopped = device.queue(&actor, "STOP", "{}");
    let unhandled = device.queue(&actor, "STOP", "{}");
    device.settle();
    assert_eq!(
        device.state(&actor),
        "writing",
        "the state is shown at once"
    );
    assert!(device.handled.get(&written).unwrap().as_ref().unwrap());
    assert!(!device.handled.contains_key(&again));
    device.answer_loads();
    let told = [again, stopped, unhandled].map(|it| device.handled.remove(&it).unwrap().unwrap());
    assert_eq!(told, [true, true, false]);
    assert_eq!(seen(&mut device, &actor), (2.0, 2, "idle".to_owned()));
}

#[test]
fn r4_events_sent_together_wait_for_each_step_and_are_told_of_together() {
    for (last, is_handled) in [("STOP", true), ("MAIL", false)] {
        let (mut device, actor) = slow();
        let write = || Event::new("WRITE", json(TEXT));
        let last = Event::new(last, Json::empty_object());
        let events: Events = [write(), write(), last].into_iter().collect();
        let ticket = device.engine.send_all(&actor, events).unwrap();
        device.settle();
        assert!(device.handled.is_empty());
        device.answer_loads();
        assert_eq!(device.handled.remove(&ticket).unwrap().unwrap(), is_handled);
        assert_eq!(seen(&mut device, &actor), (2.0, 2, "idle".to_owned()));
    }
}

#[test]
fn r4_a_timer_that_is_due_while_a_step_waits_for_storage_fires_after_it() {
    let (mut device, actor) = slow();
    device.queue(&actor, "WRITE", TEXT);
    device.settle();
    device.now = device.now.plus_ms(60_000);
    device.settle();
    assert_eq!(device.state(&actor), "writing");
    device.answer_loads();
    assert_eq!(device.state(&actor), "idle");
    assert_eq!(device.context(&actor).get("late"), Some(&1.0.into()));
    assert_eq!(seen(&mut device, &actor), (1.0, 1, "idle".to_owned()));
}

#[test]
fn r4_what_a_tool_answers_while_another_region_waits_for_storage_is_taken_after_that() {
    let (mut device, actor) = slow();
    device.queue(&actor, "MAIL", TEXT);
    device.settle();
    device.answer(Ok(Json::Null));
    assert_ne!(device.state(&actor), "idle");
    device.answer_loads();
    assert_eq!(device.state(&actor), "idle");
    assert_eq!(device.context(&actor).get("mails"), Some(&1.0.into()));
    assert_eq!(seen(&mut device, &actor), (1.0, 1, "idle".to_owned()));
}

#[test]
fn r4_what_an_actor_here_told_while_a_step_waits_for_storage_outlives_a_crash() {
    let (mut device, actor) = slow();
    let teller = json(
        r#"{"id":"teller","state":{"initial":"idle","states":{"idle":{"on":{"TELL":{"actions":[
            {"tool":"@core/publishMessage","payload":{"target":"writer","type":"WRITE","payload":{"text":"b"}}}]}}}}}}"#,
    );
    device.is_slow = false;
    let teller = device.create(&teller);
    device.is_slow = true;
    device.queue(&actor, "WRITE", TEXT);
    device.settle();
    let told = device.queue(&teller, "TELL", "{}");
    device.settle();
    assert!(device.handled.remove(&told).unwrap().unwrap());
    let mut device = device.restart(1, &[mail_tool(false)]);
    device.is_slow = true;
    device.engine.create_actor(&writer()).unwrap();
    device.settle();
    device.answer_loads();
    assert_eq!(seen(&mut device, &actor), (2.0, 2, "idle".to_owned()));
}

#[test]
fn r4_a_step_that_waits_for_the_server_keeps_nothing_waiting_and_is_done_though_its_state_is_left()
{
    let mut first = Device::over(Rc::default(), 1, &[mail_tool(false)]);
    let actor = first.create(&writer());
    let mut device = Device::with_server(Rc::clone(&first.storage), 1, &[mail_tool(false)]);
    device.now = first.now.plus_ms(1_000);
    device.create(&writer());
    for event in ["WRITE", "STOP", "WRITE"] {
        assert!(device.send(&actor, event, TEXT));
    }
    assert_eq!(device.context(&actor).get("written"), Some(&0.0.into()));
    device.engine.stop_awaiting_sync();
    device.settle();
    // The success of a visit that is over is nobody's.
    assert_eq!(device.context(&actor).get("told"), Some(&1.0.into()));
    assert_eq!(seen(&mut device, &actor), (2.0, 2, "idle".to_owned()));
}

#[test]
fn r4_two_devices_that_handle_a_message_make_the_same_though_one_has_to_wait_for_its_storage() {
    let keeper = json(
        r#"{"id":"keeper","state":{"initial":"idle","states":{
            "idle":{"on":{"KEEP":"keeping"}},
            "keeping":{"entry":[{"if":"$$text","then":[CREATE,CREATE],"else":CREATE},{"raise":{"type":"LATER","delay":1000}}],"on":{"SUCCESS":{"actions":[CREATE]},"LATER":{"actions":[CREATE]}}}}}}"#
            .replace("CREATE", r#"{"tool":"@db","payload":{"op":"create","schema":"kept","data":{"text":"$$text"}}}"#)
            .as_str(),
    );
    let mut first = Device::new(1);
    let teller = first.create(&json(
        r#"{"id":"teller","state":{"initial":"idle","states":{"idle":{"on":{"TELL":{"actions":[
            {"tool":"@core/tell","payload":{"target":"keeper","type":"KEEP","payload":{"text":"a"}}}]}}}}}}"#,
    ));
    first.send(&teller, "TELL", "{}");
    let reader = json(r#"{"id":"reader","context":{"list":{"schema":"kept"}}}"#);
    let made = [false, true].map(|has_read| {
        // As two devices that had come so far and then heard no more of each other.
        let storage = Rc::new(RefCell::new(first.storage.borrow().clone()));
        let mut device = Device::over(storage, 2, &[]);
        device.now = first.now;
        if has_read {
            device.create(&reader);
        }
        device.create(&keeper);
        device.now = device.now.plus_ms(5_000);
        device.settle();
        let reader = device.create(&reader);
        let list = device.context(&reader).get("list").cloned().unwrap();
        let ids = list
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item.get("id").unwrap().to_string());
        ids.collect::<BTreeSet<String>>()
    });
    assert_eq!(made[0].len(), 4);
    assert_eq!(made[0], made[1]);
}

#[test]
fn what_waits_for_a_step_of_an_actor_that_is_ended_is_told_so() {
    let (mut device, actor) = slow();
    device.queue(&actor, "WRITE", TEXT);
    device.settle();
    let waiting = device.queue(&actor, "STOP", "{}");
    device.settle();
    let now = device.now;
    device.engine.destroy_actor(&actor, now);
    device.settle();
    let told = device.handled.remove(&waiting).unwrap();
    assert!(matches!(told, Err(SendError::NoActor(_))), "{told:?}");
}
