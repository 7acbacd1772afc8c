//! Memory that follows its bound: what leaves it and what stays, logs longer than the bound, readers that are slow,
//! hashes made anew, storage that is damaged or has news.

use cojson::ids::{CoId, SessionId};
use cojson::session_log::SessionContent;
use cojson::sync::{ContentMessage, PeerId, PeerRole, ReplicaConfig, Segment, SyncMessage};

use crate::author::{Author, content, map_header, set, sets};
use crate::cast::*;
use crate::machine::Machine;

/// A server whose memory holds next to nothing.
fn tight() -> (Machine, Author) {
    bounded(1, usize::MAX)
}

fn bounded(cache_bytes_max: usize, window_bytes_max: usize) -> (Machine, Author) {
    server_with(ReplicaConfig {
        cache_bytes_max,
        window_bytes_max,
        ..ReplicaConfig::default()
    })
}

/// Alice's map of that name, as one message.
fn map_named(alice: &Author, name: &str, bytes: usize) -> ContentMessage {
    let header = map_header(&alice.account, name);
    let session = alice.session(0);
    let long = [set("k", &"x".repeat(bytes), 1)];
    let piece = alice.content(&session, &long, 0);
    content(&header.id(), Some(header), &session, piece)
}

/// A long log of Alice's in pieces of about 100 kB, header first.
struct LongLog {
    id: CoId,
    session: SessionId,
    pieces: Vec<ContentMessage>,
}

impl LongLog {
    fn new(alice: &Author, pieces: usize) -> Self {
        let header = map_header(&alice.account, "long");
        let (id, session) = (header.id(), alice.session(0));
        let mut log = cojson::session_log::SessionLog::new(session.clone());
        for n in 0..pieces * 10 {
            log.append_local(set("k", &format!("{n} {}", "x".repeat(10_500)), n as u64));
        }
        let signed = log.sign(&alice.signer());
        assert_eq!(signed.len(), pieces);
        let message = |piece: SessionContent| {
            let header = (piece.after == 0).then(|| header.clone());
            content(&id, header, &session, piece)
        };
        let pieces = signed.into_iter().map(message).collect();
        Self {
            id,
            session,
            pieces,
        }
    }

    fn count(&self) -> u32 {
        self.pieces.len() as u32 * 10
    }

    /// Tells a server all of it.
    fn tell(&self, server: &mut Machine) {
        for piece in &self.pieces {
            server.tell(ALICE, SyncMessage::Content(piece.clone()));
        }
    }
}

/// A client says something; what it is answered stays in the outbox.
fn say(server: &mut Machine, peer: PeerId, message: SyncMessage) {
    server.replica.receive(peer, message);
    server.settle();
}

fn contents_of(id: &CoId, messages: Vec<SyncMessage>) -> Vec<ContentMessage> {
    let contents = messages.into_iter().filter_map(|message| match message {
        SyncMessage::Content(content) if content.id == *id => Some(content),
        _ => None,
    });
    contents.collect()
}

/// Reads to the end like a client whose socket takes one message after the other.
fn read_on(server: &mut Machine, reader: PeerId, id: &CoId) -> Vec<ContentMessage> {
    let mut all = Vec::new();
    loop {
        let sent = server.sent_to(reader);
        if sent.is_empty() {
            return contents_of(id, all);
        }
        for message in sent {
            server.drain(reader, &message);
            server.settle();
            all.push(message);
        }
    }
}

/// The pieces of a session follow one another without gap or repetition; returns where they end.
fn check_in_order(contents: &[ContentMessage], session: &SessionId) -> u32 {
    contents.iter().fold(0, |have, message| {
        let piece = message.new.get(session).unwrap();
        assert_eq!(piece.after, have);
        piece.end() as u32
    })
}

#[test]
fn what_nobody_looks_at_is_dropped_and_loaded_again() {
    let (mut server, alice) = tight();
    let id = map_id(&alice);
    server.tell(BOB, SyncMessage::Content(map_content(&alice, 2, 0)));
    server.replica.disconnect(ALICE);
    server.settle();
    assert_eq!(
        server.replica.ids().count(),
        2,
        "Bob's map needs Alice's account"
    );
    server
        .replica
        .receive(BOB, SyncMessage::Content(map_content(&alice, 4, 2)));
    server.settle();
    server.replica.disconnect(BOB);
    server.settle();
    assert_eq!(server.replica.ids().count(), 0);
    assert_eq!(server.replica.cache_bytes(), 0);
    let answer = server.tell(MALLORY, load(&id));
    let ids: Vec<_> = answer.iter().filter_map(SyncMessage::id).collect();
    assert_eq!(ids, [&alice.account, &id], "{answer:?}");
    assert_eq!(server.replica.durable_state(&id).transaction_count(), 4);
    assert_eq!(server.rejections, []);
}

#[test]
fn r2_what_is_not_durable_never_leaves_memory() {
    let (mut server, alice) = tight();
    let id = map_id(&alice);
    server
        .replica
        .receive(BOB, SyncMessage::Content(map_content(&alice, 2, 0)));
    server.collect();
    while server.reads.len() + server.loads.len() > 0 {
        server.serve_storage();
    }
    server.replica.disconnect(BOB);
    server.flush();
    assert_eq!(server.writes.len(), 1);
    let refused = server.writes.pop_front().unwrap();
    server.replica.store_failed(refused.id);
    server.collect();
    let log = server.replica.log(&id).unwrap();
    assert_eq!(
        log.session(&alice.session(0)).unwrap().transactions().len(),
        2
    );
    server.settle();
    assert_eq!(server.disk.state_of(&id).transaction_count(), 2);
    assert!(server.replica.log(&id).is_none());
}

#[test]
fn a_value_that_is_used_again_and_again_stays_while_others_go() {
    let (mut server, alice) = bounded(60_000, usize::MAX);
    let used = map_named(&alice, "used", 2_000);
    server.tell(BOB, SyncMessage::Content(used.clone()));
    server.replica.disconnect(BOB);
    for n in 0..60 {
        server.replica.connect(BOB, PeerRole::Client);
        server.tell(BOB, load(&used.id));
        let loads = server.loads_served;
        server.tell(BOB, load(&used.id));
        assert_eq!(server.loads_served, loads);
        let other = map_named(&alice, &format!("other {n}"), 2_000);
        server.tell(BOB, SyncMessage::Content(other));
        server.replica.disconnect(BOB);
        server.settle();
        assert!(server.replica.cache_bytes() <= 60_000);
        assert!(server.replica.log(&used.id).is_some(), "round {n}");
    }
    let ids = server.replica.ids().count();
    assert!(ids < 12, "{ids}");
}

#[test]
fn a_value_with_subscribers_keeps_its_outline_alone() {
    let (mut server, alice) = tight();
    let mut each = 0;
    for n in 0..100 {
        let map = map_named(&alice, &format!("map {n}"), 20_000);
        let id = map.id.clone();
        server.tell(BOB, SyncMessage::Content(map));
        let log = server.replica.log(&id).unwrap();
        let log = log.session(&alice.session(0)).unwrap();
        assert_eq!((log.len(), log.transactions().len()), (1, 0));
        each = server.replica.cache_bytes() / (n + 2);
    }
    assert!(each < 2_500, "{each} bytes each");
}

#[test]
fn a_log_longer_than_memory_is_written_and_read() {
    const BOUND: usize = 1_000_000;
    let (mut server, alice) = bounded(BOUND, 256 << 10);
    let long = LongLog::new(&alice, 60);
    let mut most = 0;
    for piece in &long.pieces {
        let answer = server.tell(ALICE, SyncMessage::Content(piece.clone()));
        assert!(matches!(&answer[..], [SyncMessage::Known(_)]), "{answer:?}");
        most = most.max(server.replica.cache_bytes());
    }
    assert!(most < BOUND, "{most}");
    assert_eq!(
        server.disk.read_bytes_most, 0,
        "its hash stays while it is written"
    );

    say(&mut server, BOB, load(&long.id));
    let contents = read_on(&mut server, BOB, &long.id);
    assert_eq!(check_in_order(&contents, &long.session), long.count());
    assert!(contents[0].header.is_some());
    let expected = contents[0].expect_content_until.as_ref().unwrap();
    assert_eq!(expected.get(&long.session), Some(&long.count()));
    for content in &contents {
        let bytes = SyncMessage::Content(content.clone()).content_bytes();
        assert!(bytes < 130_000, "{bytes}");
    }
    for content in &contents[1..] {
        assert!(content.header.is_none() && content.expect_content_until.is_none());
    }
    assert!((1..400_000).contains(&server.disk.read_bytes_most));
    assert!(server.replica.cache_bytes() < BOUND);

    let mut other = Machine::new(8);
    other.replica.connect(ALICE, PeerRole::Client);
    other.tell(ALICE, account_content(&alice));
    for content in contents {
        other.tell(ALICE, SyncMessage::Content(content));
    }
    assert_eq!(other.rejections, []);
    assert_eq!(
        other.replica.durable_state(&long.id).transaction_count(),
        u64::from(long.count())
    );
}

#[test]
fn a_reader_that_has_the_first_part_is_sent_the_rest() {
    let (mut server, alice) = bounded(1, 256 << 10);
    let long = LongLog::new(&alice, 8);
    long.tell(&mut server);
    for have in [1, 10, 37, 79] {
        server.replica.disconnect(BOB);
        server.replica.connect(BOB, PeerRole::Client);
        let mut state = server.replica.durable_state(&long.id);
        state.sessions.insert(long.session.clone(), have);
        say(&mut server, BOB, SyncMessage::Load(state));
        let contents = read_on(&mut server, BOB, &long.id);
        assert_eq!(contents[0].new.get(&long.session).unwrap().after, have);
        assert_eq!(
            contents
                .last()
                .unwrap()
                .new
                .get(&long.session)
                .unwrap()
                .end(),
            80
        );
        assert!(contents.iter().all(|content| content.header.is_none()));
    }
}

#[test]
fn r11_a_slow_reader_holds_a_window_s_worth_and_nobody_up() {
    const WINDOW: usize = 256 << 10;
    let (mut server, alice) = bounded(4_000_000, WINDOW);
    let long = LongLog::new(&alice, 40);
    long.tell(&mut server);
    say(&mut server, BOB, load(&long.id));
    let mut held = server.sent_to(BOB);
    // Whatever happens elsewhere, and whatever is new, Bob is sent no more while nothing leaves.
    for n in 0..20 {
        let small = map_named(&alice, &format!("small {n}"), 10_000);
        let id = small.id.clone();
        server.tell(ALICE, SyncMessage::Content(small));
        say(&mut server, BOB, load(&id));
        held.extend(server.sent_to(BOB));
        say(&mut server, MALLORY, load(&id));
        let others = read_on(&mut server, MALLORY, &id);
        assert_eq!(others.len(), 1, "Mallory is not held up");
    }
    let bytes: usize = held.iter().map(SyncMessage::content_bytes).sum();
    assert!(bytes < WINDOW + 130_000, "{bytes}");
    assert!(bytes > 200_000, "{bytes}");
    assert!(server.paced.contains(&BOB));

    let mut all = contents_of(&long.id, held.clone());
    for message in &held {
        server.drain(BOB, message);
        server.settle();
    }
    let rest = server.outbox.clone();
    let small_sent = |messages: &[(PeerId, SyncMessage)]| {
        let others = messages
            .iter()
            .filter(|(_, message)| message.id() != Some(&long.id));
        others.count()
    };
    assert!(small_sent(&rest) > 0, "values take turns with the long one");
    all.extend(read_on(&mut server, BOB, &long.id));
    assert_eq!(check_in_order(&all, &long.session), long.count());
}

#[test]
fn what_is_new_reaches_a_slow_reader_in_fewer_messages() {
    let (mut server, alice) = bounded(4_000_000, 2_000);
    let id = map_id(&alice);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 1, 0)));
    say(&mut server, BOB, load(&id));
    for count in 2..200 {
        let next = map_content(&alice, count, count as u32 - 1);
        server.tell(ALICE, SyncMessage::Content(next));
    }
    let contents = read_on(&mut server, BOB, &id);
    assert_eq!(check_in_order(&contents, &alice.session(0)), 199);
    assert!(contents.len() < 20, "{}", contents.len());
}

#[test]
fn content_for_an_evicted_log_waits_for_its_hash_and_for_nothing_else() {
    let (mut server, alice) = tight();
    let long = LongLog::new(&alice, 12);
    let (last, first) = long.pieces.split_last().unwrap();
    for piece in first {
        server.tell(ALICE, SyncMessage::Content(piece.clone()));
    }
    let log = server.replica.log(&long.id).unwrap();
    assert!(!log.session(&long.session).unwrap().is_hashable());
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
fn storage_that_cannot_be_asked_holds_nobody_up_for_ever() {
    let (mut server, alice) = tight();
    let id = map_id(&alice);
    let session = alice.session(0);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 3, 0)));
    let refuse = |server: &mut Machine| {
        server.collect();
        let request = server.reads.pop_front().unwrap();
        server.replica.read(request.id, None);
        server.settle();
    };
    server
        .replica
        .receive(ALICE, SyncMessage::Content(map_content(&alice, 5, 3)));
    refuse(&mut server);
    assert_eq!(
        server.sent_to(ALICE),
        [correction(&id, true, &[(&session, 3)])]
    );
    server.replica.receive(BOB, load(&id));
    refuse(&mut server);
    assert_eq!(contents_of(&id, server.sent_to(BOB)), []);
    // Storage answers again.
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 5, 3)));
    let contents = read_on(&mut server, BOB, &id);
    assert_eq!(check_in_order(&contents, &session), 5);
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

#[test]
fn a_write_that_met_another_server_s_is_answered_with_what_storage_has() {
    for bound in [1, usize::MAX] {
        let (mut server, alice) = bounded(bound, usize::MAX);
        let id = map_id(&alice);
        let session = alice.session(0);
        server.tell(ALICE, SyncMessage::Content(map_content(&alice, 3, 0)));
        server
            .replica
            .receive(ALICE, SyncMessage::Content(map_content(&alice, 5, 3)));
        server.collect();
        while server.serve_storage() {}
        server.flush();
        let refused = server.writes.pop_front().unwrap();
        let piece = alice.content(&session, &sets(7), 3);
        let stored = server.disk.values.get_mut(&id).unwrap();
        stored.segments.push(Segment {
            session: session.clone(),
            content: piece,
        });
        server
            .replica
            .store_refused(refused.id, std::slice::from_ref(&id));
        server.settle();
        let told = server.sent_to(ALICE);
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
        server.tell(ALICE, SyncMessage::Content(map_content(&alice, 5, 0)));
        server
            .replica
            .receive(ALICE, SyncMessage::Content(map_content(&alice, 7, 5)));
        server.collect();
        while server.serve_storage() {}
        server.flush();
        let refused = server.writes.pop_front().unwrap();
        let session = alice.session(0);
        let piece = alice.content(&session, &sets(2), 0);
        let stored = server.disk.values.get_mut(&id).unwrap();
        stored.segments = vec![Segment {
            session: session.clone(),
            content: piece,
        }];
        server
            .replica
            .store_refused(refused.id, std::slice::from_ref(&id));
        server.settle();
        let told = server.sent_to(ALICE);
        let corrected = correction(&id, true, &[(&session, 2)]);
        assert!(told.contains(&corrected), "{told:?}");
        server.tell(ALICE, SyncMessage::Content(map_content(&alice, 7, 2)));
        assert_eq!(server.disk.state_of(&id).transaction_count(), 7);
        assert_eq!(server.replica.durable_state(&id).transaction_count(), 7);
    }
}
