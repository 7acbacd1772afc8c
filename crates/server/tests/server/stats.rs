//! A look at a store: what is told is what was written, of every back end, while a server has it open.

use std::process::Output;

use serde_json::{Value, json};

use crate::peer::Peer;
use crate::postgres_server::PostgresServer;
use crate::process::{Place, ServerProcess, command};
use crate::writer::Writer;

fn run(arguments: &[&str], store: &[(&str, &str)]) -> Output {
    let mut command = command();
    let command = command.arg("stats").args(arguments);
    command.envs(store.iter().copied()).output().unwrap()
}

#[track_caller]
fn told(arguments: &[&str], store: &[(&str, &str)]) -> String {
    let output = run(arguments, store);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert_eq!(errors, "");
    String::from_utf8(output.stdout).unwrap()
}

fn stats(store: &[(&str, &str)]) -> Value {
    serde_json::from_str(&told(&["--json", "--largest=2"], store)).unwrap()
}

/// Writes three values of 1, 2 and 3 transactions, of which the second is by far the largest.
fn write(server: &ServerProcess) -> [Writer; 3] {
    let mut peer = Peer::connect(server.port());
    [1, 2, 3].map(|count| {
        let mut writer = Writer::new(&format!("value {count}"), 1);
        for written in 1..=count {
            let length = if count == 2 { 5_000 } else { 10 * written };
            peer.say(&writer.write(&format!("[\"{}\"]", "x".repeat(length as usize))));
            peer.await_known(&writer.id(), &writer.session, written);
        }
        writer
    })
}

fn check(store: &[(&str, &str)]) {
    let mut settings = store.to_vec();
    settings.push(("PORT", "0"));
    let server = ServerProcess::start(&settings);
    let writers = write(&server);
    let found = stats(store);
    assert_eq!(found["values"], 3, "{found}");
    assert_eq!(found["sessions"], 3, "{found}");
    assert_eq!(found["transactions"], 6, "{found}");
    let bytes = found["bytes"].as_u64().unwrap();
    assert!((10_000..12_000).contains(&bytes), "{found}");
    let largest: Vec<_> = found["largest"].as_array().unwrap().iter().collect();
    assert_eq!(largest[0]["id"], json!(writers[1].id().as_str()));
    assert_eq!(largest[1]["id"], json!(writers[2].id().as_str()));
    assert!(largest[0]["bytes"].as_u64().unwrap() >= 10_000);
    assert_eq!(largest.len(), 2);
    let words = told(&[], store);
    assert!(
        words.contains("values                       3\n"),
        "{words}"
    );
    assert!(
        words.contains("transactions                 6\n"),
        "{words}"
    );
    assert!(words.contains(writers[1].id().as_str()), "{words}");

    // The server did not notice.
    let mut writer = Writer::new("after", 1);
    let mut peer = Peer::connect(server.port());
    peer.say(&writer.write("[1]"));
    peer.await_known(&writer.id(), &writer.session, 1);
    assert_eq!(stats(store)["values"], 4);
}

#[test]
fn how_much_a_file_keeps_is_told_while_a_server_writes_to_it() {
    let place = Place::new();
    let path = place.database();
    check(&[("DB_PATH", path.to_str().unwrap())]);
}

#[test]
fn how_much_a_database_keeps_is_told_while_a_server_writes_to_it() {
    let postgres = PostgresServer::start();
    let url = postgres.url();
    check(&[
        ("SYNC_MAIA_STORAGE", "postgres"),
        ("SYNC_MAIA_DB_URL", &url),
    ]);
}

#[test]
fn looking_at_what_is_not_there_makes_nothing() {
    let place = Place::new();
    let path = place.database();
    for store in [
        &[("DB_PATH", path.to_str().unwrap())][..],
        &[("SYNC_MAIA_STORAGE", "in-memory")],
    ] {
        let output = run(&["--json"], store);
        assert_eq!(output.status.code(), Some(2), "{store:?}");
        assert_eq!(output.stdout, b"");
        assert!(!output.stderr.is_empty());
    }
    assert!(!path.exists());
}
