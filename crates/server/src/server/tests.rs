//! What a server does whose storage hangs or fails: it says so, and it ends all the same.

use std::sync::{Condvar, Mutex};

use cojson::sync::{ContentMessage, PeerId, SyncMessage, WriteBatch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::cli::Command as CliCommand;
use crate::relay::{Inlet, outbox};
use crate::storage::WriteError;
use crate::storage::conformance::{Author, header};
use crate::storage::memory::MemoryStorage;
use ::storage::through;

/// What becomes of a write.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Well,
    Failing,
    Hanging,
}

/// A disk whose mood the test decides.
#[derive(Clone, Default)]
struct Disk(Arc<(Mutex<Mood>, Condvar)>);

impl Disk {
    fn becomes(&self, mood: Mood) {
        *self.0.0.lock().unwrap() = mood;
        self.0.1.notify_all();
    }
}

struct MoodyStorage {
    memory: MemoryStorage,
    disk: Disk,
}

impl Storage for MoodyStorage {
    through!(memory: outline, read, ids, count, stats);

    fn write(&mut self, batches: &[WriteBatch]) -> Vec<Result<(), WriteError>> {
        let (mood, changed) = &*self.disk.0;
        let mood = mood.lock().unwrap();
        let mood = changed.wait_while(mood, |mood| *mood == Mood::Hanging);
        if *mood.unwrap() == Mood::Well {
            return self.memory.write(batches);
        }
        let detail = String::from("disk full");
        let error = WriteError::Database { detail };
        batches.iter().map(|_| Err(error.clone())).collect()
    }
}

async fn start(disk: &Disk) -> Server {
    let arguments = ["pleione-sync", "--port=0", "--bind-address=127.0.0.1"];
    let command = CliCommand::from_arguments(arguments.map(Into::into).to_vec(), false).unwrap();
    #[allow(irrefutable_let_patterns, reason = "there are more commands to come")]
    let CliCommand::Serve(raw) = command else {
        panic!("another command");
    };
    let memory = MemoryStorage::default();
    let disk = disk.clone();
    let open = || Ok(Box::new(MoodyStorage { memory, disk }) as Box<dyn Storage>);
    let settings = Settings::try_from(*raw).unwrap();
    Server::start_on(&settings, open).await.unwrap()
}

/// Has a client write a value.
async fn write(server: &Server, name: &str) -> Inlet {
    let (outbox, inlet) = outbox(16);
    let header = header(name);
    let mut author = Author::new(7);
    let piece = author.piece(&["[]"]);
    let content = SyncMessage::Content(ContentMessage {
        id: header.id(),
        header: Some(header),
        priority: 3,
        new: [(author.session, piece)].into(),
        expect_content_until: None,
    });
    for command in [
        Command::Connect(PeerId(1), outbox),
        Command::Receive(PeerId(1), content),
    ] {
        server.commands.send(command).await.unwrap();
    }
    inlet
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Waits until `/ready` says this.
async fn await_ready(server: &Server, expected: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = get(server.address(), "/ready").await;
        if answer.contains(expected) {
            let is_ready = answer.starts_with("HTTP/1.1 200 ");
            assert_eq!(is_ready, expected.contains("ready"), "{answer}");
            return;
        }
        assert!(Instant::now() < end, "{answer} instead of {expected}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_storage_takes_writes_and_answers_is_told_until_it_does_again() {
    let disk = Disk::default();
    let server = start(&disk).await;
    await_ready(&server, r#""status":"ready""#).await;
    disk.becomes(Mood::Failing);
    let _client = write(&server, "a").await;
    await_ready(&server, "storage takes no writes").await;
    disk.becomes(Mood::Well);
    await_ready(&server, r#""status":"ready""#).await;
    disk.becomes(Mood::Hanging);
    let _other = write(&server, "b").await;
    await_ready(&server, "storage does not answer in time").await;
    disk.becomes(Mood::Well);
    await_ready(&server, r#""status":"ready""#).await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_a_server_whose_storage_hangs_ends_in_time_without_an_acknowledgement() {
    let disk = Disk::default();
    let server = start(&disk).await;
    disk.becomes(Mood::Hanging);
    let mut client = write(&server, "a").await;
    let begun = Instant::now();
    assert_eq!(server.stop().await, Err(StopError::Deadline));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(client.messages.try_recv().is_err());
    disk.becomes(Mood::Well);
}
