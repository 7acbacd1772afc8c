//! Events for later: what becomes of them when nobody kept time, and when the clock is set.

use std::rc::Rc;

use cojson::json::Json;
use engine::actor::ActorId;

use super::device::Device;
use super::fixtures::json;

const DAY_MS: u64 = 86_400_000;

/// Waits a minute in `waiting`, by that rule.
fn waiter(rule: &str) -> Json {
    let text = r#"{"id":"waiter","context":{"n":0},"messageTypes":["GO","RUNG"],"state":{"initial":"waiting","states":{
        "waiting":{"on":{"GO":"waiting","RUNG":{"actions":{"updateContext":{"n":{"$add":["$n",100]}}}}},
            "after":{"60000":{"target":"over","restore":"RULE","actions":{"updateContext":{"n":{"$add":["$n",1]}}}}}},
        "over":{"on":{"GO":"waiting"}}}}}"#;
    json(&text.replace("RULE", rule))
}

/// A device that was started and killed, and started again after that much time.
fn restarted(rule: &str, after_ms: u64) -> (Device, ActorId) {
    let mut device = Device::new(1);
    device.create(&waiter(rule));
    let mut again = device.restart(1, &[]);
    again.now = device.now.plus_ms(after_ms);
    let actor = again.create(&waiter(rule));
    (again, actor)
}

/// Lets time pass in seconds, and tasks run.
fn pass(device: &mut Device, ms: u64) {
    let end = device.now.plus_ms(ms);
    while device.now < end {
        device.now = device.now.plus_ms(ms.min(1_000) - 1);
        device.settle();
    }
}

/// The clock is set, and the host says so.
fn set_clock(device: &mut Device, forward_ms: i64) {
    device.now.0 = device.now.0.checked_add_signed(forward_ms).unwrap();
    device.engine.clock_was_set(forward_ms);
    device.settle();
}

fn count(device: &mut Device, actor: &ActorId) -> String {
    device.context(actor).get("n").unwrap().to_string()
}

#[test]
fn by_default_what_was_due_meanwhile_comes_at_once_and_what_was_not_when_it_is() {
    let (mut device, actor) = restarted("fire", 3_600_000);
    assert_eq!(count(&mut device, &actor), "1");
    let (mut device, actor) = restarted("fire", 30_000);
    assert_eq!(device.state(&actor), "waiting");
    pass(&mut device, 29_000);
    assert_eq!(device.state(&actor), "waiting");
    pass(&mut device, 2_000);
    assert_eq!(count(&mut device, &actor), "1");
}

#[test]
fn what_restarts_waits_its_whole_time_again_after_each_restore() {
    for away_ms in [30_000, 3_600_000] {
        let (mut device, actor) = restarted("restart", away_ms);
        pass(&mut device, 58_000);
        assert_eq!(device.state(&actor), "waiting", "{away_ms}");
        let mut again = device.restart(1, &[]);
        again.create(&waiter("restart"));
        pass(&mut again, 58_000);
        assert_eq!(again.state(&actor), "waiting", "{away_ms}");
        pass(&mut again, 3_000);
        assert_eq!(count(&mut again, &actor), "1", "{away_ms}");
    }
}

#[test]
fn what_is_skipped_does_not_come_if_it_was_due_meanwhile_and_else_does() {
    let (mut device, actor) = restarted("skip", 3_600_000);
    pass(&mut device, 120_000);
    assert_eq!(device.state(&actor), "waiting");
    assert_eq!(device.engine.next_deadline(), None);
    device.send(&actor, "GO", "{}");
    pass(&mut device, 61_000);
    assert_eq!(count(&mut device, &actor), "1", "the next visit waits anew");
    let (mut device, actor) = restarted("skip", 30_000);
    pass(&mut device, 31_000);
    assert_eq!(count(&mut device, &actor), "1");
}

#[test]
fn the_timers_of_a_dead_tab_follow_their_rule_where_they_are_taken_up() {
    let mut dead = Device::new(1);
    dead.create(&waiter("restart"));
    let mut other = Device::over(Rc::clone(&dead.storage), 2, &[]);
    other.now = dead.now.plus_ms(50_000);
    other.grants_claims = false;
    let actor = other.create(&waiter("restart"));
    pass(&mut other, 20_000);
    assert_eq!(other.state(&actor), "waiting", "not its timer");
    other.engine.set_driver(&actor, true);
    other.settle();
    pass(&mut other, 58_000);
    other.engine.set_driver(&actor, true);
    assert_eq!(other.state(&actor), "waiting", "once is once");
    pass(&mut other, 3_000);
    assert_eq!(count(&mut other, &actor), "1");
}

#[test]
fn a_clock_that_jumps_forward_fires_nothing_that_is_not_due() {
    let mut device = Device::new(1);
    let actor = device.create(&waiter("fire"));
    pass(&mut device, 30_000);
    set_clock(&mut device, i64::try_from(DAY_MS).unwrap());
    pass(&mut device, 29_000);
    assert_eq!(device.state(&actor), "waiting");
    pass(&mut device, 2_000);
    assert_eq!(count(&mut device, &actor), "1");
}

#[test]
fn a_clock_that_jumps_back_loses_nothing_that_is_due() {
    let mut device = Device::new(1);
    let actor = device.create(&waiter("fire"));
    pass(&mut device, 30_000);
    set_clock(&mut device, -i64::try_from(DAY_MS).unwrap());
    let mut again = device.restart(1, &[]);
    again.now = device.now;
    again.create(&waiter("fire"));
    for device in [&mut device, &mut again] {
        pass(device, 29_000);
        assert_eq!(device.state(&actor), "waiting");
        pass(device, 2_000);
        assert_eq!(count(device, &actor), "1");
    }
}

#[test]
fn a_clock_that_went_back_while_nobody_was_there_makes_no_wait_longer_than_it_was() {
    let mut device = Device::new(1);
    device.create(&waiter("fire"));
    let mut again = device.restart(1, &[]);
    again.now.0 = device.now.0 - DAY_MS;
    let actor = again.create(&waiter("fire"));
    pass(&mut again, 61_000);
    assert_eq!(count(&mut again, &actor), "1");
}

#[test]
fn an_actor_that_is_made_after_an_idle_hour_waits_from_now() {
    let mut device = Device::new(1);
    device.create(&json(r#"{"id":"other"}"#));
    device.now = device.now.plus_ms(3_600_000);
    let actor = device.create(&waiter("fire"));
    pass(&mut device, 50_000);
    assert_eq!(device.state(&actor), "waiting");
}

#[test]
fn a_raised_event_for_later_has_a_rule_too() {
    let raiser = r#"{"id":"raiser","context":{"n":0},"state":{"initial":"a","states":{"a":{
        "entry":{"raise":{"type":"later","delay":1000,"restore":"skip"}},
        "on":{"later":{"actions":{"updateContext":{"n":1}}}}}}}}"#;
    let mut device = Device::new(1);
    device.create(&json(raiser));
    let mut again = device.restart(1, &[]);
    again.now = device.now.plus_ms(5_000);
    let actor = again.create(&json(raiser));
    pass(&mut again, 5_000);
    assert_eq!(count(&mut again, &actor), "0");
}

#[test]
fn each_of_many_timers_comes_once_and_then_none_is_planned() {
    let mut device = Device::new(1);
    for number in 0..200 {
        let text = waiter("fire")
            .to_string()
            .replace("\"waiter\"", &format!("\"w{number}\""));
        device.create(&json(&text));
    }
    let first = device.engine.next_deadline().unwrap();
    device.now = first.plus_ms(60_000);
    device.settle();
    for number in 0..200 {
        assert_eq!(device.state(&ActorId::new(format!("w{number}"))), "over");
    }
    assert_eq!(device.engine.next_deadline(), None);
}

#[test]
fn r12_a_rule_that_there_is_not_or_that_two_transitions_disagree_on_is_refused() {
    let mut device = Device::new(1);
    for (after, path) in [
        (
            r#"{"60000":{"target":"over","restore":"later"}}"#,
            "restore",
        ),
        (
            r#"{"60000":[{"target":"over","restore":"skip"},{"target":"over","restore":"fire"}]}"#,
            "the same for all transitions",
        ),
    ] {
        let text = format!(
            r#"{{"id":"bad","state":{{"initial":"a","states":{{"a":{{"after":{after}}},"over":{{}}}}}}}}"#
        );
        device.engine.create_actor(&json(&text)).unwrap();
        device.settle();
        let told = device.failures.pop().unwrap();
        assert!(told.contains(path), "{told}");
    }
}
