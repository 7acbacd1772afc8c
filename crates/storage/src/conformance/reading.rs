//! Reading in bounded memory: pieces, outlines, lists, sums.

use cojson::header::Header;
use cojson::ids::CoId;
use cojson::sync::ValueWrite;
use cojson::transaction::Transaction;

use super::cast::{Author, batch, header, value_write, write_one};
use crate::{SessionOutline, Stats, Storage, Stretch, end_of};

/// Writes a session of 40 transactions of 20 kB each, signed for every four, and where they are long.
fn write_long(storage: &mut dyn Storage, header: &Header) -> Author {
    let mut author = Author::new(1);
    let long = format!("[\"{}\"]", "x".repeat(20_000));
    for round in 0..10 {
        let pieces = author.pieces(&[&long, &long, &long, &long]).into_iter();
        let segments = pieces.map(|piece| author.segment(piece)).collect();
        write_one(storage, value_write(header, round == 0, segments)).unwrap();
    }
    author
}

pub(super) fn a_log_of_any_length_is_read_in_bounded_pieces(storage: &mut dyn Storage) {
    let header = header("long");
    let author = write_long(storage, &header);
    let all = author.log.transactions();
    for (start, bytes_max) in [(0, 1), (0, 200_000), (3, 200_000), (39, 1), (0, usize::MAX)] {
        let (mut after, mut reads, mut signature) = (start, 0, None);
        loop {
            let read = storage.read(&header.id(), &author.session, after, bytes_max);
            let Stretch { pieces, damage } = read.unwrap();
            assert_eq!(damage, None);
            if pieces.is_empty() {
                break;
            }
            reads += 1;
            let bytes = pieces.iter().flat_map(|piece| &piece.new_transactions);
            let bytes: usize = bytes.map(Transaction::content_bytes).sum();
            assert!(
                bytes <= bytes_max.saturating_add(170_000),
                "{bytes} of {bytes_max}"
            );
            for piece in pieces {
                assert_eq!(piece.after, after, "the pieces go on where they ended");
                after = end_of(&piece);
                let expected = &all[piece.after as usize..after as usize];
                assert_eq!(piece.new_transactions, expected);
                signature = Some(piece.last_signature);
            }
        }
        assert_eq!(after as usize, all.len(), "from {start} by {bytes_max}");
        assert_eq!(signature.as_ref(), author.log.last_signature());
        assert_eq!(reads == 1, bytes_max == usize::MAX || start == 39);
    }
    let (id, session) = (header.id(), Author::new(2).session);
    assert_eq!(storage.read(&id, &session, 0, 1), Ok(Stretch::default()));
    let nothing = self::header("nothing").id();
    assert_eq!(
        storage.read(&nothing, &author.session, 0, 1),
        Ok(Stretch::default())
    );
}

pub(super) fn the_outline_tells_what_is_kept(storage: &mut dyn Storage) {
    let header = header("long");
    assert_eq!(storage.outline(&header.id()), Ok(None));
    let author = write_long(storage, &header);
    let mut other = Author::new(2);
    let piece = other.piece(&["[1]"]);
    let write = value_write(&header, false, vec![other.segment(piece)]);
    write_one(storage, write).unwrap();
    let outline = storage.outline(&header.id()).unwrap().unwrap();
    assert_eq!((outline.header, outline.damage), (header, Vec::new()));
    assert_eq!(outline.sessions.len(), 2);
    for author in [&author, &other] {
        let session = |outline: &&SessionOutline| outline.session == author.session;
        let outline = outline.sessions.iter().find(session).unwrap();
        assert_eq!(outline.count, author.log.len());
        assert_eq!(Some(&outline.last_signature), author.log.last_signature());
        let bytes = author.log.transactions().iter();
        let bytes: usize = bytes.map(Transaction::content_bytes).sum();
        let told = usize::try_from(outline.bytes_least).unwrap();
        assert!(bytes / 2 <= told && told <= bytes, "{told} of {bytes}");
    }
}

pub(super) fn every_value_is_listed_once(storage: &mut dyn Storage) {
    assert_eq!(storage.ids(None, 10), Ok(Vec::new()));
    let headers = (0..25).map(|index| header(&index.to_string()));
    let values = headers.map(|header| value_write(&header, true, Vec::new()));
    let values: Vec<ValueWrite> = values.collect();
    let mut expected: Vec<CoId> = values.iter().map(|value| value.id.clone()).collect();
    expected.sort_by(|left, right| left.as_str().as_bytes().cmp(right.as_str().as_bytes()));
    assert_eq!(storage.count(), Ok(0));
    assert_eq!(storage.write(&[batch(1, values)]), [Ok(())]);
    assert_eq!(storage.count(), Ok(25));
    for count_max in [1, 7, 25, 100] {
        let mut listed: Vec<CoId> = Vec::new();
        loop {
            let page = storage.ids(listed.last(), count_max).unwrap();
            assert!(page.len() <= count_max);
            if page.is_empty() {
                break;
            }
            listed.extend(page);
        }
        assert_eq!(listed, expected, "by {count_max}");
    }
}

pub(super) fn the_stats_are_those_of_what_was_written(storage: &mut dyn Storage) {
    assert_eq!(storage.stats(3), Ok(Stats::default()));
    let (long, short) = (header("long"), header("short"));
    write_long(storage, &long);
    let (mut author, mut other) = (Author::new(1), Author::new(2));
    let pieces = (author.piece(&["[1]"]), other.piece(&["[2]", "[3]"]));
    let segments = vec![author.segment(pieces.0), other.segment(pieces.1)];
    write_one(storage, value_write(&short, true, segments)).unwrap();
    let stats = storage.stats(1).unwrap();
    let counts = (stats.values, stats.sessions, stats.transactions);
    assert_eq!(counts, (2, 3, 43));
    assert!((800_000..830_000).contains(&stats.bytes), "{}", stats.bytes);
    assert_eq!(stats.largest.len(), 1);
    let (id, bytes) = &stats.largest[0];
    assert_eq!(*id, long.id());
    assert!((800_000..stats.bytes).contains(bytes), "{bytes}");
}
