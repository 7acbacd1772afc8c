//! SIGKILL in the middle of writes. The story: clients write as fast as they can; at a random moment the process is
//! gone; a new one on the same file or database must have every transaction that any client was told is stored, under signatures
//! that verify, and go on from there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cojson::known_state::KnownState;
use cojson::session_log::SessionLog;
use cojson::sync::SyncMessage;

use crate::peer::{Heard, Peer};
use crate::postgres_server::PostgresServer;
use crate::process::{Place, ServerProcess};
use crate::writer::Writer;

const ROUNDS: u64 = 12;
const WRITERS: u8 = 3;

/// Says everything that the server lacks, and keeps writing until the server is gone. Returns what was acknowledged.
fn write_until_killed(port: u16, writer: &mut Writer, is_killed: &AtomicBool) -> u32 {
    let mut acknowledged = 0;
    let Some(mut peer) = Peer::try_connect(port) else {
        return 0;
    };
    for content in writer.log.content_since(0, usize::MAX) {
        let _ = peer.try_say(&writer.carry(content));
    }
    while !is_killed.load(Ordering::SeqCst) {
        for _ in 0..10 {
            let _ = peer.try_say(&writer.write("[\"a change\"]"));
        }
        while let Heard::Message(message) = peer.hear(Duration::from_millis(2)) {
            acknowledged = acknowledged.max(acknowledged_of(&message, writer));
        }
    }
    // What was on the way when the process died is an acknowledgement too.
    while let Heard::Message(message) = peer.hear(Duration::from_millis(200)) {
        acknowledged = acknowledged.max(acknowledged_of(&message, writer));
    }
    acknowledged
}

/// How much of the writer's session a message acknowledges.
pub(crate) fn acknowledged_of(message: &SyncMessage, writer: &Writer) -> u32 {
    match message {
        SyncMessage::Known(known) if known.state.id == writer.id() => known
            .state
            .sessions
            .get(&writer.session)
            .copied()
            .unwrap_or_default(),
        _ => 0,
    }
}

/// Loads the whole session from the server, verifying it as any client does.
pub(crate) fn stored(port: u16, writer: &Writer) -> SessionLog {
    let mut peer = Peer::connect(port);
    let mut log = SessionLog::new(writer.session.clone());
    let signer = signer_of(writer);
    peer.say(&SyncMessage::Load(KnownState::empty(writer.id())));
    let mut expected = None;
    while expected.is_none_or(|expected| log.len() < expected) {
        let (count, piece) = peer.await_message(|message| match message {
            SyncMessage::Content(mut content) => {
                let until = content.expect_content_until.take();
                let until = until.and_then(|until| until.get(&writer.session).copied());
                Some((until, content.new.remove(&writer.session)))
            }
            SyncMessage::Known(_) => Some((Some(0), None)),
            _ => None,
        });
        if let Some(piece) = piece {
            log.receive(piece, &signer)
                .expect("what is stored verifies");
        }
        expected = expected.or(count).or(Some(log.len()));
    }
    log
}

fn signer_of(writer: &Writer) -> cojson::crypto::SignerId {
    let agent = cojson::ids::AgentId::parse(writer.session.author()).unwrap();
    agent.signer().unwrap()
}

#[test]
fn r2_no_acknowledged_transaction_is_lost_in_a_dozen_kills() {
    let place = Place::new();
    kill_again_and_again(&|| place.server());
}

#[test]
fn r2_no_transaction_that_postgres_has_is_lost_in_a_dozen_kills() {
    let database = PostgresServer::start();
    let url = database.url();
    let settings = [
        ("SYNC_MAIA_STORAGE", "postgres"),
        ("SYNC_MAIA_DB_URL", &url),
    ];
    kill_again_and_again(&|| ServerProcess::start(&settings));
}

fn kill_again_and_again(start: &dyn Fn() -> ServerProcess) {
    let mut writers: Vec<_> = (0..WRITERS)
        .map(|seed| Writer::new(&format!("value {seed}"), seed + 1))
        .collect();
    let mut acknowledged_in_all = 0;
    for round in 0..ROUNDS {
        let server = start();
        let port = server.port();
        let is_killed = AtomicBool::new(false);
        let acknowledged: Vec<u32> = std::thread::scope(|scope| {
            let threads: Vec<_> = writers
                .iter_mut()
                .map(|writer| scope.spawn(|| write_until_killed(port, writer, &is_killed)))
                .collect();
            std::thread::sleep(Duration::from_millis(40 + round * 37 % 150));
            server.kill();
            is_killed.store(true, Ordering::SeqCst);
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let server = start();
        for (writer, acknowledged) in writers.iter().zip(&acknowledged) {
            let stored = stored(server.port(), writer);
            let name = writer.id();
            assert!(stored.len() >= *acknowledged, "{name} in round {round}");
            let written = writer.log.transactions();
            assert_eq!(stored.transactions(), &written[..stored.len() as usize]);
        }
        acknowledged_in_all += acknowledged.iter().sum::<u32>();
        server.kill();
    }
    assert!(
        acknowledged_in_all > 100,
        "the kills came before anything was acknowledged"
    );
}
