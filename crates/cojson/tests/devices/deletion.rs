//! Deleting values: by whom, and what is left.

use cojson::access::{AccessError, Role};
use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::node::{Node, Shown, WriteError};
use cojson::session_log::SessionLog;
use cojson::sync::{Denial, Effect};
use cojson::view::Moment;

use crate::scene::{END, NOW, scene};
use crate::world::{device, get, load, new_map, set};

fn is_deleted(node: &mut Node, id: &CoId) -> bool {
    let shown = node.shown(id);
    assert!(!matches!(shown, Some(Shown::Opaque)));
    node.is_deleted(id)
}

#[test]
fn what_an_admin_deletes_nobody_reads_or_writes_any_more() {
    let mut scene = scene();
    scene.add_bob(Role::Writer, NOW + 1);
    assert_eq!(
        get(&mut scene.bob, &scene.map, "text").as_deref(),
        Some("secret")
    );
    scene.alice.delete(&scene.map, Timestamp(NOW + 2)).unwrap();
    assert!(is_deleted(&mut scene.alice, &scene.map));
    scene.sync();
    for node in [&mut scene.alice, &mut scene.bob] {
        assert!(is_deleted(node, &scene.map));
        assert!(node.map(&scene.map).is_none());
        assert_eq!(node.shown(&scene.map).unwrap().to_json(), Json::Null);
        assert_eq!(node.edits(&scene.map), None);
        assert!(node.shown_at(&scene.map, &Moment::Time(END)).is_none());
        let written = node.map_delete(&scene.map, "text", cojson::node::Stamp::Founding);
        let id = scene.map.clone();
        assert_eq!(written, Err(WriteError::Deleted { id }));
        // It stays so, without a second tombstone.
        let sessions = node.log(&scene.map).unwrap().sessions().len();
        node.delete(&scene.map, Timestamp(NOW + 3)).unwrap();
        assert_eq!(node.log(&scene.map).unwrap().sessions().len(), sessions);
    }
    let mut tablet = device("alice", 9);
    load(&mut scene.world, &mut tablet, &[&scene.map]);
    assert!(is_deleted(&mut tablet, &scene.map));
}

#[test]
fn what_was_written_while_it_was_deleted_does_not_bring_it_back() {
    let mut scene = scene();
    scene.add_bob(Role::Writer, NOW + 1);
    set(&mut scene.bob, &scene.map, "text", "later", NOW + 50);
    scene.alice.delete(&scene.map, Timestamp(NOW + 2)).unwrap();
    scene.sync();
    for node in [&mut scene.alice, &mut scene.bob] {
        assert!(is_deleted(node, &scene.map));
    }
}

/// How many sessions there are, and how many of them are made for a tombstone.
fn sessions(node: &Node, id: &CoId) -> (usize, usize) {
    let sessions = node.log(id).unwrap().sessions().map(SessionLog::session);
    let are_tombstones: Vec<bool> = sessions.map(SessionId::is_delete).collect();
    let tombstones = are_tombstones.iter().filter(|is_tombstone| **is_tombstone);
    (are_tombstones.len(), tombstones.count())
}

#[test]
fn of_what_was_deleted_every_device_keeps_the_tombstone_alone_and_has_storage_do_the_same() {
    let mut scene = scene();
    scene.add_bob(Role::Writer, NOW + 1);
    set(&mut scene.bob, &scene.map, "text", "bob's", NOW + 2);
    scene.sync();
    scene.alice.delete(&scene.map, Timestamp(NOW + 3)).unwrap();
    assert_eq!(sessions(&scene.alice, &scene.map), (1, 1));
    scene.alice.flush();
    let batch = std::iter::from_fn(|| scene.alice.poll_effect()).find_map(|effect| match effect {
        Effect::Store(batch) => Some(batch),
        _ => None,
    });
    let batch = batch.unwrap();
    let write = batch.values.iter().find(|write| write.id == scene.map);
    let write = write.unwrap();
    assert!(write.erases && write.segments.len() == 1, "{write:?}");
    scene.alice.stored(batch.id);
    // Bob has written on, and does not know yet.
    set(&mut scene.bob, &scene.map, "text", "later", NOW + 50);
    scene.sync();
    for node in [&mut scene.alice, &mut scene.bob] {
        assert_eq!(sessions(node, &scene.map), (1, 1));
        assert!(node.is_synced());
    }
    // Nothing of it is sent again when they meet the next time.
    scene.sync();
    assert_eq!(sessions(&scene.bob, &scene.map), (1, 1));
}

#[test]
fn r10_a_removal_that_was_made_before_a_deletion_and_comes_after_it_brings_the_value_back() {
    let mut scene = scene();
    scene.add_bob(Role::Admin, NOW + 1);
    let mut phone = device("bob", 8);
    load(&mut scene.world, &mut phone, &[&scene.map]);
    // On one device Bob leaves the group, on the other, a second later, he deletes, which comes first.
    let bob = crate::scene::member(&phone);
    phone
        .remove_member(&scene.group, &bob, Timestamp(NOW + 10))
        .unwrap();
    scene.bob.delete(&scene.map, Timestamp(NOW + 20)).unwrap();
    scene.sync();
    assert!(is_deleted(&mut scene.alice, &scene.map));
    assert_eq!(sessions(&scene.alice, &scene.map), (1, 1));
    scene
        .world
        .sync(&mut [&mut phone, &mut scene.alice, &mut scene.bob]);
    let text = get(&mut phone, &scene.map, "text");
    assert_eq!(text.as_deref(), Some("secret"));
    for node in [&mut scene.alice, &mut scene.bob] {
        assert!(!is_deleted(node, &scene.map));
        assert_eq!(get(node, &scene.map, "text"), text);
        assert_eq!(sessions(node, &scene.map), sessions(&phone, &scene.map));
        assert!(node.is_synced());
    }
}

#[test]
fn only_an_admin_deletes_and_no_group_is_deleted() {
    let mut scene = scene();
    scene.add_bob(Role::Manager, NOW + 1);
    let refused = scene
        .bob
        .delete(&scene.map, Timestamp(NOW + 2))
        .unwrap_err();
    let WriteError::Access(AccessError::NotAllowed { role, wanted, .. }) = refused else {
        panic!("{refused}");
    };
    assert_eq!((role, wanted), (Some(Role::Manager), "delete values"));
    let group = scene.alice.delete(&scene.group, Timestamp(NOW + 2));
    assert!(matches!(group, Err(WriteError::IsGroup { .. })));
    let account = scene.alice.account_id().clone();
    assert!(scene.alice.delete(&account, Timestamp(NOW + 2)).is_err());
    assert!(!is_deleted(&mut scene.alice, &scene.map));
}

/// A client's own judgement, should a server let it pass: the tombstone of one who was made admin only by himself.
#[test]
fn a_tombstone_by_one_who_is_no_admin_any_more_is_refused_by_the_server() {
    let mut scene = scene();
    scene.add_bob(Role::Admin, NOW + 1);
    let mut other = device("bob", 8);
    load(&mut scene.world, &mut other, &[&scene.map]);
    // Two devices of Bob: one steps down, while the other, offline, deletes.
    let bob = crate::scene::member(&scene.bob);
    scene
        .bob
        .remove_member(&scene.group, &bob, Timestamp(NOW + 2))
        .unwrap();
    scene.sync();
    other.delete(&scene.map, Timestamp(NOW + 1)).unwrap();
    scene.world.sync(&mut [&mut other, &mut scene.alice]);
    assert_eq!(
        std::mem::take(&mut scene.world.denied),
        [Denial::NotAnAdmin]
    );
    assert!(!is_deleted(&mut scene.alice, &scene.map));
}

#[test]
fn other_values_of_the_group_stay() {
    let mut scene = scene();
    let kept = new_map(&mut scene.alice, &scene.group, NOW);
    set(&mut scene.alice, &kept, "key", "kept", NOW);
    scene.alice.delete(&scene.map, Timestamp(NOW + 2)).unwrap();
    scene.sync();
    assert_eq!(get(&mut scene.alice, &kept, "key").as_deref(), Some("kept"));
}
