//! Between the relay and one socket: the client's outbox, how much of it has left, and the client's places in the queue
//! to the relay.
//!
//! The relay puts messages in and never waits; the socket takes them out and counts what left. The relay is told of that
//! only when it wants to know, so that a client that reads as fast as it is sent costs no word more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cojson::sync::SyncMessage;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{Outgoing, WINDOW_BYTES};

/// Where the relay puts what a client is to be told. When the relay drops it, the socket closes.
#[derive(Debug)]
pub struct Outbox {
    messages: mpsc::Sender<Outgoing>,
    departures: Departures,
    places: Places,
    /// Never sent to: the socket learns that it was dropped, at once and not after what still waits.
    _let_go: oneshot::Sender<()>,
}

impl Outbox {
    pub(super) fn put(&self, message: Outgoing) -> Put {
        match self.messages.try_send(message) {
            Ok(()) => Put::Taken,
            Err(TrySendError::Closed(_)) => Put::Gone,
            Err(TrySendError::Full(_)) => Put::Full,
        }
    }

    /// How many messages wait in it.
    pub(super) fn waiting(&self) -> usize {
        self.messages.max_capacity() - self.messages.capacity()
    }

    /// The relay took a message of the client from its queue.
    pub(super) fn give_place_back(&self, message: &SyncMessage) {
        self.places.0.add_permits(Places::of(message) as usize);
    }

    /// How many bytes of content left since this was asked last. If none did, the socket is asked to say when some do.
    pub(super) fn departed(&self) -> Option<usize> {
        let departures = &self.departures.0;
        let take = || departures.bytes.swap(0, Ordering::SeqCst);
        let bytes = take();
        if bytes > 0 {
            return Some(bytes);
        }
        departures.is_wanted.store(true, Ordering::SeqCst);
        // Some may have left before the socket could see that.
        let bytes = take();
        (bytes > 0).then_some(bytes)
    }
}

/// What became of a message for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It waits to be sent.
    Taken,
    /// The socket is gone.
    Gone,
    /// Too much waits already.
    Full,
}

/// A socket's end of an [`Outbox`].
#[derive(Debug)]
pub struct Inlet {
    /// What is to be sent.
    pub messages: mpsc::Receiver<Outgoing>,
    /// What left.
    pub departures: Departures,
    /// How much of what the client says may wait for the relay.
    pub places: Places,
    /// Ends when the relay lets go of this client.
    pub let_go: oneshot::Receiver<()>,
    /// Nothing is sent through it; it tells how much room the outbox has.
    pub room: mpsc::Sender<Outgoing>,
}

/// How many places one client has in the queue to the relay.
const PLACES_MAX: u32 = 64;

/// For so many bytes of content a message takes a place; for less it takes one too.
const PLACE_BYTES: usize = 8 << 10;

/// A client's places in the queue to the relay: few, so that a client that sends much waits for its turn like all others,
/// and not all others for it.
#[derive(Clone, Debug)]
pub struct Places(Arc<Semaphore>);

impl Places {
    fn new() -> Self {
        Self(Arc::new(Semaphore::new(PLACES_MAX as usize)))
    }

    /// How many places a message takes.
    fn of(message: &SyncMessage) -> u32 {
        let places = message.content_bytes() / PLACE_BYTES;
        u32::try_from(places)
            .unwrap_or(u32::MAX)
            .clamp(1, PLACES_MAX)
    }

    /// Returns when there is a place for the message.
    pub async fn take(&self, message: &SyncMessage) {
        // The semaphore is never closed; the relay gives the place back when it takes the message.
        if let Ok(places) = self.0.acquire_many(Self::of(message)).await {
            places.forget();
        }
    }
}

/// How much content left for a client.
#[derive(Clone, Debug, Default)]
pub struct Departures(Arc<Counter>);

#[derive(Debug, Default)]
struct Counter {
    bytes: AtomicUsize,
    is_wanted: AtomicBool,
}

impl Departures {
    /// So many bytes of content left, and with them all that waited or not. Returns whether the relay wants to be told
    /// now: it does when half of the window is free, or nothing is left that would say so later.
    pub fn note(&self, bytes: usize, is_all: bool) -> bool {
        let before = self.0.bytes.fetch_add(bytes, Ordering::SeqCst);
        let departed = before.saturating_add(bytes);
        let is_much = departed >= WINDOW_BYTES / 2 || (is_all && departed > 0);
        is_much && self.0.is_wanted.swap(false, Ordering::SeqCst)
    }
}

/// An outbox and the socket's end of it. A socket takes in nothing while half of its outbox is used, so that what its own
/// client asks cannot fill it.
pub fn outbox(messages_max: usize) -> (Outbox, Inlet) {
    let (sender, messages) = mpsc::channel(messages_max);
    let (holder, let_go) = oneshot::channel();
    let room = sender.clone();
    let departures = Departures::default();
    let places = Places::new();
    let inlet = Inlet {
        messages,
        departures: departures.clone(),
        places: places.clone(),
        let_go,
        room,
    };
    let outbox = Outbox {
        messages: sender,
        departures,
        places,
        _let_go: holder,
    };
    (outbox, inlet)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cojson::known_state::KnownState;
    use tokio::time::timeout;

    use super::*;
    use crate::storage::conformance::{Author, header};

    fn load() -> SyncMessage {
        SyncMessage::Load(KnownState::empty(header("a").id()))
    }

    fn long_content() -> SyncMessage {
        let mut author = Author::new(1);
        let piece = author.piece(&[&format!("[\"{}\"]", "x".repeat(1_000_000))]);
        SyncMessage::Content(cojson::sync::ContentMessage {
            id: header("a").id(),
            header: None,
            priority: 3,
            new: [(author.session, piece)].into(),
            expect_content_until: None,
        })
    }

    async fn has_place(inlet: &Inlet, message: &SyncMessage) -> bool {
        let wait = Duration::from_millis(20);
        timeout(wait, inlet.places.take(message)).await.is_ok()
    }

    #[tokio::test]
    async fn r11_a_client_has_few_places_in_the_queue_and_a_long_message_takes_them_all() {
        let (outbox, inlet) = outbox(16);
        for _ in 0..PLACES_MAX {
            assert!(has_place(&inlet, &load()).await);
        }
        assert!(!has_place(&inlet, &load()).await);
        outbox.give_place_back(&load());
        assert!(has_place(&inlet, &load()).await);
        assert!(!has_place(&inlet, &load()).await);
        for _ in 0..PLACES_MAX {
            outbox.give_place_back(&load());
        }
        assert!(has_place(&inlet, &long_content()).await);
        assert!(!has_place(&inlet, &load()).await);
        outbox.give_place_back(&long_content());
        assert!(has_place(&inlet, &load()).await);
    }

    #[test]
    fn the_relay_is_told_what_left_when_it_wants_to_know_and_never_misses_it() {
        let (outbox, inlet) = outbox(16);
        assert!(!inlet.departures.note(WINDOW_BYTES, true), "nobody asked");
        assert_eq!(outbox.departed(), Some(WINDOW_BYTES));
        assert_eq!(outbox.departed(), None);
        assert!(!inlet.departures.note(1_000, false), "more leaves soon");
        assert!(inlet.departures.note(0, true), "it was the last");
        assert_eq!(outbox.departed(), Some(1_000));
        assert_eq!(outbox.departed(), None);
        assert!(inlet.departures.note(WINDOW_BYTES / 2, false));
        assert!(!inlet.departures.note(1_000, true), "it was told once");
        assert_eq!(outbox.departed(), Some(WINDOW_BYTES / 2 + 1_000));
    }
}
