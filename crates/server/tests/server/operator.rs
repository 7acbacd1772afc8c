//! What operators and their machines ask: `/health`, `/ready` and `/metrics`.

use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use cojson::sync::SyncMessage;

use crate::peer::Peer;
use crate::process::{ServerProcess, command, get};
use crate::writer::Writer;

/// The value of one line of the metrics.
#[track_caller]
fn value_of(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| {
        let (found, value) = line.rsplit_once(' ')?;
        (found == name).then_some(value)
    });
    let line = line.unwrap_or_else(|| panic!("{name} is not in {metrics}"));
    line.parse().unwrap()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn what_happened_is_in_the_metrics_and_no_id_is() {
    let server = ServerProcess::in_memory();
    let mut writer = Writer::new("measured", 1);
    let (mut left, mut right) = (Peer::connect(server.port()), Peer::connect(server.port()));
    for count in 1..=3 {
        left.say(&writer.write("[1]"));
        left.await_known(&writer.id(), &writer.session, count);
    }
    let answer = right.ask(&writer.id());
    assert!(matches!(answer, SyncMessage::Content(_)), "{answer:?}");
    right.say_text("{").unwrap();
    server.await_refused("malformed", 1);
    let answer = server.get("/metrics", "");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4"),
        "{answer}"
    );
    let metrics = body(&answer);
    for (name, expected) in [
        ("connections", 2.0),
        ("connections_opened_total", 2.0),
        (r#"messages_total{direction="in",kind="content"}"#, 3.0),
        (r#"messages_total{direction="in",kind="load"}"#, 1.0),
        (r#"messages_total{direction="out",kind="content"}"#, 1.0),
        (r#"refusals_total{reason="malformed"}"#, 1.0),
        ("verify_seconds_count", 3.0),
        ("storage_commit_seconds_count", 3.0),
        ("commands_waiting", 0.0),
        ("storage_asks_waiting", 0.0),
    ] {
        let found = value_of(metrics, &format!("pleione_sync_{name}"));
        assert!((found - expected).abs() < 0.1, "{name} is {found}");
    }
    let bytes = value_of(metrics, r#"pleione_sync_frame_bytes_total{direction="in"}"#);
    assert!(bytes > 500.0, "{bytes}");
    let version = env!("CARGO_PKG_VERSION");
    assert!(metrics.contains(&format!(
        "pleione_sync_build_info{{version=\"{version}\"}} 1"
    )));
    assert!(
        !metrics.contains("co_z") && !metrics.contains("127.0.0.1"),
        "{metrics}"
    );
    drop(left);
    server.await_metric("pleione_sync_connections", 1.0);
    server.await_metric("pleione_sync_cache_values", 1.0);
}

#[test]
fn metrics_can_be_kept_from_the_public() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = taken.local_addr().unwrap();
    drop(taken);
    let settings = [
        ("SYNC_MAIA_STORAGE", "in-memory"),
        ("METRICS_ADDRESS", &free.to_string()),
    ];
    let server = ServerProcess::start(&settings);
    assert!(server.get("/metrics", "").starts_with("HTTP/1.1 404 "));
    assert!(server.get("/ready", "").starts_with("HTTP/1.1 200 "));
    for path in ["/metrics", "/ready", "/health"] {
        let answer = get(free.port(), path, "");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
    assert!(get(free.port(), "/sync", "").starts_with("HTTP/1.1 404 "));
    assert!(get(free.port(), "/", "").starts_with("HTTP/1.1 404 "));

    let again = command().envs(settings).env("PORT", "0").output().unwrap();
    let line = String::from_utf8(again.stderr).unwrap();
    assert_eq!(again.status.code(), Some(2), "{line}");
    assert!(line.contains(&format!("METRICS_ADDRESS={free}")), "{line}");
}

#[test]
fn a_server_that_stops_says_so_before_its_clients_are_gone_and_lets_nobody_in() {
    let mut server = ServerProcess::in_memory();
    let ready = server.get("/ready", "");
    assert!(ready.starts_with("HTTP/1.1 200 ") && ready.ends_with(r#"{"status":"ready"}"#));
    // It never answers the goodbye, which the server waits for a while.
    let _silent = Peer::connect(server.port());
    server.terminate();
    std::thread::sleep(Duration::from_millis(300));
    let ready = server.get("/ready", "");
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    assert_eq!(
        body(&ready),
        r#"{"reason":"stopping","status":"not ready"}"#
    );
    let health = server.get("/health", "");
    assert!(
        health.starts_with("HTTP/1.1 200 ") && health.contains("stopping"),
        "{health}"
    );
    assert!(Peer::try_connect(server.port()).is_none());
    assert_eq!(server.wait(Duration::from_secs(5)).unwrap().code(), Some(0));
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
}

#[test]
fn a_start_that_fails_leaves_nothing_behind() {
    let settings = [("DB_PATH", "/missing/folder/sync.db"), ("PORT", "0")];
    let mut child = command()
        .envs(settings)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
}
