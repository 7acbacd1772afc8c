//! Definitions as values: published once, hosted elsewhere, followed when they are edited.

use std::rc::Rc;

use cojson::ids::CoId;
use cojson::json::Json;
use engine::actor::ActorId;

use super::device::Device;
use super::fixtures::json;

/// A light whose states are those of the definition.
fn light(on: &str) -> Json {
    json(&format!(
        r#"{{"id": "light", "context": {{"switched": 0}}, "state": {{"initial": "off", "states": {{
            "off": {{"on": {{"SWITCH": {{"target": "{on}", "actions": [{{"updateContext": {{"switched": {{"$add": ["$switched", 1]}}}}}}]}}}}}},
            "{on}": {{"on": {{"SWITCH": "off"}}}}
        }}}}}}"#
    ))
}

fn publish(device: &mut Device, definition: &Json) -> CoId {
    let values = device.engine.prepare_publishing(definition).unwrap();
    device.settle();
    assert!(values.iter().all(|id| device.engine.is_settled(id)));
    let id = device.engine.publish(definition, device.now).unwrap();
    device.settle();
    id
}

fn open(device: &mut Device, id: &CoId) -> ActorId {
    let first = device.engine.open_published(id).unwrap();
    device.settle();
    let actor = device.engine.open_published(id).unwrap();
    device.settle();
    assert!(first.is_none() || first == actor);
    actor.unwrap()
}

#[test]
fn a_published_definition_is_the_same_value_each_time_and_only_what_differs_is_written() {
    let mut device = Device::new(1);
    let id = publish(&mut device, &light("on"));
    device.take_transactions();
    assert_eq!(publish(&mut device, &light("on")), id);
    assert_eq!(device.take_transactions(), 0, "nothing differs");
    assert_eq!(publish(&mut device, &light("bright")), id);
    assert_eq!(device.take_transactions(), 1, "the machine");
    let shown = device.engine.node_mut().map(&id).unwrap().to_json();
    assert_eq!(shown, light("bright"));
}

#[test]
fn an_actor_of_a_published_definition_follows_what_is_edited_and_keeps_its_state() {
    let mut device = Device::new(1);
    let id = publish(&mut device, &light("on"));
    let actor = open(&mut device, &id);
    assert!(device.send(&actor, "SWITCH", "{}"));
    assert!(device.send(&actor, "SWITCH", "{}"));
    publish(&mut device, &light("bright"));
    assert_eq!(device.state(&actor), "off");
    assert!(device.send(&actor, "SWITCH", "{}"));
    assert_eq!(device.state(&actor), "bright");
    let switched = device.context(&actor).get("switched").cloned();
    assert_eq!(switched, Some(2.into()));
}

#[test]
fn r12_an_edit_that_is_wrong_is_told_and_the_actor_goes_on_as_it_was() {
    let mut device = Device::new(1);
    let id = publish(&mut device, &light("on"));
    let actor = open(&mut device, &id);
    let write = |device: &mut Device, key: &str, value: Json| {
        let stamp = cojson::node::Stamp::Now(device.now);
        let written = device
            .engine
            .node_mut()
            .map_set(&id, &[(key.into(), value)], stamp);
        written.unwrap();
        device.engine.changed(&id);
        device.settle();
    };
    write(
        &mut device,
        "state",
        json(r#"{"initial": "nowhere", "states": {"off": {}}}"#),
    );
    assert!(device.failures.pop().unwrap().contains("initial"));
    assert!(device.send(&actor, "SWITCH", "{}"));
    write(&mut device, "id", "another".into());
    assert!(device.failures.pop().unwrap().contains("light"));
    assert!(device.engine.is_ready(&actor));
}

#[test]
fn what_an_account_has_published_is_hosted_by_another_of_its_devices_also_what_comes_later() {
    let mut first = Device::new(1);
    publish(&mut first, &light("on"));
    let mut second = Device::over(Rc::clone(&first.storage), 2, &[]);
    second.engine.open_all_published();
    second.settle();
    let light_actor = ActorId::new("light");
    assert!(second.engine.is_ready(&light_actor));
    first.writes.clear();
    let lamp = json(r#"{"id": "lamp"}"#);
    publish(&mut first, &lamp);
    second.hear(&first.writes);
    second.settle();
    assert!(second.engine.is_ready(&ActorId::new("lamp")));
    second.engine.destroy_actor(&light_actor, second.now);
    second.settle();
    assert!(!second.engine.is_ready(&light_actor));
}
