//! R11 under noise: random bytes, random frames and altered genuine frames, against the real server. It must not panic,
//! not grow, and serve a bystander all the while. `npm run fuzz` does it for as long as it is told.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tungstenite::Message;

use crate::honest::Honest;
use crate::noise::{Noise, told};
use crate::peer::Peer;
use crate::process::{ServerProcess, command};

/// What a server may grow by while it is fuzzed, once it is warm: the noise is forgotten with its connection.
const GROWTH_BYTES_MAX: usize = 24 << 20;
/// How many connections there are at least, on however slow a machine.
const CONNECTIONS_LEAST: u64 = 120;
/// How many frames one connection sends.
const FRAMES_PER_CONNECTION: usize = 200;

/// The frames of a recorded session, as clients sent them.
fn genuine_frames() -> Vec<String> {
    let vectors = include_str!("../../../cojson/tests/vectors/frames.jsonl");
    let lines = vectors.lines();
    let recorded = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let frames = recorded.filter(|frame| frame["dir"] == "in");
    let frames: Vec<String> = frames
        .map(|frame| frame["raw"].as_str().unwrap().to_owned())
        .collect();
    assert!(frames.len() > 50);
    frames
}

/// A genuine frame with some of its bytes changed.
fn with_other_bytes(noise: &mut Noise, frames: &[String]) -> String {
    let mut frame = noise.pick(frames).clone().into_bytes();
    for _ in 0..=noise.below(4) {
        let place = noise.below(frame.len());
        match noise.below(4) {
            0 => frame[place] = u8::try_from(32 + noise.below(95)).unwrap(),
            1 if frame.len() > 1 => drop(frame.remove(place)),
            2 => frame.insert(place, *noise.pick(b"{}[]\",:0\\\n")),
            _ => frame.truncate(place.max(1)),
        }
    }
    String::from_utf8_lossy(&frame).into_owned()
}

type Json = serde_json::Value;

/// Some place within a value.
fn some_place<'a>(noise: &mut Noise, value: &'a mut Json) -> &'a mut Json {
    let children = match value {
        Json::Object(members) => members.len(),
        Json::Array(items) => items.len(),
        _ => 0,
    };
    if children == 0 || noise.below(5) == 0 {
        return value;
    }
    let place = noise.below(children);
    let child = match value {
        Json::Object(members) => members.values_mut().nth(place),
        Json::Array(items) => items.get_mut(place),
        _ => None,
    };
    some_place(noise, child.unwrap())
}

/// A genuine message with another value somewhere: of another type, at an edge, or from another message.
fn with_other_members(noise: &mut Noise, messages: &[Json]) -> String {
    let mut message = noise.pick(messages).clone();
    for _ in 0..=noise.below(2) {
        let mut other = noise.pick(messages).clone();
        let replacement = match noise.below(9) {
            0 => Json::Null,
            1 => Json::from(noise.next()),
            2 => Json::from(-1),
            3 => Json::from(u32::MAX),
            4 => Json::from(1e300),
            5 => Json::from("x".repeat(noise.below(3_000))),
            6 => Json::from(vec![Json::Null; noise.below(50)]),
            _ => some_place(noise, &mut other).clone(),
        };
        *some_place(noise, &mut message) = replacement;
    }
    message.to_string()
}

/// JSON of any shape, with the protocol's words in it.
fn random_json(noise: &mut Noise, depth: usize) -> Json {
    const WORDS: [&str; 12] = [
        "action",
        "load",
        "content",
        "known",
        "id",
        "new",
        "sessions",
        "header",
        "reconcile",
        "values",
        "co_zA",
        "lastSignature",
    ];
    match noise.below(if depth == 0 { 4 } else { 6 }) {
        0 => Json::from(*noise.pick(&WORDS)),
        1 => Json::from(noise.next() % 1_000),
        2 => Json::Bool(noise.below(2) == 0),
        3 => Json::Null,
        4 => (0..noise.below(6))
            .map(|_| random_json(noise, depth - 1))
            .collect(),
        _ => {
            let members = noise.below(8);
            let member = |_| {
                let name = (*noise.pick(&WORDS)).to_owned();
                (name, random_json(noise, depth - 1))
            };
            Json::Object((0..members).map(member).collect())
        }
    }
}

/// Everything that noise is made of.
struct Source {
    frames: Vec<String>,
    messages: Vec<Json>,
}

impl Source {
    fn new() -> Self {
        let frames = genuine_frames();
        let lines = frames.iter().flat_map(|frame| frame.lines());
        let messages = lines.map(|line| serde_json::from_str(line).unwrap());
        let messages = messages.collect();
        Self { frames, messages }
    }

    fn frame(&self, noise: &mut Noise) -> Message {
        Message::text(match noise.below(12) {
            0 => return Message::binary(noise.bytes(300)),
            1 => return Message::Ping(noise.bytes(100).into()),
            2 => String::from_utf8_lossy(&noise.bytes(300)).into_owned(),
            3 => random_json(noise, 5).to_string(),
            4 => noise.pick(&self.frames).clone(),
            5 => "[".repeat(noise.below(5_000)),
            6 | 7 => with_other_bytes(noise, &self.frames),
            _ => with_other_members(noise, &self.messages),
        })
    }
}

/// A connection that speaks the protocol badly.
fn bad_frames(port: u16, noise: &mut Noise, source: &Source) {
    let Some(mut peer) = Peer::try_connect(port) else {
        return;
    };
    for _ in 0..noise.below(FRAMES_PER_CONNECTION) {
        if peer.say_raw(source.frame(noise)).is_err() {
            return;
        }
    }
    // Some hear what they are answered, most leave without a word.
    if noise.below(4) == 0 {
        let _ = peer.hear(Duration::from_millis(20));
    }
}

/// A connection that does not even speak HTTP, or stops speaking WebSocket after the handshake.
fn bad_bytes(port: u16, noise: &mut Noise) {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return;
    };
    if noise.below(2) == 0 {
        let hello = format!(
            "GET /sync HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let _ = stream.write_all(hello.as_bytes());
    }
    let length = noise.below(4_000);
    let _ = stream.write_all(&noise.bytes(length));
}

#[test]
fn r11_noise_neither_stops_the_server_nor_makes_it_grow_nor_is_noticed_by_others() {
    let seed = told("FUZZ_SEED", 0x5eed);
    let duration = Duration::from_secs(told("FUZZ_SECONDS", 6));
    println!("FUZZ_SEED={seed} for {duration:?}");
    // What noise writes is bounded too; the pace is not what is tested here.
    let said = tempfile::NamedTempFile::new().unwrap();
    let server = ServerProcess::start_with(
        command().stderr(said.reopen().unwrap()),
        &[
            ("SYNC_MAIA_STORAGE", "in-memory"),
            ("MESSAGES_PER_SECOND_MAX", "1000000"),
        ],
    );
    let mut honest = Honest::new(&server);
    let mut noise = Noise::new(seed);
    let source = Source::new();
    let begun = Instant::now();
    let mut warm = None;
    let mut connections = 0_u64;
    while begun.elapsed() < duration || connections < CONNECTIONS_LEAST {
        match noise.below(5) {
            0 => bad_bytes(server.port(), &mut noise),
            _ => bad_frames(server.port(), &mut noise, &source),
        }
        connections += 1;
        if connections.is_multiple_of(20) {
            honest.check();
        }
        if warm.is_none() && begun.elapsed() > duration / 3 && connections > CONNECTIONS_LEAST / 2 {
            warm = Some(server.memory_bytes_now());
        }
    }
    honest.check();
    let grown = server.memory_bytes_now().saturating_sub(warm.unwrap());
    let refused = server.all_refused();
    println!("{connections} connections, grown by {grown} bytes, refused: {refused:?}");
    assert!(grown < GROWTH_BYTES_MAX, "grown by {grown} bytes");
    let said = std::fs::read_to_string(said.path()).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    for reason in ["malformed", "bad_signature", "wrong_id", "binary_frame"] {
        assert!(refused.contains_key(reason), "no {reason} in {refused:?}");
    }
}
