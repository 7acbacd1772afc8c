//! What must hold when a peer is wrong, late, greedy or hostile, one case at a time.

use cojson::crypto::{AgentSecret, SignerSecret};
use cojson::entropy::Entropy;
use cojson::ids::{CoId, SessionId};
use cojson::known_state::KnownState;
use cojson::session_log::SessionContent;
use cojson::sync::{
    ContentMessage, KnownMessage, PeerId, PeerRole, ReconcileMessage, ReplicaConfig, SyncMessage,
};
use cojson::transaction::Transaction;

use crate::author::{Author, content, map_header, set, sets};
use crate::machine::Machine;

const ALICE: PeerId = PeerId(1);
const BOB: PeerId = PeerId(2);
const MALLORY: PeerId = PeerId(3);

/// A server with its clients, and Alice, who has an account on it.
fn server() -> (Machine, Author) {
    server_with(ReplicaConfig::default())
}

fn server_with(config: ReplicaConfig) -> (Machine, Author) {
    let mut server = Machine::with_config(9, config);
    for peer in [ALICE, BOB, MALLORY] {
        server.replica.connect(peer, PeerRole::Client);
    }
    let alice = Author::new(1);
    server.tell(ALICE, account_content(&alice));
    (server, alice)
}

fn account_content(author: &Author) -> SyncMessage {
    let session = author.agent_session(0);
    let piece = author.content(&session, &sets(1), 0);
    SyncMessage::Content(content(
        &author.account,
        Some(author.account_header()),
        &session,
        piece,
    ))
}

/// Alice's map with so many transactions, as content.
fn map_content(alice: &Author, count: u64, after: u32) -> ContentMessage {
    let header = map_header(&alice.account, "map");
    let session = alice.session(0);
    let piece = alice.content(&session, &sets(count), after);
    content(
        &header.id(),
        (after == 0).then_some(header),
        &session,
        piece,
    )
}

fn map_id(alice: &Author) -> CoId {
    map_header(&alice.account, "map").id()
}

fn forge(mut message: ContentMessage, signer: &SignerSecret) -> ContentMessage {
    for piece in message.new.values_mut() {
        let other = Author::new(77);
        let forged = other.content(&other.session(0), &piece.new_transactions, 0);
        piece.last_signature = forged.last_signature;
        assert_ne!(signer.id(), other.signer().id());
    }
    message
}

fn load(id: &CoId) -> SyncMessage {
    SyncMessage::Load(KnownState::empty(id.clone()))
}

fn known(id: &CoId, header: bool, sessions: &[(&SessionId, u32)]) -> SyncMessage {
    SyncMessage::Known(KnownMessage {
        state: KnownState {
            id: id.clone(),
            header,
            sessions: sessions.iter().map(|(s, n)| ((*s).clone(), *n)).collect(),
        },
        is_correction: false,
    })
}

fn correction(id: &CoId, header: bool, sessions: &[(&SessionId, u32)]) -> SyncMessage {
    match known(id, header, sessions) {
        SyncMessage::Known(known) => SyncMessage::Known(KnownMessage {
            is_correction: true,
            ..known
        }),
        other => other,
    }
}

#[test]
fn r11_a_forged_signature_blocks_no_later_genuine_transaction() {
    let (mut server, alice) = server();
    let session = alice.session(0);
    let id = map_id(&alice);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 2, 0)));
    let forged = forge(map_content(&alice, 3, 2), &alice.signer());
    let answer = server.tell(MALLORY, SyncMessage::Content(forged));
    assert_eq!(answer[0], known(&id, true, &[(&session, 2)]));
    assert_eq!(server.rejection_codes(), ["bad_signature"]);
    for peer in [ALICE, MALLORY] {
        let count = if peer == ALICE { 3 } else { 4 };
        let genuine = map_content(&alice, count, count as u32 - 1);
        let answer = server.tell(peer, SyncMessage::Content(genuine));
        assert!(
            answer.contains(&known(&id, true, &[(&session, count as u32)])),
            "{answer:?}"
        );
    }
}

#[test]
fn r11_a_bad_session_costs_the_others_of_its_message_nothing() {
    let (mut server, alice) = server();
    let id = map_id(&alice);
    let second = alice.session(1);
    let mut message = forge(map_content(&alice, 1, 0), &alice.signer());
    message
        .new
        .insert(second.clone(), alice.content(&second, &sets(4), 0));
    let answer = server.tell(ALICE, SyncMessage::Content(message));
    assert_eq!(answer, [known(&id, true, &[(&second, 4)])]);
    assert_eq!(server.rejection_codes(), ["bad_signature"]);
}

#[test]
fn r11_content_under_a_wrong_id_is_refused() {
    let (mut server, alice) = server();
    let mut message = map_content(&alice, 1, 0);
    message.id = CoId::parse("co_zWrong").unwrap();
    let answer = server.tell(MALLORY, SyncMessage::Content(message));
    assert_eq!(
        answer,
        [known(&CoId::parse("co_zWrong").unwrap(), false, &[])]
    );
    assert_eq!(server.rejection_codes(), ["wrong_id"]);
    assert_eq!(server.disk.values.len(), 1);
}

#[test]
fn r11_an_oversized_transaction_is_refused_alone() {
    let (mut server, alice) = server();
    let id = map_id(&alice);
    let session = alice.session(0);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 1, 0)));
    let mut transactions = sets(1);
    transactions.push(set("k", &"x".repeat(2 << 20), 9));
    let piece = alice.content(&session, &transactions, 1);
    let huge = content(&id, None, &session, piece);
    let answer = server.tell(MALLORY, SyncMessage::Content(huge));
    assert_eq!(answer[0], known(&id, true, &[(&session, 1)]));
    assert_eq!(server.rejection_codes(), ["transaction_too_large"]);
}

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
    assert_eq!(got.new[&session], alice.content(&session, &sets(3), 0));
    server.settle();
    let to_bob = server.sent_to(BOB);
    assert_eq!(to_bob.len(), 1);
    assert!(matches!(&to_bob[0], SyncMessage::Content(got) if got.new[&session].after == 3));
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
fn r11_content_whose_author_nobody_has_is_dropped_and_told() {
    let mut server = Machine::new(9);
    server.replica.connect(MALLORY, PeerRole::Client);
    let alice = Author::new(1);
    let id = map_id(&alice);
    server.tell(MALLORY, SyncMessage::Content(map_content(&alice, 1, 0)));
    let answer = server.tell(MALLORY, known(&alice.account, false, &[]));
    assert_eq!(answer, [known(&id, true, &[])]);
    assert_eq!(server.rejection_codes(), ["unknown_author"]);
    let later = server.tell(MALLORY, account_content(&alice));
    assert!(
        later
            .iter()
            .any(|message| matches!(message, SyncMessage::Load(state) if state.id == id)),
        "{later:?}"
    );
}

#[test]
fn r11_a_peer_s_waiting_content_is_bounded_and_asked_for_again() {
    let config = ReplicaConfig {
        pending_messages_per_peer_max: 3,
        ..ReplicaConfig::default()
    };
    let mut server = Machine::with_config(9, config);
    server.replica.connect(ALICE, PeerRole::Client);
    let alice = Author::new(1);
    let session = alice.session(0);
    for name in ["one", "two", "three", "four", "five"] {
        let header = map_header(&alice.account, name);
        let piece = alice.content(&session, &sets(1), 0);
        let message = content(&header.id(), Some(header), &session, piece);
        server.tell(ALICE, SyncMessage::Content(message));
    }
    assert_eq!(server.rejection_codes(), ["pending_full", "pending_full"]);
    let answer = server.tell(ALICE, account_content(&alice));
    let asked = answer
        .iter()
        .filter(|message| matches!(message, SyncMessage::Load(_)));
    assert_eq!(asked.count(), 2, "{answer:?}");
}

#[test]
fn r11_a_waiting_peer_holds_nobody_else_up() {
    let (mut server, alice) = server();
    let id = map_id(&alice);
    let mut message = map_content(&alice, 1, 0);
    let nobody = SessionId::parse("co_zNobody_session_z1").unwrap();
    let piece = alice.content(&nobody, &sets(1), 0);
    message.new.insert(nobody, piece);
    assert_eq!(
        server.tell(MALLORY, SyncMessage::Content(message)),
        [load(&CoId::parse("co_zNobody").unwrap())]
    );
    let answer = server.tell(ALICE, SyncMessage::Content(map_content(&alice, 2, 0)));
    assert_eq!(answer, [known(&id, true, &[(&alice.session(0), 2)])]);
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
fn r11_a_chain_of_a_thousand_waiting_values_does_not_overflow_the_stack() {
    let (mut server, alice) = server();
    let session = alice.session(0);
    let mut owner = alice.account.clone();
    let mut messages = Vec::new();
    for n in 0..1_000 {
        let header = map_header(&owner, &n.to_string());
        owner = header.id();
        let piece = alice.content(&session, &sets(1), 0);
        messages.push(SyncMessage::Content(content(
            &owner,
            Some(header),
            &session,
            piece,
        )));
    }
    for message in messages.into_iter().rev() {
        server.replica.receive(ALICE, message);
        server.collect();
        while server.serve_storage() {}
    }
    server.settle();
    assert_eq!(server.rejections, []);
    assert_eq!(server.disk.values.len(), 1_001);
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
fn r11_a_peer_s_subscriptions_are_bounded() {
    let config = ReplicaConfig {
        values_per_peer_max: 10,
        ..ReplicaConfig::default()
    };
    let (mut server, _) = server_with(config);
    for n in 0..12 {
        let id = map_header(&Author::new(1).account, &n.to_string()).id();
        assert_eq!(server.tell(MALLORY, load(&id)), [known(&id, false, &[])]);
    }
    assert_eq!(
        server.rejection_codes(),
        ["too_many_values", "too_many_values"]
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
        .map(|piece| piece.new[&session].new_transactions.len())
        .collect();
    assert_eq!(
        counts,
        [11, 11, 11, 11, 11, 5],
        "as the reference cuts them"
    );
    assert!(pieces[0].header.is_some());
    assert_eq!(
        pieces[0].expect_content_until.as_ref().unwrap()[&session],
        60
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
fn r11_a_stranger_s_signature_for_another_author_s_session_is_refused() {
    let (mut server, alice) = server();
    let stranger = AgentSecret::generate(&mut Entropy::from_seed([66; 32]));
    let mut log = cojson::session_log::SessionLog::new(alice.session(0));
    let transactions: Vec<Transaction> = sets(1);
    log.append_local(transactions[0].clone());
    let piece: SessionContent = log.sign(&stranger.signer).remove(0);
    let header = map_header(&alice.account, "map");
    let message = content(&header.id(), Some(header), &alice.session(0), piece);
    server.tell(MALLORY, SyncMessage::Content(message));
    assert_eq!(server.rejection_codes(), ["bad_signature"]);
}
