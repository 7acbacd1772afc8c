//! The folder's own promises: it conforms, keeps what it has over a reopening, is one process's, and a database that ended
//! is started again.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use tempfile::TempDir;

use super::*;
use crate::conformance::{self, Author, header, joined, load, value_write, write_one};

#[test]
fn pglite_storage_conforms() {
    let mut folders = Vec::new();
    conformance::check_storage(&mut || {
        let folder = TempDir::new().unwrap();
        let storage = PgliteStorage::open(folder.path()).unwrap();
        folders.push(folder);
        Box::new(storage)
    });
    let folder = TempDir::new().unwrap();
    conformance::check_notes(&mut PgliteStorage::open(folder.path()).unwrap());
}

#[test]
fn what_pglite_was_given_is_there_after_a_reopening_and_is_one_process_s() {
    let (folder, header, mut author) = (TempDir::new().unwrap(), header("a"), Author::new(1));
    for round in 0..3 {
        let piece = author.piece(&["[1]", "[2]"]);
        let write = value_write(&header, round == 0, vec![author.segment(piece)]);
        let mut storage = PgliteStorage::open(folder.path()).unwrap();
        assert_eq!(write_one(&mut storage, write), Ok(()));
        let error = PgliteStorage::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("already in use"), "{error}");
    }
    let mut storage = PgliteStorage::open(folder.path()).unwrap();
    let stored = load(&mut storage, &header.id()).unwrap();
    assert_eq!(joined(&stored, &author.session).0.len(), 6);
}

#[test]
fn r11_a_pglite_that_a_client_brought_to_an_end_is_started_again() {
    let (folder, header, mut author) = (TempDir::new().unwrap(), header("a"), Author::new(1));
    let database = Database::new(folder.path()).unwrap();
    database.start().unwrap();
    let mut client = UnixStream::connect(database.socket()).unwrap();
    client
        .write_all(b"this is no message of the protocol")
        .unwrap();
    // It answers by ending.
    let _ = client.read(&mut [0; 64]);
    let mut storage = PgliteStorage::on(database).unwrap();
    let piece = author.piece(&["[1]"]);
    let write = value_write(&header, true, vec![author.segment(piece)]);
    assert_eq!(write_one(&mut storage, write), Ok(()));
}

#[test]
fn r12_a_folder_that_cannot_be_used_is_told_with_its_path() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let long = folder.path().join("long".repeat(30));
    for (path, word) in [(&file, "a file"), (&long, "too long")] {
        let error = PgliteStorage::open(path).unwrap_err().to_string();
        assert!(error.starts_with(path.to_str().unwrap()), "{error}");
        assert!(error.contains(word), "{error}");
    }
}
