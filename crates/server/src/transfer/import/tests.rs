//! What comes in: everything that was signed, and nothing else, however the file was treated on its way.

use std::path::Path;

use cojson::header::Header;
use cojson::sync::StoredLog;

use super::*;
use crate::storage::conformance::{Author, batch, header, joined, load, value_write, write_one};
use crate::storage::memory::MemoryStorage;
use crate::transfer::export_file::{Reader, Writer};
use crate::transfer::source::{Read, read_all};

/// A store with a value that an account and an agent write, a long one, and one without transactions.
fn store() -> (MemoryStorage, Vec<Header>) {
    let mut storage = MemoryStorage::default();
    let (mut alice, account) = Author::with_account(1);
    let mut bob = Author::new(2);
    let headers = ["shared", "long", "bare"].map(header);
    let [shared, long, bare] = &headers;
    let mut segments = Vec::new();
    for round in 0..5 {
        for author in [&mut alice, &mut bob] {
            let piece = author.piece(&[&format!("[{round}]"), "[\"line \\n break\"]"]);
            segments.push(author.segment(piece));
        }
    }
    let text = format!("[\"{}\"]", "x".repeat(60_000));
    let mut carol = Author::new(3);
    let pieces = carol.pieces(&[text.as_str(); 9]).into_iter();
    let pieces = pieces.map(|piece| carol.segment(piece)).collect();
    let values = vec![
        value_write(&account, true, Vec::new()),
        value_write(shared, true, segments),
        value_write(long, true, pieces),
        value_write(bare, true, Vec::new()),
    ];
    assert_eq!(storage.write(&[batch(1, values)]), [Ok(())]);
    (storage, [account].into_iter().chain(headers).collect())
}

fn exported(storage: &mut dyn Storage) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new(), Path::new("a file")).unwrap();
    let read = read_all(storage, &mut writer, &mut |_| {}).unwrap();
    writer.finish(&read).unwrap()
}

fn import(storage: &mut dyn Storage, file: &[u8]) -> Result<Imported, TransferError> {
    let mut reader = Reader::begin(file, Path::new("a file"))?;
    let mut import = Import::new(storage);
    let read = loop {
        match reader.record() {
            Ok(Some(record)) => import.take(record)?,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let imported = import.finish()?;
    read.map(|()| imported)
}

/// Each session's transactions and newest signature, however they are cut.
fn sessions(log: &StoredLog) -> Vec<(SessionId, Vec<Transaction>, String)> {
    let mut names: Vec<_> = log.segments.iter().map(|it| it.session.clone()).collect();
    names.sort();
    names.dedup();
    let session = |name: SessionId| {
        let (transactions, signature) = joined(log, &name);
        (name, transactions, signature)
    };
    names.into_iter().map(session).collect()
}

#[track_caller]
fn check_same(left: &mut dyn Storage, right: &mut dyn Storage) {
    let ids = left.ids(None, usize::MAX).unwrap();
    assert_eq!(ids, right.ids(None, usize::MAX).unwrap());
    for id in ids {
        let (left, right) = (load(left, &id).unwrap(), load(right, &id).unwrap());
        assert_eq!(left.header, right.header);
        assert_eq!(sessions(&left), sessions(&right));
    }
}

/// Nothing is there that the original does not have, in the same place.
#[track_caller]
fn check_part(part: &mut dyn Storage, whole: &mut dyn Storage) {
    for id in part.ids(None, usize::MAX).unwrap() {
        let (part, whole) = (load(part, &id).unwrap(), load(whole, &id).unwrap());
        assert_eq!(part.header, whole.header);
        for (session, transactions, _) in sessions(&part) {
            let (genuine, _) = joined(&whole, &session);
            assert_eq!(transactions, genuine[..transactions.len()]);
        }
    }
}

#[test]
fn what_was_exported_is_imported_whole_and_a_second_time_changes_nothing() {
    let (mut source, _) = store();
    let file = exported(&mut source);
    let mut target = MemoryStorage::default();
    for _ in 0..2 {
        let imported = import(&mut target, &file).unwrap();
        assert_eq!((imported.transactions, imported.refused), (29, 0));
        check_same(&mut source, &mut target);
    }
    assert!(
        exported(&mut target) == file,
        "the same logs make the same file"
    );
}

#[test]
fn an_account_comes_before_what_it_signs_whatever_the_order_of_ids() {
    let (mut source, headers) = store();
    let account = headers[0].id();
    let file = String::from_utf8(exported(&mut source)).unwrap();
    let first = |word: &str| file.lines().position(|line| line.contains(word)).unwrap();
    let signed = format!("\"{account}_session");
    assert!(first(&format!("\"id\":\"{account}\"")) < first(&signed));
}

#[test]
fn r11_a_file_that_was_changed_anywhere_is_told_and_brings_in_nothing_false() {
    let (mut source, _) = store();
    let file = exported(&mut source);
    let lines = file.split_inclusive(|byte| *byte == b'\n');
    let starts: Vec<usize> = lines
        .scan(0, |start, line| {
            *start += line.len();
            Some(*start - line.len())
        })
        .collect();
    for start in starts {
        for offset in [0, 3, 20, 60] {
            let mut changed = file.clone();
            let Some(byte) = changed.get_mut(start + offset) else {
                continue;
            };
            *byte ^= 1;
            let mut target = MemoryStorage::default();
            let error = import(&mut target, &changed).expect_err("it is not what was written");
            assert!(matches!(error, TransferError::Damaged { .. }), "{error}");
            check_part(&mut target, &mut source);
        }
    }
}

#[test]
fn a_file_that_was_cut_off_is_told_and_the_whole_one_completes_it() {
    let (mut source, _) = store();
    let file = exported(&mut source);
    for cut in (0..file.len()).step_by(file.len() / 60) {
        let mut target = MemoryStorage::default();
        assert!(import(&mut target, &file[..cut]).is_err(), "cut at {cut}");
        check_part(&mut target, &mut source);
        import(&mut target, &file).unwrap();
        check_same(&mut source, &mut target);
    }
}

/// An export of records that somebody made up, with checksums that fit.
fn forged(records: Vec<Record>) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new(), Path::new("a file")).unwrap();
    for record in records {
        writer.take(record).unwrap();
    }
    writer.finish(&Read::default()).unwrap()
}

fn records(file: &[u8]) -> Vec<Record> {
    let mut reader = Reader::begin(file, Path::new("a file")).unwrap();
    std::iter::from_fn(|| reader.record().unwrap()).collect()
}

#[test]
fn r11_what_its_author_did_not_sign_stays_out_and_all_else_comes_in() {
    let (mut source, headers) = store();
    let genuine = records(&exported(&mut source));
    let place = genuine
        .iter()
        .position(|it| it.transactions() == 2)
        .unwrap();
    let change = |change: &dyn Fn(&mut Record)| {
        let mut records = genuine.clone();
        change(&mut records[place]);
        records
    };
    let content = |record: &mut Record| record.segment.as_mut().unwrap().content.clone();
    let other = header("another");
    let cases = [
        change(&|record| {
            let mut changed = content(record);
            changed.new_transactions.pop();
            record.segment.as_mut().unwrap().content = changed;
        }),
        change(&|record| {
            let mut changed = content(record);
            changed.new_transactions.reverse();
            record.segment.as_mut().unwrap().content = changed;
        }),
        change(&|record| record.segment.as_mut().unwrap().content.after = 1),
        change(&|record| record.segment.as_mut().unwrap().session = Author::new(9).session),
        change(&|record| record.header = Some(other.clone())),
    ];
    for (index, records) in cases.into_iter().enumerate() {
        let mut target = MemoryStorage::default();
        let imported = import(&mut target, &forged(records)).unwrap();
        assert!(imported.refused > 0, "case {index}");
        assert!(imported.transactions >= 9, "case {index}");
        check_part(&mut target, &mut source);
        let long = load(&mut target, &headers[2].id()).unwrap();
        assert_eq!(sessions(&long)[0].1.len(), 9, "case {index}");
    }
}

#[test]
fn a_session_whose_account_nobody_knows_stays_out_until_it_is_known() {
    let (mut source, headers) = store();
    let account = headers[0].id();
    let mut orphans = records(&exported(&mut source));
    orphans.retain(|record| record.id != account);
    let mut target = MemoryStorage::default();
    let imported = import(&mut target, &forged(orphans.clone())).unwrap();
    assert_eq!((imported.transactions, imported.refused), (19, 1));
    write_one(&mut target, value_write(&headers[0], true, Vec::new())).unwrap();
    let imported = import(&mut target, &forged(orphans)).unwrap();
    assert_eq!((imported.transactions, imported.refused), (29, 0));
    check_same(&mut source, &mut target);
}

#[test]
fn a_session_of_which_the_store_has_another_log_is_told_once_and_kept_as_it_is() {
    let (mut source, headers) = store();
    let mut target = MemoryStorage::default();
    let mut bob = Author::new(2);
    let piece = bob.piece(&["[\"another life\"]"]);
    let write = value_write(&headers[1], true, vec![bob.segment(piece)]);
    write_one(&mut target, write).unwrap();
    let imported = import(&mut target, &exported(&mut source)).unwrap();
    assert_eq!((imported.transactions, imported.refused), (19, 1));
    let shared = load(&mut target, &headers[1].id()).unwrap();
    assert_eq!(joined(&shared, &bob.session).0, bob.log.transactions());
}
