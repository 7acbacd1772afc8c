//! R11: what a peer that is wrong, greedy or hostile can do, one case at a time.

use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::ids::{CoId, SessionId};
use cojson::session_log::SessionContent;
use cojson::sync::{PeerRole, ReplicaConfig, SyncMessage};
use cojson::transaction::Transaction;

use crate::author::{Author, content, map_header, set, sets};
use crate::cast::*;
use crate::machine::Machine;

#[test]
fn r11_a_forged_signature_blocks_no_later_genuine_transaction() {
    let (mut server, alice) = server();
    let session = alice.session(0);
    let id = map_id(&alice);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 2, 0)));
    let forged = forge(map_content(&alice, 3, 2));
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
    let mut message = forge(map_content(&alice, 1, 0));
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

#[test]
fn r11_a_message_that_names_more_values_than_are_looked_for_is_refused() {
    let config = ReplicaConfig {
        missing_dependencies_max: 5,
        ..ReplicaConfig::default()
    };
    let (mut server, alice) = server_with(config);
    let header = alice.group_header("crowded");
    let session = alice.session(0);
    let names = |count: usize| -> Vec<Transaction> {
        (0..count)
            .map(|n| set(&Author::new(100 + n as u8).account.to_string(), "reader", 1))
            .collect()
    };
    for (count, asked) in [(6, 0), (5, 5)] {
        let piece = alice.content(&session, &names(count), 0);
        let message = content(&header.id(), Some(header.clone()), &session, piece);
        let answer = server.tell(MALLORY, SyncMessage::Content(message));
        assert_eq!(answer.len(), asked, "{answer:?}");
    }
    assert_eq!(server.rejection_codes(), ["too_many_dependencies"]);
}
