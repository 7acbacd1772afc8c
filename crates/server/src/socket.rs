//! One client's WebSocket: what it may cost, its beginning and its end. Frames come in by [`entry`], messages leave by
//! [`exit`].
//!
//! It is the place of everything that a slow, silent or malicious client can cost, and it costs that client alone: what
//! it sends is measured before it is parsed, it is not read while half its outbox waits, and a client that does not read
//! is closed. The protocol has no words for errors, so what cannot be read is dropped and counted.

mod entry;
mod exit;
pub mod wire;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use cojson::ids::Timestamp;
use cojson::sync::{FrameLimits, PeerId};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::auth::gate::Pass;
use crate::auth::token::TokenRefusal;
use crate::guard::edge::EdgeLimits;
use crate::metrics::Metrics;
use crate::refusals::Refusals;
use crate::relay::{Command, Inlet, outbox};
use crate::settings::LimitSettings;
use crate::shutdown::StopWatch;
use entry::Entry;
use exit::Exit;
use wire::Wire;

/// How long we wait for a client to say goodbye too.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// What a socket may cost.
#[derive(Clone, Copy, Debug)]
pub struct SocketLimits {
    /// What of a frame is read.
    pub frame: FrameLimits,
    /// What a transaction may be.
    pub edge: EdgeLimits,
    /// How many messages are read per second.
    pub messages_per_second_max: u32,
    /// How many bytes are read per second.
    pub bytes_per_second_max: u32,
    /// How long a client may be silent, although it was asked for a sign of life.
    pub idle_max: Duration,
    /// How long one message may take to leave for a client that does not read.
    pub send_max: Duration,
    /// How many messages may wait for a client.
    pub outbox_messages_max: usize,
}

impl From<&LimitSettings> for SocketLimits {
    fn from(limits: &LimitSettings) -> Self {
        let ahead_ms_max = limits.ahead_seconds_max.saturating_mul(1_000);
        Self {
            frame: FrameLimits {
                frame_bytes_max: limits.frame_bytes_max,
                message_bytes_max: limits.message_bytes_max,
                ..FrameLimits::default()
            },
            edge: EdgeLimits {
                transaction_bytes_max: limits.transaction_bytes_max,
                ahead_ms_max: (ahead_ms_max > 0).then_some(ahead_ms_max),
            },
            messages_per_second_max: limits.messages_per_second_max,
            bytes_per_second_max: limits.bytes_per_second_max,
            idle_max: Duration::from_secs(limits.idle_seconds_max),
            send_max: Duration::from_secs(limits.idle_seconds_max) / 2,
            outbox_messages_max: limits.outbox_messages_max,
        }
    }
}

/// What a socket needs of the server.
#[derive(Clone, Debug)]
pub struct SocketContext {
    /// To the relay.
    pub commands: mpsc::Sender<Command>,
    /// What it speaks.
    pub wire: Wire,
    /// What the client came in with, if that takes a token.
    pub pass: Option<Pass>,
    /// What it may cost.
    pub limits: SocketLimits,
    /// Where refusals are counted.
    pub refusals: Refusals,
    /// Where everything else is.
    pub metrics: Arc<Metrics>,
    /// When to say goodbye.
    pub stop: StopWatch,
}

/// Why a socket ends, as the code and the word that the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goodbye {
    /// The client left, or the connection broke: nobody is there to be told.
    Gone,
    /// A message was too long, or not of the WebSocket protocol.
    Unreadable,
    /// Too much waits: the client does not read what it is sent, or what it sends cannot be written now.
    TooSlow,
    /// Nothing was heard of the client, although it was asked for a sign of life: the connection is half open.
    Silent,
    /// Its token is good no longer.
    NoPass(TokenRefusal),
    /// The server stops; the client should come again.
    Restart,
}

impl Goodbye {
    fn frame(self) -> Option<CloseFrame> {
        let (code, reason): (_, Cow<'static, str>) = match self {
            Self::Gone => return None,
            Self::Unreadable => (close_code::SIZE, "message too long or malformed".into()),
            Self::TooSlow => (close_code::AGAIN, "too much waits: come again".into()),
            Self::Silent => (close_code::AWAY, "no sign of life".into()),
            Self::NoPass(refusal) => (close_code::POLICY, refusal.to_string().into()),
            Self::Restart => (close_code::RESTART, "restart".into()),
        };
        Some(CloseFrame {
            code,
            reason: reason.as_ref().into(),
        })
    }
}

/// Serves a client until it leaves, the relay lets go of it, or the server stops. When it returns, the client has been
/// told and the relay holds nothing of it.
pub async fn serve(socket: WebSocket, peer: PeerId, context: SocketContext) {
    let (outbox, inlet) = outbox(context.limits.outbox_messages_max);
    let connect = Command::Connect(peer, outbox);
    if context.commands.send(connect).await.is_err() {
        return;
    }
    let _connected = context.metrics.connected();
    let (mut sink, mut stream) = socket.split();
    let goodbye = converse(&mut sink, &mut stream, peer, inlet, &context).await;
    let _ = context.commands.send(Command::Disconnect(peer)).await;
    let told = say_goodbye(&mut sink, &mut stream, goodbye);
    let _ = timeout(GOODBYE_MAX, told).await;
}

type Sink = SplitSink<WebSocket, Message>;
type Stream = SplitStream<WebSocket>;

async fn converse(
    sink: &mut Sink,
    stream: &mut Stream,
    peer: PeerId,
    inlet: Inlet,
    context: &SocketContext,
) -> Goodbye {
    let Inlet {
        messages,
        departures,
        places,
        let_go,
        room,
    } = inlet;
    let drained = Notify::new();
    let entry = Entry {
        peer,
        context,
        room: &room,
        drained: &drained,
        places: &places,
    };
    let exit = Exit {
        peer,
        context,
        drained: &drained,
        departures,
        messages,
    };
    let mut stop = context.stop.clone();
    tokio::select! {
        goodbye = entry.read(stream) => goodbye,
        goodbye = exit.write(sink) => goodbye,
        _ = let_go => Goodbye::TooSlow,
        refusal = pass_ended(context) => Goodbye::NoPass(refusal),
        () = stop.stopped() => Goodbye::Restart,
    }
}

/// Returns when the client's token is good no longer; never, if it needs none.
async fn pass_ended(context: &SocketContext) -> TokenRefusal {
    let Some(pass) = &context.pass else {
        return std::future::pending().await;
    };
    let refusal = pass.clone().ended().await;
    context.refusals.count(refusal.code(), &refusal);
    refusal
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    Timestamp(u64::try_from(ms).unwrap_or(u64::MAX))
}

/// Tells the client why, and waits for it to close its side, so that what we said is not lost in a reset.
async fn say_goodbye(sink: &mut Sink, stream: &mut Stream, goodbye: Goodbye) {
    let said = match goodbye.frame() {
        Some(frame) => sink.send(Message::Close(Some(frame))).await,
        None => sink.flush().await,
    };
    if said.is_ok() {
        while let Some(Ok(_)) = stream.next().await {}
    }
}
