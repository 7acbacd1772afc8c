//! What operators and their machines ask: `/health`, `/ready` and `/metrics`.

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use cojson::known_state::KnownState;
use cojson::sync::{SyncMessage, encode_frame};

use crate::exposition::Scrape;
use crate::peer::Peer;
use crate::process::{Place, ServerProcess, command, get, refusal};
use crate::writer::Writer;

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

const IN: (&str, &str) = ("direction", "in");
const OUT: (&str, &str) = ("direction", "out");

fn kind(name: &'static str) -> (&'static str, &'static str) {
    ("kind", name)
}

#[test]
fn what_clients_do_is_in_the_metrics_as_it_was() {
    let place = Place::new();
    let server = place.server();
    let mut writer = Writer::new("measured", 1);
    let (mut left, mut right) = (Peer::connect(server.port()), Peer::connect(server.port()));
    let mut said_bytes = 0;
    for count in 1..=3 {
        let message = writer.write("[1]");
        said_bytes += encode_frame([&message]).len();
        left.say(&message);
        left.await_known(&writer.id(), &writer.session, count);
    }
    let load = SyncMessage::Load(KnownState::empty(writer.id()));
    said_bytes += encode_frame([&load]).len() + "{".len();
    let answer = right.ask(&writer.id());
    assert!(matches!(answer, SyncMessage::Content(_)), "{answer:?}");
    right.say_text("{").unwrap();
    server.await_refused("not_json", 1);

    let scrape = server.await_scrape(|scrape| scrape.value("pleione_sync_cache_bytes", &[]) > 0.0);
    for (name, labels, expected) in [
        ("connections", &[][..], 2.0),
        ("connections_opened_total", &[], 2.0),
        ("messages_total", &[IN, kind("content")], 3.0),
        ("messages_total", &[IN, kind("load")], 1.0),
        ("messages_total", &[IN, kind("known")], 0.0),
        ("messages_total", &[IN, kind("reconcile")], 0.0),
        ("messages_total", &[OUT, kind("content")], 1.0),
        ("messages_total", &[OUT, kind("known")], 3.0),
        ("messages_total", &[OUT, kind("reconcile-ack")], 0.0),
        ("refusals_total", &[("reason", "not_json")], 1.0),
        ("contents_checked_total", &[], 3.0),
        ("verify_seconds_count", &[], 3.0),
        ("storage_commit_seconds_count", &[], 3.0),
        ("cache_values", &[], 1.0),
        ("cache_bytes_max", &[], 268_435_456.0),
        ("cache_misses_total", &[], 1.0),
        ("commands_waiting", &[], 0.0),
        ("storage_asks_waiting", &[], 0.0),
        ("outbox_messages", &[], 0.0),
        ("outbox_messages_most", &[], 0.0),
        ("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0),
    ] {
        scrape.assert_is(&format!("pleione_sync_{name}"), labels, expected);
    }
    let said_bytes = f64::from(u32::try_from(said_bytes).unwrap());
    scrape.assert_is("pleione_sync_frame_bytes_total", &[IN], said_bytes);
    for name in ["verify", "storage_commit", "storage_read"] {
        let seconds = scrape.value(&format!("pleione_sync_{name}_seconds_sum"), &[]);
        assert!(seconds > 0.0 && seconds < 60.0, "{name}: {seconds}");
    }
    let secret = |value: &str| value.contains("co_z") || value.contains("127.0.0.1");
    assert!(!scrape.label_values().any(secret), "{scrape:?}");

    drop(left);
    server.await_scrape(|scrape| scrape.value("pleione_sync_connections", &[]) < 1.5);
}

/// The page for operators, with its table of metrics and its alerts.
const PAGE: &str = include_str!("../../../../docs/operating.md");

#[test]
fn every_metric_that_operators_are_told_of_is_there_and_they_are_told_of_every_one() {
    let scrape = ServerProcess::in_memory().scrape();
    let words = PAGE.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let named = words.filter(|word| word.starts_with("pleione_sync_"));
    let named: BTreeSet<_> = named.collect();
    for name in &named {
        let family = name.trim_end_matches("_bucket");
        assert!(scrape.has_family(family), "{name} is told of and not there");
    }
    for family in scrape.families() {
        assert!(named.contains(family), "{family} is told of nowhere");
    }
    for reason in [
        "write_failed",
        "stored_damage",
        "too_many_connections",
        "bad_signature",
    ] {
        assert!(PAGE.contains(reason));
        scrape.assert_is("pleione_sync_refusals_total", &[("reason", reason)], 0.0);
    }
}

/// What the binary says of a command.
fn help_of(words: &[&str]) -> String {
    let output = command().args(words).arg("--help").output().unwrap();
    assert!(
        output.status.success(),
        "{words:?} is told of and not there"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that the page shows: the words behind the program's name, its flags, both up to a remark.
fn told_commands() -> Vec<Vec<&'static str>> {
    let lines = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("pleione-sync "));
    let commands = lines.map(|line| line.split('#').next().unwrap().split_whitespace().collect());
    commands.collect()
}

#[test]
fn every_command_and_every_variable_that_operators_are_told_of_is_there() {
    let commands = told_commands();
    assert!(commands.len() >= 9, "{commands:?}");
    for words in commands {
        let is_name = |word: &&&str| word.chars().all(|letter| letter.is_ascii_lowercase());
        let depth = if words[0] == "token" { 2 } else { 1 };
        let name: Vec<_> = words
            .iter()
            .take(depth)
            .take_while(is_name)
            .copied()
            .collect();
        assert_eq!(name.len(), depth, "{words:?}");
        let help = help_of(&name);
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag), "{flag} of {name:?} is not there");
        }
    }
    let help = help_of(&[]) + &help_of(&["token"]);
    let is_variable = |word: &&str| {
        let mut letters = word.chars();
        word.contains('_') && letters.all(|letter| letter.is_ascii_uppercase() || letter == '_')
    };
    let words = PAGE.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    for variable in words.filter(is_variable) {
        let is_placeholder = variable == "TOKEN_OR_ID";
        let is_there = help.contains(&format!("[env: {variable}]"));
        assert!(is_there || is_placeholder, "{variable} is no setting");
    }
}

#[test]
fn what_waits_for_a_client_that_does_not_read_is_in_the_metrics() {
    let server = ServerProcess::in_memory();
    let mut writer = Writer::new("loud", 1);
    let mut peer = Peer::connect(server.port());
    let mut idle = Peer::connect(server.port());
    peer.say(&writer.write("[1]"));
    peer.await_known(&writer.id(), &writer.session, 1);
    idle.ask(&writer.id());
    let long = format!("[\"{}\"]", "x".repeat(100_000));
    for count in 2..=100 {
        peer.say(&writer.write(&long));
        peer.await_known(&writer.id(), &writer.session, count);
    }
    let waiting = |scrape: &Scrape| scrape.value("pleione_sync_outbox_messages_most", &[]);
    let scrape = server.await_scrape(|scrape| waiting(scrape) > 0.0);
    assert!(scrape.value("pleione_sync_outbox_messages", &[]) >= waiting(&scrape));
    // Once it reads, nothing waits any more.
    idle.await_message(|message| match message {
        SyncMessage::Content(content) => {
            let piece = content.new.get(&writer.session)?;
            (piece.end() == 100).then_some(())
        }
        _ => None,
    });
    server.await_scrape(|scrape| waiting(scrape) < 1.0);
}

#[test]
fn values_that_leave_memory_and_are_read_again_are_in_the_metrics() {
    let place = Place::new();
    let path = place.database();
    let server = ServerProcess::start(&[
        ("DB_PATH", path.to_str().unwrap()),
        ("CACHE_BYTES_MAX", "1048576"),
    ]);
    let long = format!("[\"{}\"]", "x".repeat(20_000));
    let first = Writer::new("value 0", 1);
    for index in 0..100 {
        let mut writer = Writer::new(&format!("value {index}"), 1);
        let mut peer = Peer::connect(server.port());
        peer.say(&writer.write(&long));
        peer.await_known(&writer.id(), &writer.session, 1);
    }
    let bytes = |scrape: &Scrape| scrape.value("pleione_sync_cache_bytes", &[]);
    let scrape = server.await_scrape(|scrape| bytes(scrape) > 500_000.0);
    assert!(bytes(&scrape) < 1_200_000.0, "{scrape:?}");
    assert!(scrape.value("pleione_sync_cache_values", &[]) < 90.0);
    let misses = scrape.value("pleione_sync_cache_misses_total", &[]);
    let reads = scrape.value("pleione_sync_storage_read_seconds_count", &[]);
    Peer::connect(server.port()).ask(&first.id());
    let scrape = server.scrape();
    scrape.assert_is("pleione_sync_cache_misses_total", &[], misses + 1.0);
    assert!(scrape.value("pleione_sync_storage_read_seconds_count", &[]) > reads);
}

#[test]
fn metrics_can_be_kept_from_the_public() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
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

    let line = refusal(command().envs(settings).env("PORT", "0"));
    assert!(line.contains(&format!("METRICS_ADDRESS={free}")), "{line}");
}

/// A database that takes connections and never answers.
fn hanging_database() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgres://nobody@127.0.0.1:{port}/sync?sslmode=disable");
    (listener, url)
}

#[test]
fn a_server_whose_storage_is_not_open_yet_says_so_and_can_be_ended() {
    let (_database, url) = hanging_database();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let settings = [
        ("SYNC_MAIA_STORAGE", "postgres"),
        ("SYNC_MAIA_DB_URL", &url),
        ("BIND_ADDRESS", "127.0.0.1"),
        ("PORT", &port.to_string()),
    ];
    let mut child = command().envs(settings).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "it does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ready = get(port, "/ready", "");
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    assert_eq!(
        body(&ready),
        r#"{"reason":"starting","status":"not ready"}"#
    );
    let health = get(port, "/health", "");
    assert!(health.starts_with("HTTP/1.1 200 ") && health.contains("starting"));
    assert!(get(port, "/metrics", "").starts_with("HTTP/1.1 200 "));
    assert!(Peer::try_connect(port).is_none());
    let pid = child.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(killed.success());
    let end = Instant::now() + Duration::from_secs(5);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
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
