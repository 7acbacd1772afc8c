//! The storage's promises, the same for both implementations, and what the browser's database adds to them.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use cojson::crypto::AgentSecret;
use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::session_log::SessionLog;
use cojson::transaction::Transaction;
use pleione::error::Told;
use pleione::storage::{
    Durability, HeaderRow, IndexedDb, Rows, SegmentRow, Storage, StorageError, StorageStats,
    segment as record, segment_row,
};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

#[path = "support/browser.rs"]
mod support;
use support::{delete_database, fresh_name, sleep_ms};

wasm_bindgen_test_configure!(run_in_browser);

const STRICT: Durability = Durability::Strict;

fn id(name: &str) -> CoId {
    CoId::parse(&format!("co_z{name}")).unwrap()
}

fn header(name: &str) -> HeaderRow {
    HeaderRow {
        id: id(name),
        bytes: format!("header of {name}").into_bytes(),
    }
}

fn segment(name: &str, session: &str, after: u32) -> SegmentRow {
    SegmentRow {
        id: id(name),
        session: session.to_owned(),
        after,
        bytes: format!("{name}/{session}/{after}").into_bytes(),
    }
}

fn rows(headers: &[&str], segments: &[(&str, &str, u32)]) -> Rows {
    Rows {
        headers: headers.iter().map(|name| header(name)).collect(),
        segments: segments
            .iter()
            .map(|(name, session, after)| segment(name, session, *after))
            .collect(),
        ..Rows::default()
    }
}

/// Of a value that was deleted what stands in sessions for tombstones stays, and what comes with the same write.
async fn erases_what_was_deleted(storage: &Storage) {
    let (own, tombstone) = ("co_zA_session_z1", "co_zA_session_d1$");
    let written = rows(
        &["D", "Dd"],
        &[("D", own, 0), ("D", own, 5), ("Dd", own, 0)],
    );
    storage.write(&written, STRICT).await.unwrap();
    let deleted = Rows {
        erased: vec![id("D")],
        ..rows(&[], &[("D", tombstone, 0)])
    };
    storage.write(&deleted, STRICT).await.unwrap();
    let again = Rows {
        erased: vec![id("D")],
        ..Rows::default()
    };
    storage.write(&again, Durability::Relaxed).await.unwrap();
    let found = storage.read(&[id("D"), id("Dd")]).await.unwrap();
    assert_eq!(found[0].header, Some(header("D").bytes));
    assert_eq!(texts(&found[0].segments), [format!("D/{tombstone}/0")]);
    assert_eq!(texts(&found[1].segments), [format!("Dd/{own}/0")]);
}

fn texts(segments: &[Vec<u8>]) -> Vec<String> {
    segments
        .iter()
        .map(|bytes| String::from_utf8(bytes.clone()).unwrap())
        .collect()
}

/// Many values, of which as many are wanted as make a storage read all, or each: what is found is the same.
async fn reads_many_as_it_reads_each(storage: &Storage) {
    let names: Vec<String> = (0..40)
        .map(|number| format!("M{}", "a".repeat(number + 1)))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut segments: Vec<(&str, &str, u32)> = names.iter().map(|name| (*name, "s1", 0)).collect();
    // More than a storage takes in at once, and none of its neighbours'.
    segments.extend((1..1500).map(|after| (names[20], "s1", after)));
    storage
        .write(&rows(&names, &segments), Durability::Relaxed)
        .await
        .unwrap();
    let mut wanted: Vec<CoId> = names.iter().rev().map(|name| id(name)).collect();
    wanted.extend([id("Nowhere"), id(names[3])]);
    let together = storage.read(&wanted).await.unwrap();
    assert_eq!(together.len(), wanted.len());
    for (id, found) in wanted.iter().zip(&together) {
        let alone = storage.read(std::slice::from_ref(id)).await.unwrap();
        assert_eq!(alone, std::slice::from_ref(found), "{id}");
    }
    assert_eq!(together[19].segments.len(), 1500);
}

/// What every storage must do.
async fn conforms(storage: &Storage) {
    assert_eq!(storage.read(&[id("A")]).await.unwrap()[0].header, None);
    let first = rows(
        &["A", "B"],
        &[("A", "s2", 0), ("A", "s1", 0), ("B", "s1", 0)],
    );
    storage.write(&first, STRICT).await.unwrap();
    let second = rows(&[], &[("A", "s1", 10), ("A", "s1", 2)]);
    storage.write(&second, Durability::Relaxed).await.unwrap();

    let found = storage.read(&[id("B"), id("Aa"), id("A")]).await.unwrap();
    assert_eq!(texts(&found[0].segments), ["B/s1/0"]);
    assert_eq!(found[1].header, None);
    assert!(
        found[1].segments.is_empty(),
        "an id that begins alike is another value"
    );
    assert_eq!(found[2].header, Some(header("A").bytes));
    assert_eq!(
        texts(&found[2].segments),
        ["A/s1/0", "A/s1/2", "A/s1/10", "A/s2/0"]
    );

    assert_eq!(storage.device("secret").await.unwrap(), None);
    assert_eq!(storage.device_or_put("secret", "one").await.unwrap(), "one");
    assert_eq!(storage.device_or_put("secret", "two").await.unwrap(), "one");
    storage.device_or_put("session:b", "").await.unwrap();
    storage.device_or_put("session:a", "").await.unwrap();
    assert_eq!(storage.device_keys("session:").await.unwrap(), ["a", "b"]);
    let StorageStats { writes, puts, .. } = storage.stats();
    assert_eq!((writes, puts), (2, 7));
    erases_what_was_deleted(storage).await;

    storage.close();
    let error = storage.write(&first, STRICT).await.unwrap_err();
    assert_eq!(error.code(), "PLEIONE_E_STORAGE_CLOSED");
}

#[wasm_bindgen_test]
async fn memory_conforms() {
    conforms(&Storage::memory()).await;
    reads_many_as_it_reads_each(&Storage::memory()).await;
}

#[wasm_bindgen_test]
async fn the_database_conforms() {
    let name = fresh_name("conforms");
    conforms(&Storage::open(&name).await.unwrap()).await;
    reads_many_as_it_reads_each(&Storage::open(&name).await.unwrap()).await;
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn what_was_written_is_there_after_reopening() {
    let name = fresh_name("reopen");
    let storage = Storage::open(&name).await.unwrap();
    storage
        .write(&rows(&["A"], &[("A", "s", 0)]), STRICT)
        .await
        .unwrap();
    storage.close();
    let storage = Storage::open(&name).await.unwrap();
    let found = storage.read(&[id("A")]).await.unwrap();
    assert_eq!(texts(&found[0].segments), ["A/s/0"]);
    storage.close();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn a_lost_connection_is_opened_again_and_nothing_is_lost() {
    let name = fresh_name("lost");
    let database = std::rc::Rc::new(IndexedDb::open(&name).await.unwrap());
    let storage = Storage::IndexedDb(std::rc::Rc::clone(&database));
    for after in 0..3_u32 {
        database.drop_connection();
        let segment = rows(&["A"], &[("A", "s", after)]);
        storage.write(&segment, STRICT).await.unwrap();
        database.drop_connection();
        let found = storage.read(&[id("A")]).await.unwrap();
        assert_eq!(found[0].segments.len(), after as usize + 1);
    }
    assert_eq!(storage.stats().connections, 7);
    storage.close();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn a_deleted_database_is_told_and_never_made_anew() {
    let name = fresh_name("deleted");
    let storage = Storage::open(&name).await.unwrap();
    storage
        .write(&rows(&["A"], &[("A", "s", 0)]), STRICT)
        .await
        .unwrap();
    // The deletion goes through: the connection closes when it is asked to.
    delete_database(&name).await;
    let error = storage
        .write(&rows(&[], &[("A", "s", 1)]), STRICT)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "PLEIONE_E_STORAGE_CLOSED");
}

#[wasm_bindgen_test]
async fn a_database_that_was_wiped_while_the_connection_was_lost_is_told() {
    let name = fresh_name("wiped");
    let database = std::rc::Rc::new(IndexedDb::open(&name).await.unwrap());
    database.drop_connection();
    delete_database(&name).await;
    let storage = Storage::IndexedDb(database);
    let error = storage
        .write(&rows(&[], &[("A", "s", 1)]), STRICT)
        .await
        .unwrap_err();
    assert!(matches!(error, StorageError::Wiped), "{error:?}");
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let name = fresh_name("newer");
    support::open_at_version(&name, 99).await;
    let error = Storage::open(&name).await.err().unwrap();
    assert_eq!(error.code(), "PLEIONE_E_STORAGE_NEWER");
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn a_refused_database_is_an_error_the_caller_sees() {
    let restore = support::break_open("SecurityError");
    let error = Storage::open(&fresh_name("refused")).await.err().unwrap();
    restore.call0(&wasm_bindgen::JsValue::UNDEFINED).unwrap();
    assert_eq!(error.code(), "PLEIONE_E_STORAGE_UNAVAILABLE");
    assert!(error.cause().is_some());
}

#[wasm_bindgen_test]
async fn a_full_disk_is_an_error_and_stores_nothing_of_the_change() {
    let name = fresh_name("full");
    let storage = Storage::open(&name).await.unwrap();
    let restore = support::break_put("QuotaExceededError", 2);
    let both = rows(&["A"], &[("A", "s", 0)]);
    let error = storage.write(&both, STRICT).await.unwrap_err();
    restore.call0(&wasm_bindgen::JsValue::UNDEFINED).unwrap();
    assert_eq!(error.code(), "PLEIONE_E_STORAGE_QUOTA");
    assert_eq!(storage.read(&[id("A")]).await.unwrap()[0].header, None);
    storage.write(&both, STRICT).await.unwrap();
    storage.close();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn many_small_segments_are_packed_into_few_that_say_the_same() {
    let name = fresh_name("packed");
    let storage = Storage::open(&name).await.unwrap();
    let session = SessionId::parse("co_zA_session_z1").unwrap();
    let mut log = SessionLog::new(session.clone());
    let signer = AgentSecret::from_seed(&[1; 32]).signer;
    let mut written = Rows::default();
    for number in 0..200 {
        log.append_local(Transaction::Trusting {
            made_at: Timestamp(number),
            changes: "x".repeat(1_000).into(),
            meta: None,
        });
        let pieces = log.sign(&signer);
        written.segments.extend(
            pieces
                .iter()
                .map(|piece| segment_row(&id("A"), &session, piece)),
        );
    }
    // Another tab's copy of a piece overlaps.
    let overlap = log.content_since(150, usize::MAX).remove(0);
    written.segments[150] = segment_row(&id("A"), &session, &overlap);
    storage.write(&written, STRICT).await.unwrap();

    storage.compact_soon(id("A"), session.to_string());
    while storage.stats().compactions == 0 {
        sleep_ms(1).await;
    }
    let found = storage.read(&[id("A")]).await.unwrap().remove(0);
    assert!(found.segments.len() < 6, "{}", found.segments.len());
    let pieces: Vec<_> = found
        .segments
        .iter()
        .map(|bytes| record(bytes).unwrap())
        .collect();
    let transactions: Vec<_> = pieces
        .iter()
        .flat_map(|it| it.content.new_transactions.clone())
        .collect();
    assert_eq!(transactions, log.transactions());
    assert_eq!(
        pieces.last().unwrap().content.last_signature,
        *log.last_signature().unwrap()
    );
    storage.close();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn a_secret_is_agreed_on_by_all_who_open_at_once() {
    let name = fresh_name("secret");
    let agreed = support::join_all((0..5).map(|tab| {
        let name = name.clone();
        async move {
            let storage = Storage::open(&name).await.unwrap();
            let secret = storage
                .device_or_put("secret", &tab.to_string())
                .await
                .unwrap();
            storage.close();
            secret
        }
    }))
    .await;
    assert!(
        agreed.iter().all(|secret| *secret == agreed[0]),
        "{agreed:?}"
    );
    sleep_ms(0).await;
    delete_database(&name).await;
}
