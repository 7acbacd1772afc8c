//! The relay's own promises, without sockets: who does not read is let go, what is not written is not acknowledged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cojson::header::Header;
use cojson::ids::SessionId;
use cojson::known_state::KnownState;
use cojson::session_log::SessionContent;
use cojson::sync::{ContentMessage, WriteBatch};
use tokio::time::timeout;

use super::*;
use crate::storage::conformance::{Author, header, load_any};
use crate::storage::memory::MemoryStorage;
use crate::storage::{LoadError, Outline};
use ::storage::through;

/// How much may wait for the disk here.
const UNWRITTEN_BYTES_MAX: usize = 100_000;

/// How many messages wait for a client here.
const OUTBOX_MESSAGES_MAX: usize = 1_000;

fn limits() -> RelayLimits {
    RelayLimits {
        replica: ReplicaConfig {
            sends_ahead: true,
            ..ReplicaConfig::default()
        },
        accounts: AccountLimits {
            bytes_max: u64::MAX,
            values_max: u64::MAX,
        },
        unwritten_bytes_max: UNWRITTEN_BYTES_MAX,
    }
}

struct Harness {
    commands: mpsc::Sender<Command>,
    end: oneshot::Receiver<()>,
    refusals: Refusals,
}

impl Harness {
    fn new(storage: Box<dyn Storage>) -> Self {
        let refusals = Refusals::default();
        let metrics = Arc::new(Metrics::new(&refusals));
        let alone = Wakeups::alone();
        let (commands, end) = spawn(storage, limits(), refusals.clone(), metrics, alone).unwrap();
        Self {
            commands,
            end,
            refusals,
        }
    }

    async fn connect(&self, peer: u64) -> Inlet {
        let (outbox, inlet) = outbox(OUTBOX_MESSAGES_MAX);
        let command = Command::Connect(PeerId(peer), outbox);
        self.commands.send(command).await.unwrap();
        inlet
    }

    async fn say(&self, peer: u64, message: SyncMessage) {
        let command = Command::Receive(PeerId(peer), message);
        self.commands.send(command).await.unwrap();
    }
}

/// The next message, or `None` if none comes for a while.
async fn next(inlet: &mut Inlet, wait_ms: u64) -> Option<SyncMessage> {
    let wait = Duration::from_millis(wait_ms);
    let next = timeout(wait, inlet.messages.recv()).await.ok().flatten()?;
    Some(next.message().clone())
}

fn load_of(name: &str) -> SyncMessage {
    SyncMessage::Load(KnownState::empty(header(name).id()))
}

/// The first content of the value of that name.
fn content_of(name: &str) -> SyncMessage {
    let mut author = Author::new(7);
    let piece = author.piece(&["[]"]);
    let header = header(name);
    content(header.id(), Some(header), (author.session, piece))
}

/// The author's second transaction in the value of that name.
fn more_of(name: &str) -> SyncMessage {
    let mut author = Author::new(7);
    author.piece(&["[]"]);
    let piece = author.piece(&["[]"]);
    content(header(name).id(), None, (author.session, piece))
}

fn content(id: CoId, header: Option<Header>, new: (SessionId, SessionContent)) -> SyncMessage {
    SyncMessage::Content(ContentMessage {
        id,
        header,
        priority: 3,
        new: [new].into(),
        expect_content_until: None,
    })
}

fn acknowledged(message: Option<&SyncMessage>) -> Option<u32> {
    match message {
        Some(SyncMessage::Known(known)) => known.state.sessions.values().max().copied(),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r11_a_client_that_does_not_read_is_let_go_and_no_other_notices() {
    let harness = Harness::new(Box::<MemoryStorage>::default());
    let mut idle = harness.connect(1).await;
    let mut other = harness.connect(2).await;
    for index in 0..OUTBOX_MESSAGES_MAX {
        harness.say(1, load_of(&format!("value {index}"))).await;
    }
    let wait = Duration::from_millis(300);
    let let_go = timeout(wait, &mut idle.let_go).await;
    assert!(let_go.is_err(), "so many may wait");
    harness.say(1, load_of("one more")).await;
    let let_go = timeout(Duration::from_secs(20), &mut idle.let_go).await;
    assert!(let_go.expect("it is let go").is_err());
    assert_eq!(harness.refusals.counts()["slow_client"], 1);

    harness.say(1, load_of("nothing")).await;
    harness.say(2, content_of("a")).await;
    let answer = next(&mut other, 5_000).await;
    assert_eq!(acknowledged(answer.as_ref()), Some(1));
}

/// Refuses every write while it is full.
struct FullDisk {
    memory: MemoryStorage,
    is_full: Arc<AtomicBool>,
}

impl Storage for FullDisk {
    through!(memory: outline, read, ids, count, stats);

    fn write(&mut self, batches: &[WriteBatch]) -> Vec<Result<(), WriteError>> {
        if !self.is_full.load(Ordering::SeqCst) {
            return self.memory.write(batches);
        }
        let detail = String::from("disk full");
        let error = WriteError::Database { detail };
        batches.iter().map(|_| Err(error.clone())).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_what_could_not_be_written_is_neither_acknowledged_nor_forwarded_until_it_is() {
    let is_full = Arc::new(AtomicBool::new(true));
    let harness = Harness::new(Box::new(FullDisk {
        memory: MemoryStorage::default(),
        is_full: Arc::clone(&is_full),
    }));
    let mut writer = harness.connect(1).await;
    let mut reader = harness.connect(2).await;
    harness.say(2, load_of("a")).await;
    let unknown = next(&mut reader, 5_000).await;
    assert!(matches!(unknown, Some(SyncMessage::Known(known)) if !known.state.header));

    harness.say(1, content_of("a")).await;
    assert_eq!(next(&mut writer, 300).await, None);
    assert_eq!(next(&mut reader, 1).await, None);
    assert!(harness.refusals.counts()["write_failed"] >= 1);

    // Nobody says anything more: the relay tries again by itself.
    is_full.store(false, Ordering::SeqCst);
    let answer = next(&mut writer, 5_000).await;
    assert_eq!(acknowledged(answer.as_ref()), Some(1));
    let forwarded = next(&mut reader, 5_000).await;
    assert!(
        matches!(forwarded, Some(SyncMessage::Content(_))),
        "{forwarded:?}"
    );
}

/// Writes when it is let.
struct SlowDisk {
    memory: MemoryStorage,
    gate: std::sync::mpsc::Receiver<()>,
}

impl Storage for SlowDisk {
    through!(memory: outline, read, ids, count, stats);

    fn write(&mut self, batches: &[WriteBatch]) -> Vec<Result<(), WriteError>> {
        let _ = self.gate.recv();
        self.memory.write(batches)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_what_is_being_written_is_sent_on_and_acknowledged_when_it_is_on_the_disk() {
    let (let_write, gate) = std::sync::mpsc::channel();
    let memory = MemoryStorage::default();
    let harness = Harness::new(Box::new(SlowDisk { memory, gate }));
    let (mut writer, mut reader) = (harness.connect(1).await, harness.connect(2).await);
    harness.say(1, content_of("a")).await;
    let_write.send(()).unwrap();
    assert_eq!(
        acknowledged(next(&mut writer, 20_000).await.as_ref()),
        Some(1)
    );
    harness.say(2, load_of("a")).await;
    let loaded = next(&mut reader, 20_000).await;
    assert!(
        matches!(loaded, Some(SyncMessage::Content(_))),
        "{loaded:?}"
    );

    harness.say(1, more_of("a")).await;
    let sent_on = next(&mut reader, 20_000).await;
    assert!(
        matches!(sent_on, Some(SyncMessage::Content(_))),
        "{sent_on:?}"
    );
    assert!(writer.messages.try_recv().is_err(), "it is not on the disk");
    let_write.send(()).unwrap();
    assert_eq!(
        acknowledged(next(&mut writer, 20_000).await.as_ref()),
        Some(2)
    );
}

/// Reads nothing while there is an error.
struct Unreadable {
    memory: MemoryStorage,
    error: Arc<Mutex<Option<LoadError>>>,
}

impl Storage for Unreadable {
    fn outline(&mut self, id: &CoId) -> Result<Option<Outline>, LoadError> {
        match &*self.error.lock().unwrap() {
            Some(error) => Err(error.clone()),
            None => self.memory.outline(id),
        }
    }

    through!(memory: read, ids, count, stats, write);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_storage_could_not_read_is_told_when_it_can_and_never_that_there_is_nothing() {
    let detail = || String::from("gone");
    for failure in [
        LoadError::Away { detail: detail() },
        LoadError::Database { detail: detail() },
    ] {
        let error = Arc::default();
        let harness = Harness::new(Box::new(Unreadable {
            memory: MemoryStorage::default(),
            error: Arc::clone(&error),
        }));
        let mut writer = harness.connect(1).await;
        harness.say(1, content_of("a")).await;
        assert_eq!(
            acknowledged(next(&mut writer, 5_000).await.as_ref()),
            Some(1)
        );
        *error.lock().unwrap() = Some(failure);
        let mut reader = harness.connect(2).await;
        let names: Vec<String> = (0..20).map(|index| format!("value {index}")).collect();
        for name in &names {
            harness.say(2, load_of(name)).await;
        }
        assert_eq!(next(&mut reader, 1_500).await, None, "it is not known yet");
        assert!(harness.refusals.counts()["load_failed"] > 1, "asked again");
        // What is in memory is served meanwhile.
        harness.say(2, load_of("a")).await;
        let content = next(&mut reader, 5_000).await;
        assert!(
            matches!(content, Some(SyncMessage::Content(_))),
            "{content:?}"
        );
        *error.lock().unwrap() = None;
        for _ in &names {
            let answer = next(&mut reader, 5_000).await;
            assert!(matches!(answer, Some(SyncMessage::Known(_))), "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r11_what_waits_for_a_full_disk_is_bounded_and_readers_do_not_notice() {
    let is_full = Arc::new(AtomicBool::new(false));
    let harness = Harness::new(Box::new(FullDisk {
        memory: MemoryStorage::default(),
        is_full: Arc::clone(&is_full),
    }));
    let (mut writer, mut reader) = (harness.connect(1).await, harness.connect(2).await);
    harness.say(1, content_of("kept")).await;
    let answer = next(&mut writer, 5_000).await;
    assert_eq!(acknowledged(answer.as_ref()), Some(1));
    is_full.store(true, Ordering::SeqCst);
    let count = UNWRITTEN_BYTES_MAX.div_ceil(content_of("one").content_bytes());
    for index in 0..count {
        harness.say(1, content_of(&format!("value {index}"))).await;
    }
    harness.say(2, load_of("kept")).await;
    let read = next(&mut reader, 5_000).await;
    assert!(matches!(read, Some(SyncMessage::Content(_))), "{read:?}");
    assert!(
        !harness.refusals.counts().contains_key("unwritten_full"),
        "so much may wait"
    );
    // Storage answers in order: when this is known to be nowhere, all that was said before has been taken in, and is not
    // dropped with the connection.
    harness.say(2, load_of("nothing")).await;
    let nothing = next(&mut reader, 5_000).await;
    assert!(
        matches!(nothing, Some(SyncMessage::Known(_))),
        "{nothing:?}"
    );
    harness.say(1, content_of("one more")).await;
    let let_go = timeout(Duration::from_secs(20), &mut writer.let_go).await;
    assert!(let_go.expect("it is let go").is_err());
    assert_eq!(harness.refusals.counts()["unwritten_full"], 1);
    // With room, all that waited is written, and it comes again.
    is_full.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let mut writer = harness.connect(3).await;
    harness.say(3, content_of("one more")).await;
    let answer = next(&mut writer, 5_000).await;
    assert_eq!(acknowledged(answer.as_ref()), Some(1));
    harness
        .say(3, load_of(&format!("value {}", count - 1)))
        .await;
    let read = next(&mut writer, 5_000).await;
    assert!(matches!(read, Some(SyncMessage::Content(_))), "{read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_in_is_written_before_the_relay_ends() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("sync.db");
    let open = || crate::storage::sqlite::SqliteStorage::open(&path).unwrap();
    let harness = Harness::new(Box::new(open()));
    let _inlet = harness.connect(1).await;
    for index in 0..50 {
        harness.say(1, content_of(&format!("value {index}"))).await;
    }
    drop(harness.commands);
    harness
        .end
        .await
        .expect("the relay and its storage end well");
    let mut storage = open();
    for index in 0..50 {
        let id = header(&format!("value {index}")).id();
        assert!(
            load_any(&mut storage, &id).unwrap().is_some(),
            "value {index}"
        );
    }
}
