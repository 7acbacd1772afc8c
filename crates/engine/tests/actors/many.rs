//! Many actors: each takes as much to make and to keep as one among few, and what they have in common is there once.

use cojson::ids::Timestamp;
use cojson::json::Json;
use engine::actor::ActorId;
use engine::machine::Event;

use super::device::{Device, Storage};
use super::fixtures::json;

fn lamp(number: usize, more: &str) -> Json {
    json(&format!(
        r#"{{"id": "lamp-{number}", "context": {{"count": 0}}, "messageTypes": ["PRESS"],
        "state": {{"initial": "off", "states": {{
            "off": {{"on": {{"PRESS": {{"target": "on", "actions": {{"updateContext": {{"count": {{"$add": ["$count", 1]}}}}}}}}}}}},
            "on": {{"on": {{"PRESS": "off"}}}}
        }}}} {more}}}"#
    ))
}

/// The bytes that making so many takes, all that is let go of again with it, for each; and those that are kept of each.
fn bytes_each(count: usize) -> (u64, u64) {
    let mut device = Device::over(Storage::default(), 1, &[]);
    let info = allocation_counter::measure(|| {
        for number in 0..count {
            device.engine.create_actor(&lamp(number, "")).unwrap();
        }
        device.settle();
        device.writes.clear();
    });
    let ready = (0..count).filter(|number| {
        let id = ActorId::new(format!("lamp-{number}"));
        device.engine.is_ready(&id)
    });
    assert_eq!(ready.count(), count);
    let kept = u64::try_from(info.bytes_current).unwrap();
    (info.bytes_total / count as u64, kept / count as u64)
}

#[test]
fn an_actor_among_many_takes_as_much_to_make_and_to_keep_as_one_among_few() {
    let (few, many) = (bytes_each(100), bytes_each(1_600));
    assert!(many.0 < few.0 * 5 / 4, "{many:?} each instead of {few:?}");
    assert!(many.1 < 12_000, "{} bytes are kept of each", many.1);
}

#[test]
fn actors_that_say_the_same_keep_a_state_and_a_context_of_their_own() {
    let mut device = Device::new(1);
    let ids: Vec<ActorId> = (0..3)
        .map(|number| device.engine.create_actor(&lamp(number, "")).unwrap())
        .collect();
    device.settle();
    device
        .engine
        .send(&ids[1], Event::new("PRESS", Json::Null))
        .unwrap();
    device.settle();
    let state = |device: &Device, id| device.engine.state(id).unwrap().to_string();
    assert_eq!(state(&device, &ids[0]), r#""off""#);
    assert_eq!(state(&device, &ids[1]), r#""on""#);
    // An edit of one is none of the others.
    let edited = lamp(2, "").to_string().replace(r#""off""#, r#""out""#);
    device.engine.create_actor(&json(&edited)).unwrap();
    device.settle();
    assert_eq!(state(&device, &ids[0]), r#""off""#);
    assert_eq!(state(&device, &ids[2]), r#""out""#);
    assert_eq!(device.context(&ids[1]).get("count"), Some(&Json::from(1)));
}

#[test]
fn the_sheet_of_actors_that_say_the_same_is_there_until_the_last_of_them_is_gone() {
    let style = r#", "style": {"components": {"lamp": {"color": "red"}}}"#;
    let mut device = Device::new(1);
    let ids: Vec<ActorId> = (0..2)
        .map(|number| device.engine.create_actor(&lamp(number, style)).unwrap())
        .collect();
    device.settle();
    let sheet = device.engine.sheet(&ids[0]).unwrap();
    assert_eq!(device.engine.sheet(&ids[1]), Some(sheet));
    device.engine.destroy_actor(&ids[0], Timestamp(0));
    assert!(device.engine.styles().get(sheet).is_some());
    device.engine.destroy_actor(&ids[1], Timestamp(0));
    assert!(device.engine.styles().get(sheet).is_none());
}
