//! Deleting values: by whom, and what is left.

use cojson::access::{AccessError, Role};
use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::{Node, Shown, WriteError};
use cojson::sync::Denial;
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
