//! What other servers write to the same storage: it is taken up and told, also while storage is slow to answer.

use cojson::ids::CoId;
use cojson::sync::{Replica, Segment, StoredLog, SyncMessage};

use crate::author::{Author, map_header, sets};
use crate::bounded::{check_in_order, map_named, read_on, say, tight};
use crate::cast::*;
use crate::machine::Machine;

/// Another server writes Alice's map up to so many transactions.
fn write_elsewhere(server: &mut Machine, alice: &Author, count: u64, after: u32) {
    let session = alice.session(0);
    let content = alice.content(&session, &sets(count), after);
    let header = map_content(alice, 1, 0).header.unwrap();
    let stored = server.disk.values.entry(header.id());
    let stored = stored.or_insert_with(|| StoredLog {
        header,
        segments: Vec::new(),
    });
    stored.segments.push(Segment { session, content });
}

/// How many transactions of Alice's map a peer was told of.
fn told(server: &mut Machine, alice: &Author) -> usize {
    let ends = server.sent_to(BOB).into_iter().filter_map(|message| {
        let SyncMessage::Content(content) = message else {
            return None;
        };
        Some(content.new.get(&alice.session(0))?.end())
    });
    ends.max().unwrap_or_default()
}

#[test]
fn what_was_asked_for_in_vain_is_told_when_another_server_has_it() {
    let (mut server, alice) = server();
    let id = map_id(&alice);
    server.tell(BOB, load(&id));
    let counts = server.replica.durable_counts(None, 9);
    assert!(counts.contains(&(id.clone(), 0)), "{counts:?}");
    write_elsewhere(&mut server, &alice, 3, 0);
    server.replica.appeared(&id);
    server.settle();
    assert_eq!(told(&mut server, &alice), 3);
}

#[test]
fn news_that_come_while_storage_is_asked_are_not_missed_and_what_it_answers_first_is_told_at_once()
{
    let (mut server, alice) = server();
    let id = map_id(&alice);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 1, 0)));
    server.tell(BOB, load(&id));
    write_elsewhere(&mut server, &alice, 3, 1);
    server.replica.appeared(&id);
    server.collect();
    // Storage reads, another server commits, and its hint is here before storage's answer is.
    server.replica.appeared(&id);
    server.serve_storage();
    assert_eq!(
        told(&mut server, &alice),
        3,
        "a value that is written without pause is served"
    );
    write_elsewhere(&mut server, &alice, 5, 3);
    server.settle();
    assert_eq!(told(&mut server, &alice), 5);
    assert!(server.loads.is_empty());
}

#[test]
fn content_with_a_gap_is_answered_after_storage_was_asked_for_what_is_missing() {
    let (mut server, alice) = server();
    let id = map_id(&alice);
    let session = alice.session(0);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 2, 0)));
    write_elsewhere(&mut server, &alice, 4, 2);
    let answer = server.tell(ALICE, SyncMessage::Content(map_content(&alice, 6, 4)));
    assert_eq!(answer, [correction(&id, true, &[(&session, 4)])]);
    let answer = server.tell(ALICE, SyncMessage::Content(map_content(&alice, 6, 4)));
    assert_eq!(answer, [known(&id, true, &[(&session, 6)])]);
}

#[test]
fn a_value_that_left_memory_and_grew_elsewhere_is_served_as_it_is_now() {
    let (mut server, alice) = tight();
    let id = map_id(&alice);
    let session = alice.session(0);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 3, 0)));
    server.replica.disconnect(ALICE);
    let other = map_named(&alice, "other", 1_000);
    server.tell(BOB, SyncMessage::Content(other));
    assert!(server.replica.log(&id).is_none(), "it left memory");
    write_elsewhere(&mut server, &alice, 7, 3);
    // Nobody looks at it, so nobody asks for what is new.
    server.replica.appeared(&id);
    server.collect();
    assert!(server.loads.is_empty());
    say(&mut server, BOB, load(&id));
    let contents = read_on(&mut server, BOB, &id);
    assert_eq!(check_in_order(&contents, &session), 7);
    let answer = server.tell(BOB, SyncMessage::Content(map_content(&alice, 9, 7)));
    assert_eq!(answer, [known(&id, true, &[(&session, 9)])]);
}

#[test]
fn all_that_somebody_looks_at_is_counted_part_by_part() {
    let (mut server, alice) = server();
    let ids: Vec<CoId> = (0..5)
        .map(|index| map_header(&alice.account, &index.to_string()).id())
        .collect();
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 3, 0)));
    for id in &ids {
        server.tell(BOB, load(id));
    }
    let all = server.replica.durable_counts(None, usize::MAX);
    let parts = in_parts(&server.replica, 2);
    assert_eq!(parts, all);
    assert!(all.is_sorted());
    assert!(all.contains(&(map_id(&alice), 4)), "{all:?}");
    assert!(ids.iter().all(|id| all.contains(&(id.clone(), 0))));
}

fn in_parts(replica: &Replica, count_max: usize) -> Vec<(CoId, u64)> {
    let mut all: Vec<(CoId, u64)> = Vec::new();
    loop {
        let part = replica.durable_counts(all.last().map(|(id, _)| id), count_max);
        assert!(part.len() <= count_max);
        if part.is_empty() {
            return all;
        }
        all.extend(part);
    }
}
