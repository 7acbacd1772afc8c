//! What the server says of itself: lines for people or machines, few under attack, and never what clients said.

use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use crate::peer::Peer;
use crate::process::{ServerProcess, command};
use crate::writer::Writer;

const SECRET: &str = "what nobody but its reader may know";

/// A server, what happens to it, and all it said on both streams until it was asked to stop.
fn said(settings: &[(&str, &str)], happens: impl FnOnce(&ServerProcess)) -> [String; 2] {
    let settings = [&[("SYNC_MAIA_STORAGE", "in-memory")], settings].concat();
    let mut server = ServerProcess::start_with(command().stderr(Stdio::piped()), &settings);
    happens(&server);
    server.terminate();
    let stdout = server.all_of_stdout();
    let mut stderr = String::new();
    let mut stream = server.child().stderr.take().unwrap();
    stream.read_to_string(&mut stderr).unwrap();
    [stdout, stderr]
}

/// Sends what is refused, with something secret in each; the server must have counted all of it.
fn attack(server: &ServerProcess) {
    let mut peer = Peer::connect(server.port());
    let mut writer = Writer::new("value", 1);
    peer.say(&writer.write(&format!("[\"{SECRET}\"]")));
    peer.await_known(&writer.id(), &writer.session, 1);
    let frames = [
        format!("\"{SECRET}\""),
        format!(r#"{{"action":["{SECRET}"]}}"#),
        format!(r#"{{"action":"load","id":"{SECRET}","header":false,"sessions":{{}}}}"#),
        format!(r#"{{"action":"load","id":"co_z1","header":"{SECRET}","sessions":{{}}}}"#),
        format!(r#"{{"action":"content","id":"co_z1","priority":0,"new":"{SECRET}"}}"#),
    ];
    for frame in frames.iter().cycle().take(500) {
        peer.say_text(frame).unwrap();
    }
    server.await_refused("malformed", 500);
    peer.say_text(&format!("{{\"{SECRET}")).unwrap();
    peer.say_text(&format!(r#"{{"action":"{SECRET}"}}"#))
        .unwrap();
    server.await_refused("not_json", 1);
    server.await_refused("unknown_action", 1);
}

#[test]
fn r11_under_attack_a_reason_is_one_line_and_no_line_holds_what_was_sent() {
    let [stdout, stderr] = said(&[("LOG_LEVEL", "trace")], attack);
    assert!(stdout.contains("serving http://127.0.0.1:"), "{stdout}");
    let refused: Vec<_> = stderr
        .lines()
        .filter(|line| line.contains("malformed"))
        .collect();
    assert_eq!(refused.len(), 1, "{stderr}");
    for text in [&stdout, &stderr] {
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn a_machine_reads_every_line_and_what_the_server_runs_with() {
    let [stdout, stderr] = said(&[("LOG", "json")], attack);
    let lines = |text: &str| -> Vec<Value> {
        let parsed = text.lines().map(serde_json::from_str);
        parsed.collect::<Result<_, _>>().unwrap()
    };
    let started = &lines(&stdout)[0];
    assert_eq!(started["level"], "INFO");
    assert_eq!(started["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(started["storage"], "in-memory");
    assert_eq!(started["frame_bytes_max"], 33_554_432);
    assert!(
        started["address"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1:")
    );
    let refused = &lines(&stderr)[0];
    assert_eq!(
        (&refused["level"], &refused["reason"]),
        (&"WARN".into(), &"malformed".into())
    );
    assert_eq!(refused["count"], 1);
}

#[test]
fn below_the_level_nothing_is_said() {
    let mut server = command();
    let settings = [("SYNC_MAIA_STORAGE", "oracle"), ("LOG_LEVEL", "off")];
    let output = server.envs(settings).output().unwrap();
    // The settings could not be read, so the level does not count yet: a start that fails is always told.
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    let level = "error,pleione_sync::start_line=info";
    let [_, stderr] = said(&[("LOG_LEVEL", level), ("RUST_LOG", "trace")], attack);
    assert_eq!(stderr, "");
}
