//! What a server answers, one case at a time.

use cojson::ids::CoId;
use cojson::sync::{ContentMessage, PeerId, PeerRole, ReconcileMessage, SyncMessage};

use crate::author::{Author, content, map_header, set, sets};
use crate::cast::*;
use crate::machine::Machine;

#[test]
fn a_gap_is_answered_with_what_we_have() {
    let (mut server, alice) = server();
    let id = map_id(&alice);
    let session = alice.session(0);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 2, 0)));
    let answer = server.tell(ALICE, SyncMessage::Content(map_content(&alice, 9, 5)));
    assert_eq!(answer, [correction(&id, true, &[(&session, 2)])]);
    let answer = server.tell(ALICE, SyncMessage::Content(map_content(&alice, 9, 1)));
    assert_eq!(answer, [known(&id, true, &[(&session, 9)])]);
}

#[test]
fn content_without_a_header_for_an_unknown_value_asks_for_all_of_it() {
    let (mut server, alice) = server();
    let answer = server.tell(ALICE, SyncMessage::Content(map_content(&alice, 9, 5)));
    assert_eq!(answer, [correction(&map_id(&alice), false, &[])]);
}

#[test]
fn r2_nothing_is_acknowledged_or_sent_on_before_it_is_stored() {
    let (mut server, alice) = server();
    let id = map_id(&alice);
    server.tell(BOB, load(&id));
    server
        .replica
        .receive(ALICE, SyncMessage::Content(map_content(&alice, 1, 0)));
    server.collect();
    server.serve_storage();
    server.flush();
    assert_eq!(server.outbox, [], "the write is under way");
    assert_eq!(server.replica.known_state(&id).transaction_count(), 1);
    let refused = server.writes.pop_front().unwrap();
    server.replica.store_failed(refused.id);
    server.replica.stored(refused.id);
    server.collect();
    assert_eq!(server.outbox, [], "the write failed");
    assert_eq!(server.rejection_codes(), ["store_failed"]);
    server.flush();
    let again = server.writes.pop_front().unwrap();
    assert_eq!(
        again.values, refused.values,
        "what failed goes into the next write"
    );
    server.disk.write(&again);
    server.replica.stored(refused.id);
    server.collect();
    assert_eq!(
        server.outbox,
        [],
        "a late answer to the failed write is not one to this"
    );
    server.replica.stored(again.id);
    server.replica.stored(again.id);
    server.collect();
    assert_eq!(
        server.sent_to(ALICE),
        [known(&id, true, &[(&alice.session(0), 1)])]
    );
    let to_bob = server.sent_to(BOB);
    assert!(
        matches!(
            &to_bob[..],
            [SyncMessage::Content(_), SyncMessage::Content(_)]
        ),
        "{to_bob:?}"
    );
}

#[test]
fn r2_a_peer_that_asks_during_a_write_gets_the_durable_part_with_its_signature() {
    let (mut server, alice) = server();
    let id = map_id(&alice);
    let session = alice.session(0);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 3, 0)));
    server
        .replica
        .receive(ALICE, SyncMessage::Content(map_content(&alice, 5, 3)));
    server.flush();
    server.replica.receive(BOB, load(&id));
    server.collect();
    let to_bob = server.sent_to(BOB);
    let Some(SyncMessage::Content(got)) = to_bob.last() else {
        panic!("{to_bob:?}");
    };
    assert_eq!(
        *got.new.get(&session).unwrap(),
        alice.content(&session, &sets(3), 0)
    );
    server.settle();
    let to_bob = server.sent_to(BOB);
    assert_eq!(to_bob.len(), 1);
    assert!(
        matches!(&to_bob[0], SyncMessage::Content(got) if got.new.get(&session).unwrap().after == 3)
    );
}

#[test]
fn a_missing_author_is_asked_for_and_its_content_waits() {
    let mut server = Machine::new(9);
    server.replica.connect(ALICE, PeerRole::Client);
    let alice = Author::new(1);
    let id = map_id(&alice);
    let asked = server.tell(ALICE, SyncMessage::Content(map_content(&alice, 1, 0)));
    assert_eq!(asked, [load(&alice.account)]);
    let answer = server.tell(ALICE, account_content(&alice));
    let acknowledged: Vec<_> = answer.iter().filter_map(SyncMessage::id).collect();
    assert_eq!(acknowledged, [&alice.account, &id]);
}

#[test]
fn values_that_name_each_other_do_not_wait_for_ever() {
    let (mut server, alice) = server();
    let (one, other) = (alice.group_header("one"), alice.group_header("other"));
    let session = alice.session(0);
    let names = |id: &CoId| vec![set(&format!("parent_{id}"), "extend", 1)];
    for (header, parent) in [(&one, other.id()), (&other, one.id())] {
        let piece = alice.content(&session, &names(&parent), 0);
        let message = content(&header.id(), Some(header.clone()), &session, piece);
        server.tell(ALICE, SyncMessage::Content(message));
    }
    for id in [one.id(), other.id()] {
        assert_eq!(server.replica.known_state(&id).transaction_count(), 1);
    }
}

#[test]
fn an_unknown_value_is_answered_and_sent_when_it_appears() {
    let (mut server, alice) = server();
    let id = map_id(&alice);
    assert_eq!(server.tell(BOB, load(&id)), [known(&id, false, &[])]);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 1, 0)));
    let sent: Vec<_> = server
        .sent_to(BOB)
        .iter()
        .filter_map(|m| m.id().cloned())
        .collect();
    assert_eq!(
        sent,
        [alice.account.clone(), id],
        "the author's account goes first"
    );
}

#[test]
fn a_long_session_is_sent_in_pieces_that_each_end_at_a_signature() {
    let mut machine = Machine::new(1);
    let account = machine.found_account();
    let map = machine.create(map_header(&account, "long"));
    for n in 0..60 {
        machine.write(&map, "k", &format!("{n}{}", "x".repeat(10_000)));
    }
    machine.settle();
    machine.replica.connect(BOB, PeerRole::Client);
    let pieces: Vec<ContentMessage> = machine
        .tell(BOB, load(&map))
        .into_iter()
        .filter_map(|message| match message {
            SyncMessage::Content(content) if content.id == map => Some(content),
            _ => None,
        })
        .collect();
    let session = machine.author.session(0);
    let counts: Vec<usize> = pieces
        .iter()
        .map(|piece| piece.new.get(&session).unwrap().new_transactions.len())
        .collect();
    assert_eq!(
        counts,
        [11, 11, 11, 11, 11, 5],
        "as the reference cuts them"
    );
    assert!(pieces[0].header.is_some());
    assert_eq!(
        pieces[0]
            .expect_content_until
            .as_ref()
            .unwrap()
            .get(&session),
        Some(&60)
    );
    assert!(
        pieces[1..]
            .iter()
            .all(|piece| piece.header.is_none() && piece.expect_content_until.is_none())
    );
    let (mut server, alice) = server();
    assert_eq!(alice.account, account);
    for piece in pieces {
        server.tell(ALICE, SyncMessage::Content(piece));
    }
    assert_eq!(server.replica.durable_state(&map).transaction_count(), 60);
}

#[test]
fn reconciliation_exchanges_what_differs_and_then_says_so() {
    let (mut server, alice) = server();
    let id = map_id(&alice);
    let missing = map_header(&alice.account, "missing").id();
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 2, 0)));
    let account_hash = server.replica.durable_state(&alice.account).sessions_hash();
    let batch = SyncMessage::Reconcile(ReconcileMessage {
        id: "batch".into(),
        values: vec![
            (alice.account.clone(), account_hash),
            (id.clone(), "shortHash_zother".into()),
            (missing.clone(), "shortHash_zother".into()),
        ],
    });
    let mut asked = server.tell(ALICE, batch);
    asked.sort_by_key(|message| message.id().cloned());
    let mut expected = vec![
        SyncMessage::Load(server.replica.durable_state(&id)),
        load(&missing),
    ];
    expected.sort_by_key(|message| message.id().cloned());
    assert_eq!(asked, expected);
    assert_eq!(server.tell(ALICE, known(&missing, false, &[])), []);
    let answer = server.tell(ALICE, SyncMessage::Content(map_content(&alice, 3, 2)));
    assert_eq!(
        answer,
        [
            known(&id, true, &[(&alice.session(0), 3)]),
            SyncMessage::ReconcileAck { id: "batch".into() },
        ]
    );
}

#[test]
fn a_message_of_a_peer_that_is_not_connected_changes_nothing() {
    let (mut server, alice) = server();
    server.tell(PeerId(42), SyncMessage::Content(map_content(&alice, 1, 0)));
    assert_eq!(server.rejection_codes(), ["unknown_peer"]);
    assert_eq!(server.disk.values.len(), 1);
}

#[test]
fn a_peer_that_never_pauses_is_told_how_far_it_is_durable() {
    let (mut server, alice) = server();
    let id = map_id(&alice);
    let session = alice.session(0);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 1, 0)));
    for count in 2..5 {
        let next = map_content(&alice, u64::from(count), count - 1);
        server.replica.receive(ALICE, SyncMessage::Content(next));
        server.flush();
        if count > 2 {
            server.serve_storage();
            let told = server.sent_to(ALICE);
            assert_eq!(told, [known(&id, true, &[(&session, count - 1)])]);
        }
    }
    server.settle();
    assert_eq!(server.sent_to(ALICE), [known(&id, true, &[(&session, 4)])]);
}

#[test]
fn one_peer_s_unfinished_write_does_not_hold_back_another_s_acknowledgement() {
    let (mut server, alice) = server();
    let id = map_id(&alice);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 1, 0)));
    let session = alice.session(1);
    let piece = alice.content(&session, &sets(1), 0);
    server
        .replica
        .receive(ALICE, SyncMessage::Content(map_content(&alice, 2, 1)));
    server.flush();
    server.replica.receive(
        BOB,
        SyncMessage::Content(content(&id, None, &session, piece)),
    );
    server.flush();
    server.serve_storage();
    let told = server.sent_to(ALICE);
    assert_eq!(told, [known(&id, true, &[(&alice.session(0), 2)])]);
    assert_eq!(
        server
            .sent_to(BOB)
            .iter()
            .filter(|m| matches!(m, SyncMessage::Known(_)))
            .count(),
        1
    );
}

#[test]
fn r2_a_peer_that_asks_during_a_long_write_gets_nothing_of_it() {
    let mut machine = Machine::new(1);
    let account = machine.found_account();
    let map = machine.create(map_header(&account, "long"));
    machine.write(&map, "k", "first");
    machine.settle();
    for n in 0..30 {
        machine.write(&map, "k", &format!("{n}{}", "x".repeat(10_000)));
    }
    machine.flush();
    machine.replica.connect(BOB, PeerRole::Client);
    machine.replica.receive(BOB, load(&map));
    machine.collect();
    let sent = machine.sent_to(BOB);
    let Some(SyncMessage::Content(last)) = sent.last() else {
        panic!("{sent:?}");
    };
    assert_eq!(
        (
            sent.len(),
            last.new.get(&machine.author.session(0)).unwrap().end()
        ),
        (2, 1)
    );
}
