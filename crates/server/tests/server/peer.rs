//! A client: a WebSocket on which messages are said and heard, one thread, no cleverness.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use cojson::ids::{CoId, SessionId};
use cojson::known_state::KnownState;
use cojson::sync::{FrameLimits, SyncMessage, decode_frame, encode_frame};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::{Error, Message, WebSocket};

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);

pub(crate) struct Peer {
    socket: WebSocket<TcpStream>,
    protocol: Option<String>,
}

/// What came of a wait.
#[derive(Debug)]
pub(crate) enum Heard {
    Message(SyncMessage),
    Closed(Option<CloseFrame>),
    Lost,
    Nothing,
}

impl Peer {
    pub(crate) fn connect(port: u16) -> Self {
        Self::try_connect(port).unwrap()
    }

    pub(crate) fn try_connect(port: u16) -> Option<Self> {
        Self::connect_as(port, &[])
    }

    /// Connects with these headers; `None` if it is not let in.
    pub(crate) fn connect_as(port: u16, headers: &[(&'static str, &str)]) -> Option<Self> {
        Self::connect_at(port, "/sync", headers)
    }

    /// The same at this path and query.
    pub(crate) fn connect_at(
        port: u16,
        target: &str,
        headers: &[(&'static str, &str)],
    ) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_nodelay(true).ok()?;
        let url = format!("ws://127.0.0.1:{port}{target}");
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let (socket, answer) = tungstenite::client(request, stream).ok()?;
        let protocol = answer.headers().get("sec-websocket-protocol");
        let protocol = protocol.map(|protocol| protocol.to_str().unwrap().to_owned());
        Some(Self { socket, protocol })
    }

    /// The subprotocol that was agreed on.
    pub(crate) fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    pub(crate) fn say(&mut self, message: &SyncMessage) {
        self.try_say(message).unwrap();
    }

    pub(crate) fn try_say(&mut self, message: &SyncMessage) -> Result<(), Error> {
        self.say_text(&encode_frame([message]))
    }

    pub(crate) fn say_text(&mut self, text: &str) -> Result<(), Error> {
        self.say_raw(Message::text(text))
    }

    pub(crate) fn say_raw(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message)
    }

    /// The next WebSocket message, whatever it is.
    pub(crate) fn read_raw(&mut self) -> Message {
        let limit = Some(ANSWER_MAX);
        self.socket.get_ref().set_read_timeout(limit).unwrap();
        self.socket.read().unwrap()
    }

    /// What comes next, pings left out.
    pub(crate) fn hear(&mut self, limit: Duration) -> Heard {
        let end = Instant::now() + limit;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            let left = left.max(Duration::from_millis(1));
            self.socket.get_ref().set_read_timeout(Some(left)).unwrap();
            match self.socket.read() {
                Ok(Message::Text(frame)) => {
                    let mut messages = decode_frame(&frame, &FrameLimits::default());
                    if let Some(message) = messages.pop() {
                        return Heard::Message(message.unwrap());
                    }
                }
                Ok(Message::Close(frame)) => return Heard::Closed(frame),
                Ok(_) => {}
                Err(Error::Io(error)) if is_timeout(&error) => return Heard::Nothing,
                Err(_) => return Heard::Lost,
            }
        }
        Heard::Nothing
    }

    /// The next message that `pick` takes; others are skipped.
    pub(crate) fn await_message<T>(&mut self, mut pick: impl FnMut(SyncMessage) -> Option<T>) -> T {
        let end = Instant::now() + ANSWER_MAX;
        loop {
            let left = end
                .checked_duration_since(Instant::now())
                .expect("no answer came");
            match self.hear(left) {
                Heard::Message(message) => {
                    if let Some(picked) = pick(message) {
                        return picked;
                    }
                }
                other => panic!("no answer came: {other:?}"),
            }
        }
    }

    /// Waits until the server says that it has this much of a session.
    pub(crate) fn await_known(&mut self, id: &CoId, session: &SessionId, count: u32) {
        self.await_message(|message| match message {
            SyncMessage::Known(known) if known.state.id == *id => {
                (known.state.sessions.get(session).copied() >= Some(count)).then_some(())
            }
            _ => None,
        });
    }

    /// Asks for a value and returns what the server says first of it, content or not.
    pub(crate) fn ask(&mut self, id: &CoId) -> SyncMessage {
        self.say(&SyncMessage::Load(KnownState::empty(id.clone())));
        self.await_message(|message| (message.id() == Some(id)).then_some(message))
    }

    /// How the server ends the conversation.
    pub(crate) fn await_close(&mut self) -> Option<u16> {
        loop {
            match self.hear(ANSWER_MAX) {
                Heard::Message(_) => {}
                Heard::Closed(frame) => {
                    // Answers the goodbye.
                    let _ = self.socket.flush();
                    return frame.map(|frame| frame.code.into());
                }
                Heard::Lost => return None,
                Heard::Nothing => panic!("the connection stayed open"),
            }
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}
