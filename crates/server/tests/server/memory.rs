//! Memory follows the cache's bound, not the data: a log longer than the bound is written and read through the real
//! binary, and many values are followed, while the process stays small.

use std::time::{Duration, Instant};

use cojson::known_state::KnownState;
use cojson::sync::{ContentMessage, SyncMessage};

use crate::peer::Peer;
use crate::process::{Place, ServerProcess};
use crate::writer::Writer;

const MIB: usize = 1 << 20;

/// The cache's bound here.
const CACHE_BYTES_MAX: usize = 2 * MIB;

/// What the process may grow by: the bound, the windows, `SQLite`'s own cache, and what an allocator keeps in reserve.
const GROWTH_BYTES_MAX: usize = 20 * MIB;

fn server(place: &Place) -> ServerProcess {
    let database = place.database();
    let bound = CACHE_BYTES_MAX.to_string();
    ServerProcess::start(&[
        ("DB_PATH", database.to_str().unwrap()),
        ("CACHE_BYTES_MAX", &bound),
    ])
}

/// Writes a log of so many MiB, in messages of about 100 kB.
fn write_long(peer: &mut Peer, name: &str, mib: usize) -> Writer {
    let mut writer = Writer::new(name, 1);
    let long = format!("[\"{}\"]", "x".repeat(100_000));
    for _ in 0..mib * MIB / 100_000 {
        let message = writer.write(&long);
        peer.say(&message);
        // As a client does that waits for acknowledgements now and then.
        if writer.count().is_multiple_of(16) {
            peer.await_known(&writer.id(), &writer.session, writer.count());
        }
    }
    peer.await_known(&writer.id(), &writer.session, writer.count());
    writer
}

fn next_content(peer: &mut Peer, writer: &Writer) -> ContentMessage {
    peer.await_message(|message| match message {
        SyncMessage::Content(content) if content.id == writer.id() => Some(content),
        _ => None,
    })
}

/// Reads the value to its end, and checks that every transaction came once, in order, as it was written.
fn read_long(peer: &mut Peer, writer: &Writer) {
    peer.say(&SyncMessage::Load(KnownState::empty(writer.id())));
    let mut have = 0;
    while have < writer.count() {
        let content = next_content(peer, writer);
        assert_eq!(content.header.is_some(), have == 0);
        if have == 0 {
            let expected = content.expect_content_until.unwrap();
            assert_eq!(expected.get(&writer.session), Some(&writer.count()));
        }
        let piece = content.new.get(&writer.session).unwrap();
        assert_eq!(piece.after, have);
        let range = have as usize..piece.end();
        assert_eq!(piece.new_transactions, writer.log.transactions()[range]);
        have = u32::try_from(piece.end()).unwrap();
    }
}

#[test]
fn a_log_longer_than_the_cache_is_written_and_read_while_the_process_stays_small() {
    let place = Place::new();
    let server = server(&place);
    let before = server.memory_bytes_most();
    let mut peer = Peer::connect(server.port());
    let writer = write_long(&mut peer, "long", 48);
    let written = server.memory_bytes_most() - before;
    assert!(written < GROWTH_BYTES_MAX, "written: {written}");

    // Readers that ask for all of it and take nothing hold nobody up.
    let stuck: Vec<Peer> = (0..4)
        .map(|_| {
            let mut stuck = Peer::connect(server.port());
            stuck.say(&SyncMessage::Load(KnownState::empty(writer.id())));
            stuck
        })
        .collect();
    read_long(&mut Peer::connect(server.port()), &writer);
    let read = server.memory_bytes_most() - before;
    assert!(read < GROWTH_BYTES_MAX, "read: {read}");

    // It goes on where it was, although its hash is long gone: other values were written since.
    let other = write_long(&mut Peer::connect(server.port()), "other", 4);
    let mut writer = writer;
    let message = writer.write("[\"one more\"]");
    peer.say(&message);
    peer.await_known(&writer.id(), &writer.session, writer.count());
    assert_eq!(server.refused("bad_signature"), 0);
    assert_eq!(server.refused("slow_client"), 0);
    drop(stuck);
    server.kill();

    let server = self::server(&place);
    let mut peer = Peer::connect(server.port());
    read_long(&mut peer, &other);
    read_long(&mut peer, &writer);
    assert!(server.memory_bytes_most() - before < GROWTH_BYTES_MAX);
}

#[test]
fn values_that_a_client_follows_cost_little() {
    const VALUES: usize = 3_000;
    let place = Place::new();
    let server = server(&place);
    let before = server.memory_bytes_most();
    let mut writing = Peer::connect(server.port());
    let mut reading = Peer::connect(server.port());
    let long = format!("[\"{}\"]", "x".repeat(10_000));
    for n in 0..VALUES {
        let mut writer = Writer::new(&format!("value {n}"), 1);
        let message = writer.write(&long);
        writing.say(&message);
        writing.await_known(&writer.id(), &writer.session, 1);
        reading.say(&SyncMessage::Load(KnownState::empty(writer.id())));
        next_content(&mut reading, &writer);
    }
    let each = (server.memory_bytes_most() - before) / VALUES;
    assert!(each < 6_000, "{each} bytes for each value of 10 kB");
}

#[test]
fn a_client_that_sends_much_holds_up_nobody_s_small_message() {
    let place = Place::new();
    let server = server(&place);
    let mut small = Writer::new("small", 2);
    let mut quiet = Peer::connect(server.port());
    let port = server.port();
    let flood = std::thread::spawn(move || {
        let started = Instant::now();
        write_long(&mut Peer::connect(port), "flood", 24);
        started.elapsed()
    });
    let mut slowest = Duration::ZERO;
    let mut answered = 0;
    while !flood.is_finished() {
        let message = small.write("[1]");
        let asked = Instant::now();
        quiet.say(&message);
        quiet.await_known(&small.id(), &small.session, small.count());
        slowest = slowest.max(asked.elapsed());
        answered += 1;
    }
    let flooded = flood.join().unwrap();
    assert!(answered >= 10, "{answered} answers in {flooded:?}");
    assert!(slowest < flooded / 4, "{slowest:?} of {flooded:?}");
}
