//! Looking back: a value's edits, and what it showed at a moment.

use cojson::header::ValueType;
use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::{Node, Stamp};
use cojson::view::Moment;

use crate::world::{World, device, load, new_map, new_value, set};

const NOW: u64 = 1_795_334_513_735;

fn at(ms: u64) -> Stamp {
    Stamp::Now(Timestamp(NOW + ms))
}

fn shown_at(node: &mut Node, id: &CoId, ms: u64) -> String {
    let moment = Moment::Time(Timestamp(NOW + ms));
    node.shown_at(id, &moment).unwrap().to_json().to_string()
}

fn shown(node: &mut Node, id: &CoId) -> String {
    node.shown(id).unwrap().to_json().to_string()
}

#[test]
fn every_kind_of_value_shows_what_it_showed_at_a_time() {
    let mut node = device("alice", 1);
    let group = node.own_group();
    let map = new_map(&mut node, &group, NOW);
    let list = new_value(&mut node, ValueType::CoList, NOW);
    let text = new_value(&mut node, ValueType::CoPlainText, NOW);
    let stream = new_value(&mut node, ValueType::CoStream, NOW);
    let mut expected = Vec::new();
    for (place, step) in (0..10_u64).enumerate() {
        let key = ["a", "b", "c"][place % 3];
        if step % 4 == 3 {
            node.map_delete(&map, key, at(step)).unwrap();
            node.list_delete(&list, 0, at(step)).unwrap();
            node.text_delete(&text, 1, 1, at(step)).unwrap();
        } else {
            set(&mut node, &map, key, &step.to_string(), NOW + step);
            let item = Json::from(key);
            node.list_insert(&list, place / 3, &[item], at(step))
                .unwrap();
            node.text_insert(&text, 0, &["x", key], at(step)).unwrap();
        }
        node.stream_push(&stream, key.into(), at(step)).unwrap();
        expected.push([&map, &list, &text, &stream].map(|id| shown(&mut node, id)));
    }
    for (step, expected) in (0..).zip(&expected) {
        let seen = [&map, &list, &text, &stream].map(|id| shown_at(&mut node, id, step));
        assert_eq!(seen, *expected, "at {step}");
    }
    // Looking back changes nothing, and what is written afterwards is seen by both.
    set(&mut node, &map, "late", "yes", NOW + 20);
    assert!(shown(&mut node, &map).contains("late"));
    assert!(shown_at(&mut node, &map, 20).contains("late"));
    assert!(!shown_at(&mut node, &map, 19).contains("late"));
}

#[test]
fn a_frontier_shows_what_another_device_had() {
    let mut world = World::default();
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let group = phone.own_group();
    let map = new_map(&mut phone, &group, NOW);
    set(&mut phone, &map, "phone", "1", NOW);
    world.sync(&mut [&mut phone, &mut laptop]);
    load(&mut world, &mut laptop, &[&map]);
    set(&mut laptop, &map, "laptop", "1", NOW + 1);
    let had = laptop.log(&map).unwrap().known_state().sessions;
    let seen = shown(&mut laptop, &map);
    // Earlier by the clock, but unknown to the laptop.
    set(&mut phone, &map, "phone", "2", NOW);
    world.sync(&mut [&mut phone, &mut laptop]);
    assert_ne!(shown(&mut laptop, &map), seen);
    for node in [&mut phone, &mut laptop] {
        let then = node.shown_at(&map, &Moment::Frontier(had.clone())).unwrap();
        assert_eq!(then.to_json().to_string(), seen);
    }
}

#[test]
fn edits_are_told_in_their_order_with_their_authors_on_every_device_alike() {
    let mut world = World::default();
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let group = phone.own_group();
    let map = new_map(&mut phone, &group, NOW);
    set(&mut phone, &map, "key", "first", NOW);
    world.sync(&mut [&mut phone, &mut laptop]);
    load(&mut world, &mut laptop, &[&map]);
    set(&mut laptop, &map, "key", "third", NOW + 30);
    set(&mut phone, &map, "key", "second", NOW + 20);
    phone.map_delete(&map, "key", at(40)).unwrap();
    world.sync(&mut [&mut phone, &mut laptop]);
    let sessions = [phone.session().clone(), laptop.session().clone()];
    let edits = phone.edits(&map).unwrap();
    assert_eq!(laptop.edits(&map).unwrap(), edits);
    let told: Vec<_> = edits
        .iter()
        .map(|edit| {
            let device = sessions
                .iter()
                .position(|session| *session == edit.id.session);
            let value = edit.changes[0].get("value").and_then(Json::as_str);
            (edit.made_at.0 - NOW, device.unwrap(), edit.id.index, value)
        })
        .collect();
    assert_eq!(
        told,
        [
            (0, 0, 0, Some("first")),
            (20, 0, 1, Some("second")),
            (30, 1, 0, Some("third")),
            (40, 0, 2, None),
        ]
    );
    let map = laptop.map(&map).unwrap();
    let history: Vec<_> = map
        .history("key")
        .iter()
        .map(|entry| entry.value.clone())
        .collect();
    let values = ["first", "second", "third"].map(|value| Some(value.into()));
    assert_eq!(history, [&values[..], &[None]].concat());
}

/// The quickest of many rounds, as others work on the same machine.
#[test]
fn reading_a_current_value_costs_nothing_that_grows_with_its_history() {
    let mut node = device("alice", 1);
    let group = node.own_group();
    let map = new_map(&mut node, &group, NOW);
    let mut time_of_reads = |writes: u64| {
        for write in 0..writes {
            set(&mut node, &map, "key", &write.to_string(), NOW + write);
        }
        let mut round = || {
            let start = std::time::Instant::now();
            for _ in 0..100 {
                assert!(node.map(&map).unwrap().get("key").is_some());
            }
            start.elapsed()
        };
        (0..100).map(|_| round()).min().unwrap()
    };
    let short = time_of_reads(20);
    let long = time_of_reads(4_000);
    assert!(
        long < short * 10,
        "{short:?} after 20 writes, {long:?} after 4,020"
    );
}
