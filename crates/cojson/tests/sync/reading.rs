//! What a server does that has to read what it no longer holds: hashes made anew, damage that is found late, storage that
//! does not answer, has news of other servers, or refuses a write because of them.

use cojson::ids::CoId;
use cojson::sync::{PeerId, PeerRole, Segment, SyncMessage, WriteBatch, WriteId};

use crate::author::{Author, content, sets};
use crate::bounded::*;
use crate::cast::*;
use crate::machine::Machine;

#[test]
fn content_for_an_evicted_log_waits_for_its_hash_and_for_nothing_else() {
    let (mut server, alice) = tight();
    let long = LongLog::new(&alice, 12);
    let (last, first) = long.pieces.split_last().unwrap();
    for piece in first {
        server.tell(ALICE, SyncMessage::Content(piece.clone()));
    }
    let held = server.replica.log(&long.id).unwrap();
    assert!(!held.session(&long.session).unwrap().is_hashable());
    server.disk.read_bytes_most = 0;
    server
        .replica
        .receive(ALICE, SyncMessage::Content(last.clone()));
    server.collect();
    assert_eq!(server.reads.len(), 1);
    // Its hash is being made; meanwhile another value is written, stored and acknowledged.
    let other = map_named(&alice, "other", 100);
    server
        .replica
        .receive(BOB, SyncMessage::Content(other.clone()));
    server.collect();
    while let Some(id) = server.loads.pop_front() {
        server.replica.loaded(&id, None);
        server.collect();
    }
    server.flush();
    let batch = server.writes.pop_front().unwrap();
    server.disk.write(&batch);
    server.replica.stored(batch.id);
    server.collect();
    let acknowledged = server.sent_to(BOB);
    let is_it = matches!(&acknowledged[0], SyncMessage::Known(known) if known.state.id == other.id);
    assert!(is_it, "{acknowledged:?}");
    assert_eq!(server.sent_to(ALICE), []);
    assert_eq!(server.reads.len(), 1);

    server.settle();
    let count = long.count();
    let answer = server.sent_to(ALICE);
    assert_eq!(answer, [known(&long.id, true, &[(&long.session, count)])]);
    assert!(server.disk.read_bytes_most < 400_000, "read in parts");
    assert_eq!(server.rejections, []);
}

#[test]
fn r11_a_forgery_for_an_evicted_log_is_still_one() {
    let (mut server, alice) = tight();
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 3, 0)));
    let forged = forge(map_content(&alice, 5, 3));
    server.tell(MALLORY, SyncMessage::Content(forged));
    assert_eq!(server.rejection_codes(), ["bad_signature"]);
    let answer = server.tell(ALICE, SyncMessage::Content(map_content(&alice, 5, 3)));
    let session = alice.session(0);
    assert_eq!(answer, [known(&map_id(&alice), true, &[(&session, 5)])]);
}

#[test]
fn what_an_evicted_log_has_is_neither_read_nor_taken_again() {
    let (mut server, alice) = tight();
    let session = alice.session(0);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 5, 0)));
    let id = map_id(&alice);
    for (count, after) in [(5, 0), (3, 0), (5, 4)] {
        let answer = server.tell(
            ALICE,
            SyncMessage::Content(map_content(&alice, count, after)),
        );
        assert_eq!(answer, [known(&id, true, &[(&session, 5)])]);
    }
    let answer = server.tell(ALICE, SyncMessage::Content(map_content(&alice, 9, 7)));
    assert_eq!(answer, [correction(&id, true, &[(&session, 5)])]);
    assert_eq!(server.disk.read_bytes_most, 0);
}

#[test]
fn damage_that_is_found_late_costs_the_session_s_tail_and_is_mended_by_who_has_it() {
    let (mut server, alice) = tight();
    let long = LongLog::new(&alice, 9);
    long.tell(&mut server);
    let small = alice.session(1);
    let piece = alice.content(&small, &sets(2), 0);
    server.tell(
        ALICE,
        SyncMessage::Content(content(&long.id, None, &small, piece)),
    );
    server.disk.damaged.insert(long.session.clone(), 45);
    say(&mut server, BOB, load(&long.id));
    let got = contents_of(&long.id, server.sent_to(BOB));
    let long_part: Vec<_> = got
        .iter()
        .filter(|content| content.new.contains_key(&long.session))
        .cloned()
        .collect();
    assert_eq!(check_in_order(&long_part, &long.session), 40);
    assert!(got.iter().any(|content| content.new.contains_key(&small)));
    assert_eq!(server.rejection_codes(), ["stored_gap"]);
    let told = server.sent_to(ALICE);
    let corrected = correction(&long.id, true, &[(&long.session, 40), (&small, 2)]);
    assert_eq!(told, [corrected]);

    server.disk.damaged.clear();
    for piece in &long.pieces[4..] {
        server.tell(ALICE, SyncMessage::Content(piece.clone()));
    }
    let rest = contents_of(&long.id, server.sent_to(BOB));
    assert_eq!(rest[0].new.get(&long.session).unwrap().after, 40);
    assert_eq!(
        rest.last().unwrap().new.get(&long.session).unwrap().end(),
        90
    );
}

#[test]
fn damage_that_content_meets_is_told_to_its_sender() {
    let (mut server, alice) = tight();
    let long = LongLog::new(&alice, 6);
    let (last, first) = long.pieces.split_last().unwrap();
    for piece in first {
        server.tell(ALICE, SyncMessage::Content(piece.clone()));
    }
    server.disk.damaged.insert(long.session.clone(), 0);
    let answer = server.tell(ALICE, SyncMessage::Content(last.clone()));
    let nothing = correction(&long.id, true, &[]);
    assert_eq!(answer, [nothing.clone(), nothing]);
    server.disk.damaged.clear();
    long.tell(&mut server);
    let count = u64::from(long.count());
    assert_eq!(
        server.replica.durable_state(&long.id).transaction_count(),
        count
    );
}

#[test]
fn what_storage_could_not_read_is_asked_for_again_and_nobody_is_told_otherwise() {
    let (mut server, alice) = tight();
    let id = map_id(&alice);
    let session = alice.session(0);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 3, 0)));
    server
        .replica
        .receive(ALICE, SyncMessage::Content(map_content(&alice, 5, 3)));
    server.replica.receive(BOB, load(&id));
    for _ in 0..3 {
        server.collect();
        let asked = std::mem::take(&mut server.reads);
        assert_eq!(asked.len(), 2, "a hash for Alice, transactions for Bob");
        for request in asked {
            server.replica.read_failed(request.id);
        }
    }
    server.collect();
    assert_eq!(server.sent_to(ALICE), []);
    let told = server.sent_to(BOB);
    assert!(
        told.iter()
            .all(|message| message.id() == Some(&alice.account))
    );
    // Storage answers again.
    server.settle();
    assert_eq!(server.sent_to(ALICE), [known(&id, true, &[(&session, 5)])]);
    let contents = read_on(&mut server, BOB, &id);
    assert_eq!(check_in_order(&contents, &session), 5);
}

#[test]
fn r11_sessions_that_storage_cannot_read_take_turns_with_those_that_it_can() {
    let (mut server, alice) = tight();
    let names: Vec<String> = (0..40).map(|index| index.to_string()).collect();
    for name in &names {
        let content = map_named(&alice, name, 100);
        server.tell(ALICE, SyncMessage::Content(content));
    }
    let peers = (100..140).map(PeerId);
    for (peer, name) in peers.clone().zip(&names) {
        server.replica.connect(peer, PeerRole::Client);
        let id = map_named(&alice, name, 100).id;
        server.replica.receive(peer, load(&id));
    }
    // The first thirty cannot be read, and each failure is told when all others were.
    let is_bad = |id: &CoId| {
        names[..30]
            .iter()
            .any(|name| map_named(&alice, name, 100).id == *id)
    };
    for _ in 0..6 {
        server.collect();
        while !server.loads.is_empty() {
            server.serve_storage();
        }
        let asked = std::mem::take(&mut server.reads);
        let (bad, good): (Vec<_>, Vec<_>) = asked.into_iter().partition(|read| is_bad(&read.value));
        for request in good {
            let segments = server.disk.read(&request);
            server.replica.read(request.id, segments);
        }
        for request in bad {
            server.replica.read_failed(request.id);
        }
    }
    server.collect();
    for (peer, name) in peers.zip(&names) {
        let id = map_named(&alice, name, 100).id;
        let told = contents_of(&id, server.sent_to(peer));
        assert_eq!(told.is_empty(), is_bad(&id), "{name}");
    }
}

#[test]
fn what_another_server_wrote_is_taken_up_and_told() {
    for bound in [1, usize::MAX] {
        let (mut server, alice) = bounded(bound, usize::MAX);
        let id = map_id(&alice);
        let session = alice.session(0);
        server.tell(ALICE, SyncMessage::Content(map_content(&alice, 3, 0)));
        say(&mut server, BOB, load(&id));
        server.sent_to(BOB);
        let piece = alice.content(&session, &sets(7), 3);
        let stored = server.disk.values.get_mut(&id).unwrap();
        stored.segments.push(Segment {
            session: session.clone(),
            content: piece,
        });
        server.replica.appeared(&id);
        server.settle();
        let sent = contents_of(&id, server.sent_to(BOB));
        assert_eq!(sent.len(), 1);
        assert_eq!(
            (
                sent[0].new.get(&session).unwrap().after,
                sent[0].new.get(&session).unwrap().end()
            ),
            (3, 7)
        );
        let answer = server.tell(ALICE, SyncMessage::Content(map_content(&alice, 9, 7)));
        let acknowledged = known(&id, true, &[(&session, 9)]);
        assert!(answer.contains(&acknowledged), "{answer:?}");
        assert_eq!(server.rejections, []);
    }
}

/// A server that has stored the first transactions of a map and is writing those up to an end.
fn write_under_way(server: &mut Machine, alice: &Author, stored: u32, end: u64) -> WriteBatch {
    server.tell(
        ALICE,
        SyncMessage::Content(map_content(alice, stored.into(), 0)),
    );
    let more = SyncMessage::Content(map_content(alice, end, stored));
    server.replica.receive(ALICE, more);
    server.collect();
    while server.serve_storage() {}
    server.flush();
    server.writes.pop_front().unwrap()
}

/// Storage has something else of the value than the write went on from: what Alice is then told.
fn refuse(server: &mut Machine, write: WriteId, id: &CoId) -> Vec<SyncMessage> {
    server
        .replica
        .store_refused(write, std::slice::from_ref(id));
    server.settle();
    server.sent_to(ALICE)
}

#[test]
fn a_write_that_met_another_server_s_is_answered_with_what_storage_has() {
    for bound in [1, usize::MAX] {
        let (mut server, alice) = bounded(bound, usize::MAX);
        let id = map_id(&alice);
        let session = alice.session(0);
        let refused = write_under_way(&mut server, &alice, 3, 5);
        let piece = alice.content(&session, &sets(7), 3);
        let stored = server.disk.values.get_mut(&id).unwrap();
        stored.segments.push(Segment {
            session: session.clone(),
            content: piece,
        });
        let told = refuse(&mut server, refused.id, &id);
        let acknowledged = known(&id, true, &[(&session, 7)]);
        assert!(told.contains(&acknowledged), "{told:?}");
        assert_eq!(server.rejection_codes(), ["store_failed"]);
        assert!(server.replica.is_settled());
    }
}

#[test]
fn storage_that_lost_something_gets_it_again() {
    for bound in [1, usize::MAX] {
        let (mut server, alice) = bounded(bound, usize::MAX);
        let id = map_id(&alice);
        let session = alice.session(0);
        let refused = write_under_way(&mut server, &alice, 5, 7);
        let piece = alice.content(&session, &sets(2), 0);
        let stored = server.disk.values.get_mut(&id).unwrap();
        stored.segments = vec![Segment {
            session: session.clone(),
            content: piece,
        }];
        let told = refuse(&mut server, refused.id, &id);
        let corrected = correction(&id, true, &[(&session, 2)]);
        assert!(told.contains(&corrected), "{told:?}");
        server.tell(ALICE, SyncMessage::Content(map_content(&alice, 7, 2)));
        assert_eq!(server.disk.state_of(&id).transaction_count(), 7);
        assert_eq!(server.replica.durable_state(&id).transaction_count(), 7);
    }
}
