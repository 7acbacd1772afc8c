//! Lists, streams and maps that several devices write to.

use cojson::header::ValueType;
use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::{Change, NewValue, Node, Stamp, WriteError};
use cojson::transaction::{TX_BYTES_MAX, Transaction};
use cojson::view::MapChange;

use crate::world::{World, device, get, load, new_map, new_value, set};

const NOW: u64 = 1_795_334_513_735;

fn at(ms: u64) -> Stamp {
    Stamp::Now(Timestamp(NOW + ms))
}

fn items(node: &mut Node, list: &CoId) -> String {
    let list = node.list(list).unwrap();
    list.iter().filter_map(Json::as_str).collect()
}

#[test]
fn a_list_is_edited_at_its_places() {
    let mut node = device("alice", 1);
    let list = new_value(&mut node, ValueType::CoList, NOW);
    let json = |texts: &str| {
        texts
            .chars()
            .map(|char| char.to_string().into())
            .collect::<Vec<Json>>()
    };
    node.list_append(&list, &json("bd"), at(0)).unwrap();
    node.list_prepend(&list, &json("a"), at(1)).unwrap();
    node.list_insert(&list, 2, &json("xyc"), at(2)).unwrap();
    assert_eq!(items(&mut node, &list), "abxycd");
    node.list_replace(&list, 2, "X".into(), at(3)).unwrap();
    node.list_delete(&list, 3, at(4)).unwrap();
    node.list_append(&list, &json("e"), at(5)).unwrap();
    assert_eq!(items(&mut node, &list), "abXcde");
    for (index, result) in [
        (6, node.list_delete(&list, 6, at(6))),
        (9, node.list_replace(&list, 9, Json::Null, at(6))),
        (9, node.list_insert(&list, 10, &json("z"), at(6))),
    ] {
        let id = list.clone();
        assert_eq!(result, Err(WriteError::NoSuchItem { id, index, len: 6 }));
    }
}

#[test]
fn r10_devices_that_edit_a_list_offline_show_the_same_list() {
    let mut world = World::default();
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let list = new_value(&mut phone, ValueType::CoList, NOW);
    phone
        .list_append(&list, &["a".into(), "b".into()], at(0))
        .unwrap();
    world.sync(&mut [&mut phone, &mut laptop]);
    load(&mut world, &mut laptop, &[&list]);
    for round in 1..4 {
        phone
            .list_insert(&list, 1, &["p".into()], at(round * 10))
            .unwrap();
        // At the same moment, on a clock that is ahead in one round and behind in another.
        laptop
            .list_append(&list, &["l".into()], at(round * 10))
            .unwrap();
        laptop.list_delete(&list, 0, at(round * 7)).unwrap();
        world.sync(&mut [&mut phone, &mut laptop]);
        assert_eq!(items(&mut phone, &list), items(&mut laptop, &list));
    }
    assert_eq!(phone.list(&list).unwrap().len(), 5);
}

#[test]
fn an_inbox_shows_each_senders_messages_in_their_order() {
    let mut world = World::default();
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let inbox = new_value(&mut phone, ValueType::CoStream, NOW);
    phone.stream_push(&inbox, "one".into(), at(0)).unwrap();
    world.sync(&mut [&mut phone, &mut laptop]);
    load(&mut world, &mut laptop, &[&inbox]);
    laptop.stream_push(&inbox, "two".into(), at(1)).unwrap();
    phone.stream_push(&inbox, "three".into(), at(2)).unwrap();
    world.sync(&mut [&mut phone, &mut laptop]);
    let sessions = [phone.session().clone(), laptop.session().clone()];
    for node in [&mut phone, &mut laptop] {
        let stream = node.stream(&inbox).unwrap();
        let of = |place: usize| {
            let items = stream.items(&sessions[place]).iter();
            items
                .filter_map(|item| item.value.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!((of(0), of(1)), (vec!["one", "three"], vec!["two"]));
    }
}

#[test]
fn r1_one_call_is_one_transaction_and_it_is_encrypted() {
    let mut node = device("alice", 1);
    let map = new_value(&mut node, ValueType::CoMap, NOW);
    let entries: [(std::sync::Arc<str>, Option<Json>); 3] = [
        ("_currentState".into(), Some("busy".into())),
        ("text".into(), Some("top secret".into())),
        ("draft".into(), None),
    ];
    node.map_write(&map, &entries, at(0)).unwrap();
    let log = node.log(&map).unwrap();
    let transactions = log.session(node.session()).unwrap().transactions();
    let [
        Transaction::Private {
            encrypted_changes, ..
        },
    ] = transactions
    else {
        panic!("{transactions:?}");
    };
    assert!(!encrypted_changes.contains("secret"));
    assert_eq!(node.map(&map).unwrap().len(), 2);
}

#[test]
fn a_write_after_a_faster_clock_is_seen_and_one_dated_absurdly_is_not_followed() {
    let mut world = World::default();
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let map = new_value(&mut phone, ValueType::CoMap, NOW);
    set(&mut phone, &map, "key", "hours ahead", NOW + 5 * 3_600_000);
    world.sync(&mut [&mut phone, &mut laptop]);
    load(&mut world, &mut laptop, &[&map]);
    set(&mut laptop, &map, "key", "later in truth", NOW);
    assert_eq!(
        get(&mut laptop, &map, "key").as_deref(),
        Some("later in truth")
    );

    set(
        &mut phone,
        &map,
        "other",
        "from 2100",
        NOW + 2_300_000_000_000,
    );
    world.sync(&mut [&mut phone, &mut laptop]);
    let written = laptop
        .map_set(&map, &[("key".into(), "today".into())], at(0))
        .unwrap();
    let log = laptop.log(&map).unwrap().session(&written.session).unwrap();
    let made_at = log.transactions()[written.index as usize].made_at();
    assert!(made_at <= Timestamp(NOW + 86_400_000), "{made_at:?}");
}

#[test]
fn what_cannot_be_written_is_told_and_leaves_no_trace() {
    let mut node = device("alice", 1);
    let map = new_value(&mut node, ValueType::CoMap, NOW);
    let group = node.own_group();
    let missing = CoId::parse("co_zMissing").unwrap();
    let change = |value: Json| [Change::from(MapChange::set("key", value))];
    let small = change(Json::Null);
    let huge = change("x".repeat(TX_BYTES_MAX).into());
    for (id, changes, expected) in [
        (&missing, &small, "is not loaded"),
        (&group, &small, "is a group"),
        (&map, &[Change::Item(Json::Null)], "is a comap"),
        (&map, &huge, "split them"),
    ] {
        let error = node.transact(id, changes, at(0)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(node.list_append(&map, &[Json::Null], at(0)).is_err());
    assert_eq!(node.log(&map).unwrap().session_len(node.session()), 0);
    let value = NewValue {
        value_type: ValueType::CoMap,
        owner: missing,
        uniqueness: node.random_uniqueness(),
        meta: Json::Null,
    };
    assert!(node.create(value, Timestamp(NOW)).is_err());
}

#[test]
fn a_closed_view_comes_back_as_it_was() {
    let mut node = device("alice", 1);
    let group = node.own_group();
    let map = new_map(&mut node, &group, NOW);
    set(&mut node, &map, "key", "value", NOW);
    node.close(&map);
    assert_eq!(get(&mut node, &map, "key").as_deref(), Some("value"));
}
