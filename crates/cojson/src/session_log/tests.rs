//! Logs under honest and dishonest content: what is refused leaves the log as it was.

mod runs;

use super::*;
use crate::entropy::Entropy;
use crate::ids::{CoId, Timestamp};
use crate::value_log::ValueLog;

fn session() -> SessionId {
    SessionId::parse("co_zA_session_z1").unwrap()
}

fn secret(seed: u8) -> SignerSecret {
    SignerSecret::random(&mut Entropy::from_seed([seed; 32]))
}

fn transaction(number: u64, bytes: usize) -> Transaction {
    Transaction::Trusting {
        made_at: Timestamp(number),
        changes: "x".repeat(bytes).into(),
        meta: None,
    }
}

/// A log with so many transactions of so many bytes, signed together.
fn signed_log(transactions: u64, bytes: usize) -> SessionLog {
    let mut log = SessionLog::new(session());
    for number in 0..transactions {
        log.append_local(transaction(number, bytes));
    }
    log.sign(&secret(1));
    log
}

fn whole(log: &SessionLog) -> SessionContent {
    let mut pieces = log.content_since(0, usize::MAX);
    assert_eq!(pieces.len(), 1);
    pieces.remove(0)
}

#[test]
fn one_signature_covers_all_that_a_flush_appended() {
    let mut log = SessionLog::new(session());
    for number in 0..50 {
        log.append_local(transaction(number, 10));
    }
    assert_eq!((log.len(), log.signed_len()), (50, 0));
    let pieces = log.sign(&secret(1));
    assert_eq!(pieces.len(), 1);
    assert_eq!(pieces[0].new_transactions.len(), 50);
    assert_eq!((log.len(), log.signed_len()), (50, 50));
    assert_eq!(log.sign(&secret(1)), []);
    log.append_local(transaction(50, 10));
    assert_eq!(log.sign(&secret(1))[0].after, 50);
}

#[test]
fn unsigned_transactions_are_not_offered_to_peers() {
    let mut log = signed_log(2, 10);
    log.append_local(transaction(2, 10));
    assert_eq!(whole(&log).new_transactions.len(), 2);
    assert_eq!(log.content_since(2, usize::MAX), []);
    assert_eq!(log.content_since(9, usize::MAX), []);
}

#[test]
fn a_long_log_is_offered_in_pieces_that_each_verify() {
    let log = signed_log(60, 10_000);
    let pieces = log.content_since(0, CHECKPOINT_BYTES);
    let lengths: Vec<_> = pieces
        .iter()
        .map(|piece| piece.new_transactions.len())
        .collect();
    assert_eq!(lengths, [11, 11, 11, 11, 11, 5], "as the reference cuts it");
    let mut copy = SessionLog::new(session());
    for piece in pieces {
        copy.receive(piece, &secret(1).id()).unwrap();
    }
    assert_eq!(copy.transactions(), log.transactions());
    assert_eq!(
        copy.content_since(0, CHECKPOINT_BYTES),
        log.content_since(0, CHECKPOINT_BYTES),
        "a relay offers the same pieces"
    );
    let ends_at_a_checkpoint = signed_log(11, 10_000);
    assert_eq!(ends_at_a_checkpoint.content_since(0, 1).len(), 1);
    assert_eq!(log.content_since(0, 250_000).len(), 3);
    assert_eq!(log.content_since(15, CHECKPOINT_BYTES)[0].after, 15);
}

#[test]
fn content_is_the_same_over_the_wire() {
    let content = whole(&signed_log(2, 3));
    let text = serde_json::to_string(&content).unwrap();
    assert!(text.starts_with(r#"{"after":0,"newTransactions":[{"changes":"xxx","madeAt":0"#));
    assert!(text.contains(r#""lastSignature":"signature_z"#));
    assert_eq!(
        serde_json::from_str::<SessionContent>(&text).unwrap(),
        content
    );
}

/// Each way to damage content that follows the first three transactions of a log of six.
fn damaged() -> Vec<(&'static str, SessionContent)> {
    let genuine = SessionContent {
        after: 3,
        new_transactions: signed_log(6, 10).transactions()[3..].to_vec(),
        last_signature: *signed_log(6, 10).last_signature().unwrap(),
    };
    let with = |change: &dyn Fn(&mut SessionContent)| {
        let mut content = genuine.clone();
        change(&mut content);
        content
    };
    let foreign = secret(2).sign(&crate::crypto::hash(b""));
    vec![
        (
            "forged signature",
            with(&|content| content.last_signature = foreign),
        ),
        (
            "changed",
            with(&|content| content.new_transactions[1] = transaction(9, 10)),
        ),
        (
            "truncated",
            with(&|content| drop(content.new_transactions.pop())),
        ),
        (
            "reordered",
            with(&|content| content.new_transactions.reverse()),
        ),
        ("gap", with(&|content| content.after = 4)),
        ("far gap", with(&|content| content.after = u32::MAX)),
        (
            "overlap of something else",
            with(&|content| content.after = 2),
        ),
        ("empty", with(&|content| content.new_transactions.clear())),
        ("old", with(&|content| content.after = 0)),
        (
            "oversized",
            with(&|content| content.new_transactions[2] = transaction(5, 2_000_000)),
        ),
    ]
}

#[test]
fn r11_refused_content_leaves_the_log_untouched_and_the_genuine_one_is_taken() {
    let full = signed_log(6, 10);
    for (damage, content) in damaged() {
        let mut log = signed_log(3, 10);
        let before = whole(&log);
        for _ in 0..3 {
            assert!(
                log.receive(content.clone(), &secret(1).id()).is_err(),
                "{damage}"
            );
        }
        assert_eq!(whole(&log), before, "{damage}");
        assert_eq!(
            log.receive(whole(&full), &secret(1).id()),
            Ok(3),
            "{damage}"
        );
        assert_eq!(whole(&log), whole(&full), "{damage}");
        log.append_local(transaction(6, 10));
        let next = log.sign(&secret(1)).remove(0);
        let mut peer = full.clone();
        assert_eq!(peer.receive(next, &secret(1).id()), Ok(1), "{damage}");
    }
}

#[test]
fn r11_refused_content_of_a_new_session_leaves_no_session() {
    let agent = crate::crypto::AgentSecret::generate(&mut Entropy::from_seed([1; 32])).agent_id();
    let mut value = ValueLog::new(crate::header::Header::account(&agent));
    let content = whole(&signed_log(3, 10));
    let forger = secret(2).id();
    assert!(value.receive(&session(), content.clone(), &forger).is_err());
    assert_eq!(value.sessions().len(), 0);
    assert_eq!(value.receive(&session(), content, &secret(1).id()), Ok(3));
    assert_eq!(value.known_state().count(&session()), 3);
    assert!(ValueLog::checked(&CoId::parse("co_zA").unwrap(), value.header().clone()).is_err());
}

#[test]
fn the_known_part_of_overlapping_content_is_dropped() {
    let mut log = signed_log(3, 10);
    let staged = log.stage(whole(&signed_log(5, 10))).unwrap();
    let verified = staged.verify(&secret(1).id()).unwrap();
    assert_eq!(verified.transactions().len(), 2);
    log.commit(verified).unwrap();
    assert_eq!(whole(&log), whole(&signed_log(5, 10)));
}

#[test]
fn content_staged_for_an_older_log_is_not_committed() {
    let mut log = signed_log(3, 10);
    let stage = |log: &mut SessionLog| {
        let staged = log.stage(whole(&signed_log(5, 10))).unwrap();
        staged.verify(&secret(1).id()).unwrap()
    };
    let (first, second) = (stage(&mut log), stage(&mut log));
    log.commit(first).unwrap();
    let refusal = log.commit(second).unwrap_err();
    assert_eq!((refusal.staged_after, refusal.have), (3, 5));
    assert_eq!(log.len(), 5);
}

#[test]
fn a_restored_log_goes_on_where_it_was() {
    let mut log = SessionLog::new(session());
    for piece in signed_log(30, 10_000).content_since(0, CHECKPOINT_BYTES) {
        log.restore(piece.clone()).unwrap();
        assert!(matches!(
            log.restore(piece),
            Err(StageError::NothingNew { .. })
        ));
    }
    log.append_local(transaction(30, 10_000));
    log.sign(&secret(1));
    assert_eq!(
        log.content_since(0, CHECKPOINT_BYTES),
        signed_log(31, 10_000)
            .content_since(0, CHECKPOINT_BYTES)
            .into_iter()
            .collect::<Vec<_>>()
    );
    log.rest();
    let mut peer = signed_log(31, 10_000);
    peer.append_local(transaction(31, 1));
    let piece = peer.sign(&secret(1)).remove(0);
    assert_eq!(log.receive(piece, &secret(1).id()), Ok(1));
}
