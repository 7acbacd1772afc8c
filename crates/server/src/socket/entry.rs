//! The way in of one client's WebSocket: frames are measured, paced and decoded here, what may come in is handed to the relay,
//! and what may not is dropped and counted.

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use cojson::sync::{FrameError, PeerId, SyncMessage, frame_messages};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, timeout};
use tungstenite::error::ProtocolError;

use super::wire::{self, Wire};
use super::{Goodbye, SocketContext, SocketLimits, now};
use crate::guard::pace::Pace;
use crate::refusals::Refusals;
use crate::relay::{Command, Outgoing, Places};

/// How many messages one that cannot be read counts as: no genuine client sends any.
const UNREADABLE_COST: u32 = 10;

/// The way in: to the relay, while there is room for what it will answer and a place in its queue.
pub(super) struct Entry<'a> {
    pub(super) peer: PeerId,
    pub(super) context: &'a SocketContext,
    /// How full the outbox is.
    pub(super) room: &'a mpsc::Sender<Outgoing>,
    pub(super) drained: &'a Notify,
    pub(super) places: &'a Places,
}

impl Entry<'_> {
    /// Takes in what the client says until it ends.
    pub(super) async fn read(&self, stream: &mut SplitStream<WebSocket>) -> Goodbye {
        let mut paces = Paces::new(&self.context.limits);
        loop {
            let taken = match self.next_frame(stream, &mut paces).await {
                Ok(Some(frame)) => self.take(&frame, &mut paces).await,
                Ok(None) => Ok(()),
                Err(goodbye) => Err(goodbye),
            };
            if let Err(goodbye) = taken {
                return goodbye;
            }
        }
    }

    /// The next frame's text; `None` if what came carries none.
    async fn next_frame(
        &self,
        stream: &mut SplitStream<WebSocket>,
        paces: &mut Paces,
    ) -> Result<Option<Utf8Bytes>, Goodbye> {
        let context = self.context;
        let next = timeout(context.limits.idle_max, stream.next());
        let Ok(message) = next.await else {
            let what = "a connection on which nobody answers";
            context.refusals.count("half_open", &what);
            return Err(Goodbye::Silent);
        };
        match message.ok_or(Goodbye::Gone)? {
            Ok(Message::Text(frame)) => {
                context.metrics.received.count_text(frame.len());
                return Ok(Some(frame));
            }
            Ok(Message::Binary(frame)) if context.wire == Wire::Deflate => {
                return inflate(&frame, context).await.map(Some);
            }
            Ok(Message::Binary(_)) => {
                let what = "a binary frame, where the protocol has text";
                context.refusals.count("binary_frame", &what);
            }
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Close(_)) => return Err(Goodbye::Gone),
            Err(error) => return Err(unreadable(error, &context.refusals)),
        }
        paces.charge(1, 0, &context.refusals).await;
        Ok(None)
    }

    /// Hands the relay what a frame says, message by message.
    async fn take(&self, frame: &str, paces: &mut Paces) -> Result<(), Goodbye> {
        let context = self.context;
        paces.charge(0, frame.len(), &context.refusals).await;
        for message in frame_messages(frame, &context.limits.frame) {
            let cost = if message.is_ok() { 1 } else { UNREADABLE_COST };
            paces.charge(cost, 0, &context.refusals).await;
            // A long frame must not hold the thread that reads others too.
            tokio::task::consume_budget().await;
            self.half_free().await;
            if !self.hand_over(message).await {
                return Err(Goodbye::Restart);
            }
        }
        Ok(())
    }

    /// Returns when at least half of the outbox is free: what a client asks for must not fill its own outbox.
    async fn half_free(&self) {
        while self.room.capacity() < self.room.max_capacity() / 2 {
            self.drained.notified().await;
        }
    }

    /// Hands a message to the relay, or counts why there is none. `false` if the relay is gone.
    async fn hand_over(&self, message: Result<SyncMessage, FrameError>) -> bool {
        match message {
            Ok(mut message) => {
                self.context.metrics.received.count(&message);
                trim(&mut message, self.context);
                self.places.take(&message).await;
                let command = Command::Receive(self.peer, message);
                self.context.commands.send(command).await.is_ok()
            }
            Err(error) => {
                self.context.refusals.count(error.code(), &error);
                true
            }
        }
    }
}

/// How fast the client is read.
struct Paces {
    messages: Pace,
    bytes: Pace,
}

impl Paces {
    fn new(limits: &SocketLimits) -> Self {
        let now = Instant::now();
        Self {
            messages: Pace::new(limits.messages_per_second_max, now),
            bytes: Pace::new(limits.bytes_per_second_max, now),
        }
    }

    /// Charges what was read, and waits while it is more than the client may send.
    async fn charge(&mut self, messages: u32, bytes: usize, refusals: &Refusals) {
        let now = Instant::now();
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let wait = self.messages.charge(now, messages);
        let wait = wait.max(self.bytes.charge(now, bytes));
        if !wait.is_zero() {
            refusals.count("slowed", &"a client that sends faster than it may");
            sleep(wait).await;
        }
    }
}

/// The text of a deflated frame. No genuine client sends one that cannot be inflated, so whoever does is closed.
async fn inflate(frame: &[u8], context: &SocketContext) -> Result<Utf8Bytes, Goodbye> {
    match wire::inflated(frame, context.limits.frame.frame_bytes_max).await {
        Ok(text) => {
            let received = &context.metrics.received;
            received.count_deflated(frame.len(), text.len());
            Ok(text)
        }
        Err(error) => {
            context.refusals.count(error.code(), &error);
            Err(Goodbye::Unreadable)
        }
    }
}

/// Leaves out what may not come in.
fn trim(message: &mut SyncMessage, context: &SocketContext) {
    if let SyncMessage::Content(content) = message {
        for refusal in context.limits.edge.trim(content, now()) {
            context.refusals.count(refusal.code(), &refusal);
        }
        let others = context.pass.as_ref().map_or(0, |pass| pass.trim(content));
        if others > 0 {
            let what = "content of another than the token's account";
            context.refusals.count("other_author", &what);
        }
    }
}

/// What could not be read: a connection that broke is no offence, anything else is.
fn unreadable(error: axum::Error, refusals: &Refusals) -> Goodbye {
    let error = error.into_inner();
    match error.downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(what)) => refusals.count("frame_too_large", what),
        Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
            return Goodbye::Gone;
        }
        Some(tungstenite::Error::Protocol(what)) => refusals.count("websocket_protocol", what),
        Some(tungstenite::Error::Utf8(_)) => refusals.count("not_utf8", &"a frame that is no text"),
        _ => return Goodbye::Gone,
    }
    Goodbye::Unreadable
}
