//! Messages handed over together against the same messages handed over one by one.

use cojson::entropy::Entropy;
use cojson::sync::{PeerId, SyncMessage};

use crate::author::{Author, sets};
use crate::cast::*;
use crate::machine::Machine;

const MESSAGES: u64 = 20;
const ROUNDS: u8 = 40;

/// What Alice says while she writes: a transaction in each message.
fn writes(alice: &Author) -> Vec<SyncMessage> {
    let session = alice.session(0);
    let message = |number: u64| {
        let mut message = map_content(alice, number + 1, u32::try_from(number).unwrap());
        let transactions = sets(number + 1);
        message
            .new
            .insert(session.clone(), alice.content(&session, &transactions, 0));
        let piece = message.new.get_mut(&session).unwrap();
        piece.after = u32::try_from(number).unwrap();
        piece.new_transactions.drain(..number as usize);
        SyncMessage::Content(message)
    };
    (0..MESSAGES).map(message).collect()
}

fn forged(message: SyncMessage) -> SyncMessage {
    match message {
        SyncMessage::Content(content) => SyncMessage::Content(forge(content)),
        other => other,
    }
}

fn last_known(answers: &[SyncMessage]) -> Option<&SyncMessage> {
    let is_known = |message: &&SyncMessage| matches!(message, SyncMessage::Known(_));
    answers.iter().rev().find(is_known)
}

#[test]
fn what_continues_a_session_is_verified_together_and_acknowledged_once() {
    let (mut server, alice) = server();
    let (id, session) = (map_id(&alice), alice.session(0));
    let mut messages = writes(&alice);
    // The signature after it covers it too, so this one is not looked at.
    messages[7] = forged(messages[7].clone());
    let together = messages.into_iter().map(|message| (ALICE, message));
    server.replica.receive_all(together);
    server.settle();
    assert_eq!(server.rejection_codes(), [""; 0]);
    let count = u32::try_from(MESSAGES).unwrap();
    assert_eq!(
        server.sent_to(ALICE),
        [known(&id, true, &[(&session, count)])]
    );
}

#[test]
fn r11_a_forged_message_among_genuine_ones_costs_only_what_builds_on_it() {
    let (mut server, alice) = server();
    let session = alice.session(0);
    let mut messages = writes(&alice);
    let last = messages.pop().unwrap();
    messages.push(forged(last));
    let together = messages.into_iter().map(|message| (ALICE, message));
    server.replica.receive_all(together);
    server.settle();
    assert_eq!(server.rejection_codes(), ["bad_signature"]);
    let count = u32::try_from(MESSAGES).unwrap() - 1;
    assert_eq!(server.disk.count(&map_id(&alice), &session), count);
}

/// Several peers say what they like: writes, some of them forged or left out, and questions in between.
fn conversation(alice: &Author, seed: u8) -> Vec<(PeerId, SyncMessage)> {
    let mut entropy = Entropy::from_seed([seed; 32]);
    let mut below = |bound: usize| usize::from(entropy.bytes::<1>()[0]) % bound;
    let writes = writes(alice);
    let mut said = Vec::new();
    for number in 0..writes.len() * 2 {
        let write = writes[(number / 2 + below(2)).min(writes.len() - 1)].clone();
        let message = match below(12) {
            0 => load(&map_id(alice)),
            1 => known(&map_id(alice), true, &[(&alice.session(0), 3)]),
            _ => write,
        };
        said.push(([ALICE, BOB][below(2)], message));
    }
    said
}

#[test]
fn r10_messages_handed_over_together_lead_where_single_ones_do() {
    for seed in 0..ROUNDS {
        let (mut together, alice) = server();
        let (mut one_by_one, _) = server();
        let said = conversation(&alice, seed);
        together.replica.receive_all(said.clone());
        together.settle();
        for (peer, message) in said {
            one_by_one.replica.receive(peer, message);
            one_by_one.collect();
        }
        one_by_one.settle();
        let (id, session) = (map_id(&alice), alice.session(0));
        let log = |machine: &Machine| machine.replica.known_state(&id);
        assert_eq!(log(&together), log(&one_by_one), "seed {seed}");
        let durable = |machine: &Machine| machine.disk.count(&id, &session);
        assert_eq!(durable(&together), durable(&one_by_one), "seed {seed}");
        assert_eq!(together.rejection_codes(), one_by_one.rejection_codes());
        for peer in [ALICE, BOB] {
            let (ours, theirs) = (together.sent_to(peer), one_by_one.sent_to(peer));
            assert_eq!(last_known(&ours), last_known(&theirs), "seed {seed}");
        }
    }
}
