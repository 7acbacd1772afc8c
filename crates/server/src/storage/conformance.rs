//! What every back end must do, as one suite: [`check_storage`] passes or panics with what was lost.

use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::header::{CreatedAt, Header, Ruleset, Uniqueness, ValueType};
use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::session_log::{SessionContent, SessionLog};
use cojson::sync::{Segment, StoredLog, ValueWrite, WriteBatch, WriteId};
use cojson::transaction::Transaction;

use super::{Storage, WriteError};

/// Runs the suite, each check on a fresh store.
pub(crate) fn check_storage(fresh: &mut dyn FnMut() -> Box<dyn Storage>) {
    what_was_never_written_is_not_there(fresh().as_mut());
    what_was_written_is_read_back(fresh().as_mut());
    a_log_grows_piece_by_piece(fresh().as_mut());
    a_session_of_two_values_is_two_logs(fresh().as_mut());
    writing_again_changes_nothing(fresh().as_mut());
    a_batch_is_written_whole_or_not_at_all(fresh().as_mut());
    transactions_without_a_header_are_refused(fresh().as_mut());
    a_long_session_can_still_be_cut_where_it_could(fresh().as_mut());
    odd_text_survives(fresh().as_mut());
}

/// A writer whose signed pieces the checks write.
pub(crate) struct Author {
    secret: AgentSecret,
    pub(crate) session: SessionId,
    log: SessionLog,
}

impl Author {
    pub(crate) fn new(seed: u8) -> Self {
        let mut entropy = Entropy::from_seed([seed; 32]);
        let secret = AgentSecret::generate(&mut entropy);
        let session = SessionId::random_of_agent(&secret.agent_id(), &mut entropy);
        let log = SessionLog::new(session.clone());
        Self {
            secret,
            session,
            log,
        }
    }

    /// The next piece: these changes, a transaction each, under one signature unless they are long.
    pub(crate) fn pieces(&mut self, changes: &[&str]) -> Vec<SessionContent> {
        for text in changes {
            self.log.append_local(Transaction::Trusting {
                made_at: Timestamp(1_700_000_000_000),
                changes: (*text).into(),
                meta: None,
            });
        }
        self.log.sign(&self.secret.signer)
    }

    pub(crate) fn piece(&mut self, changes: &[&str]) -> SessionContent {
        let mut pieces = self.pieces(changes);
        assert_eq!(pieces.len(), 1);
        pieces.remove(0)
    }

    pub(crate) fn segment(&self, content: SessionContent) -> Segment {
        let session = self.session.clone();
        Segment { session, content }
    }
}

pub(crate) fn header(name: &str) -> Header {
    Header {
        value_type: ValueType::CoMap,
        ruleset: Ruleset::UnsafeAllowAll,
        meta: Json::Null,
        uniqueness: Uniqueness::Text(name.into()),
        created_at: CreatedAt::At("2026-01-01T00:00:00.000Z".into()),
    }
}

pub(crate) fn value_write(header: &Header, is_first: bool, segments: Vec<Segment>) -> ValueWrite {
    ValueWrite {
        id: header.id(),
        header: is_first.then(|| header.clone()),
        segments,
    }
}

pub(crate) fn batch(id: u64, values: Vec<ValueWrite>) -> WriteBatch {
    let id = WriteId(id);
    WriteBatch { id, values }
}

pub(crate) fn write_one(storage: &mut dyn Storage, value: ValueWrite) -> Result<(), WriteError> {
    let mut results = storage.write(&[batch(1, vec![value])]);
    assert_eq!(results.len(), 1);
    results.remove(0)
}

pub(crate) fn load(storage: &mut dyn Storage, id: &CoId) -> Option<StoredLog> {
    storage.load(id).unwrap().map(|loaded| {
        assert_eq!(loaded.damage, []);
        loaded.log
    })
}

/// The log's transactions of one session in order, however they are cut, and the newest signature's text.
pub(crate) fn joined(log: &StoredLog, session: &SessionId) -> (Vec<Transaction>, String) {
    let mut pieces: Vec<_> = log
        .segments
        .iter()
        .filter(|segment| segment.session == *session)
        .collect();
    pieces.sort_by_key(|segment| (segment.content.after, segment.content.end()));
    let mut transactions: Vec<Transaction> = Vec::new();
    let mut signature = String::new();
    for Segment { content, .. } in pieces {
        assert!(
            content.after as usize <= transactions.len(),
            "a gap at {}",
            content.after
        );
        let known = transactions.len() - content.after as usize;
        let new = content.new_transactions.iter().skip(known).cloned();
        transactions.extend(new);
        signature = content.last_signature.to_string();
    }
    (transactions, signature)
}

#[track_caller]
fn check_log(storage: &mut dyn Storage, header: &Header, author: &Author) {
    let stored = load(storage, &header.id()).expect("the value was written");
    assert_eq!(stored.header, *header);
    let (transactions, signature) = joined(&stored, &author.session);
    assert_eq!(transactions, author.log.transactions());
    let newest = author.log.last_signature().map(ToString::to_string);
    assert_eq!(Some(signature), newest);
}

fn what_was_never_written_is_not_there(storage: &mut dyn Storage) {
    assert_eq!(load(storage, &header("nothing").id()), None);
    assert_eq!(storage.write(&[]), []);
}

fn what_was_written_is_read_back(storage: &mut dyn Storage) {
    let (header, mut author) = (header("a"), Author::new(1));
    let piece = author.piece(&["[1]", "[2]"]);
    let segment = author.segment(piece);
    write_one(storage, value_write(&header, true, vec![segment])).unwrap();
    check_log(storage, &header, &author);

    let bare = self::header("a value without transactions");
    write_one(storage, value_write(&bare, true, Vec::new())).unwrap();
    let stored = load(storage, &bare.id()).unwrap();
    assert_eq!((stored.header, stored.segments), (bare, Vec::new()));
}

fn a_log_grows_piece_by_piece(storage: &mut dyn Storage) {
    let (header, mut author, mut other) = (header("a"), Author::new(1), Author::new(2));
    for round in 0..5 {
        let first = author.piece(&["[1]"]);
        let second = author.piece(&["[2]", "[3]"]);
        let third = other.piece(&["[\"other\"]"]);
        let segments = vec![
            author.segment(first),
            author.segment(second),
            other.segment(third),
        ];
        write_one(storage, value_write(&header, round == 0, segments)).unwrap();
    }
    check_log(storage, &header, &author);
    check_log(storage, &header, &other);
}

fn a_session_of_two_values_is_two_logs(storage: &mut dyn Storage) {
    let (left, right) = (header("left"), header("right"));
    let (mut author, mut again) = (Author::new(1), Author::new(1));
    let pieces = (author.piece(&["[1]"]), again.piece(&["[2]", "[3]"]));
    let values = vec![
        value_write(&left, true, vec![author.segment(pieces.0)]),
        value_write(&right, true, vec![again.segment(pieces.1)]),
    ];
    assert_eq!(storage.write(&[batch(1, values)]), [Ok(())]);
    check_log(storage, &left, &author);
    check_log(storage, &right, &again);
}

fn writing_again_changes_nothing(storage: &mut dyn Storage) {
    let (header, mut author) = (header("a"), Author::new(1));
    let old = author.piece(&["[1]", "[2]"]);
    let new = author.piece(&["[3]"]);
    let mut both = old.clone();
    both.new_transactions.extend(new.new_transactions.clone());
    both.last_signature = new.last_signature;
    for content in [&old, &new, &old, &both, &new] {
        let segment = author.segment(content.clone());
        write_one(storage, value_write(&header, true, vec![segment])).unwrap();
    }
    check_log(storage, &header, &author);
}

fn a_batch_is_written_whole_or_not_at_all(storage: &mut dyn Storage) {
    let (good, torn) = (header("good"), header("torn"));
    let (mut author, mut other) = (Author::new(1), Author::new(2));
    let piece = author.piece(&["[1]"]);
    let first = other.piece(&["[1]"]);
    let skipped = other.piece(&["[2]"]);
    let refused = batch(
        1,
        vec![
            value_write(&good, true, vec![author.segment(piece.clone())]),
            value_write(&torn, true, vec![other.segment(skipped.clone())]),
        ],
    );
    let taken = batch(
        2,
        vec![value_write(&torn, true, vec![other.segment(first)])],
    );
    let results = storage.write(&[refused, taken]);
    let gap = WriteError::Gap {
        id: torn.id(),
        session: other.session.clone(),
        have: 0,
        after: 1,
    };
    assert_eq!(results, [Err(gap), Ok(())]);
    assert_eq!(load(storage, &good.id()), None);

    let rest = value_write(&torn, false, vec![other.segment(skipped)]);
    write_one(storage, rest).unwrap();
    check_log(storage, &torn, &other);
}

fn transactions_without_a_header_are_refused(storage: &mut dyn Storage) {
    let (header, mut author) = (header("a"), Author::new(1));
    let piece = author.piece(&["[1]"]);
    let write = value_write(&header, false, vec![author.segment(piece)]);
    let id = header.id();
    assert_eq!(write_one(storage, write), Err(WriteError::NoHeader { id }));
    assert_eq!(load(storage, &header.id()), None);
}

fn a_long_session_can_still_be_cut_where_it_could(storage: &mut dyn Storage) {
    let (header, mut author) = (header("long"), Author::new(1));
    let long = format!("[\"{}\"]", "x".repeat(60_000));
    for round in 0..6 {
        let pieces = author.pieces(&[&long]);
        let segments = pieces
            .into_iter()
            .map(|piece| author.segment(piece))
            .collect();
        write_one(storage, value_write(&header, round == 0, segments)).unwrap();
    }
    check_log(storage, &header, &author);
    let stored = load(storage, &header.id()).unwrap();
    let longest = stored.segments.iter().map(|segment| {
        let transactions = segment.content.new_transactions.iter();
        transactions.map(Transaction::content_bytes).sum::<usize>()
    });
    assert!(
        longest.max().unwrap() <= 130_000,
        "a piece that no peer can be sent in a chunk"
    );
}

fn odd_text_survives(storage: &mut dyn Storage) {
    let mut odd = header("quote \" backslash \\ line \n \u{2028} \u{1f600} \u{0}");
    odd.meta = Json::object([("\u{e9}", Json::from(1.5))]);
    let mut author = Author::new(1);
    let piece = author.piece(&["[\"\\u0000\u{1f600}'; DROP TABLE sessions; --\"]"]);
    let segment = author.segment(piece);
    write_one(storage, value_write(&odd, true, vec![segment])).unwrap();
    check_log(storage, &odd, &author);
}
