//! Texts that several devices write to.

use cojson::graphemes::graphemes;
use cojson::header::ValueType;
use cojson::ids::{CoId, Timestamp};
use cojson::node::{Node, Stamp, WriteError};
use cojson::transaction::Transaction;

use crate::world::{World, device, load, new_map, new_value};

const NOW: u64 = 1_795_334_513_735;

fn at(ms: u64) -> Stamp {
    Stamp::Now(Timestamp(NOW + ms))
}

fn text(node: &mut Node, id: &CoId) -> String {
    node.list(id).unwrap().to_text()
}

fn replace(node: &mut Node, id: &CoId, new: &str, ms: u64) {
    node.text_replace(id, &graphemes(new), at(ms)).unwrap();
}

#[test]
fn a_text_is_edited_at_places_counted_in_graphemes() {
    let mut node = device("alice", 1);
    let id = new_value(&mut node, ValueType::CoPlainText, NOW);
    let family = "👩‍👩‍👧";
    node.text_insert(&id, 0, &graphemes(&format!("h{family}o")), at(0))
        .unwrap();
    assert_eq!(node.list(&id).unwrap().len(), 3);
    node.text_insert(&id, 2, &graphemes("e\u{301}ll"), at(1))
        .unwrap();
    assert_eq!(text(&mut node, &id), format!("h{family}e\u{301}llo"));
    node.text_delete(&id, 1, 1, at(2)).unwrap();
    assert_eq!(text(&mut node, &id), "he\u{301}llo");
    node.text_insert(&id, 0, &graphemes(">> "), at(3)).unwrap();
    node.text_insert(&id, 8, &graphemes("!"), at(4)).unwrap();
    assert_eq!(text(&mut node, &id), ">> he\u{301}llo!");
    let (index, len) = (10, 9);
    let no_such = Err(WriteError::NoSuchItem {
        id: id.clone(),
        index,
        len,
    });
    assert_eq!(node.text_insert(&id, 10, &["x"], at(5)), no_such);
    assert_eq!(node.text_delete(&id, 8, 2, at(5)), no_such);
    node.text_delete(&id, 0, 9, at(6)).unwrap();
    assert_eq!(text(&mut node, &id), "");
    node.text_insert(&id, 0, &graphemes("again"), at(7))
        .unwrap();
    assert_eq!(text(&mut node, &id), "again");
}

#[test]
fn a_text_that_becomes_another_keeps_what_both_have() {
    let mut node = device("alice", 1);
    let id = new_value(&mut node, ValueType::CoPlainText, NOW);
    replace(&mut node, &id, "The quick brown fox", 0);
    let written = node.log(&id).unwrap().session_len(node.session());
    let ids_of = |node: &mut Node, part: &str| -> Vec<_> {
        let list = node.list(&id).unwrap();
        let start = list.to_text().find(part).unwrap();
        (start..start + part.len())
            .map(|place| list.id_of(place).cloned())
            .collect()
    };
    let before = ids_of(&mut node, " brown ");
    replace(&mut node, &id, "A slow brown dog!", 1);
    assert_eq!(text(&mut node, &id), "A slow brown dog!");
    assert_eq!(ids_of(&mut node, " brown "), before);
    let once = node.log(&id).unwrap().session_len(node.session());
    assert_eq!(once, written + 1, "one transaction");
    replace(&mut node, &id, "A slow brown dog!", 2);
    assert_eq!(
        node.log(&id).unwrap().session_len(node.session()),
        once,
        "nothing to do"
    );
}

#[test]
fn r10_two_who_type_into_one_text_offline_both_keep_what_they_typed() {
    let mut world = World::default();
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let id = new_value(&mut phone, ValueType::CoPlainText, NOW);
    replace(&mut phone, &id, "milk, eggs", 0);
    world.sync(&mut [&mut phone, &mut laptop]);
    load(&mut world, &mut laptop, &[&id]);
    replace(&mut phone, &id, "oat milk, eggs", 10);
    replace(&mut laptop, &id, "milk, ten eggs and salt", 10);
    world.sync(&mut [&mut phone, &mut laptop]);
    for node in [&mut phone, &mut laptop] {
        assert_eq!(text(node, &id), "oat milk, ten eggs and salt");
    }
}

/// The reference cuts a text so, and every reader takes long ones in pieces.
#[test]
fn a_long_text_is_written_in_transactions_of_512_graphemes() {
    let mut world = World::default();
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let id = new_value(&mut phone, ValueType::CoPlainText, NOW);
    let long: String = ('a'..='z').cycle().take(2_000).collect();
    phone.text_insert(&id, 0, &["[", "]"], at(0)).unwrap();
    phone.text_insert(&id, 1, &graphemes(&long), at(1)).unwrap();
    assert_eq!(text(&mut phone, &id), format!("[{long}]"));
    let written = phone.log(&id).unwrap();
    let transactions = written.session(phone.session()).unwrap().transactions();
    assert_eq!(transactions.len(), 1 + 4);
    let bytes = transactions.iter().map(Transaction::content_bytes).max();
    assert!(bytes < Some(200_000), "{bytes:?}");
    world.sync(&mut [&mut phone, &mut laptop]);
    load(&mut world, &mut laptop, &[&id]);
    let other: String = long.to_uppercase().chars().rev().collect();
    replace(&mut laptop, &id, &other, 2);
    world.sync(&mut [&mut phone, &mut laptop]);
    for node in [&mut phone, &mut laptop] {
        assert_eq!(text(node, &id), other);
    }
}

#[test]
fn what_is_no_text_takes_no_text() {
    let mut node = device("alice", 1);
    let group = node.own_group();
    let list = new_value(&mut node, ValueType::CoList, NOW);
    let map = new_map(&mut node, &group, NOW);
    for id in [&list, &map] {
        let error = node.text_insert(id, 0, &["x"], at(0)).unwrap_err();
        assert!(matches!(error, WriteError::WrongKind { .. }), "{error}");
    }
}
