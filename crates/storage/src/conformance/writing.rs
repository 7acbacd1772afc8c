//! Writing: what was written is there, what is refused leaves no trace.

use cojson::json::Json;
use cojson::session_log::SessionContent;
use cojson::sync::ValueWrite;
use cojson::transaction::Transaction;

use super::cast::{Author, batch, check_log, header, load, value_write, write_one};
use crate::{Storage, WriteError};

pub(super) fn what_was_never_written_is_not_there(storage: &mut dyn Storage) {
    assert_eq!(load(storage, &header("nothing").id()), None);
    assert_eq!(storage.write(&[]), []);
}

pub(super) fn what_was_written_is_read_back(storage: &mut dyn Storage) {
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

pub(super) fn a_log_grows_piece_by_piece(storage: &mut dyn Storage) {
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

pub(super) fn a_session_of_two_values_is_two_logs(storage: &mut dyn Storage) {
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

pub(super) fn writing_again_changes_nothing(storage: &mut dyn Storage) {
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

pub(super) fn what_overlaps_is_accepted_and_a_fork_is_refused(storage: &mut dyn Storage) {
    let (header, mut author, mut other) = (header("a"), Author::new(1), Author::new(1));
    let kept = author.piece(&["[1]", "[2]"]);
    let forked = other.piece(&["[1]", "[\"other\"]", "[3]"]);
    let segment = author.segment(kept.clone());
    write_one(storage, value_write(&header, true, vec![segment])).unwrap();
    let fork = |index| WriteError::Fork {
        id: header.id(),
        session: author.session.clone(),
        index,
    };
    let good = self::header("good");
    let mut third = Author::new(3);
    let piece = third.piece(&["[1]"]);
    let values = vec![
        value_write(&good, true, vec![third.segment(piece)]),
        value_write(&header, false, vec![author.segment(forked.clone())]),
    ];
    assert_eq!(storage.write(&[batch(1, values)]), [Err(fork(1))]);
    assert_eq!(
        load(storage, &good.id()),
        None,
        "nothing of a refused batch"
    );
    let late = SessionContent {
        after: 1,
        new_transactions: forked.new_transactions[1..].to_vec(),
        ..forked
    };
    let write = value_write(&header, true, vec![author.segment(late)]);
    assert_eq!(write_one(storage, write), Err(fork(1)));
    check_log(storage, &header, &author);

    let new = author.piece(&["[3]"]);
    let overlapping = SessionContent {
        after: 1,
        new_transactions: [&kept.new_transactions[1..], &new.new_transactions].concat(),
        last_signature: new.last_signature,
    };
    let write = value_write(&header, false, vec![author.segment(overlapping)]);
    assert_eq!(write_one(storage, write), Ok(()));
    check_log(storage, &header, &author);
}

pub(super) fn a_batch_is_written_whole_or_not_at_all(storage: &mut dyn Storage) {
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

pub(super) fn transactions_without_a_header_are_refused(storage: &mut dyn Storage) {
    let (header, mut author) = (header("a"), Author::new(1));
    let piece = author.piece(&["[1]"]);
    let write = value_write(&header, false, vec![author.segment(piece)]);
    let id = header.id();
    assert_eq!(write_one(storage, write), Err(WriteError::NoHeader { id }));
    assert_eq!(load(storage, &header.id()), None);
}

pub(super) fn a_long_session_can_still_be_cut_where_it_could(storage: &mut dyn Storage) {
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

pub(super) fn odd_text_survives(storage: &mut dyn Storage) {
    let mut odd = header("quote \" backslash \\ line \n \u{2028} \u{1f600} \u{0}");
    odd.meta = Json::object([("\u{e9}", Json::from(1.5))]);
    let mut author = Author::new(1);
    let piece = author.piece(&["[\"\\u0000\u{1f600}'; DROP TABLE sessions; --\"]"]);
    let segment = author.segment(piece);
    write_one(storage, value_write(&odd, true, vec![segment])).unwrap();
    check_log(storage, &odd, &author);
}

pub(super) fn of_a_deleted_value_the_tombstones_alone_are_kept(storage: &mut dyn Storage) {
    let (header, other) = (header("deleted"), header("kept"));
    let (mut author, mut again) = (Author::new(1), Author::new(1));
    let long = format!("[\"{}\"]", "x".repeat(60_000));
    for text in ["[1]", long.as_str(), long.as_str()] {
        let piece = author.piece(&[text]);
        let segment = author.segment(piece);
        write_one(storage, value_write(&header, true, vec![segment])).unwrap();
    }
    let piece = again.piece(&["[1]"]);
    let segment = again.segment(piece);
    write_one(storage, value_write(&other, true, vec![segment])).unwrap();
    let mut tombstones: Vec<Author> = (2..4).map(Author::that_deletes).collect();
    for tombstone in &mut tombstones {
        let piece = tombstone.piece(&["[]"]);
        let write = ValueWrite {
            erases: true,
            ..value_write(&header, false, vec![tombstone.segment(piece)])
        };
        write_one(storage, write).unwrap();
        check_log(storage, &header, tombstone);
    }
    let outline = storage.outline(&header.id()).unwrap().unwrap();
    assert_eq!(outline.sessions.len(), tombstones.len());
    let stretch = storage.read(&header.id(), &author.session, 0, usize::MAX);
    assert_eq!(stretch.unwrap().pieces, []);
    check_log(storage, &other, &again);
    // A write in one commit with the erasure is erased or not by its order; what comes later is kept as if it were new.
    let mut late = Author::new(1);
    let piece = late.piece(&["[2]"]);
    let write = value_write(&header, false, vec![late.segment(piece)]);
    let erasure = ValueWrite {
        erases: true,
        ..value_write(&header, false, Vec::new())
    };
    let batches = [batch(1, vec![write.clone()]), batch(2, vec![erasure])];
    assert_eq!(storage.write(&batches), [Ok(()), Ok(())]);
    let outline = storage.outline(&header.id()).unwrap().unwrap();
    assert_eq!(outline.sessions.len(), tombstones.len());
    write_one(storage, write).unwrap();
    check_log(storage, &header, &late);
    for tombstone in &tombstones {
        check_log(storage, &header, tombstone);
    }
}
