//! The wire: one WebSocket to the sync server, kept up.
//!
//! It reconnects with growing pauses and drops a connection that has been silent for ten seconds: the server pings every
//! 1.5 s. What was queued when a connection ends is dropped with its [`Line`], for the replica says everything again on the
//! next one. It never looks into a frame.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cojson::sync::{Backoff, FrameLimits, Outbox};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::clock::jitter;
use crate::net::{Net, Stream};
use crate::settings::SyncAddress;

/// A connection on which nothing arrived for so long is dropped.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How long a connection may take to come about.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// How many frames wait for the host at most; then the server is read from no more.
pub(crate) const FRAMES_WAITING_MAX: usize = 64;

/// What happened on the wire.
#[derive(Debug)]
pub(crate) enum WireEvent {
    /// A connection is up: messages go out by its line.
    Connected(Line),
    /// A frame arrived.
    Frame(String),
    /// The connection is gone, or did not come up; another is tried after a pause.
    Disconnected,
}

/// The way out of one connection. Dropping it ends the connection.
#[derive(Debug)]
pub(crate) struct Line(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    outbox: Mutex<Outgoing>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Outgoing {
    waiting: Outbox,
    /// Nobody queues any more, or the other end does not keep up.
    is_ended: bool,
}

impl Queue {
    fn with<T>(&self, work: impl FnOnce(&mut Outgoing) -> T) -> T {
        work(&mut self.outbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The next frame, when there is one; none when the line is ended.
    async fn next_frame(&self) -> Option<String> {
        loop {
            let (frame, is_ended) = self.with(|out| {
                let frame = (!out.waiting.is_empty()).then(|| out.waiting.next_frame());
                (frame, out.is_ended)
            });
            if is_ended || frame.is_some() {
                return frame.filter(|_| !is_ended);
            }
            self.news.notified().await;
        }
    }
}

impl Line {
    /// Queues a message. A connection that does not keep up is ended.
    pub(crate) fn send(&self, message: String) {
        self.0
            .with(|out| out.is_ended |= !out.waiting.push(message));
        self.0.news.notify_one();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.with(|out| out.is_ended = true);
        self.0.news.notify_one();
    }
}

/// Keeps a connection up for as long as somebody hears of it.
pub(crate) async fn keep_up(address: SyncAddress, net: Net, events: Sender<WireEvent>) {
    let mut backoff = Backoff::default();
    while !events.is_closed() {
        match timeout(HANDSHAKE_MAX, connect(&address, &net)).await {
            Ok(Ok(socket)) => talk(socket, &events, &mut backoff).await,
            Ok(Err(error)) => tracing::debug!("{address} cannot be reached: {error}"),
            Err(_) => tracing::debug!("{address} does not answer"),
        }
        let _ = events.send(WireEvent::Disconnected).await;
        let pause_ms = backoff.next_pause_ms(jitter());
        sleep(Duration::from_millis(pause_ms.into())).await;
    }
}

type Socket = WebSocketStream<Box<dyn Stream>>;

async fn connect(address: &SyncAddress, net: &Net) -> Result<Socket, Error> {
    let stream = net.connect(&address.target, |_| true).await?;
    let bytes_max = FrameLimits::default().frame_bytes_max;
    let config = WebSocketConfig::default()
        .max_message_size(Some(bytes_max))
        .max_frame_size(Some(bytes_max));
    let (socket, _) = client_async_with_config(address.url(), stream, Some(config)).await?;
    Ok(socket)
}

/// Carries frames both ways until the connection or its line ends.
async fn talk(socket: Socket, events: &Sender<WireEvent>, backoff: &mut Backoff) {
    let (mut sink, mut source) = socket.split();
    let queue = Arc::new(Queue::default());
    let line = Line(Arc::clone(&queue));
    let _ = events.send(WireEvent::Connected(line)).await;
    let outgoing = async {
        while let Some(frame) = queue.next_frame().await {
            sink.send(Message::text(frame)).await?;
        }
        sink.close().await
    };
    let incoming = async {
        while let Ok(Some(Ok(message))) = timeout(SILENCE_MAX, source.next()).await {
            if let Message::Text(text) = message {
                // A connection that is opened and dropped at once is a failure too.
                *backoff = Backoff::default();
                let frame = WireEvent::Frame(text.as_str().to_owned());
                let _ = events.send(frame).await;
            }
        }
    };
    tokio::select! {
        _ = outgoing => {}
        () = incoming => {}
    }
}
