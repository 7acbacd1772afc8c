//! Actors on several devices of one account: what they show once they have heard of each other.

use super::device::{Device, Storage, mail_tool};
use super::fixtures::json;
use super::network::Network;
use cojson::json::Json;
use engine::actor::ActorId;

fn notes() -> Json {
    json(
        r#"{"id":"notes","context":{"list":{"schema":"notes"},"title":"Notes","count":0},
        "state":{"initial":"idle","states":{
            "idle":{"on":{
                "ADD":{"target":"idle","actions":[{"tool":"@db","payload":{"op":"create","schema":"notes","data":{"text":"$$text"}}}]},
                "RENAME":{"target":"renamed","actions":[{"updateContext":{"title":"$$title"}}]}}},
            "renamed":{"on":{"RENAME":{"target":"renamed","actions":[{"updateContext":{"title":"$$title"}}]}}}}}}"#,
    )
}

fn network() -> (Network, ActorId) {
    let mut network = Network::new(vec![Device::new(1), Device::new(2)]);
    let actor = network.devices[0].create(&notes());
    network.devices[1].create(&notes());
    (network, actor)
}

fn shown(network: &mut Network, actor: &ActorId) -> Vec<String> {
    let devices = network.devices.iter_mut();
    devices
        .map(|device| format!("{} {}", device.state(actor), device.context(actor)))
        .collect()
}

#[test]
fn r10_two_devices_that_made_the_same_actor_offline_have_one() {
    let (mut network, actor) = network();
    network.devices[0].send(&actor, "ADD", r#"{"text":"from the first"}"#);
    network.devices[1].send(&actor, "ADD", r#"{"text":"from the second"}"#);
    network.devices[1].send(&actor, "RENAME", r#"{"title":"Mine"}"#);
    network.connect(0);
    network.connect(1);
    let shown = shown(&mut network, &actor);
    assert_eq!(shown[0], shown[1]);
    for part in ["renamed", "from the first", "from the second", "Mine"] {
        assert!(shown[0].contains(part), "{part} is missing in {}", shown[0]);
    }
}

#[test]
fn a_change_is_live_on_the_other_device_and_moves_its_machine() {
    let (mut network, actor) = network();
    network.connect(0);
    network.connect(1);
    network.devices[0].send(&actor, "RENAME", r#"{"title":"Ours"}"#);
    network.settle();
    assert_eq!(network.devices[1].state(&actor), "renamed");
    assert_eq!(
        network.devices[1]
            .context(&actor)
            .get("title")
            .unwrap()
            .as_str(),
        Some("Ours")
    );
}

#[test]
fn what_was_done_offline_reaches_the_others_when_the_wire_is_back() {
    let (mut network, actor) = network();
    network.connect(0);
    network.connect(1);
    network.disconnect(0);
    for number in 0..20 {
        network.devices[0].send(&actor, "ADD", &format!(r#"{{"text":"{number}"}}"#));
    }
    network.devices[1].send(&actor, "ADD", r#"{"text":"meanwhile"}"#);
    network.connect(0);
    let shown = shown(&mut network, &actor);
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0].matches(r#""text""#).count(), 21);
}

#[test]
fn founding_late_overrides_nothing() {
    let (mut network, actor) = network();
    network.connect(0);
    network.devices[0].send(&actor, "RENAME", r#"{"title":"Old news"}"#);
    network.settle();
    let mut late = Device::new(3);
    late.now = late.now.plus_ms(100_000);
    late.create(&notes());
    network.devices[1] = late;
    network.connect(1);
    assert_eq!(network.devices[1].state(&actor), "renamed");
    assert_eq!(
        network.devices[0]
            .context(&actor)
            .get("title")
            .unwrap()
            .as_str(),
        Some("Old news")
    );
}

#[test]
fn r3_another_devices_call_is_not_taken_for_interrupted() {
    let mailer = json(
        r#"{"id":"mailer","context":{"problem":null},"state":{"initial":"idle","states":{
            "idle":{"on":{"SEND":"sending"}},
            "sending":{"entry":{"tool":"@mail/send","payload":{}},"on":{"SUCCESS":"idle",
                "ERROR":{"target":"idle","actions":[{"updateContext":{"problem":"$$errors.0.type"}}]}}}}}}"#,
    );
    let device = |number| Device::over(Storage::default(), number, &[mail_tool(false)]);
    let mut network = Network::new(vec![device(1), device(2)]);
    let actor = network.devices[0].create(&mailer);
    network.connect(0);
    network.devices[0].send(&actor, "SEND", "{}");
    network.settle();
    network.connect(1);
    network.devices[1].create(&mailer);
    network.settle();
    assert_eq!(network.devices[1].state(&actor), "sending");
    network.devices[0].answer(Ok(Json::Null));
    network.settle();
    assert_eq!(network.devices[1].state(&actor), "idle");
    assert!(
        network.devices[1]
            .context(&actor)
            .get("problem")
            .unwrap()
            .is_null()
    );
}
