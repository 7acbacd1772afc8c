//! A node's links: a WebSocket, or a wire that the test carries. What happens on a socket comes back as an input.

use std::mem;

use cojson::sync::PeerId;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::Input;

/// The longest frame that a server may send, in bytes.
const FRAME_BYTES_MAX: usize = 64 << 20;

/// Something that happened on a WebSocket.
#[derive(Debug)]
pub(crate) struct LinkEvent {
    /// Which.
    pub(crate) link: String,
    /// Which of that name, as a link can be made again.
    pub(crate) serial: u64,
    /// What.
    pub(crate) what: What,
}

/// What can happen on a WebSocket.
#[derive(Debug)]
pub(crate) enum What {
    Opened,
    Frame(String),
    Lost,
}

/// One link of a node.
pub(crate) struct Link {
    /// As the node knows the other end.
    pub(crate) peer: PeerId,
    /// Tells it from those before it.
    pub(crate) serial: u64,
    /// Whether something can be sent.
    pub(crate) is_open: bool,
    carrier: Carrier,
}

enum Carrier {
    /// To the task that owns the socket; it ends when this is dropped.
    Socket(UnboundedSender<String>),
    /// What was sent and not taken yet.
    Wire(Vec<String>),
}

impl Link {
    /// A wire that the test carries; it is open at once.
    pub(crate) fn wire((peer, serial): (PeerId, u64)) -> Self {
        Self {
            peer,
            serial,
            is_open: true,
            carrier: Carrier::Wire(Vec::new()),
        }
    }

    /// A WebSocket that begins to connect.
    pub(crate) fn socket(
        (peer, serial): (PeerId, u64),
        url: String,
        inputs: UnboundedSender<Input>,
        (node, link): (String, String),
    ) -> Self {
        let (frames, outgoing) = unbounded_channel();
        let tell = move |what| {
            let (node, link) = (node.clone(), link.clone());
            let event = LinkEvent { link, serial, what };
            // It cannot be sent when the program ends.
            let _ = inputs.send(Input::Link { node, event });
        };
        tokio::spawn(run_socket(url, outgoing, tell));
        Self {
            peer,
            serial,
            is_open: false,
            carrier: Carrier::Socket(frames),
        }
    }

    /// Sends a frame, or keeps it until it is taken.
    pub(crate) fn send(&mut self, frame: String) {
        match &mut self.carrier {
            // A lost socket says so itself.
            Carrier::Socket(frames) => drop(frames.send(frame)),
            Carrier::Wire(frames) => frames.push(frame),
        }
    }

    /// What was sent on a wire since the last time.
    pub(crate) fn take_sent(&mut self) -> Vec<String> {
        match &mut self.carrier {
            Carrier::Socket(_) => Vec::new(),
            Carrier::Wire(frames) => mem::take(frames),
        }
    }
}

async fn run_socket(url: String, mut outgoing: UnboundedReceiver<String>, tell: impl Fn(What)) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX));
    let Ok((mut socket, _)) = connect_async_with_config(url, Some(config), true).await else {
        return tell(What::Lost);
    };
    tell(What::Opened);
    loop {
        tokio::select! {
            frame = outgoing.recv() => {
                let Some(frame) = frame else {
                    // The other end may be gone already.
                    let _ = socket.close(None).await;
                    return;
                };
                if socket.send(Message::text(frame)).await.is_err() {
                    break;
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => tell(What::Frame(text.as_str().to_owned())),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    tell(What::Lost);
}
