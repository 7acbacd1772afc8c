//! What headers and metas ask for: the first writer wins, only administrators delete items, kinds of tomorrow are kept.

use cojson::access::Role;
use cojson::header::{Uniqueness, ValueType};
use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::{Change, NewValue, Node, Shown, Stamp};
use cojson::view::MapChange;

use crate::scene::{NOW, scene};
use crate::world::{World, device, load, settle};

fn at(ms: u64) -> Stamp {
    Stamp::Now(Timestamp(NOW + ms))
}

fn shown(node: &mut Node, id: &CoId) -> String {
    node.shown(id).unwrap().to_json().to_string()
}

/// A value that two devices of Alice know by its name, made by each.
fn named(node: &mut Node, value_type: ValueType) -> CoId {
    let value = NewValue {
        value_type,
        owner: node.own_group(),
        uniqueness: Uniqueness::named([("name", "same")]),
        meta: Json::Null,
    };
    node.load(&node.named_id(&value));
    let _ = settle(node);
    node.create(value, Timestamp(NOW)).unwrap()
}

fn append(node: &mut Node, id: &CoId, item: &str) -> Vec<Change> {
    let list = node.list(id).unwrap();
    let changes = list.append([item.into()]);
    changes.into_iter().map(Change::List).collect()
}

#[test]
fn of_those_who_begin_a_value_alike_the_first_one_counts() {
    let mut world = World::default();
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let map = named(&mut phone, ValueType::CoMap);
    assert_eq!(named(&mut laptop, ValueType::CoMap), map);
    let begun = |by: &str| [Change::from(MapChange::set(by, by.into()))];
    laptop
        .transact_first(&map, "init", &begun("laptop"), at(10))
        .unwrap();
    phone
        .transact_first(&map, "init", &begun("phone"), at(20))
        .unwrap();
    assert_eq!(shown(&mut phone, &map), r#"{"phone":"phone"}"#);
    world.sync(&mut [&mut phone, &mut laptop]);
    for node in [&mut phone, &mut laptop] {
        assert_eq!(shown(node, &map), r#"{"laptop":"laptop"}"#);
        assert_eq!(node.edits(&map).unwrap().len(), 1);
    }
}

#[test]
fn what_was_put_beside_items_that_lost_keeps_its_place() {
    let mut world = World::default();
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let list = named(&mut phone, ValueType::CoList);
    assert_eq!(named(&mut laptop, ValueType::CoList), list);
    let first = append(&mut laptop, &list, "won");
    laptop
        .transact_first(&list, "init", &first, at(10))
        .unwrap();
    let second = append(&mut phone, &list, "lost");
    phone
        .transact_first(&list, "init", &second, at(20))
        .unwrap();
    phone
        .list_append(&list, &["beside".into()], at(30))
        .unwrap();
    world.sync(&mut [&mut phone, &mut laptop]);
    for node in [&mut phone, &mut laptop] {
        assert_eq!(shown(node, &list), r#"["won","beside"]"#);
    }
    // Not only at a rebuild.
    laptop.list_append(&list, &["end".into()], at(40)).unwrap();
    assert_eq!(shown(&mut laptop, &list), r#"["won","beside","end"]"#);
}

#[test]
fn a_list_that_restricts_deletion_lets_only_administrators_delete() {
    let mut scene = scene();
    scene.add_bob(Role::Manager, NOW + 1);
    let value = NewValue {
        value_type: ValueType::CoList,
        owner: scene.group.clone(),
        uniqueness: scene.alice.random_uniqueness(),
        meta: Json::Null,
    };
    let now = Timestamp(NOW + 2);
    let list = scene
        .alice
        .create_with_restricted_deletion(value, now)
        .unwrap();
    let items = ["a", "b", "c", "d"].map(Json::from);
    scene.alice.list_append(&list, &items, at(3)).unwrap();
    scene.sync();
    load(&mut scene.world, &mut scene.bob, &[&list]);
    scene.bob.list_delete(&list, 0, at(4)).unwrap();
    scene.sync();
    assert_eq!(shown(&mut scene.alice, &list), r#"["b","c","d"]"#);

    // A manager no longer, but he has not heard of it when he deletes and replaces.
    let bob = crate::scene::member(&scene.bob);
    let writer = (Role::Writer, Timestamp(NOW + 10));
    scene
        .alice
        .add_member(&scene.group, &bob, writer.0, writer.1)
        .unwrap();
    scene.bob.list_delete(&list, 0, at(20)).unwrap();
    scene
        .bob
        .list_replace(&list, 1, "D".into(), at(21))
        .unwrap();
    assert_eq!(shown(&mut scene.bob, &list), r#"["c","D"]"#);
    scene.sync();
    for node in [&mut scene.alice, &mut scene.bob] {
        assert_eq!(shown(node, &list), r#"["b","c","d"]"#);
    }
    let refused = scene.bob.list_delete(&list, 0, at(22)).unwrap_err();
    assert!(refused.to_string().contains("delete items"), "{refused}");
    scene.bob.list_append(&list, &["e".into()], at(23)).unwrap();
    scene.sync();
    assert_eq!(shown(&mut scene.alice, &list), r#"["b","c","d","e"]"#);
}

#[test]
fn a_value_of_a_kind_that_is_not_known_is_kept_and_passed_on() {
    let mut world = World::default();
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let value = NewValue {
        value_type: ValueType::from_word("cotree"),
        owner: phone.own_group(),
        uniqueness: phone.random_uniqueness(),
        meta: Json::Null,
    };
    let id = phone.create(value, Timestamp(NOW)).unwrap();
    let item = Json::parse(r#"{"op":"move","to":[1,2]}"#).unwrap();
    phone
        .transact(&id, &[Change::Item(item.clone())], at(1))
        .unwrap();
    world.sync(&mut [&mut phone, &mut laptop]);
    // A device that was never there gets it from the server.
    load(&mut world, &mut laptop, &[&id]);
    assert!(matches!(laptop.shown(&id), Some(Shown::Opaque)));
    assert_eq!(shown(&mut laptop, &id), "{}");
    let edits = laptop.edits(&id).unwrap();
    assert_eq!(edits.len(), 1);
    assert_eq!(edits[0].changes, [item]);
    let header = laptop.log(&id).unwrap().header();
    assert_eq!(header.value_type, ValueType::Unknown("cotree".into()));
    assert_eq!(header.id(), id);
}
