//! The server on a folder of `PGlite`: it says what that does not promise, loses nothing when it is killed (see [`crash`]),
//! and its logs move there and back.
//!
//! [`crash`]: crate::crash

use std::process::Stdio;

use crate::moving::{check, fail, fill, succeed, writers};
use crate::process::{Place, ServerProcess, command};

#[test]
fn what_pglite_does_not_promise_is_told_at_the_start() {
    let place = Place::new();
    let folder = place.folder().join("pglite");
    let log = place.folder().join("log");
    let stderr = Stdio::from(std::fs::File::create(&log).unwrap());
    let store = [
        ("SYNC_MAIA_STORAGE", "pglite"),
        ("DB_PATH", folder.to_str().unwrap()),
    ];
    let server = ServerProcess::start_with(command().stderr(stderr), &store);
    server.kill();
    let told = std::fs::read_to_string(&log).unwrap();
    assert!(told.contains("a loss of power"), "{told}");
}

#[test]
fn logs_move_into_pglite_and_out_again_while_no_server_has_it() {
    let place = Place::new();
    let path = |name: &str| place.folder().join(name).to_str().unwrap().to_owned();
    let (old, new, folder, file) = (path("old.db"), path("new.db"), path("pglite"), path("logs"));
    let (old, new) = ([("DB_PATH", old.as_str())], [("DB_PATH", new.as_str())]);
    let pglite = [("SYNC_MAIA_STORAGE", "pglite"), ("DB_PATH", &folder)];
    let mut writers = writers("moved");
    fill(&old, &mut writers, 40, 9_000);
    succeed(&["import", old[0].1], &pglite);
    fill(&pglite, &mut writers, 10, 10);
    let server = ServerProcess::start(&pglite);
    fail(
        &["backup", &file],
        &pglite,
        2,
        &["DB_PATH", "already in use"],
    );
    server.kill();
    succeed(&["backup", &file], &pglite);
    succeed(&["restore", &file], &new);
    check(&new, &writers);
}
