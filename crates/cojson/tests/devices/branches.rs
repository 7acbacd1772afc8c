//! Branches: what they show, and what becomes of them in their source.

use cojson::access::Role;
use cojson::header::ValueType;
use cojson::ids::{CoId, Timestamp};
use cojson::node::{NewBranch, Node, Stamp, WriteError};

use crate::scene::{NOW, scene};
use crate::world::{World, device, load, new_value, set, settle};

fn at(ms: u64) -> Stamp {
    Stamp::Now(Timestamp(NOW + ms))
}

fn shown(node: &mut Node, id: &CoId) -> String {
    node.shown(id).unwrap().to_json().to_string()
}

fn branch_of(node: &mut Node, source: &CoId, owner: Option<&CoId>, ms: u64) -> CoId {
    let branch = NewBranch {
        source: source.clone(),
        name: "draft".to_owned(),
        owner: owner.cloned(),
    };
    let id = node.branch_id(&branch).unwrap();
    node.load(&id);
    let _ = settle(node);
    assert_eq!(node.branch(&branch, Timestamp(NOW + ms)).unwrap(), id);
    let _ = settle(node);
    id
}

fn merge(node: &mut Node, branch: &CoId, ms: u64) {
    node.merge(branch, Timestamp(NOW + ms)).unwrap();
    let _ = settle(node);
}

#[test]
fn a_branch_shows_its_source_as_it_was_and_changes_it_only_by_a_merge() {
    let mut node = device("alice", 1);
    let map = new_value(&mut node, ValueType::CoMap, NOW);
    set(&mut node, &map, "title", "old", NOW);
    let branch = branch_of(&mut node, &map, None, 1);
    set(&mut node, &map, "other", "later", NOW + 2);
    set(&mut node, &branch, "title", "new", NOW + 3);
    assert_eq!(shown(&mut node, &branch), r#"{"title":"new"}"#);
    assert_eq!(shown(&mut node, &map), r#"{"title":"old","other":"later"}"#);
    let before = node.edits(&map).unwrap().len();
    merge(&mut node, &branch, 4);
    assert_eq!(shown(&mut node, &map), r#"{"title":"new","other":"later"}"#);
    // Named and dated as it was made, and nothing is merged twice.
    let edits = node.edits(&map).unwrap();
    let merged: Vec<_> = edits
        .iter()
        .filter_map(|edit| edit.source.as_ref())
        .collect();
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].made_at, Timestamp(NOW + 3));
    assert_eq!(merged[0].branch.as_deref(), Some(branch.as_str()));
    assert_eq!(
        edits.len(),
        before + 2,
        "the copy and the note that it was made"
    );
    merge(&mut node, &branch, 5);
    assert_eq!(node.edits(&map).unwrap().len(), edits.len());
    set(&mut node, &branch, "title", "newest", NOW + 6);
    merge(&mut node, &branch, 7);
    assert_eq!(
        shown(&mut node, &map),
        r#"{"title":"newest","other":"later"}"#
    );
    assert_eq!(node.edits(&map).unwrap().len(), edits.len() + 2);
}

#[test]
fn a_lists_items_keep_their_places_through_a_merge() {
    let mut node = device("alice", 1);
    let list = new_value(&mut node, ValueType::CoList, NOW);
    let items = |texts: &[&str]| texts.iter().map(|text| (*text).into()).collect::<Vec<_>>();
    node.list_append(&list, &items(&["a", "d"]), at(0)).unwrap();
    let branch = branch_of(&mut node, &list, None, 1);
    node.list_insert(&branch, 1, &items(&["b"]), at(2)).unwrap();
    // Beside an item that only the branch has.
    node.list_insert(&branch, 2, &items(&["c"]), at(3)).unwrap();
    node.list_delete(&branch, 3, at(4)).unwrap();
    node.list_append(&list, &items(&["e"]), at(5)).unwrap();
    assert_eq!(shown(&mut node, &branch), r#"["a","b","c"]"#);
    assert_eq!(shown(&mut node, &list), r#"["a","d","e"]"#);
    merge(&mut node, &branch, 6);
    assert_eq!(shown(&mut node, &list), r#"["a","b","c","e"]"#);
    node.list_insert(&list, 2, &items(&["x"]), at(7)).unwrap();
    assert_eq!(shown(&mut node, &list), r#"["a","b","x","c","e"]"#);
}

#[test]
fn r10_two_devices_begin_and_merge_one_branch_offline_and_agree() {
    let mut world = World::default();
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let text = new_value(&mut phone, ValueType::CoPlainText, NOW);
    phone.text_insert(&text, 0, &["a", "b"], at(0)).unwrap();
    world.sync(&mut [&mut phone, &mut laptop]);
    load(&mut world, &mut laptop, &[&text]);
    let branch = branch_of(&mut phone, &text, None, 1);
    assert_eq!(branch_of(&mut laptop, &text, None, 1), branch);
    phone.text_insert(&branch, 2, &["p"], at(2)).unwrap();
    laptop.text_insert(&branch, 0, &["l"], at(2)).unwrap();
    world.sync(&mut [&mut phone, &mut laptop]);
    assert_eq!(shown(&mut phone, &branch), r#""labp""#);
    assert_eq!(shown(&mut laptop, &branch), r#""labp""#);
    merge(&mut phone, &branch, 3);
    merge(&mut laptop, &branch, 3);
    world.sync(&mut [&mut phone, &mut laptop]);
    for node in [&mut phone, &mut laptop] {
        assert_eq!(shown(node, &text), r#""labp""#);
    }
}

#[test]
fn a_reader_branches_into_a_group_of_its_own_and_cannot_merge() {
    let mut scene = scene();
    scene.add_bob(Role::Reader, NOW + 1);
    let own = scene.bob.own_group();
    let branch = branch_of(&mut scene.bob, &scene.map, Some(&own), 2);
    set(&mut scene.bob, &branch, "text", "mine", NOW + 3);
    assert_eq!(shown(&mut scene.bob, &branch), r#"{"text":"mine"}"#);
    assert_eq!(shown(&mut scene.bob, &scene.map), r#"{"text":"secret"}"#);
    let merged = scene.bob.merge(&branch, Timestamp(NOW + 4));
    assert!(matches!(merged, Err(WriteError::Access(_))), "{merged:?}");
    let mut for_all = NewBranch {
        source: scene.map.clone(),
        name: "shared".to_owned(),
        owner: None,
    };
    assert!(scene.bob.branch(&for_all, Timestamp(NOW + 5)).is_err());
    scene.sync();
    assert_eq!(shown(&mut scene.alice, &scene.map), r#"{"text":"secret"}"#);
    for_all.source = scene.group.clone();
    assert_eq!(scene.alice.branch_id(&for_all), None);
    let is_no_branch = scene.alice.merge(&scene.map, Timestamp(NOW + 6));
    assert!(matches!(is_no_branch, Err(WriteError::NotABranch { .. })));
}

#[test]
fn a_branch_follows_the_rules_of_its_sources_group() {
    let mut scene = scene();
    scene.add_bob(Role::Writer, NOW + 1);
    set(&mut scene.bob, &scene.map, "bob", "was here", NOW + 10);
    scene.sync();
    let own = scene.alice.own_group();
    let branch = branch_of(&mut scene.alice, &scene.map, Some(&own), 20);
    let with_bob = r#"{"text":"secret","bob":"was here"}"#;
    assert_eq!(shown(&mut scene.alice, &branch), with_bob);
    // Found out later: he had been removed before he wrote.
    let bob = crate::scene::member(&scene.bob);
    let mut tablet = device("alice", 9);
    load(&mut scene.world, &mut tablet, &[&scene.map]);
    assert_eq!(shown(&mut tablet, &scene.map), with_bob);
    tablet
        .remove_member(&scene.group, &bob, Timestamp(NOW + 30))
        .unwrap();
    scene.world.sync(&mut [&mut tablet, &mut scene.alice]);
    assert_eq!(
        shown(&mut scene.alice, &branch),
        with_bob,
        "it was allowed then"
    );
}

#[test]
fn r10_a_branch_of_what_was_deleted_shows_its_own_edits_alone_whoever_had_the_rest() {
    let mut node = device("alice", 1);
    let map = new_value(&mut node, ValueType::CoMap, NOW);
    set(&mut node, &map, "title", "old", NOW);
    let branch = branch_of(&mut node, &map, None, 1);
    set(&mut node, &branch, "own", "edit", NOW + 2);
    assert_eq!(shown(&mut node, &branch), r#"{"title":"old","own":"edit"}"#);
    node.delete(&map, Timestamp(NOW + 3)).unwrap();
    let mut world = World::default();
    world.sync(&mut [&mut node]);
    assert_eq!(shown(&mut node, &branch), r#"{"own":"edit"}"#);
    let mut other = device("alice", 2);
    load(&mut world, &mut other, &[&map, &branch]);
    assert_eq!(shown(&mut other, &branch), r#"{"own":"edit"}"#);
}
