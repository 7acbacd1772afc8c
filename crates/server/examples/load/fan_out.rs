//! One writer, many readers: how long after it was sent a change is with each of them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cojson::ids::CoId;
use cojson::known_state::KnownState;
use cojson::sync::{FrameLimits, SyncMessage, decode_frame, encode_frame};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tungstenite::Message;

use crate::Failure;
use crate::recording::{Counts, Recording, add, strike_out};
use crate::wire;

/// How long a reader waits for what it lacks.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is to be done.
pub(crate) struct Plan<'a> {
    /// The server's port.
    pub(crate) port: u16,
    /// Whose writes: a recording.
    pub(crate) file: &'a Path,
    /// How many readers.
    pub(crate) readers: usize,
    /// How many changes they are sent.
    pub(crate) messages: usize,
    /// The time between two changes.
    pub(crate) every_ms: u64,
}

/// What the readers wait for.
struct Awaited {
    /// The count of transactions of each change, and when it was sent.
    changes: Vec<(u32, OnceLock<Instant>)>,
    /// The counts that frames come to: all readers hear the same ones, and one of them looks into each.
    ends: Mutex<HashMap<String, u32>>,
}

type Sent = Arc<Awaited>;

type Reader = WebSocketStream<TcpStream>;
type Writer = tungstenite::WebSocket<std::net::TcpStream>;
type Listening = JoinHandle<Result<Vec<f64>, Failure>>;

impl Awaited {
    /// How many transactions there are with a frame; none with one that brings no change.
    fn end_of(&self, frame: String) -> u32 {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let look = |frame: &String| end_of(frame).map_or(0, |(_, end)| end);
        *ends.entry(frame).or_insert_with_key(look)
    }
}

/// Replays how the recording's value was made, subscribes the readers, and then sends change by change.
pub(crate) fn run(plan: &Plan<'_>) -> Result<Value, Failure> {
    let recording = Recording::read(plan.file)?;
    let (before, rest) = until_changes(&recording.frames)?;
    let live = rest
        .get(..plan.messages)
        .ok_or("the recording is too short")?;
    let ends = live
        .iter()
        .map(|frame| end_of(frame))
        .collect::<Result<Vec<_>, _>>()?;
    let id = ends.first().ok_or("no change to send")?.0.clone();
    let mut socket = wire::connect(plan.port)?;
    catch_up(&mut socket, before)?;
    let changes = ends.into_iter().map(|(_, end)| (end, OnceLock::new()));
    let sent = Arc::new(Awaited {
        changes: changes.collect(),
        ends: Mutex::default(),
    });
    let runtime = tokio::runtime::Runtime::new()?;
    let mut latencies_ms = runtime.block_on(async {
        let readers = subscribe(plan, &id, &sent).await?;
        send_live(socket, live, &sent, plan.every_ms).await?;
        let mut latencies_ms = Vec::new();
        for reader in readers {
            latencies_ms.extend(reader.await??);
        }
        Ok::<_, Failure>(latencies_ms)
    })?;
    latencies_ms.sort_by(f64::total_cmp);
    let at = |share: usize| {
        latencies_ms.get((latencies_ms.len() * share / 1000).min(latencies_ms.len() - 1))
    };
    Ok(json!({
        "readers": plan.readers, "changes": plan.messages, "received": latencies_ms.len(),
        "p50_ms": at(500), "p99_ms": at(990), "max_ms": at(1000),
    }))
}

/// Splits a recording where the value that it ends with has been made.
fn until_changes(frames: &[String]) -> Result<(&[String], &[String]), Failure> {
    let (id, _) = end_of(frames.last().ok_or("the recording is empty")?)?;
    let is_of_it = |frame: &String| end_of(frame).is_ok_and(|(other, _)| other == id);
    let made = frames.iter().position(is_of_it).ok_or("no change")?;
    Ok(frames.split_at(made + 1))
}

/// Which value a recorded change is of, and how many transactions the session has with it.
fn end_of(frame: &str) -> Result<(CoId, u32), Failure> {
    for message in decode_frame(frame, &FrameLimits::default()) {
        if let SyncMessage::Content(content) = message?
            && let Some(piece) = content.new.values().next()
        {
            return Ok((content.id, u32::try_from(piece.end())?));
        }
    }
    Err("the recording does not end with changes".into())
}

fn catch_up(socket: &mut Writer, frames: &[String]) -> Result<(), Failure> {
    let mut left = Counts::new();
    for frame in frames {
        add(&mut left, frame);
        socket.send(Message::text(frame))?;
    }
    while !left.is_empty() {
        strike_out(&mut left, &wire::hear(socket)?);
    }
    Ok(())
}

async fn subscribe(plan: &Plan<'_>, id: &CoId, sent: &Sent) -> Result<Vec<Listening>, Failure> {
    let mut readers = Vec::new();
    for _ in 0..plan.readers {
        let mut reader = connect(plan.port).await?;
        let load = SyncMessage::Load(KnownState::empty(id.clone()));
        reader.send(Message::text(encode_frame([&load]))).await?;
        // The first piece of the value itself says that the subscription stands; what follows of it is read away.
        while !hear(&mut reader).await?.contains(id.as_str()) {}
        readers.push(tokio::spawn(listen(reader, Arc::clone(sent))));
    }
    Ok(readers)
}

async fn connect(port: u16) -> Result<Reader, Failure> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let url = format!("ws://127.0.0.1:{port}/sync");
    Ok(tokio_tungstenite::client_async(url, stream).await?.0)
}

async fn hear(reader: &mut Reader) -> Result<String, Failure> {
    while let Some(message) = timeout(PATIENCE, reader.next()).await? {
        if let Message::Text(text) = message? {
            return Ok(text.as_str().to_owned());
        }
    }
    Err("the server closed a reader".into())
}

/// Hears until the last change is there. Several changes may come in one message.
async fn listen(mut reader: Reader, sent: Sent) -> Result<Vec<f64>, Failure> {
    let changes = &sent.changes;
    let mut latencies_ms = Vec::with_capacity(changes.len());
    while latencies_ms.len() < changes.len() {
        let frame = hear(&mut reader).await?;
        let now = Instant::now();
        let reached = sent.end_of(frame);
        let waiting = changes.iter().skip(latencies_ms.len());
        let arrived: Vec<f64> = waiting
            .take_while(|(end, _)| *end <= reached)
            .filter_map(|(_, at)| Some(now.duration_since(*at.get()?).as_secs_f64() * 1000.0))
            .collect();
        latencies_ms.extend(arrived);
    }
    Ok(latencies_ms)
}

async fn send_live(
    socket: Writer,
    live: &[String],
    sent: &Sent,
    every_ms: u64,
) -> Result<(), Failure> {
    let mut socket = socket;
    for (frame, (_, at)) in live.iter().zip(&sent.changes) {
        sleep(Duration::from_millis(every_ms)).await;
        let _ = at.set(Instant::now());
        socket.send(Message::text(frame))?;
    }
    Ok(())
}
