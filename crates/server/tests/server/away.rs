//! A database that is away. The story: clients ask and write while it is down, for longer than a server tries by itself.
//! Nobody is told that there is nothing, nor that something is stored; when the database is back, everyone gets the answer
//! that it would have got.

use std::process::Stdio;
use std::time::Duration;

use cojson::known_state::KnownState;
use cojson::sync::SyncMessage;

use crate::peer::{Heard, Peer};
use crate::postgres_server::PostgresServer;
use crate::process::{ServerProcess, command};
use crate::writer::Writer;

/// Longer than a server tries before it tells itself that the database is away.
const OUTAGE: Duration = Duration::from_secs(6);

/// How many transactions there are of the values that are read.
const COUNT: u32 = 3;

fn server(postgres: &PostgresServer) -> ServerProcess {
    let settings = [
        ("SYNC_MAIA_STORAGE", "postgres"),
        ("SYNC_MAIA_DB_URL", &postgres.url()),
    ];
    ServerProcess::start_with(command().stderr(Stdio::piped()), &settings)
}

/// A value that is stored.
fn written(port: u16, name: &str) -> Writer {
    let mut writer = Writer::new(name, 1);
    let mut peer = Peer::connect(port);
    for _ in 0..COUNT {
        peer.say(&writer.write(&format!("[\"{name}\"]")));
    }
    peer.await_known(&writer.id(), &writer.session, COUNT);
    writer
}

/// Reads a value to its end; being told of nothing meanwhile is what must not be.
fn read(peer: &mut Peer, writer: &Writer) {
    peer.await_message(|message| match message {
        SyncMessage::Known(known) if known.state.id == writer.id() => {
            panic!("{known:?}")
        }
        SyncMessage::Content(content) if content.id == writer.id() => {
            let piece = content.new.get(&writer.session).unwrap();
            (piece.end() == writer.count() as usize).then_some(())
        }
        _ => None,
    });
}

/// What a peer is told while the database is away.
fn assert_silent(peer: &mut Peer, outage: Duration) {
    let heard = peer.hear(outage);
    assert!(matches!(heard, Heard::Nothing), "{heard:?}");
}

#[test]
fn r12_who_asks_while_the_database_is_away_is_answered_when_it_is_back_and_told_nothing_else() {
    let mut postgres = PostgresServer::start();
    let first = server(&postgres);
    let kept = ["one", "two", "three"].map(|name| written(first.port(), name));
    drop(first);
    // None of the values is in this one's memory but the one that is read before.
    let mut server = server(&postgres);
    let mut early = Peer::connect(server.port());
    early.say(&SyncMessage::Load(KnownState::empty(kept[0].id())));
    read(&mut early, &kept[0]);

    postgres.stop();
    let mut readers = [1, 2].map(|index: usize| {
        let mut reader = Peer::connect(server.port());
        reader.say(&SyncMessage::Load(KnownState::empty(kept[index].id())));
        reader
    });
    let mut unknown = Writer::new("unknown", 1);
    let mut curious = Peer::connect(server.port());
    curious.say(&SyncMessage::Load(KnownState::empty(unknown.id())));
    let mut new = Writer::new("new", 1);
    let mut hand = Peer::connect(server.port());
    hand.say(&new.write("[1]"));
    assert_silent(&mut readers[0], OUTAGE);
    for peer in [&mut readers[1], &mut curious, &mut hand] {
        assert_silent(peer, Duration::from_millis(10));
    }
    // What is in memory is served meanwhile.
    let mut late = Peer::connect(server.port());
    late.say(&SyncMessage::Load(KnownState::empty(kept[0].id())));
    read(&mut late, &kept[0]);

    postgres.restart();
    for (reader, writer) in readers.iter_mut().zip(&kept[1..]) {
        read(reader, writer);
    }
    let answer = curious.await_message(|message| match message {
        SyncMessage::Known(known) if known.state.id == unknown.id() => Some(known),
        _ => None,
    });
    assert!(!answer.state.header, "now it is known that it is unknown");
    hand.await_known(&new.id(), &new.session, 1);
    hand.say(&unknown.write("[1]"));
    curious.await_message(|message| {
        matches!(message, SyncMessage::Content(content) if content.id == unknown.id()).then_some(())
    });
    assert!(server.refused("load_failed") >= 1);

    server.terminate();
    let said = server.all_of_stderr();
    let away = said.lines().find(|line| line.contains("storage is away"));
    let away = away.unwrap_or_else(|| panic!("{said}"));
    assert!(away.contains("waits until it is back"), "{away}");
    assert!(server.all_of_stdout().contains("storage is back"));
}
