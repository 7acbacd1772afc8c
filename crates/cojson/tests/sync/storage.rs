//! What is on disk: restored, shared with other tabs, signed and written once.

use cojson::header::Header;
use cojson::known_state::KnownState;
use cojson::sync::{AppendError, ContentMessage, Segment, StoredLog};

use crate::author::{Author, content, map_header, named_header, set, sets};
use crate::machine::Machine;
use crate::upstream::{new_map, pair};

#[test]
fn r2_a_session_is_not_continued_before_storage_said_what_it_has_of_it() {
    let mut machine = Machine::new(1);
    let account = machine.found_account();
    let header = named_header(&account, "todos");
    let id = machine.create(header.clone());
    machine.settle();
    machine.write(&id, "k", "v");
    machine.settle();
    machine.crash(true);
    machine.life = 0;
    machine.create(header);
    machine.collect();
    let early = machine
        .replica
        .append_local(&id, &machine.author.session(0), set("k", "w", 5));
    assert_eq!(early, Err(AppendError::Loading { id: id.clone() }));
    machine.settle();
    machine.write(&id, "k", "w");
    machine.settle();
    assert_eq!(machine.replica.durable_state(&id).transaction_count(), 2);
    assert_eq!(machine.disk.count(&id, &machine.author.session(0)), 2);
}

#[test]
fn another_tab_s_write_is_taken_in_told_and_not_stored_again() {
    let mut network = pair();
    let map = new_map(&mut network.machines[0], "map");
    network.run();
    let session = network.machines[0].author.session(1);
    let piece = network.machines[0].author.content(&session, &sets(3), 0);
    let tab = &mut network.machines[0];
    let segment = Segment {
        session: session.clone(),
        content: piece.clone(),
    };
    tab.disk
        .values
        .get_mut(&map)
        .unwrap()
        .segments
        .push(segment);
    tab.changed.clear();
    tab.replica.absorb(content(&map, None, &session, piece));
    tab.flush();
    assert_eq!(tab.changed, vec![map.clone()]);
    assert!(tab.writes.is_empty());
    network.collect(0);
    network.run();
    assert_eq!(
        network.machines[1]
            .replica
            .durable_state(&map)
            .count(&session),
        3
    );
}

#[test]
fn a_gap_in_another_tab_s_write_is_filled_from_storage() {
    let mut machine = Machine::new(1);
    let account = machine.found_account();
    let map = new_map(&mut machine, "map");
    machine.settle();
    let session = machine.author.session(1);
    for after in [0, 2] {
        let count = if after == 0 { 2 } else { 5 };
        let content = machine.author.content(&session, &sets(count), after);
        let segment = Segment {
            session: session.clone(),
            content,
        };
        machine
            .disk
            .values
            .get_mut(&map)
            .unwrap()
            .segments
            .push(segment);
    }
    let late = machine.author.content(&session, &sets(5), 2);
    machine.replica.absorb(content(&map, None, &session, late));
    machine.settle();
    assert_eq!(machine.replica.durable_state(&map).count(&session), 5);
    assert!(machine.replica.log(&account).is_some());
}

#[test]
fn a_batch_s_messages_carry_it_to_another_tab() {
    let mut first = Machine::new(1);
    let account = first.found_account();
    let map = new_map(&mut first, "map");
    first.settle();
    let mut second = Machine::new(1);
    second.disk = first.disk.clone();
    second.replica.load(&map);
    second.settle();
    first.write(&map, "k", "x".repeat(150_000).as_str());
    first.write(&map, "k", "y");
    first.flush();
    let messages: Vec<ContentMessage> = first.writes[0].to_messages();
    assert!(messages.len() > 1, "a long session has several pieces");
    for message in messages {
        second.replica.absorb(message);
    }
    second.collect();
    assert_eq!(
        second.replica.known_state(&map),
        first.replica.known_state(&map)
    );
    assert!(
        second.replica.log(&account).is_some(),
        "the owner was loaded with the map"
    );
}

#[test]
fn r11_what_storage_holds_in_disorder_is_taken_up_to_the_gap() {
    let mut machine = Machine::new(1);
    let header = Header::account(&machine.author.agent);
    let (session, torn) = (
        machine.author.agent_session(0),
        machine.author.agent_session(1),
    );
    let piece = |session, count, after| Segment {
        session: Clone::clone(session),
        content: machine.author.content(session, &sets(count), after),
    };
    let segments = vec![
        piece(&session, 6, 3),
        piece(&torn, 9, 5),
        piece(&session, 4, 0),
        piece(&torn, 2, 0),
        piece(&session, 4, 2),
    ];
    let id = header.id();
    let stored = StoredLog { header, segments };
    machine.disk.values.insert(id.clone(), stored);
    machine.replica.load(&id);
    machine.settle();
    let state = machine.replica.durable_state(&id);
    assert_eq!((state.count(&session), state.count(&torn)), (6, 2));
    assert_eq!(machine.rejection_codes(), ["stored_gap"]);
}

#[test]
fn r11_what_storage_holds_under_a_wrong_id_is_not_shown() {
    let mut machine = Machine::new(1);
    let header = Header::account(&machine.author.agent);
    let id = map_header(&machine.author.account, "map").id();
    let stored = StoredLog {
        header,
        segments: Vec::new(),
    };
    machine.disk.values.insert(id.clone(), stored);
    machine.replica.load(&id);
    machine.settle();
    assert_eq!(machine.rejection_codes(), ["stored_wrong_id"]);
    assert_eq!(machine.unavailable, vec![id.clone()]);
    assert_eq!(machine.replica.known_state(&id), KnownState::empty(id));
}

#[test]
fn one_signature_covers_all_that_a_flush_takes() {
    let mut machine = Machine::new(1);
    let account = machine.found_account();
    machine.settle();
    for n in 0..5 {
        machine.write(&account, "k", &n.to_string());
    }
    machine.flush();
    let segments = &machine.writes[0].values[0].segments;
    assert_eq!(segments.len(), 1);
    assert_eq!(segments[0].content.new_transactions.len(), 5);
}

#[test]
fn r12_a_session_without_a_key_is_told_and_kept() {
    let mut machine = Machine::new(1);
    let account = machine.found_account();
    machine.settle();
    machine.write(&account, "k", "v");
    machine.replica.flush(|_| None);
    machine.collect();
    assert_eq!(machine.rejection_codes(), ["no_signer"]);
    assert!(!machine.replica.is_settled());
    machine.settle();
    assert_eq!(
        machine.replica.durable_state(&account).transaction_count(),
        2
    );
}

#[test]
fn a_stored_value_is_there_although_nobody_has_what_it_depends_on() {
    let mut machine = Machine::new(1);
    let author = Author::new(5);
    let header = map_header(&Author::new(6).account, "orphan");
    let session = author.session(0);
    let content = author.content(&session, &sets(2), 0);
    let segments = vec![Segment { session, content }];
    let id = header.id();
    let stored = StoredLog { header, segments };
    machine.disk.values.insert(id.clone(), stored);
    machine.replica.load(&id);
    machine.collect();
    let loads = std::iter::from_fn(|| machine.serve_storage().then_some(())).take(9);
    assert_eq!(loads.count(), 3, "the value, its owner and its author");
    assert_eq!(machine.changed, vec![id]);
}
