//! `SQLite`'s own promises: durable over a reopening, one process per file, damage costs the damaged value only, and
//! files of classic stores open as they are.

use cojson::sync::WriteId;
use tempfile::TempDir;

use super::*;
use crate::Loaded;
use crate::conformance::{
    self, Author, batch, header, joined, load, load_any, value_write, write_one,
};

mod torn;

struct Store {
    folder: TempDir,
}

impl Store {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("sync.db")
    }

    fn open(&self) -> SqliteStorage {
        SqliteStorage::open(&self.path()).unwrap()
    }

    /// Changes the file behind the storage's back.
    fn damage(&self, statement: &str) {
        let connection = Connection::open(self.path()).unwrap();
        let changed = connection.execute(statement, []).unwrap();
        assert!(changed > 0, "{statement}");
    }
}

#[test]
fn sqlite_storage_conforms() {
    let mut stores = Vec::new();
    conformance::check_storage(&mut || {
        let store = Store::new();
        let storage = store.open();
        stores.push(store);
        Box::new(storage)
    });
    conformance::check_notes(&mut Store::new().open());
}

#[test]
fn what_was_written_is_there_after_a_reopening() {
    let (store, header, mut author) = (Store::new(), header("a"), Author::new(1));
    for round in 0..3 {
        let piece = author.piece(&["[1]", "[2]"]);
        let segment = author.segment(piece);
        let mut storage = store.open();
        write_one(
            &mut storage,
            value_write(&header, round == 0, vec![segment]),
        )
        .unwrap();
    }
    let stored = load(&mut store.open(), &header.id()).unwrap();
    assert_eq!(joined(&stored, &author.session).0.len(), 6);
}

#[test]
fn what_was_erased_is_not_in_the_file_any_more() {
    const SECRET: &str = "what nobody is to find any more";
    let (store, header) = (Store::new(), header("a"));
    let (mut author, mut tombstone) = (Author::new(1), Author::that_deletes(2));
    let holds_secret = || {
        let bytes = std::fs::read(store.path()).unwrap();
        let mut windows = bytes.windows(SECRET.len());
        windows.any(|window| window == SECRET.as_bytes())
    };
    let piece = author.piece(&[&format!("[\"{SECRET}\"]")]);
    let segment = author.segment(piece);
    let write = value_write(&header, true, vec![segment]);
    write_one(&mut store.open(), write).unwrap();
    assert!(holds_secret());
    let piece = tombstone.piece(&["[]"]);
    let mut write = value_write(&header, false, vec![tombstone.segment(piece)]);
    write.erases = true;
    write_one(&mut store.open(), write).unwrap();
    assert!(!holds_secret());
    // Classic programs find noted that there is nothing left for them to erase.
    let connection = Connection::open(store.path()).unwrap();
    let noted = "SELECT status FROM deletedCoValues WHERE coValueID = ?1";
    let status: i64 = connection
        .query_row(noted, [header.id().as_str()], |row| row.get(0))
        .unwrap();
    assert_eq!(status, 1);
}

#[test]
fn a_second_process_is_refused_the_file() {
    let store = Store::new();
    let _first = store.open();
    let error = SqliteStorage::open(&store.path()).unwrap_err().to_string();
    assert!(
        error.contains("sync.db") && error.contains("locked"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_none_of_ours_is_refused_untouched() {
    let store = Store::new();
    std::fs::write(
        store.path(),
        "a letter to a friend, longer than a header".repeat(40),
    )
    .unwrap();
    let before = std::fs::read(store.path()).unwrap();
    assert!(SqliteStorage::open(&store.path()).is_err());
    assert_eq!(std::fs::read(store.path()).unwrap(), before);

    let store = Store::new();
    let connection = Connection::open(store.path()).unwrap();
    connection.pragma_update(None, "user_version", 8).unwrap();
    drop(connection);
    let error = SqliteStorage::open(&store.path()).unwrap_err();
    assert!(
        matches!(error, OpenError::TooNew { found: 8, .. }),
        "{error}"
    );
}

#[test]
fn a_folder_that_is_missing_is_told_with_its_path() {
    let store = Store::new();
    let path = store.folder.path().join("missing/sync.db");
    let error = SqliteStorage::open(&path).unwrap_err().to_string();
    assert!(error.contains("missing/sync.db"), "{error}");
}

/// Two values, the first damaged by `statement`. Returns what the damage costs and the storage, reopened.
fn damaged(statement: &str) -> (Store, Result<Option<Loaded>, LoadError>, Author) {
    let (store, mut author, mut other) = (Store::new(), Author::new(1), Author::new(2));
    let long = format!("[\"{}\"]", "x".repeat(60_000));
    let mut segments = Vec::new();
    for _ in 0..4 {
        let piece = author.piece(&[&long]);
        segments.push(author.segment(piece));
    }
    let values = vec![
        value_write(&header("damaged"), true, segments),
        value_write(
            &header("whole"),
            true,
            vec![{
                let piece = other.piece(&["[1]"]);
                other.segment(piece)
            }],
        ),
    ];
    let mut storage = store.open();
    assert_eq!(storage.write(&[batch(1, values)]), [Ok(())]);
    drop(storage);
    store.damage(statement);
    let mut storage = store.open();
    let result = load_any(&mut storage, &header("damaged").id());
    let whole = load(&mut storage, &header("whole").id()).unwrap();
    assert_eq!(joined(&whole, &other.session).0.len(), 1);
    (store, result, author)
}

#[test]
fn r11_a_damaged_record_costs_no_other_value_and_no_more_than_it_must() {
    for (statement, readable) in [
        ("UPDATE transactions SET tx = '{' WHERE idx = 3", 2),
        ("UPDATE transactions SET tx = x'ff00' WHERE idx = 2", 2),
        ("DELETE FROM transactions WHERE idx = 2", 2),
        ("DELETE FROM transactions WHERE idx = 0 AND ses = 1", 0),
        (
            "UPDATE transactions SET tx = '{\"privacy\":\"open\"}' WHERE idx = 1",
            0,
        ),
        ("UPDATE sessions SET lastIdx = 9 WHERE lastIdx = 4", 4),
        ("UPDATE sessions SET lastIdx = 'nine' WHERE lastIdx = 4", 4),
        (
            "UPDATE sessions SET lastSignature = 'signature_zx' WHERE lastIdx = 4",
            4,
        ),
        ("UPDATE signatureAfter SET signature = 'x' WHERE idx = 3", 4),
        ("UPDATE signatureAfter SET signature = 'x' WHERE idx = 1", 4),
    ] {
        let (_store, result, author) = damaged(statement);
        let loaded = result.unwrap().unwrap();
        let transactions = joined(&loaded.log, &author.session).0;
        assert_eq!(transactions.len(), readable, "{statement}");
        let is_told = loaded
            .damage
            .iter()
            .any(|damage| damage.session == author.session.as_str());
        assert_eq!(
            is_told,
            !statement.contains("signatureAfter"),
            "{statement}"
        );
    }
}

#[test]
fn a_damaged_header_is_an_error_of_that_value_alone() {
    for statement in [
        "UPDATE coValues SET header = '{' WHERE rowID = 1",
        "UPDATE coValues SET header = x'00' WHERE rowID = 1",
        "UPDATE coValues SET header = '{\"type\":\"comap\"}' WHERE rowID = 1",
    ] {
        let (_store, result, _) = damaged(statement);
        assert!(
            matches!(result, Err(LoadError::DamagedHeader { .. })),
            "{statement}"
        );
    }
}

#[test]
fn what_peers_send_again_mends_a_damaged_record() {
    for statement in [
        "UPDATE transactions SET tx = '{' WHERE idx = 3",
        "DELETE FROM transactions WHERE idx = 2",
        "UPDATE sessions SET lastIdx = 'nine' WHERE lastIdx = 4",
        "UPDATE coValues SET header = '{' WHERE rowID = 1",
    ] {
        let (store, _, _) = damaged(statement);
        let mut author = Author::new(1);
        let long = format!("[\"{}\"]", "x".repeat(60_000));
        let mut segments = Vec::new();
        for _ in 0..5 {
            let piece = author.piece(&[&long]);
            segments.push(author.segment(piece));
        }
        let mut storage = store.open();
        let write = value_write(&header("damaged"), true, segments);
        assert_eq!(write_one(&mut storage, write), Ok(()), "{statement}");
        let stored = load(&mut storage, &header("damaged").id()).unwrap();
        assert_eq!(joined(&stored, &author.session).0.len(), 5, "{statement}");
    }
}

#[test]
fn a_database_that_takes_no_write_acknowledges_none() {
    let (store, header, mut author) = (Store::new(), header("a"), Author::new(1));
    let mut storage = store.open();
    let piece = author.piece(&["[1]"]);
    let write = value_write(&header, true, vec![author.segment(piece)]);
    storage
        .connection
        .pragma_update(None, "query_only", true)
        .unwrap();
    let batches = [batch(1, vec![write.clone()]), batch(2, Vec::new())];
    for result in storage.write(&batches).iter().take(1) {
        assert!(
            matches!(result, Err(WriteError::Database { .. })),
            "{result:?}"
        );
    }
    storage
        .connection
        .pragma_update(None, "query_only", false)
        .unwrap();
    assert_eq!(load(&mut storage, &header.id()), None);
    assert_eq!(write_one(&mut storage, write), Ok(()));
    assert_eq!(batches[1].id, WriteId(2));
}

#[test]
fn a_file_of_a_classic_store_opens_as_it_is() {
    let store = Store::new();
    let mut author = Author::new(1);
    let header = header("classic");
    let content = author.piece(&["[1]", "[2]"]);
    let connection = Connection::open(store.path()).unwrap();
    schema::migrate(&mut Connection::open(store.path()).unwrap()).unwrap();
    // Other orders of members, and members that we do not know, as JavaScript writes them.
    let signature = content.last_signature.to_string();
    connection
        .execute_batch(&format!(
            "INSERT INTO coValues VALUES (7, '{}',
               '{{\"uniqueness\":\"classic\",\"type\":\"comap\",\"ruleset\":{{\"type\":\"unsafeAllowAll\"}},\"meta\":null,\"createdAt\":\"2026-01-01T00:00:00.000Z\"}}');
             INSERT INTO sessions VALUES (3, 7, '{}', 2, '{signature}', 6);
             INSERT INTO transactions VALUES
               (3, 0, '{{\"privacy\":\"trusting\",\"madeAt\":1700000000000,\"changes\":\"[1]\",\"extra\":1}}'),
               (3, 1, '{{\"privacy\":\"trusting\",\"madeAt\":1700000000000,\"changes\":\"[2]\"}}');",
            header.id(),
            author.session,
        ))
        .unwrap();
    drop(connection);
    let stored = load(&mut store.open(), &header.id()).unwrap();
    assert_eq!(stored.header, header);
    let (transactions, newest) = joined(&stored, &author.session);
    assert_eq!(transactions, content.new_transactions);
    assert_eq!(newest, signature);
}
