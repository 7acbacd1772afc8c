//! The recorded session of the reference implementation, replayed into nodes with its people's secrets: each sees at each
//! point what the reference showed them, and nothing more.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use std::collections::BTreeSet;

use cojson::access::Role;
use cojson::collections::SortedMap;
use cojson::group::Member;
use cojson::ids::{CoId, KeyId, Timestamp};
use cojson::json::Json;
use cojson::node::{NewBranch, Node};
use cojson::sync::SyncMessage;
use cojson::transaction::Transaction;
use cojson::view::Moment;

#[path = "vectors/recording.rs"]
mod recording;
use recording::*;

fn shown(node: &mut Node, id: &CoId) -> Json {
    node.shown(id).unwrap().to_json()
}

/// Two objects with the same members, whatever their order.
fn assert_same(actual: &Json, expected: &Json, what: &str) {
    let stable = cojson::json::to_stable_string;
    assert_eq!(stable(actual), stable(expected), "{what}");
}

#[test]
fn alice_sees_the_values_that_the_reference_showed() {
    let mut alice = node_of("alice");
    replay_until(&mut alice, "");
    let expected = secrets().get("expected").unwrap().clone();
    for name in ["map", "list", "stream"] {
        let actual = shown(&mut alice, &value_id(name));
        assert_same(&actual, expected.get(name).unwrap(), name);
    }
    let text_value = alice.list(&value_id("text")).unwrap().to_text();
    assert_eq!(
        Some(text_value.as_str()),
        expected.get("text").and_then(Json::as_str)
    );
    let bytes = alice.binary(&value_id("bin")).unwrap();
    assert!(bytes.is_finished());
    let info = bytes.info().unwrap();
    let shown = (
        &*info.mime_type,
        info.file_name.as_deref(),
        info.total_bytes,
    );
    assert_eq!(shown, ("text/plain", Some("f.txt"), Some(3.0)));
    assert_eq!(bytes.to_bytes(), [1, 2, 3]);
}

/// What the recording's values showed at each time of an edit, by asking for each of them.
#[test]
fn alice_looks_back_to_every_edit_of_the_recording() {
    let mut alice = node_of("alice");
    replay_until(&mut alice, "");
    let map = value_id("map");
    let edits = alice.edits(&map).unwrap();
    assert!(edits.is_sorted_by(|left, right| left.order() <= right.order()));
    let mut shown = Vec::new();
    for edit in &edits {
        let at = Moment::Time(edit.position().made_at);
        shown.push(alice.shown_at(&map, &at).unwrap().to_json().to_string());
    }
    shown.dedup();
    assert_eq!(
        shown,
        [
            r#"{"hello":"world","n":1}"#,
            r#"{"hello":"world","plain":{"nested":[1,2.5,"x"]}}"#,
            r#"{"hello":"world","plain":{"nested":[1,2.5,"x"]},"fromBob":true}"#,
            r#"{"hello":"world","plain":{"nested":[1,2.5,"x"]},"fromBob":true,"afterRotation":1}"#,
            r#"{"hello":"branched","plain":{"nested":[1,2.5,"x"]},"fromBob":true,"afterRotation":1}"#,
        ]
    );
    let before = Moment::Time(Timestamp(edits[0].made_at.0 - 1));
    assert_eq!(
        alice.shown_at(&map, &before).unwrap().to_json().to_string(),
        "{}"
    );
    for name in ["map", "list", "text", "stream", "bin"] {
        let id = value_id(name);
        let now = alice.shown(&id).unwrap().to_json();
        let end = alice
            .shown_at(&id, &Moment::Time(Timestamp(u64::MAX)))
            .unwrap();
        assert_same(&end.to_json(), &now, name);
        let frontier = alice.log(&id).unwrap().known_state().sessions;
        let known = alice.shown_at(&id, &Moment::Frontier(frontier)).unwrap();
        assert_same(&known.to_json(), &now, name);
        let nothing = alice
            .shown_at(&id, &Moment::Frontier(SortedMap::new()))
            .unwrap();
        assert_ne!(nothing.to_json(), now, "{name}");
    }
}

#[test]
fn a_branch_shows_its_source_up_to_where_it_began_and_its_own_edits() {
    let mut alice = node_of("alice");
    replay_until(&mut alice, "");
    let branch = alice.shown(&value_id("branch")).unwrap().to_json();
    let expected =
        r#"{"hello":"branched","plain":{"nested":[1,2.5,"x"]},"fromBob":true,"afterRotation":1}"#;
    assert_eq!(branch.to_string(), expected);
}

#[test]
fn a_merge_that_the_reference_made_is_read_and_not_made_again() {
    let mut alice = node_of("alice");
    replay_until(&mut alice, "");
    let (map, branch) = (value_id("map"), value_id("branch"));
    let edits = alice.edits(&map).unwrap();
    let merged: Vec<_> = edits
        .iter()
        .filter_map(|edit| Some((edit.source.as_ref()?, &edit.changes)))
        .collect();
    assert_eq!(merged.len(), 1);
    let (source, changes) = &merged[0];
    assert_eq!(source.branch.as_deref(), Some(branch.as_str()));
    let key = changes[0].get("key").and_then(Json::as_str);
    assert_eq!(key, Some("hello"));
    assert_eq!(alice.merge(&branch, Timestamp(u64::MAX / 2)).unwrap(), map);
    assert_eq!(alice.edits(&map).unwrap(), edits);
    // The id follows from the source, the name and the owner alone.
    let again = NewBranch {
        source: map,
        name: text(&alice.log(&branch).unwrap().header().meta, &["branch"]).to_owned(),
        owner: None,
    };
    assert_eq!(alice.branch_id(&again), Some(branch));
}

#[test]
fn what_the_reference_deleted_is_deleted() {
    let (map, other) = (value_id("childMap"), value_id("map"));
    for (person, until, is_deleted) in [
        ("carol", "delete covalue cm", false),
        ("carol", "", true),
        ("alice", "", true),
    ] {
        let mut node = node_of(person);
        replay_until(&mut node, until);
        assert_eq!(
            node.is_deleted(&map),
            is_deleted,
            "{person} until {until:?}"
        );
        assert_eq!(node.map(&map).is_none(), is_deleted);
        assert!(!node.is_deleted(&other));
    }
}

#[test]
fn alice_opens_every_private_transaction_of_the_recording() {
    let mut alice = node_of("alice");
    replay_until(&mut alice, "");
    let mut opened = BTreeSet::new();
    for message in lines().flat_map(|line| content_messages(&line)) {
        let SyncMessage::Content(content) = message else {
            continue;
        };
        let owner = alice.log(&content.id).unwrap().header().owner().cloned();
        for (session, piece) in &content.new {
            for (place, transaction) in piece.new_transactions.iter().enumerate() {
                let Transaction::Private { key_used, .. } = transaction else {
                    continue;
                };
                let owner = owner.as_ref().unwrap();
                assert!(alice.can_open(owner, key_used), "{} {key_used}", content.id);
                opened.insert((
                    content.id.clone(),
                    session.clone(),
                    piece.after as usize + place,
                ));
            }
        }
    }
    assert_eq!(opened.len(), 26);
}

#[test]
fn who_was_removed_does_not_get_the_key_that_came_after() {
    let (group, old, new) = (
        value_id("group"),
        KeyId::parse("key_z3mTUxSegbhsqq3EVD").unwrap(),
        KeyId::parse("key_z5kDz84Z7SmWvjYGiL").unwrap(),
    );
    for (person, opens_new) in [("alice", true), ("carol", true), ("bob", false)] {
        let mut node = node_of(person);
        replay_until(&mut node, "");
        assert!(node.can_open(&group, &old), "{person}");
        assert_eq!(node.can_open(&group, &new), opens_new, "{person}");
    }
}

#[test]
fn each_person_sees_at_each_point_what_the_reference_showed_them() {
    for (person, value, note) in [
        (
            "bob",
            "map",
            "B sees {\"plain\":{\"nested\":[1,2.5,\"x\"]}}",
        ),
        (
            "bob",
            "map",
            "B sees {\"plain\":{\"nested\":[1,2.5,\"x\"]},\"hello\":",
        ),
        ("carol", "map", "C sees {"),
        ("bob", "map", "B sees after rotation {"),
        (
            "carol",
            "childMap",
            "C (reader of parent) sees child's map {",
        ),
        ("alice", "map", "A map {"),
        ("bob", "stream", "B2 stream {"),
    ] {
        let mut reader = node_of(person);
        replay_until(&mut reader, note);
        let note = lines()
            .filter_map(|line| line.get("note").and_then(Json::as_str).map(str::to_owned))
            .find(|text| text.starts_with(note))
            .unwrap();
        let expected = Json::parse(&note[note.find('{').unwrap()..]).unwrap();
        assert_same(&shown(&mut reader, &value_id(value)), &expected, &note);
    }
}

#[test]
fn a_removed_member_reads_what_was_written_before_and_nothing_after() {
    let mut bob = node_of("bob");
    replay_until(&mut bob, "");
    let map = bob.map(&value_id("map")).unwrap();
    assert_eq!(map.get("hello").and_then(Json::as_str), Some("world"));
    assert_eq!(map.get("afterRotation"), None);
    assert_eq!(bob.list(&value_id("list")).unwrap().len(), 4);
}

#[test]
fn roles_are_those_of_the_recorded_group_at_each_time() {
    let mut alice = node_of("alice");
    replay_until(&mut alice, "");
    let (group, child) = (value_id("group"), value_id("child"));
    let end = Timestamp(u64::MAX);
    for (group, person, at, expected) in [
        (&group, "alice", end, Some(Role::Admin)),
        (&group, "bob", Timestamp(1_795_334_513_920), None),
        (
            &group,
            "bob",
            Timestamp(1_795_334_513_921),
            Some(Role::Writer),
        ),
        (
            &group,
            "bob",
            Timestamp(1_795_334_514_222),
            Some(Role::Writer),
        ),
        (&group, "bob", Timestamp(1_795_334_514_223), None),
        (&group, "carol", end, Some(Role::Reader)),
        (&child, "carol", end, Some(Role::Reader)),
        (&child, "bob", end, None),
    ] {
        let member = Member::Account(account(person));
        assert_eq!(
            alice.role_of(group, &member, at),
            expected,
            "{person} at {at:?}"
        );
    }
}

#[test]
fn r10_whatever_order_the_messages_come_in_the_values_are_the_same() {
    let mut messages: Vec<_> = lines().flat_map(|line| content_messages(&line)).collect();
    for seed in 1..=8 {
        let mut alice = node_of("alice");
        shuffle(&mut messages, seed);
        // Often enough that a piece that came before the one it follows has come again after it.
        for message in std::iter::repeat_n(&messages, 8).flatten() {
            alice.receive(SERVER, message.clone());
            settle(&mut alice);
            // Reading in between must leave nothing stale behind.
            let _ = alice.map(&value_id("map"));
            let _ = alice.list(&value_id("list"));
        }
        let expected = secrets().get("expected").unwrap().clone();
        for name in ["map", "list", "stream"] {
            let actual = shown(&mut alice, &value_id(name));
            assert_same(&actual, expected.get(name).unwrap(), name);
        }
    }
}

/// Fisher and Yates' shuffle by a linear congruence.
fn shuffle<T>(items: &mut [T], seed: usize) {
    let mut state = seed;
    for last in (1..items.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        items.swap(last, (state >> 33) % (last + 1));
    }
}
