//! Copies that a merge of the reference made, which dates one back that is as old as its original.

use crate::account::account_id;
use crate::crypto::AgentSecret;
use crate::entropy::Entropy;
use crate::header::{Uniqueness, ValueType};
use crate::ids::{CoId, SessionId, Timestamp};
use crate::json::Json;
use crate::node::writing::Draft;
use crate::node::{NewValue, Node, NodeConfig, Stamp};
use crate::sync::{Effect, PeerId, PeerRole, ReplicaConfig, SyncMessage};

const NOW: u64 = 1_795_334_513_735;
/// The session of the one who wrote first is named last.
const FIRST: &str = "co_zZ_session_z1";
const SECOND: &str = "co_zA_session_z1";

/// A device in a session of its own, founded; all are of one person.
fn founded(device: u8) -> Node {
    let mut entropy = Entropy::from_seed([7; 32]);
    let secret = AgentSecret::generate(&mut entropy);
    let mut entropy = Entropy::from_seed([device; 32]);
    let session = SessionId::random_of_account(&account_id(&secret.agent_id()), &mut entropy);
    let mut node = Node::new(NodeConfig {
        secret,
        session,
        entropy_seed: entropy.bytes(),
        limits: ReplicaConfig::default(),
    });
    node.load_own();
    assert_eq!(settle(&mut node), []);
    node.found_account().unwrap();
    node
}

/// Does what it asks of its storage, which is empty; returns what it says to others.
fn settle(node: &mut Node) -> Vec<SyncMessage> {
    let mut messages = Vec::new();
    node.flush();
    while let Some(effect) = node.poll_effect() {
        match effect {
            Effect::Load(id) => node.loaded(&id, None),
            Effect::Store(batch) => node.stored(batch.id),
            Effect::Send { message, .. } => messages.push(message),
            _ => {}
        }
    }
    messages
}

/// A founded node with an empty value.
fn node_with(value_type: ValueType) -> (Node, CoId) {
    let mut node = founded(7);
    let value = NewValue {
        value_type,
        owner: node.own_group(),
        uniqueness: Uniqueness::Text("copies".into()),
        meta: Json::Null,
    };
    let value = node.create(value, Timestamp(NOW)).unwrap();
    (node, value)
}

/// Writes what a merge would: changes with what they tell of the edit that they are a copy of.
fn copy(node: &mut Node, value: &CoId, meta: &str, changes: &str) {
    copy_at(node, value, 0, meta, changes);
}

fn copy_at(node: &mut Node, value: &CoId, ms: u64, meta: &str, changes: &str) {
    let Json::Array(changes) = Json::parse(changes).unwrap() else {
        panic!("{changes}");
    };
    let draft = Draft {
        changes: changes.to_vec(),
        ..Draft::empty().with(Json::parse(meta).unwrap())
    };
    let owner = node.own_group();
    let stamp = Stamp::Now(Timestamp(NOW + ms));
    let written = node.transact_with_meta(value, &draft, Some(&owner), stamp);
    written.unwrap();
}

fn shown(node: &mut Node, value: &CoId) -> String {
    node.shown(value).unwrap().to_json().to_string()
}

/// What it shows, bit by bit and read at once.
fn shown_twice(node: &mut Node, value: &CoId) -> String {
    let grown = shown(node, value);
    node.close(value);
    assert_eq!(shown(node, value), grown);
    grown
}

#[test]
fn r10_an_item_that_was_merged_in_the_millisecond_it_was_written_in_keeps_its_place() {
    let (mut node, list) = node_with(ValueType::CoList);
    let item =
        |value: &str, after: &str| format!(r#"[{{"op":"app","value":"{value}","after":{after}}}]"#);
    let id = |session: &str, index: u32| {
        format!(r#"{{"sessionID":"{session}","txIndex":{index},"changeIdx":0,"branch":"co_zB"}}"#)
    };
    let first = format!(r#"{{"mi":0,"t":5,"s":"{FIRST}","b":"co_zB"}}"#);
    copy(&mut node, &list, &first, &item("b", r#""start""#));
    assert_eq!(shown(&mut node, &list), r#"["b"]"#);
    // It was made when it is merged, 5 ms later, which all read as: when the one before it was made.
    let second = format!(r#"{{"mi":0,"t":0,"s":"{SECOND}"}}"#);
    copy(&mut node, &list, &second, &item("c", &id(FIRST, 0)));
    assert_eq!(shown(&mut node, &list), r#"["b","c"]"#);
    copy(&mut node, &list, r#"{"mi":1}"#, &item("d", &id(SECOND, 0)));
    assert_eq!(shown_twice(&mut node, &list), r#"["b","c","d"]"#);
}

#[test]
fn r10_of_copies_of_one_time_the_one_that_was_copied_last_is_shown() {
    let (mut node, map) = node_with(ValueType::CoMap);
    let set = |value: u32| format!(r#"[{{"op":"set","key":"x","value":{value}}}]"#);
    let told = |session: &str, ago_ms: u32| {
        format!(r#"{{"mi":0,"t":{ago_ms},"s":"{session}","b":"co_zB"}}"#)
    };
    copy(&mut node, &map, &told(FIRST, 5), &set(1));
    copy(&mut node, &map, &told("co_zC_session_z1", 9), &set(2));
    copy(&mut node, &map, &told(SECOND, 5), &set(3));
    assert_eq!(shown_twice(&mut node, &map), r#"{"x":3}"#);
}

#[test]
fn r10_copies_and_what_who_merged_wrote_at_their_time_are_shown_in_the_order_of_writing() {
    let (mut node, map) = node_with(ValueType::CoMap);
    let copied = |session: &str| format!(r#"{{"mi":0,"t":0,"s":"{session}","b":"co_zB"}}"#);
    let told = [
        "{}",
        &copied("co_z1_session_z1"),
        &copied("co_zz_session_z1"),
        "{}",
    ];
    for (meta, value) in told.into_iter().zip(1..) {
        let set = format!(r#"[{{"op":"set","key":"x","value":{value}}}]"#);
        copy(&mut node, &map, meta, &set);
        assert_eq!(shown_twice(&mut node, &map), format!(r#"{{"x":{value}}}"#));
    }
}

#[test]
fn copies_of_what_is_still_to_come_show_nothing_but_hold_places_and_remove_items() {
    let (mut node, list) = node_with(ValueType::CoList);
    let told = |index: u32, ago_ms: i32| {
        format!(r#"{{"mi":{index},"t":{ago_ms},"s":"{FIRST}","b":"co_zB"}}"#)
    };
    let id = |index: u32| {
        format!(r#"{{"sessionID":"{FIRST}","txIndex":{index},"changeIdx":0,"branch":"co_zB"}}"#)
    };
    let item =
        |value: &str, after: &str| format!(r#"[{{"op":"app","value":"{value}","after":{after}}}]"#);
    let steps = [
        (told(0, 5), item("a", r#""start""#), r#"["a"]"#),
        (told(1, -1), item("b", &id(0)), r#"["a"]"#),
        (told(2, 4), item("c", &id(0)), r#"["a","c"]"#),
        (
            told(3, -1),
            format!(r#"[{{"op":"del","insertion":{}}}]"#, id(0)),
            r#"["c"]"#,
        ),
    ];
    for (meta, changes, expected) in steps {
        copy(&mut node, &list, &meta, &changes);
        assert_eq!(shown_twice(&mut node, &list), expected);
    }
    // After what is not shown.
    copy(&mut node, &list, &told(4, -2), &item("d", &id(1)));
    assert_eq!(shown_twice(&mut node, &list), r#"["c"]"#);

    let (mut node, map) = node_with(ValueType::CoMap);
    for (ago_ms, value) in [(1, 1), (-1, 2)] {
        let set = format!(r#"[{{"op":"set","key":"x","value":{value}}}]"#);
        copy(&mut node, &map, &told(0, ago_ms), &set);
        assert_eq!(shown_twice(&mut node, &map), r#"{"x":1}"#);
    }
}

#[test]
fn r10_an_item_that_was_merged_too_early_and_again_is_shown_unless_it_was_removed() {
    let (mut node, list) = node_with(ValueType::CoList);
    let told = |index: u32, ago_ms: i32| {
        format!(r#"{{"mi":{index},"t":{ago_ms},"s":"{FIRST}","b":"co_zB"}}"#)
    };
    let item = |value: &str| format!(r#"[{{"op":"app","value":"{value}","after":"start"}}]"#);
    copy(&mut node, &list, &told(0, -1), &item("a"));
    copy(&mut node, &list, &told(1, -1), &item("b"));
    assert_eq!(shown_twice(&mut node, &list), "[]");
    let removed = format!(
        r#"[{{"op":"del","insertion":{{"sessionID":"{FIRST}","txIndex":1,"changeIdx":0,"branch":"co_zB"}}}}]"#
    );
    copy_at(&mut node, &list, 5, "{}", &removed);
    copy_at(&mut node, &list, 10, &told(0, 9), &item("a"));
    copy_at(&mut node, &list, 10, &told(1, 9), &item("b"));
    assert_eq!(shown_twice(&mut node, &list), r#"["a"]"#);
}

/// Another device of the same person, which has what the node has.
fn other_device(node: &mut Node, value: &CoId) -> Node {
    let mut other = founded(8);
    other.load(value);
    exchange(node, &mut other);
    other
}

/// Connects two devices, until neither has anything to say.
fn exchange(left: &mut Node, right: &mut Node) {
    const OTHER: PeerId = PeerId(0);
    let mut sides = [left, right];
    for side in &mut sides {
        side.connect(OTHER, PeerRole::Server);
    }
    let mut silent = 0;
    while silent < 2 {
        let [speaker, listener] = &mut sides;
        silent += 1;
        for message in settle(speaker) {
            silent = 0;
            listener.receive(OTHER, message);
        }
        sides.reverse();
    }
    for side in &mut sides {
        side.disconnect(OTHER);
    }
}

#[test]
fn r10_of_copies_that_claim_one_name_all_show_the_same_whichever_came_first() {
    let named = format!(r#"{{"mi":0,"t":5,"s":"{FIRST}","b":"co_zB"}}"#);
    let set = |value: u32| format!(r#"[{{"op":"set","key":"x","value":{value}}}]"#);
    let put = |value: u32| format!(r#"[{{"op":"app","value":{value},"after":"start"}}]"#);
    let item = |value: u32| format!("[{value},{}]", value + 10);
    let kinds: [(_, &dyn Fn(u32) -> String); 3] = [
        (ValueType::CoMap, &set),
        (ValueType::CoList, &put),
        (ValueType::CoStream, &item),
    ];
    for (value_type, changes) in kinds {
        let (mut phone, value) = node_with(value_type);
        let mut laptop = other_device(&mut phone, &value);
        copy(&mut phone, &value, &named, &changes(1));
        copy(&mut laptop, &value, &named, &changes(2));
        let shown_alone = [&mut phone, &mut laptop].map(|node| shown(node, &value));
        exchange(&mut phone, &mut laptop);
        let [on_phone, on_laptop] = [&mut phone, &mut laptop].map(|node| shown_twice(node, &value));
        assert_eq!(on_phone, on_laptop);
        assert!(
            shown_alone.contains(&on_phone),
            "{on_phone} of {shown_alone:?}"
        );
    }
}
