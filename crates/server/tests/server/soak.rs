//! An hour of a server's life (`npm run soak`; half a minute here): writers and readers, and between them clients that read
//! nothing, connections that are half open, and floods. Nothing that was acknowledged is missed by a reader, each misdeed is
//! counted by its reason, nothing goes wrong that no client provoked, and the memory stays flat.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cojson::ids::CoId;
use cojson::known_state::KnownState;
use cojson::sync::{SyncMessage, encode_frame};
use tungstenite::Message;

use crate::noise::{Noise, told};
use crate::peer::{Heard, Peer};
use crate::process::{Place, ServerProcess};
use crate::writer::Writer;

const WRITERS: u64 = 4;
/// The cache's bound: small, so that it is reached within the warm-up and what grows then should not.
const CACHE_BYTES_MAX: &str = "8388608";
/// How long one value is written to before its writer begins another.
const WRITES_PER_VALUE: u32 = 200;
/// How much memory may grow in an hour, by the trend of the time after the warm-up.
const GROWTH_PER_HOUR_BYTES_MAX: f64 = (16 << 20) as f64;
/// How long it takes to see a trend.
const TREND_LEAST: Duration = Duration::from_mins(20);
/// What a shorter run may grow by.
const GROWTH_SHORT_BYTES_MAX: usize = 48 << 20;
/// What the server allows here: so little that each misdeed meets its end within the short form, and still ten times what
/// the honest ones need.
const LIMITS: [(&str, &str); 4] = [
    ("CACHE_BYTES_MAX", CACHE_BYTES_MAX),
    ("IDLE_SECONDS_MAX", "10"),
    ("HANDSHAKE_SECONDS_MAX", "2"),
    ("MESSAGES_PER_SECOND_MAX", "1000"),
];
/// How long a half-open connection waits to be cut off.
const SILENCE: Duration = Duration::from_secs(12);
/// The reasons that the misbehaviour here gives, each of them.
const PROVOKED: [&str; 8] = [
    "bad_signature",
    "binary_frame",
    "half_open",
    "handshake_timeout",
    "not_json",
    "slow_client",
    "slowed",
    "unknown_action",
];
/// A client that leaves in the middle of a frame may give this one.
const PERHAPS: &str = "websocket_protocol";

/// What everybody here shares.
struct Scene<'a> {
    server: &'a ServerProcess,
    is_over: AtomicBool,
    written: AtomicU64,
    read: AtomicU64,
    misdeeds: AtomicU64,
}

impl Scene<'_> {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    fn port(&self) -> u16 {
        self.server.port()
    }
}

/// Held by everybody who takes part: one that fails ends the scene for all, as there is nothing left to see.
struct Part<'a>(&'a Scene<'a>);

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.is_over.store(true, Ordering::Relaxed);
        }
    }
}

/// A writer and its readers: value after value, each read along by somebody who was there from the start and to its end by
/// somebody who comes when it is finished.
fn write_and_read(scene: &Scene<'_>, author: u64) {
    let _part = Part(scene);
    let mut value = 0;
    while scene.goes_on() {
        value += 1;
        let seed = u8::try_from(author + 1).unwrap();
        let mut writer = Writer::new(&format!("soak {author} {value}"), seed);
        let mut writing = Peer::connect(scene.port());
        let mut along = Reader::new(scene, &writer);
        loop {
            writing.say(&writer.write("[\"some words that somebody wrote\"]"));
            let is_last = !scene.goes_on() || writer.count() == WRITES_PER_VALUE;
            if is_last || writer.count().is_multiple_of(20) {
                writing.await_known(&writer.id(), &writer.session, writer.count());
                along.read_all(&writer);
            }
            if is_last {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Reader::new(scene, &writer).read_all(&writer);
        let count = u64::from(writer.count());
        scene.written.fetch_add(count, Ordering::Relaxed);
        scene.read.fetch_add(2 * count, Ordering::Relaxed);
    }
}

/// Somebody who asked for a value, and how much of it came.
struct Reader {
    peer: Peer,
    have: u32,
}

impl Reader {
    fn new(scene: &Scene<'_>, writer: &Writer) -> Self {
        let mut peer = Peer::connect(scene.port());
        peer.say(&SyncMessage::Load(KnownState::empty(writer.id())));
        Self { peer, have: 0 }
    }

    /// Reads what the server sends until all that was written is there, piece after piece without a gap.
    fn read_all(&mut self, writer: &Writer) {
        while self.have < writer.count() {
            let piece = self.peer.await_message(|message| match message {
                SyncMessage::Content(mut content) => content.new.remove(&writer.session),
                _ => None,
            });
            assert!(piece.after <= self.have, "a gap after {}", self.have);
            let from = piece.after as usize;
            let written = &writer.log.transactions()[from..piece.end()];
            assert_eq!(piece.new_transactions, written);
            self.have = self.have.max(u32::try_from(piece.end()).unwrap());
        }
    }
}

/// Follows a value that another writes, asks for it again and again, and reads nothing of it, until it is closed.
fn read_nothing(scene: &Scene<'_>, noise: &mut Noise) {
    let mut writer = Writer::new(&format!("unread {}", noise.next()), 200);
    let (mut writing, mut deaf) = (Peer::connect(scene.port()), Peer::connect(scene.port()));
    let load = SyncMessage::Load(KnownState::empty(writer.id()));
    let long = format!("[\"{}\"]", "x".repeat(100_000));
    while scene.goes_on() {
        if writer.count() < 10 {
            writing.say(&writer.write(&long));
            writing.await_known(&writer.id(), &writer.session, writer.count());
        } else {
            // The writer is a client as any other: it answers the server's signs of life.
            writing.hear(Duration::from_millis(100));
        }
        if deaf.try_say(&load).is_err() {
            return;
        }
    }
}

/// Connects and says half of something or nothing, until it is cut off; others leave without a word.
fn hang_half_open(scene: &Scene<'_>, noise: &mut Noise) {
    let connect = |_| TcpStream::connect(("127.0.0.1", scene.port())).ok();
    let (staying, leaving): (Vec<_>, Vec<_>) = (0..5)
        .filter_map(connect)
        .partition(|_| noise.below(2) == 0);
    let mut silent = Peer::connect(scene.port());
    let _ = silent.say_text("{\"action\":\"load\"");
    std::thread::sleep(Duration::from_millis(noise.next() % 1_000));
    drop(leaving);
    let begun = Instant::now();
    while begun.elapsed() < SILENCE && scene.goes_on() {
        std::thread::sleep(Duration::from_millis(100));
    }
    drop((staying, silent));
}

/// What its author never signed.
fn forgery() -> Message {
    let mut forger = Writer::new("forged", 201);
    let mut piece = forger.piece("[1]");
    piece.new_transactions = Writer::new("other", 201).piece("[2]").new_transactions;
    Message::text(encode_frame([&forger.carry(piece)]))
}

/// Sends nonsense, forgeries and questions as fast as it can.
fn flood(scene: &Scene<'_>, noise: &mut Noise) {
    let mut peer = Peer::connect(scene.port());
    let forgery = forgery();
    let unknown: Vec<CoId> = (0..50)
        .map(|number| Writer::new(&format!("unknown {number}"), 202).id())
        .collect();
    for number in 0..1_000 + noise.below(3_000) {
        let message = match noise.below(4) {
            0 => Message::text("{\"action\":\"nonsense\"}"),
            1 => Message::binary(noise.bytes(50)),
            2 => {
                let id = unknown[number % unknown.len()].clone();
                Message::text(encode_frame([&SyncMessage::Load(KnownState::empty(id))]))
            }
            _ => forgery.clone(),
        };
        if peer.say_raw(message).is_err() {
            return;
        }
        // What it is answered is read now and then, or it would be a slow reader too.
        if number % 200 == 0 {
            while let Heard::Message(_) = peer.hear(Duration::from_millis(1)) {}
        }
    }
}

type Misdeed = fn(&Scene<'_>, &mut Noise);

/// One who misbehaves in one way, again and again.
fn misbehave(scene: &Scene<'_>, misdeed: Misdeed, seed: u64) {
    let _part = Part(scene);
    let mut noise = Noise::new(seed);
    while scene.goes_on() {
        misdeed(scene, &mut noise);
        scene.misdeeds.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The memory over the time, after a quarter of it as warm-up.
fn watch(scene: &Scene<'_>, duration: Duration) -> Vec<(f64, usize)> {
    let begun = Instant::now();
    let every = (duration / 240).max(Duration::from_millis(100));
    let mut samples = Vec::new();
    let mut told_at = Instant::now();
    while begun.elapsed() < duration && scene.goes_on() {
        std::thread::sleep(every);
        let bytes = scene.server.memory_bytes_now();
        if begun.elapsed() > duration / 4 {
            samples.push((begun.elapsed().as_secs_f64(), bytes));
        }
        if told_at.elapsed() > Duration::from_mins(1) {
            told_at = Instant::now();
            let minutes = begun.elapsed().as_secs() / 60;
            let written = scene.written.load(Ordering::Relaxed);
            let files = scene.server.open_files();
            println!("{minutes} min: {bytes} bytes, {files} files, {written} written");
        }
    }
    scene.is_over.store(true, Ordering::Relaxed);
    samples
}

/// The slope of the straight line that fits best, per second.
fn slope(samples: &[(f64, usize)]) -> f64 {
    let count = samples.len() as f64;
    let mean_x = samples.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = samples.iter().map(|(_, y)| *y as f64).sum::<f64>() / count;
    let products = samples
        .iter()
        .map(|(x, y)| (x - mean_x) * (*y as f64 - mean_y));
    let squares = samples.iter().map(|(x, _)| (x - mean_x).powi(2));
    products.sum::<f64>() / squares.sum::<f64>()
}

#[test]
fn r11_an_hour_of_mixed_load_leaves_memory_flat_and_loses_nothing() {
    let duration = Duration::from_secs(told("SOAK_SECONDS", 25));
    let seed = told("SOAK_SEED", 0x50ac);
    println!("SOAK_SEED={seed} for {duration:?}");
    let place = Place::new();
    let database = place.database();
    let store = ("DB_PATH", database.to_str().unwrap());
    let server = ServerProcess::start(&[&[store][..], &LIMITS].concat());
    let scene = Scene {
        server: &server,
        is_over: AtomicBool::new(false),
        written: AtomicU64::new(0),
        read: AtomicU64::new(0),
        misdeeds: AtomicU64::new(0),
    };
    let samples = std::thread::scope(|scope| {
        for author in 0..WRITERS {
            let scene = &scene;
            scope.spawn(move || write_and_read(scene, author));
        }
        let misdeeds: [Misdeed; 3] = [read_nothing, hang_half_open, flood];
        for (seed, misdeed) in (seed..).zip(misdeeds) {
            let scene = &scene;
            scope.spawn(move || misbehave(scene, misdeed, seed));
        }
        watch(&scene, duration)
    });
    let per_hour = slope(&samples) * 3_600.0;
    let least = samples.iter().map(|(_, bytes)| *bytes).min().unwrap();
    let most = samples.iter().map(|(_, bytes)| *bytes).max().unwrap();
    let refused = server.all_refused();
    println!(
        "{} written, {} read, {} misdeeds; {least} to {most} bytes, trend {per_hour:.0} bytes per hour; refused: {refused:?}",
        scene.written.load(Ordering::Relaxed),
        scene.read.load(Ordering::Relaxed),
        scene.misdeeds.load(Ordering::Relaxed),
    );
    assert!(scene.written.load(Ordering::Relaxed) > WRITERS * duration.as_secs());
    let reasons: Vec<&str> = refused.keys().map(String::as_str).collect();
    let reasons = reasons.into_iter().filter(|reason| *reason != PERHAPS);
    assert_eq!(reasons.collect::<Vec<_>>(), PROVOKED, "{refused:?}");
    if duration >= TREND_LEAST {
        assert!(
            per_hour < GROWTH_PER_HOUR_BYTES_MAX,
            "{per_hour} bytes per hour"
        );
    } else {
        assert!(
            most - least < GROWTH_SHORT_BYTES_MAX,
            "{least} to {most} bytes"
        );
    }
}
