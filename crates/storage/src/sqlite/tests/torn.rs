//! A power cut in the middle of a write: the write-ahead log ends in half a commit, or the file holds half of a
//! checkpoint. Whatever the cut, opening finds every commit that was reported, whole, and takes further ones.

use super::*;

/// One more transaction of the author, written.
fn commit(storage: &mut SqliteStorage, author: &mut Author, changes: &str) {
    let header = header("a");
    let is_first = author.log.transactions().is_empty();
    let piece = author.piece(&[changes]);
    let segment = author.segment(piece);
    write_one(storage, value_write(&header, is_first, vec![segment])).unwrap();
}

/// The file and its log as they are on the disk now.
fn files(store: &Store) -> [Vec<u8>; 2] {
    [store.path(), store.path().with_extension("db-wal")]
        .map(|path| std::fs::read(path).unwrap_or_default())
}

/// Opens these files, checks that so many commits are there whole, that the file is sound, and that it takes another.
fn check(files: [&[u8]; 2], author: &Author, commits: usize, what: &str) {
    let store = Store::new();
    std::fs::write(store.path(), files[0]).unwrap();
    std::fs::write(store.path().with_extension("db-wal"), files[1]).unwrap();
    let mut storage = store.open();
    let stored = load(&mut storage, &header("a").id());
    let transactions = stored.map_or(Vec::new(), |log| joined(&log, &author.session).0);
    assert_eq!(transactions, author.log.transactions()[..commits], "{what}");
    let check = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let is_sound: String = storage
        .connection
        .query_row("PRAGMA integrity_check", [], check)
        .unwrap();
    assert_eq!(is_sound, "ok", "{what}");
    let mut again = Author::new(1);
    for transaction in &author.log.transactions()[..commits] {
        let _ = again.piece(&[changes_of(transaction)]);
    }
    commit(&mut storage, &mut again, "[\"after\"]");
    let stored = load(&mut storage, &header("a").id()).unwrap();
    assert_eq!(
        joined(&stored, &author.session).0.len(),
        commits + 1,
        "{what}"
    );
}

fn changes_of(transaction: &cojson::transaction::Transaction) -> &str {
    match transaction {
        cojson::transaction::Transaction::Trusting { changes, .. } => changes,
        cojson::transaction::Transaction::Private { .. } => panic!("none was written"),
    }
}

#[test]
fn r2_a_log_that_ends_in_half_a_commit_costs_that_commit_alone() {
    let (store, mut author) = (Store::new(), Author::new(1));
    let mut storage = store.open();
    let long = format!("[\"{}\"]", "x".repeat(9_000));
    for _ in 0..3 {
        commit(&mut storage, &mut author, &long);
    }
    let [_, before] = files(&store);
    commit(&mut storage, &mut author, &long);
    let [file, after] = files(&store);
    assert!(
        after.len() > before.len() + 8_000,
        "the commit is not in the log"
    );
    check([&file, &after], &author, 4, "whole");
    let cuts = (before.len()..after.len())
        .step_by(997)
        .chain([after.len() - 1]);
    for cut in cuts {
        check([&file, &after[..cut]], &author, 3, &format!("cut at {cut}"));
        // The file grew, but what should be there did not all reach the disk.
        let mut holed = after.clone();
        holed[cut..].fill(0);
        check([&file, &holed], &author, 3, &format!("zeros from {cut}"));
        let mut noisy = after.clone();
        noisy[cut..].iter_mut().for_each(|byte| *byte ^= 0x5a);
        check([&file, &noisy], &author, 3, &format!("noise from {cut}"));
    }
}

#[test]
fn r2_a_checkpoint_that_was_cut_off_costs_nothing() {
    let (store, mut author) = (Store::new(), Author::new(1));
    let mut storage = store.open();
    let long = format!("[\"{}\"]", "x".repeat(9_000));
    for _ in 0..6 {
        commit(&mut storage, &mut author, &long);
    }
    let [before, wal] = files(&store);
    let done = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let busy: i64 = storage
        .connection
        .query_row("PRAGMA wal_checkpoint(FULL)", [], done)
        .unwrap();
    assert_eq!(busy, 0);
    let [after, _] = files(&store);
    assert!(
        after.len() > before.len() + 40_000,
        "the checkpoint moved nothing"
    );
    for cut in (0..after.len()).step_by(3_001) {
        // What comes before the cut is new, what comes after it as it was; the log still has it all.
        let mut torn = after[..cut].to_vec();
        torn.extend(before.get(cut..).unwrap_or_default());
        check([&torn, &wal], &author, 6, &format!("cut at {cut}"));
    }
}

#[test]
fn r2_a_full_database_acknowledges_nothing_and_goes_on_when_it_has_room() {
    let (store, mut author) = (Store::new(), Author::new(1));
    let mut storage = store.open();
    commit(&mut storage, &mut author, "[1]");
    let pages: i64 = storage
        .connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    let set = |storage: &SqliteStorage, pages: i64| {
        let limit = format!("PRAGMA max_page_count = {pages}");
        storage
            .connection
            .query_row(&limit, [], |row| row.get::<_, i64>(0))
            .unwrap();
    };
    set(&storage, pages + 2);
    let long = author.piece(&[&format!("[\"{}\"]", "x".repeat(50_000))]);
    let write = value_write(&header("a"), false, vec![author.segment(long)]);
    let mut other = Author::new(2);
    let small = other.piece(&["[2]"]);
    let small = value_write(&header("b"), true, vec![other.segment(small)]);
    let results = storage.write(&[batch(1, vec![write.clone()]), batch(2, vec![small.clone()])]);
    let Err(error @ WriteError::Database { .. }) = &results[0] else {
        panic!("{results:?}");
    };
    assert!(error.to_string().contains("full"), "{error}");
    // What is said to be written is, and nothing else.
    let kept = load(&mut storage, &header("b").id()).is_some();
    assert_eq!(kept, results[1].is_ok());
    assert_eq!(
        joined(
            &load(&mut storage, &header("a").id()).unwrap(),
            &author.session
        )
        .0
        .len(),
        1
    );
    set(&storage, 1 << 20);
    assert_eq!(
        storage.write(&[batch(3, vec![write]), batch(4, vec![small])]),
        [Ok(()), Ok(())]
    );
    assert_eq!(
        joined(
            &load(&mut storage, &header("a").id()).unwrap(),
            &author.session
        )
        .0
        .len(),
        2
    );
}
