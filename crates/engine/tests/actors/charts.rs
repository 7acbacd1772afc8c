//! Actors whose machines are statecharts: restored as they were, with their histories and the events kept for later.

use cojson::json::Json;

use super::device::{Device, Storage};
use super::fixtures::json;

fn player() -> Json {
    json(
        r#"{
        "id": "player",
        "context": {"ended": 0},
        "state": {"initial": "on", "states": {
            "on": {"type": "parallel", "on": {"POWER": "off"}, "states": {
                "mode": {"initial": "stopped", "states": {
                    "last": {"type": "history", "history": "deep", "target": "stopped"},
                    "stopped": {"on": {"PLAY": "playing"}},
                    "playing": {"initial": "slow", "on": {"STOP": "stopped"}, "states": {
                        "slow": {"on": {"SPEED": "fast"}},
                        "fast": {"after": {"60000": {"target": "slow", "actions": {"updateContext": {"ended": "slowed"}}}}}
                    }}
                }},
                "sound": {"initial": "loud", "states": {"loud": {"on": {"MUTE": "mute"}}, "mute": {"on": {"MUTE": "loud"}}}}
            }},
            "off": {"on": {"POWER": "on.mode.last"}}
        }}
    }"#,
    )
}

const FAST: &str = r#"{"on":{"mode":{"playing":"fast"},"sound":"mute"}}"#;

fn fast() -> (Device, engine::actor::ActorId) {
    let mut device = Device::over(Storage::default(), 1, &[]);
    let actor = device.create(&player());
    for event in ["PLAY", "MUTE", "SPEED"] {
        assert!(device.send(&actor, event, "{}"));
    }
    assert_eq!(device.state(&actor), FAST);
    (device, actor)
}

#[test]
fn r1_r3_nested_and_parallel_states_are_restored_exactly_and_their_histories_too() {
    let (mut device, actor) = fast();
    let mut restarted = device.restart(1, &[]);
    let again = restarted.create(&player());
    assert_eq!(restarted.state(&again), FAST);

    device.send(&actor, "POWER", "{}");
    let mut restarted = device.restart(1, &[]);
    let actor = restarted.create(&player());
    assert_eq!(restarted.state(&actor), "off");
    restarted.send(&actor, "POWER", "{}");
    assert_eq!(
        restarted.state(&actor),
        r#"{"on":{"mode":{"playing":"fast"},"sound":"loud"}}"#
    );
}

#[test]
fn an_event_for_later_comes_when_it_is_due_and_no_sooner() {
    let (mut device, actor) = fast();
    let due = device.engine.next_deadline().unwrap();
    device.now = due.plus_ms(0);
    device
        .engine
        .process_inbox(cojson::ids::Timestamp(due.0 - 1));
    assert_eq!(device.state(&actor), FAST);
    device.settle();
    assert_eq!(
        device.state(&actor),
        r#"{"on":{"mode":{"playing":"slow"},"sound":"mute"}}"#
    );
    assert_eq!(device.context(&actor).to_string(), r#"{"ended":"slowed"}"#);
    assert_eq!(device.engine.next_deadline(), None);
}

#[test]
fn r1_r3_an_event_for_later_survives_a_crash_and_comes_once() {
    let (device, _) = fast();
    let mut restarted = device.restart(1, &[]);
    let actor = restarted.create(&player());
    assert_eq!(restarted.state(&actor), FAST);
    let due = restarted.engine.next_deadline().unwrap();
    restarted.now = due.plus_ms(3_600_000);
    restarted.settle();
    assert_eq!(
        restarted.context(&actor).to_string(),
        r#"{"ended":"slowed"}"#
    );

    restarted.send(&actor, "SPEED", "{}");
    let mut again = restarted.restart(1, &[]);
    let actor = again.create(&player());
    again.settle();
    assert_eq!(again.state(&actor), FAST, "what came does not come again");
}

#[test]
fn now_is_the_time_that_the_host_hands_in_and_stands_still_within_a_step() {
    let mut device = Device::over(Storage::default(), 1, &[]);
    let actor = device.create(&json(
        r#"{"id":"a","messageTypes":["GO"],"state":{"initial":"a","states":{
            "a":{"on":{"GO":{"target":"b","actions":[{"updateContext":{"left":{"$now":null}}},{"raise":"on"}]}}},
            "b":{"on":{"on":"c"}},
            "c":{"entry":{"updateContext":{"same":{"$eq":["$left",{"$now":null}]}}},"after":{"5000":"d"}},
            "d":{"entry":{"updateContext":{"later":{"$formatDate":{"$now":null}}}}}}}}"#,
    ));
    let at = device
        .engine
        .send(&actor, engine::machine::Event::new("GO", Json::Null));
    assert!(at.is_ok());
    device
        .engine
        .process_inbox(cojson::ids::Timestamp(1_900_000_000_000));
    device.now = cojson::ids::Timestamp(1_900_000_005_999);
    device.settle();
    assert_eq!(
        device.context(&actor).to_string(),
        r#"{"left":1900000000000,"same":true,"later":"2030-03-17T17:46:46.000Z"}"#
    );
}

#[test]
fn an_event_for_later_is_taken_back_when_its_state_is_left() {
    let (mut device, actor) = fast();
    device.send(&actor, "STOP", "{}");
    assert_eq!(device.engine.next_deadline(), None);
    let restarted = device.restart(1, &[]);
    assert_eq!(restarted.engine.next_deadline(), None);
}

#[test]
fn an_event_without_delay_comes_after_the_step_in_the_same_task() {
    let mut device = Device::over(Storage::default(), 1, &[]);
    let actor = device.create(&json(
        r#"{"id":"a","messageTypes":["GO"],"state":{"initial":"a","states":{
            "a":{"on":{"GO":{"target":"b","actions":[{"raise":{"type":"later","delay":0}},{"raise":"now"}]}}},
            "b":{"on":{"later":"wrong","now":"c"}},"c":{"on":{"later":"d"}},"d":{},"wrong":{}}}}"#,
    ));
    device.writes.clear();
    device.send(&actor, "GO", "{}");
    assert_eq!(device.state(&actor), "d");
    assert_eq!(device.writes.len(), 1);
    let written = device.writes[0]
        .values
        .iter()
        .map(|value| value.segments.len());
    assert_eq!(written.sum::<usize>(), 1, "one transaction of the context");
}

#[test]
fn r3_a_stored_nested_state_that_is_gone_falls_back_and_is_told() {
    let (device, _) = fast();
    let mut restarted = device.restart(1, &[]);
    let edited = player().to_string().replace("fast", "quick");
    let actor = restarted.create(&json(&edited));
    assert_eq!(
        restarted.state(&actor),
        r#"{"on":{"mode":"stopped","sound":"loud"}}"#
    );
    assert_eq!(restarted.warnings[0].code, "PLEIONE_W_STATE_GONE");
    assert!(
        restarted.warnings[0].message.contains(FAST),
        "{:?}",
        restarted.warnings
    );
}

#[test]
fn r12_a_state_that_nothing_leads_to_is_warned_of() {
    let mut device = Device::over(Storage::default(), 1, &[]);
    device.create(&json(
        r#"{"id":"a","state":{"initial":"a","states":{"a":{},"lost":{}}}}"#,
    ));
    assert_eq!(device.warnings[0].code, "PLEIONE_W_UNREACHABLE");
    assert!(device.warnings[0].message.contains("states.lost"));
}
