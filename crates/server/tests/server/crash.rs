//! SIGKILL in the middle of writes, again and again (`npm run crash` does it 200 times). The story: clients write as fast
//! as they can; at a random moment the process is gone; a new one on the same file or database must have every
//! transaction that any client was told is stored, under signatures that verify, and go on from there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cojson::known_state::KnownState;
use cojson::session_log::SessionLog;
use cojson::sync::SyncMessage;

use crate::noise::{Noise, told};
use crate::peer::{Heard, Peer};
use crate::postgres_server::PostgresServer;
use crate::process::{Place, ServerProcess};
use crate::writer::Writer;

const WRITERS: u8 = 3;
/// The longest that a server lives, in microseconds, once it has said where it is.
const LIFE_MAX_US: u64 = 250_000;
/// After so many rounds the writers begin new values: else every round would read all that was ever written.
const ROUNDS_PER_VALUE: u64 = 10;

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

/// One life of a server: writes until it is killed at a random moment. Returns what was acknowledged to each writer.
fn life(server: ServerProcess, writers: &mut [Writer], noise: &mut Noise) -> Vec<u32> {
    let port = server.port();
    let is_killed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = writers
            .iter_mut()
            .map(|writer| scope.spawn(|| write_until_killed(port, writer, &is_killed)))
            .collect();
        std::thread::sleep(Duration::from_micros(5_000 + noise.next() % LIFE_MAX_US));
        server.kill();
        is_killed.store(true, Ordering::SeqCst);
        let ended = threads.into_iter().map(|thread| thread.join().unwrap());
        ended.collect()
    })
}

/// Everything that was acknowledged is there, and nothing that was not written.
fn assert_kept(port: u16, writer: &Writer, acknowledged: u32, what: &str) {
    let stored = stored(port, writer);
    let have = stored.len();
    assert!(have >= acknowledged, "{what}: {have} of {acknowledged}");
    let written = writer.log.transactions();
    assert_eq!(stored.transactions(), &written[..have as usize], "{what}");
}

/// Kills servers on one back end, round after round.
fn kill_again_and_again(start: &dyn Fn() -> ServerProcess) {
    let rounds = told("CRASH_ROUNDS", 8);
    let seed = told("CRASH_SEED", 0xdead);
    println!("CRASH_SEED={seed} for {rounds} rounds");
    let mut noise = Noise::new(seed);
    let mut acknowledged_in_all = 0;
    let mut writers = Vec::new();
    // To each writer, in all lives.
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        if round % ROUNDS_PER_VALUE == 0 {
            let name = |author: u8| Writer::new(&format!("value {author} of {round}"), author);
            writers = (1..=WRITERS).map(name).collect();
            acknowledged = vec![0; writers.len()];
        }
        let heard = life(start(), &mut writers, &mut noise);
        let server = start();
        for ((writer, acknowledged), heard) in writers.iter().zip(&mut acknowledged).zip(heard) {
            *acknowledged = heard.max(*acknowledged);
            acknowledged_in_all += u64::from(heard);
            let what = format!("{} in round {round} of seed {seed}", writer.id());
            assert_kept(server.port(), writer, *acknowledged, &what);
        }
        server.kill();
    }
    println!("{rounds} rounds: all of {acknowledged_in_all} acknowledged transactions were kept");
    assert!(
        acknowledged_in_all > rounds * 5,
        "the kills came before anything was acknowledged"
    );
}

#[test]
fn r2_no_acknowledged_transaction_is_lost_by_kills_with_sqlite() {
    let place = Place::new();
    kill_again_and_again(&|| place.server());
}

#[test]
fn r2_no_acknowledged_transaction_is_lost_by_kills_with_postgres() {
    let database = PostgresServer::start();
    let url = database.url();
    let settings = [
        ("SYNC_MAIA_STORAGE", "postgres"),
        ("SYNC_MAIA_DB_URL", &url),
    ];
    kill_again_and_again(&|| ServerProcess::start(&settings));
}

#[cfg(feature = "pglite")]
#[test]
fn r2_no_acknowledged_transaction_is_lost_by_kills_with_pglite() {
    let place = Place::new();
    let folder = place.folder().join("pglite");
    let settings = [
        ("SYNC_MAIA_STORAGE", "pglite"),
        ("DB_PATH", folder.to_str().unwrap()),
    ];
    kill_again_and_again(&|| ServerProcess::start(&settings));
}
