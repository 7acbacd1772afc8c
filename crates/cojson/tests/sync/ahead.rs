//! A server that sends on what it is writing: what goes ahead of its disk, what waits for it, and what is acknowledged.

use cojson::ids::CoId;
use cojson::sync::{ReplicaConfig, SyncMessage};

use crate::author::{Author, content, sets};
use crate::cast::*;
use crate::machine::Machine;

/// A server that sends ahead, on which Bob looks at Alice's map of two transactions.
fn watched() -> (Machine, Author, CoId) {
    let (mut server, alice) = server_with(ReplicaConfig {
        sends_ahead: true,
        ..ReplicaConfig::default()
    });
    let id = map_id(&alice);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 2, 0)));
    let told = server.tell(BOB, load(&id));
    assert_eq!(told.len(), 2, "the account and the map: {told:?}");
    (server, alice, id)
}

/// It takes this in and begins to write.
fn begin(server: &mut Machine, message: SyncMessage) {
    server.replica.receive(ALICE, message);
    server.flush();
}

/// How far Alice's session reaches in what was sent, message by message.
fn ends(alice: &Author, sent: &[SyncMessage]) -> Vec<usize> {
    let end = |message: &SyncMessage| match message {
        SyncMessage::Content(content) => content.new.get(&alice.session(0)).unwrap().end(),
        other => panic!("{other:?}"),
    };
    sent.iter().map(end).collect()
}

#[test]
fn r2_what_is_being_written_goes_ahead_once_and_is_acknowledged_when_it_is_durable() {
    let (mut server, alice, id) = watched();
    begin(&mut server, SyncMessage::Content(map_content(&alice, 3, 2)));
    assert_eq!(ends(&alice, &server.sent_to(BOB)), [3]);
    // What comes meanwhile goes with the next write.
    begin(&mut server, SyncMessage::Content(map_content(&alice, 5, 3)));
    assert_eq!(server.outbox, []);
    server.serve_storage();
    let acknowledged = [known(&id, true, &[(&alice.session(0), 3)])];
    assert_eq!(server.sent_to(ALICE), acknowledged);
    assert_eq!(ends(&alice, &server.sent_to(BOB)), [5]);
    server.settle();
    let acknowledged = [known(&id, true, &[(&alice.session(0), 5)])];
    assert_eq!(server.sent_to(ALICE), acknowledged);
    assert_eq!(server.outbox, [], "Bob was sent it");
}

#[test]
fn r2_who_asks_during_a_write_is_told_what_is_durable_and_sent_what_is_written() {
    let (mut server, alice, id) = watched();
    begin(&mut server, SyncMessage::Content(map_content(&alice, 3, 2)));
    server.outbox.clear();
    let mut state = server.replica.durable_state(&id);
    assert_eq!(state.transaction_count(), 2);
    state.sessions.clear();
    server.replica.receive(BOB, SyncMessage::Load(state));
    server.collect();
    let sent = server.sent_to(BOB);
    assert_eq!(sent[0], known(&id, true, &[(&alice.session(0), 2)]));
    assert_eq!(ends(&alice, &sent[1..]).last(), Some(&3));
    server.settle();
    assert_eq!(server.sent_to(BOB), []);
}

#[test]
fn r2_nothing_goes_ahead_while_writes_fail() {
    let (mut server, alice, _) = watched();
    begin(&mut server, SyncMessage::Content(map_content(&alice, 3, 2)));
    server.outbox.clear();
    let failed = server.writes.pop_front().unwrap();
    server.replica.store_failed(failed.id);
    begin(&mut server, SyncMessage::Content(map_content(&alice, 4, 3)));
    assert_eq!(server.outbox, [], "the next write may fail too");
    server.serve_storage();
    assert_eq!(ends(&alice, &server.sent_to(BOB)), [4]);
    begin(&mut server, SyncMessage::Content(map_content(&alice, 5, 4)));
    assert_eq!(ends(&alice, &server.sent_to(BOB)), [5]);
}

#[test]
fn r2_what_a_crash_took_that_went_ahead_comes_back_from_whoever_was_sent_it() {
    let (mut server, alice, id) = watched();
    let ahead = map_content(&alice, 3, 2);
    begin(&mut server, SyncMessage::Content(ahead.clone()));
    assert_eq!(ends(&alice, &server.sent_to(BOB)), [3]);
    server.crash(false);
    server.replica.connect(BOB, cojson::sync::PeerRole::Client);
    server.replica.load(&id);
    server.settle();
    let mut bobs = server.replica.durable_state(&id);
    assert_eq!(bobs.transaction_count(), 2);
    bobs.sessions.insert(alice.session(0), 3);
    let told = server.tell(BOB, SyncMessage::Load(bobs));
    assert_eq!(told[0], known(&id, true, &[(&alice.session(0), 2)]));
    // Told that it is missing here, Bob sends it.
    let told = server.tell(BOB, SyncMessage::Content(ahead));
    assert_eq!(told, [known(&id, true, &[(&alice.session(0), 3)])]);
    assert_eq!(server.disk.state_of(&id).transaction_count(), 3);
}

#[test]
fn what_depends_on_something_new_waits_for_the_disk_with_it() {
    let (mut server, alice, id) = watched();
    let carol = Author::new(3);
    server.replica.receive(ALICE, account_content(&carol));
    let session = carol.session(0);
    let piece = carol.content(&session, &sets(1), 0);
    let message = content(&id, None, &session, piece);
    begin(&mut server, SyncMessage::Content(message));
    assert_eq!(server.sent_to(BOB), [], "not without its author");
    server.settle();
    let sent = server.sent_to(BOB);
    let ids: Vec<_> = sent.iter().filter_map(SyncMessage::id).collect();
    assert_eq!(ids, [&carol.account, &id]);
    assert!(alice.account != carol.account);
}
