//! Who hosts an actor for messages from others, over several devices (R4).

use std::rc::Rc;

use cojson::ids::CoId;
use cojson::json::Json;
use engine::actor::ActorId;

use super::device::{Device, Storage, mail_tool};
use super::fixtures::json;
use super::network::Network;

/// Keeps one item for each message, in a collection that all devices see.
fn keeper() -> Json {
    json(
        r#"{"id":"keeper","context":{"list":{"schema":"kept"}},"state":{"initial":"idle","states":{"idle":{"on":{
            "KEEP":{"actions":{"tool":"@db","payload":{"op":"create","schema":"kept","data":{"n":"$$n"}}}},
            "MAIL":"mailing"}},
            "mailing":{"entry":{"tool":"@mail/send","payload":{"n":"$$n"}},"on":{"SUCCESS":"idle"},
                "after":{"3600000":"idle"}}}}}"#,
    )
}

fn teller() -> Json {
    json(
        r#"{"id":"teller","state":{"initial":"idle","states":{"idle":{"on":{"TELL":{"actions":[
            {"tool":"@core/tell","payload":{"type":{"$if":{"condition":"$$type","then":"$$type","else":"KEEP"}},
                "target":"keeper","payload":{"n":"$$n"}}}]}}}}}}"#,
    )
}

const TELLER: usize = 2;

/// Two devices that run the keeper, and a third that only tells it things.
fn network() -> (Network, ActorId) {
    let device = |number| Device::over(Storage::default(), number, &[mail_tool(true)]);
    let mut network = Network::new(vec![device(1), device(2), device(3)]);
    for index in 0..3 {
        network.connect(index);
    }
    let keeper_id = network.devices[0].create(&keeper());
    network.settle();
    network.devices[1].create(&keeper());
    network.devices[TELLER].create(&teller());
    network.settle();
    (network, keeper_id)
}

fn tell(network: &mut Network, n: u32) {
    let teller = ActorId::new("teller");
    network.devices[TELLER].queue(&teller, "TELL", &format!(r#"{{"n":{n}}}"#));
    network.settle();
}

fn kept(device: &mut Device) -> Vec<f64> {
    let context = device.context(&ActorId::new("keeper"));
    let list = context.get("list").unwrap().as_array().unwrap();
    let number = |item: &Json| item.get("n").unwrap().as_number().unwrap();
    let mut kept: Vec<f64> = list.iter().map(number).collect();
    kept.sort_by(f64::total_cmp);
    kept
}

fn context_id(device: &Device) -> CoId {
    let node = device.engine.node();
    node.named_id(&cojson::node::NewValue {
        value_type: cojson::header::ValueType::CoMap,
        owner: node.own_group(),
        uniqueness: cojson::header::Uniqueness::named([("actor", "keeper"), ("part", "context")]),
        meta: Json::Null,
    })
}

fn stored_context(device: &mut Device) -> Json {
    let context = context_id(device);
    let map = device.engine.node_mut().map(&context);
    map.unwrap().to_json()
}

fn host(device: &mut Device) -> String {
    let context = stored_context(device);
    context
        .get("_host")
        .map_or_else(String::new, ToString::to_string)
}

#[test]
fn r4_two_devices_that_are_both_online_handle_each_message_once() {
    let (mut network, _) = network();
    for n in 1..=5 {
        tell(&mut network, n);
    }
    network.pass(5_000);
    for n in 6..=10 {
        tell(&mut network, n);
    }
    network.pass(1_000);
    for device in 0..2 {
        assert_eq!(
            kept(&mut network.devices[device]),
            (1..=10).map(f64::from).collect::<Vec<_>>()
        );
    }
    assert!(!host(&mut network.devices[0]).is_empty());
    assert_eq!(host(&mut network.devices[0]), host(&mut network.devices[1]));
}

#[test]
fn a_host_that_nobody_watches_writes_nothing_to_stay_it() {
    let (mut network, _) = network();
    network.disconnect(1);
    tell(&mut network, 1);
    network.pass(200_000);
    for device in &mut network.devices {
        device.take_transactions();
    }
    network.pass(60_000);
    for device in &mut network.devices {
        assert_eq!(device.take_transactions(), 0);
    }
    tell(&mut network, 2);
    assert_eq!(kept(&mut network.devices[0]), [1.0, 2.0]);
}

#[test]
fn a_host_that_is_watched_renews_its_lease_beside_the_context() {
    let (mut network, host, other) = hosted();
    for device in &mut network.devices {
        device.take_transactions();
    }
    network.pass(60_000);
    let context = context_id(&network.devices[host]);
    for device in &network.devices {
        let mut written = device.writes.iter().flat_map(|write| &write.values);
        assert!(written.all(|value| value.id != context));
    }
    let renewals = own_transactions(&network.devices[host]);
    assert!((15..=21).contains(&renewals), "{renewals} in a minute");
    let asked = own_transactions(&network.devices[other]);
    assert!(asked <= 2, "{asked} in a minute");
    tell(&mut network, 2);
    assert_eq!(kept(&mut network.devices[other]), [1.0, 2.0], "at once");
}

#[test]
fn what_is_written_to_stay_the_host_is_not_told_as_unsent_and_what_applications_write_is() {
    let (mut network, host, _) = hosted();
    let has_unsent = |device: &Device| !device.engine.node().is_synced();
    for refuses_writes in [false, true] {
        let mut renewals = 0;
        for _ in 0..40 {
            let device = &mut network.devices[host];
            device.now = device.now.plus_ms(250);
            device.refuses_writes = refuses_writes;
            for _ in 0..3 {
                device.turn();
            }
            renewals += usize::from(has_unsent(device));
            let unsent = device.engine.unsent();
            assert!(unsent.is_nothing && unsent.transactions == 0, "{unsent:?}");
            device.refuses_writes = false;
            network.settle();
        }
        assert!(renewals >= 3, "{renewals} in 10 s");
    }
    let teller = &mut network.devices[TELLER];
    teller.queue(&ActorId::new("teller"), "TELL", r#"{"n":2}"#);
    teller.settle();
    let unsent = teller.engine.unsent();
    assert!(!unsent.is_nothing && unsent.transactions > 0, "{unsent:?}");
    network.settle();
    assert!(network.devices[TELLER].engine.unsent().is_nothing);
}

/// How many transactions of its own a device wrote.
fn own_transactions(device: &Device) -> usize {
    let own = device.engine.node().session();
    let values = device.writes.iter().flat_map(|write| &write.values);
    let segments = values.flat_map(|value| &value.segments);
    let own = segments.filter(|segment| segment.session == *own);
    own.map(|segment| segment.content.new_transactions.len())
        .sum()
}

/// The device that hosts the keeper, and the other.
fn hosted() -> (Network, usize, usize) {
    let (mut network, _) = network();
    tell(&mut network, 1);
    network.pass(5_000);
    let first = network.devices[0].engine.node().session().to_string();
    let is_first = host(&mut network.devices[0]).contains(&first);
    let (host, other) = if is_first { (0, 1) } else { (1, 0) };
    (network, host, other)
}

#[test]
fn r4_another_device_takes_over_within_ten_seconds_of_the_hosts_end() {
    let (mut network, host, other) = hosted();
    network.disconnect(host);
    tell(&mut network, 2);
    network.pass(3_000);
    assert_eq!(
        kept(&mut network.devices[other]),
        [1.0],
        "not before it was asked"
    );
    network.pass(7_000);
    assert_eq!(kept(&mut network.devices[other]), [1.0, 2.0]);
    tell(&mut network, 3);
    assert_eq!(
        kept(&mut network.devices[other]),
        [1.0, 2.0, 3.0],
        "it is the host now"
    );
}

#[test]
fn r4_another_device_takes_over_within_ten_seconds_of_the_hosts_end_though_nothing_waits() {
    let (mut network, host, other) = hosted();
    network.pass(60_000);
    network.disconnect(host);
    network.pass(10_000);
    tell(&mut network, 2);
    assert_eq!(
        kept(&mut network.devices[other]),
        [1.0, 2.0],
        "it was the host before the message came"
    );
}

#[test]
fn r4_a_call_that_its_holder_had_for_long_is_taken_up_within_ten_seconds_of_the_holders_end() {
    let (mut network, host, other) = hosted();
    let teller = ActorId::new("teller");
    network.devices[TELLER].queue(&teller, "TELL", r#"{"type":"MAIL","n":2}"#);
    network.pass(600_000);
    let key = network.devices[host].calls[0].call.clone();
    assert!(network.devices[other].calls.is_empty(), "called once");
    network.disconnect(host);
    network.pass(10_000);
    assert_eq!(network.devices[other].calls.len(), 1);
    assert_eq!(network.devices[other].calls[0].call, key);
}

#[test]
fn a_clock_that_is_set_neither_ends_a_lease_nor_lengthens_one() {
    for forward_ms in [-7_200_000, 7_200_000] {
        let (mut network, host_index, other) = hosted();
        let before = host(&mut network.devices[other]);
        for index in [host_index, other] {
            let device = &mut network.devices[index];
            device.now.0 = device.now.0.checked_add_signed(forward_ms).unwrap();
            device.engine.clock_was_set(forward_ms);
            network.pass(30_000);
            assert_eq!(host(&mut network.devices[other]), before, "{forward_ms}");
        }
        network.disconnect(host_index);
        network.pass(10_000);
        tell(&mut network, 2);
        let kept = kept(&mut network.devices[other]);
        assert_eq!(kept, [1.0, 2.0], "{forward_ms}");
    }
}

#[test]
fn a_lease_that_is_renewed_for_more_than_an_hour_goes_on_in_a_fresh_value() {
    let (mut network, host_index, other) = hosted();
    let before = host(&mut network.devices[other]);
    let shown = |network: &mut Network| {
        let context = stored_context(&mut network.devices[other]);
        let pulses = context.as_object().unwrap().iter();
        let pulses = pulses.filter(|(key, value)| key.starts_with("_pulse/") && !value.is_null());
        pulses.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    network.pass(10_000);
    let first = shown(&mut network);
    assert_eq!(first.len(), 1);
    network.pass_in_steps(4_000_000, 3_000);
    let last = shown(&mut network);
    assert_eq!(last.len(), 1);
    assert_ne!(first, last);
    assert_eq!(host(&mut network.devices[other]), before);
    let first = CoId::parse(first[0].as_str().unwrap()).unwrap();
    let node = network.devices[other].engine.node_mut();
    assert!(node.is_deleted(&first), "nobody needs it any more");
    network.disconnect(host_index);
    network.pass(10_000);
    tell(&mut network, 2);
    assert_eq!(kept(&mut network.devices[other]), [1.0, 2.0]);
}

#[test]
fn r4_a_host_that_comes_back_hosts_no_more_and_handles_nothing_again() {
    let (mut network, host, other) = hosted();
    network.disconnect(host);
    tell(&mut network, 2);
    network.pass(10_000);
    network.connect(host);
    tell(&mut network, 3);
    network.pass(2_000);
    for device in [host, other] {
        assert_eq!(kept(&mut network.devices[device]), [1.0, 2.0, 3.0]);
    }
}

#[test]
fn r4_what_a_host_handled_and_could_not_tell_before_it_was_cut_off_leads_to_the_same_again() {
    let (mut network, host, other) = hosted();
    tell_to_host_alone(&mut network, host);
    network.pass(10_000);
    assert_eq!(
        kept(&mut network.devices[other]),
        [1.0, 2.0],
        "nobody knows that it was handled"
    );
    network.connect(host);
    network.pass(2_000);
    for device in [host, other] {
        assert_eq!(
            kept(&mut network.devices[device]),
            [1.0, 2.0],
            "and it is one item still"
        );
    }
}

/// The host gets the message and handles it, and its wire breaks before anybody hears of that.
fn tell_to_host_alone(network: &mut Network, host: usize) {
    let teller = ActorId::new("teller");
    network.devices[TELLER].queue(&teller, "TELL", r#"{"n":2}"#);
    network.devices[TELLER].settle();
    network.deliver_to_server(TELLER);
    network.run_server();
    network.devices[host].settle();
    assert_eq!(kept(&mut network.devices[host]), [1.0, 2.0]);
    network.disconnect(host);
}

#[test]
fn a_host_that_only_takes_its_time_is_asked_and_stays_it() {
    let (mut network, _) = network();
    tell(&mut network, 1);
    network.pass(5_000);
    let before = host(&mut network.devices[0]);
    // A call that takes two minutes: the other device asks whether its session lives, and it does.
    let teller = ActorId::new("teller");
    network.devices[TELLER].queue(&teller, "TELL", r#"{"type":"MAIL","n":2}"#);
    network.pass(120_000);
    assert_eq!(host(&mut network.devices[0]), before);
    let calls = network.devices[0].calls.len() + network.devices[1].calls.len();
    assert_eq!(calls, 1, "called once");
}

#[test]
fn r3_r4_a_call_that_a_dead_device_left_is_made_again_with_its_key_by_the_next_host() {
    let (mut network, _) = network();
    let teller = ActorId::new("teller");
    network.devices[TELLER].queue(&teller, "TELL", r#"{"type":"MAIL","n":2}"#);
    network.pass(5_000);
    let dead = usize::from(network.devices[0].calls.is_empty());
    let key = network.devices[dead].calls[0].call.clone();
    network.disconnect(dead);
    network.pass(10_000);
    let other = &mut network.devices[1 - dead];
    assert_eq!(other.calls.len(), 1);
    assert_eq!(other.calls[0].call, key);
    other.answer(Ok(Json::Null));
    assert_eq!(other.state(&ActorId::new("keeper")), "idle");
    network.connect(dead);
    network.pass(2_000);
    assert_eq!(
        network.devices[dead].cancelled,
        [key],
        "who comes back gives it up"
    );
}

#[test]
fn a_device_takes_over_from_its_own_dead_tab_without_waiting() {
    let (mut network, host_index, _) = hosted();
    let dead = network.devices[host_index].engine.node().session().clone();
    let again = Device::over(
        Rc::clone(&network.devices[host_index].storage),
        9,
        &[mail_tool(true)],
    );
    network.disconnect(host_index);
    network.devices[host_index] = again;
    let sessions = [dead].into_iter().collect();
    network.devices[host_index]
        .engine
        .set_device_sessions(sessions);
    network.connect(host_index);
    network.devices[host_index].create(&keeper());
    network.settle();
    tell(&mut network, 2);
    network.pass(1_000);
    assert_eq!(kept(&mut network.devices[host_index]), [1.0, 2.0]);
    let own = network.devices[host_index]
        .engine
        .node()
        .session()
        .to_string();
    assert!(host(&mut network.devices[host_index]).contains(&own));
}

#[test]
fn a_device_that_slept_takes_nobody_for_dead() {
    let (mut network, host_index, other) = hosted();
    let before = host(&mut network.devices[0]);
    network.disconnect(host_index);
    tell(&mut network, 2);
    network.pass(2_500);
    // It sleeps for an hour right after it asked; meanwhile the host comes back.
    network.devices[other].now = network.devices[other].now.plus_ms(3_600_000);
    network.connect(host_index);
    network.pass(1_000);
    assert_eq!(host(&mut network.devices[0]), before);
    assert_eq!(kept(&mut network.devices[host_index]), [1.0, 2.0]);
}
