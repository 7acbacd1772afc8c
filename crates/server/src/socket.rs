//! One client's WebSocket: frames in, decoded here and handed to the relay; messages out.
//!
//! It is the place of everything that a slow, silent or malicious client can cost, and it costs that client alone: what
//! it sends is measured before it is parsed, it is not read while half its outbox waits, and a client that does not read
//! is closed. The protocol has no words for errors, so what cannot be read is dropped and counted.

pub mod wire;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use cojson::ids::Timestamp;
use cojson::sync::{FrameError, FrameLimits, PeerId, SyncMessage, encode_ping, frame_messages};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tungstenite::error::ProtocolError;

use crate::auth::gate::Pass;
use crate::auth::token::TokenRefusal;
use crate::guard::edge::EdgeLimits;
use crate::guard::pace::Pace;
use crate::metrics::Metrics;
use crate::refusals::Refusals;
use crate::relay::{Command, Departures, Inlet, Outgoing, Places, outbox};
use crate::settings::LimitSettings;
use crate::shutdown::StopWatch;
use wire::Wire;

/// How often a client hears from us at least. Genuine clients take 10 s of silence for a lost connection.
const PING_EVERY: Duration = Duration::from_millis(1_500);
/// The name that pings carry.
const SERVER_NAME: &str = "pleione-sync";
/// How long one message may take to leave; a client that takes longer is closed.
const SEND_MAX: Duration = Duration::from_secs(30);
/// How long we wait for a client to say goodbye too.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// How many messages one that cannot be read counts as: no genuine client sends any.
const UNREADABLE_COST: u32 = 10;

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
        goodbye = read(stream, &entry) => goodbye,
        goodbye = write(sink, exit) => goodbye,
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

/// The way in: to the relay, while there is room for what it will answer and a place in its queue.
struct Entry<'a> {
    peer: PeerId,
    context: &'a SocketContext,
    /// How full the outbox is.
    room: &'a mpsc::Sender<Outgoing>,
    drained: &'a Notify,
    places: &'a Places,
}

impl Entry<'_> {
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

/// The way out: what is to be sent, and whom it concerns that it was.
struct Exit<'a> {
    peer: PeerId,
    context: &'a SocketContext,
    drained: &'a Notify,
    departures: Departures,
    messages: mpsc::Receiver<Outgoing>,
}

impl Exit<'_> {
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

async fn read(stream: &mut Stream, entry: &Entry<'_>) -> Goodbye {
    let context = entry.context;
    let mut paces = Paces::new(&context.limits);
    loop {
        let next = timeout(context.limits.idle_max, stream.next());
        let message = match next.await {
            Ok(Some(message)) => message,
            Ok(None) => return Goodbye::Gone,
            Err(_) => {
                let what = "a connection on which nobody answers";
                context.refusals.count("half_open", &what);
                return Goodbye::Silent;
            }
        };
        let frame = match message {
            Ok(Message::Text(frame)) => {
                context.metrics.received.count_text(frame.len());
                frame
            }
            Ok(Message::Binary(frame)) if context.wire == Wire::Deflate => {
                match inflate(&frame, context).await {
                    Ok(frame) => frame,
                    Err(goodbye) => return goodbye,
                }
            }
            Ok(Message::Close(_)) => return Goodbye::Gone,
            Ok(Message::Ping(_) | Message::Pong(_)) => {
                paces.charge(1, 0, &context.refusals).await;
                continue;
            }
            Ok(Message::Binary(_)) => {
                let what = "a binary frame, where the protocol has text";
                context.refusals.count("binary_frame", &what);
                paces.charge(1, 0, &context.refusals).await;
                continue;
            }
            Err(error) => return unreadable(error, &context.refusals),
        };
        paces.charge(0, frame.len(), &context.refusals).await;
        for message in frame_messages(&frame, &context.limits.frame) {
            let cost = if message.is_ok() { 1 } else { UNREADABLE_COST };
            paces.charge(cost, 0, &context.refusals).await;
            // A long frame must not hold the thread that reads others too.
            tokio::task::consume_budget().await;
            entry.half_free().await;
            if !entry.hand_over(message).await {
                return Goodbye::Restart;
            }
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

async fn write(sink: &mut Sink, mut exit: Exit<'_>) -> Goodbye {
    let (wire, sent) = (exit.context.wire, &exit.context.metrics.sent);
    let mut ping = interval(PING_EVERY);
    // The protocol's ping tells the client that we live; a WebSocket's makes its browser or library tell us that it does.
    let mut sign_of_life = interval(exit.context.limits.idle_max / 3);
    for interval in [&mut ping, &mut sign_of_life] {
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        let mut bytes = 0;
        let frame = tokio::select! {
            message = exit.messages.recv() => match message {
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
        match timeout(SEND_MAX, sent).await {
            Ok(Ok(())) => exit.note(bytes).await,
            Ok(Err(_)) => return Goodbye::Gone,
            Err(_) => return Goodbye::TooSlow,
        }
    }
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
