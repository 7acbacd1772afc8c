//! The way out of one client's WebSocket: what the relay put into its outbox, signs of life, and an end to a client that
//! does not read them.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use cojson::sync::{PeerId, encode_ping};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use tokio::sync::{Notify, mpsc};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Goodbye, SocketContext, now};
use crate::relay::{Command, Departures, Outgoing};

/// How often a client hears from us at least. Genuine clients take 10 s of silence for a lost connection.
const PING_EVERY: Duration = Duration::from_millis(1_500);
/// The name that pings carry.
const SERVER_NAME: &str = "pleione-sync";

/// The way out: what is to be sent, and whom it concerns that it was.
pub(super) struct Exit<'a> {
    pub(super) peer: PeerId,
    pub(super) context: &'a SocketContext,
    pub(super) drained: &'a Notify,
    pub(super) departures: Departures,
    pub(super) messages: mpsc::Receiver<Outgoing>,
}

impl Exit<'_> {
    /// Sends what waits, until the client or the relay ends it.
    pub(super) async fn write(mut self, sink: &mut SplitSink<WebSocket, Message>) -> Goodbye {
        let context = self.context;
        let (wire, sent) = (context.wire, &context.metrics.sent);
        let mut ping = interval(PING_EVERY);
        // The protocol's ping tells the client that we live; a WebSocket's makes its browser or library tell us that it does.
        let mut sign_of_life = interval(context.limits.idle_max / 3);
        for interval in [&mut ping, &mut sign_of_life] {
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            let mut bytes = 0;
            let frame = tokio::select! {
                message = self.messages.recv() => match message {
                    Some(message) => {
                        bytes = message.message().content_bytes();
                        sent.count(message.message());
                        wire.message(message.text(), sent)
                    }
                    None => return Goodbye::TooSlow,
                },
                _ = ping.tick() => wire.message(encode_ping(now(), SERVER_NAME).into(), sent),
                _ = sign_of_life.tick() => Message::Ping(Vec::new().into()),
            };
            let sent = sink.send(frame);
            match timeout(context.limits.send_max, sent).await {
                Ok(Ok(())) => self.note(bytes).await,
                Ok(Err(_)) => return Goodbye::Gone,
                Err(_) => {
                    let what = "a client does not read what it is sent";
                    context.refusals.count("slow_client", &what);
                    return Goodbye::TooSlow;
                }
            }
        }
    }

    /// So many bytes of content left.
    async fn note(&self, bytes: usize) {
        self.drained.notify_one();
        if self.departures.note(bytes, self.messages.is_empty()) {
            // A relay that is gone wants to know nothing.
            let _ = self
                .context
                .commands
                .send(Command::Drained(self.peer))
                .await;
        }
    }
}
