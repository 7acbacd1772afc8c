//! Logs on the move: out of a running server, into another back end, back again. What was acknowledged before is there, and
//! verifies as for any client.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::crash::{acknowledged_of, stored};
use crate::peer::{Heard, Peer};
use crate::postgres_server::PostgresServer;
use crate::process::{Place, ServerProcess, command};
use crate::writer::Writer;

const WRITERS: u8 = 3;

fn run(arguments: &[&str], store: &[(&str, &str)]) -> Output {
    let mut command = command();
    let command = command.args(arguments).envs(store.iter().copied());
    command.output().unwrap()
}

#[track_caller]
pub(crate) fn succeed(arguments: &[&str], store: &[(&str, &str)]) {
    let output = run(arguments, store);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {told}");
}

#[track_caller]
pub(crate) fn fail(arguments: &[&str], store: &[(&str, &str)], code: i32, words: &[&str]) {
    let output = run(arguments, store);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    for word in words {
        assert!(told.contains(word), "{word} is not in {told}");
    }
}

pub(crate) fn writers(name: &str) -> Vec<Writer> {
    let writer = |seed| Writer::new(&format!("{name} {seed}"), seed + 1);
    (0..WRITERS).map(writer).collect()
}

/// Writes until it is stopped; notes what is acknowledged as it hears it.
fn write_on(port: u16, writer: &mut Writer, acknowledged: &AtomicU32, is_over: &AtomicBool) {
    let mut peer = Peer::connect(port);
    while !is_over.load(Ordering::SeqCst) {
        for _ in 0..5 {
            peer.say(&writer.write("[\"a change\"]"));
        }
        while let Heard::Message(message) = peer.hear(Duration::from_millis(2)) {
            acknowledged.fetch_max(acknowledged_of(&message, writer), Ordering::SeqCst);
        }
    }
}

struct OverWhenDropped<'a>(&'a AtomicBool);

impl Drop for OverWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Backs up again and again while clients write, and looks into each backup: restored into a store of its own, served,
/// and loaded as any client does.
fn back_up_under_load(server: &ServerProcess, store: &[(&str, &str)]) {
    let place = Place::new();
    let mut writers = writers("backed up");
    let acknowledged: Vec<AtomicU32> = writers.iter().map(|_| AtomicU32::new(0)).collect();
    let is_over = AtomicBool::new(false);
    let backups: Vec<(String, Vec<u32>)> = std::thread::scope(|scope| {
        // However this ends: the writers must not write on.
        let _over = OverWhenDropped(&is_over);
        for (writer, acknowledged) in writers.iter_mut().zip(&acknowledged) {
            let (port, is_over) = (server.port(), &is_over);
            scope.spawn(move || write_on(port, writer, acknowledged, is_over));
        }
        let backups = (0..3).map(|round| {
            let least = 40 * (round + 1);
            while acknowledged
                .iter()
                .any(|it| it.load(Ordering::SeqCst) < least)
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            let before = acknowledged.iter().map(|it| it.load(Ordering::SeqCst));
            let before = before.collect();
            let file = place.folder().join(format!("backup {round}"));
            let file = file.to_str().unwrap().to_owned();
            succeed(&["backup", &file], store);
            (file, before)
        });
        backups.collect()
    });
    for (round, (file, acknowledged)) in backups.iter().enumerate() {
        let path = place.folder().join(format!("restored {round}.db"));
        let path = path.to_str().unwrap();
        let restored = [("DB_PATH", path)];
        succeed(&["restore", file], &restored);
        let server = ServerProcess::start(&restored);
        for (writer, acknowledged) in writers.iter().zip(acknowledged) {
            let stored = stored(server.port(), writer);
            assert!(stored.len() >= *acknowledged, "{file}: {}", writer.id());
            let written = writer.log.transactions();
            assert_eq!(stored.transactions(), &written[..stored.len() as usize]);
        }
    }
}

#[test]
fn r2_a_backup_of_sqlite_has_what_was_acknowledged_before_it_began() {
    let place = Place::new();
    let path = place.database();
    let store = [("DB_PATH", path.to_str().unwrap())];
    back_up_under_load(&place.server(), &store);
}

#[test]
fn r2_a_backup_of_postgres_has_what_was_acknowledged_before_it_began() {
    let database = PostgresServer::start();
    let url = database.url();
    let store = [
        ("SYNC_MAIA_STORAGE", "postgres"),
        ("SYNC_MAIA_DB_URL", &url),
    ];
    back_up_under_load(&ServerProcess::start(&store), &store);
}

/// A store in which each writer has so many transactions of so many bytes.
pub(crate) fn fill(store: &[(&str, &str)], writers: &mut [Writer], count: u32, bytes: usize) {
    let server = ServerProcess::start(store);
    for writer in writers {
        let mut peer = Peer::connect(server.port());
        let text = format!("[\"{}\"]", "x".repeat(bytes));
        for _ in 0..count {
            peer.say(&writer.write(&text));
        }
        peer.await_known(&writer.id(), &writer.session, writer.count());
    }
    server.kill();
}

#[track_caller]
pub(crate) fn check(store: &[(&str, &str)], writers: &[Writer]) {
    let server = ServerProcess::start(store);
    for writer in writers {
        let stored = stored(server.port(), writer);
        assert_eq!(stored.transactions(), writer.log.transactions());
    }
}

#[test]
fn logs_move_from_any_back_end_to_any_other_and_back() {
    let (place, database) = (Place::new(), PostgresServer::start());
    let path = |name: &str| place.folder().join(name).to_str().unwrap().to_owned();
    let (old, new, file) = (path("old.db"), path("new.db"), path("logs.export"));
    let url = database.url();
    let (old, new) = ([("DB_PATH", old.as_str())], [("DB_PATH", new.as_str())]);
    let postgres = [
        ("SYNC_MAIA_STORAGE", "postgres"),
        ("SYNC_MAIA_DB_URL", &url),
    ];
    let mut writers = writers("moved");
    fill(&old, &mut writers, 40, 9_000);

    fail(
        &["export", &file],
        &postgres,
        2,
        &["SYNC_MAIA_DB_URL", "no logs"],
    );
    assert!(!Path::new(&file).exists(), "nothing is left of what failed");
    succeed(&["export", &file], &old);
    succeed(&["import", &file], &postgres);
    succeed(&["import", &file], &postgres);
    succeed(&["export", &file], &postgres);
    succeed(&["import", &file], &new);
    check(&new, &writers);
    check(&postgres, &writers);

    // What is more in the meantime moves as well, straight from the file of the other store.
    fill(&old, &mut writers, 40, 10);
    succeed(&["import", old[0].1], &postgres);
    check(&postgres, &writers);
}

#[test]
fn a_store_that_is_not_empty_is_not_restored_into_unless_told() {
    let place = Place::new();
    let path = |name: &str| place.folder().join(name).to_str().unwrap().to_owned();
    let (first, second, file) = (path("first.db"), path("second.db"), path("backup.db"));
    let (first, second) = (
        [("DB_PATH", first.as_str())],
        [("DB_PATH", second.as_str())],
    );
    let (mut one, mut other) = (writers("first"), writers("second"));
    fill(&first, &mut one, 3, 10);
    fill(&second, &mut other, 3, 10);
    succeed(&["backup", &file], &first);
    fail(&["restore", &file], &second, 1, &["--merge"]);
    check(&second, &other);
    succeed(&["restore", &file, "--merge"], &second);
    one.append(&mut other);
    check(&second, &one);
}

#[test]
fn r12_what_cannot_be_moved_is_told_and_no_earlier_file_is_lost() {
    let place = Place::new();
    let path = |name: &str| place.folder().join(name).to_str().unwrap().to_owned();
    let (store, file) = (path("store.db"), path("logs"));
    let store = [("DB_PATH", store.as_str())];
    fail(&["export", &file], &store, 2, &["DB_PATH", "store.db"]);
    fail(&["backup", &file], &store, 2, &["DB_PATH", "store.db"]);
    fill(&store, &mut writers("told"), 3, 10);
    std::fs::write(&file, "an earlier one").unwrap();
    fail(&["import", &file], &store, 1, &["logs, line 1"]);
    fail(&["import", &path("none")], &store, 1, &["none"]);
    fail(
        &["backup", &path("no folder/backup")],
        &store,
        1,
        &["no folder"],
    );
    let memory = [("SYNC_MAIA_STORAGE", "in-memory")];
    fail(
        &["backup", &file],
        &memory,
        2,
        &["SYNC_MAIA_STORAGE=in-memory"],
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "an earlier one");
    let server = ServerProcess::start(&store);
    fail(&["restore", &file], &store, 2, &["locked"]);
    succeed(&["export", &file], &store);
    drop(server);
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 9]).unwrap();
    fail(&["import", &file], &store, 1, &["cut off"]);
}

#[test]
fn memory_does_not_follow_what_is_moved() {
    const MEMORY_BYTES_MAX: usize = 24 << 20;
    let place = Place::new();
    let path = |name: &str| place.folder().join(name).to_str().unwrap().to_owned();
    let (old, new) = (path("old.db"), path("new.db"));
    let store = [("DB_PATH", old.as_str())];
    let mut writers = writers("large");
    fill(&store, &mut writers, 300, 40_000);

    let mut export = command();
    let export = export.args(["export", "-"]).envs(store);
    let mut export = export.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = export.stdout.take().unwrap();
    let mut import = command();
    let import = import.args(["import", "-", "--db-path", &new]);
    let mut import = import.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = import.stdin.take().unwrap();
    // A megabyte is held back, so that both still run when they are looked at.
    let mut held = vec![0; 1 << 20];
    out.read_exact(&mut held).unwrap();
    let mut total_bytes = held.len();
    let mut piece = vec![0; 1 << 20];
    while total_bytes < 34 << 20 {
        out.read_exact(&mut piece).unwrap();
        input.write_all(&held).unwrap();
        std::mem::swap(&mut held, &mut piece);
        total_bytes += held.len();
    }
    for child in [&export, &import] {
        let bytes = crate::process::memory_bytes_most(child.id());
        assert!(bytes < MEMORY_BYTES_MAX, "{bytes} for {total_bytes}");
    }
    input.write_all(&held).unwrap();
    std::io::copy(&mut out, &mut input).unwrap();
    drop(input);
    assert!(export.wait().unwrap().success() && import.wait().unwrap().success());
    check(&[("DB_PATH", &new)], &writers);
}
