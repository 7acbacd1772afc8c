//! The wire: one WebSocket to the server, kept up.
//!
//! [`Transport`] reconnects with growing pauses, at once when the page is back online or in front, and drops a
//! connection that has been silent for ten seconds. It carries text frames, several lines each, in order; what was
//! queued when a connection ends is dropped, for the replica says everything again on the next one. It never looks into
//! a frame.

mod address;
mod socket;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use gloo_timers::callback::Timeout;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::EventTarget;

pub use cojson::sync::{BACKOFF_MS_MAX, BACKOFF_MS_MIN, Backoff, FRAME_BYTES_TARGET, Outbox};

use crate::clock;
pub use address::{Address, BadAddress};
use socket::{Socket, SocketEvent};

/// A connection on which nothing arrived for so long is dropped: the server pings every 1.5 s.
const SILENCE_MS_MAX: f64 = 10_000.0;
/// How often silence is looked for.
const SILENCE_CHECK_MS: u32 = 1_000;
/// How long after the browser's buffer was full it is looked at again.
const DRAIN_MS: u32 = 20;

/// What happened on the wire.
#[derive(Debug)]
pub enum TransportEvent {
    /// The application's function gave no address; it is asked again after a pause.
    NoAddress(BadAddress),
    /// A connection is tried.
    Connecting,
    /// A connection is up.
    Connected,
    /// A frame arrived.
    Frame(String),
    /// The connection is gone, or did not come up; another is tried after a pause.
    Disconnected,
}

type Listener = Box<dyn Fn(TransportEvent)>;

/// One WebSocket to the server, kept up until it is closed or dropped.
pub struct Transport(Rc<Inner>);

struct Inner {
    address: Address,
    /// How often an address was asked for: only the newest answer counts.
    asked: Cell<u32>,
    listener: Listener,
    socket: RefCell<Option<Socket>>,
    is_connected: Cell<bool>,
    heard_at_ms: Cell<f64>,
    outbox: RefCell<Outbox>,
    backoff: Cell<Backoff>,
    reconnect: RefCell<Option<Timeout>>,
    silence_check: RefCell<Option<Timeout>>,
    drain: RefCell<Option<Timeout>>,
    hints: RefCell<Vec<Hint>>,
    is_closed: Cell<bool>,
}

impl Transport {
    /// Starts to connect. `listener` is called from fresh tasks only, never from inside a call of this type's.
    pub fn open(
        address: Address,
        listener: impl Fn(TransportEvent) + 'static,
    ) -> Result<Self, BadAddress> {
        address.check()?;
        let inner = Rc::new(Inner {
            address,
            asked: Cell::default(),
            listener: Box::new(listener),
            socket: RefCell::default(),
            is_connected: Cell::default(),
            heard_at_ms: Cell::default(),
            outbox: RefCell::default(),
            backoff: Cell::default(),
            reconnect: RefCell::default(),
            silence_check: RefCell::default(),
            drain: RefCell::default(),
            hints: RefCell::default(),
            is_closed: Cell::default(),
        });
        inner.listen_for_hints();
        inner.connect_after(0);
        Ok(Self(inner))
    }

    /// Whether a connection is up.
    pub fn is_connected(&self) -> bool {
        self.0.is_connected.get()
    }

    /// Whether a connection is being tried.
    pub fn is_connecting(&self) -> bool {
        !self.0.is_connected.get() && self.0.socket.borrow().is_some()
    }

    /// Queues a message; messages of one task leave together. Dropped if no connection is up.
    pub fn send(&self, message: String) {
        if !self.0.is_connected.get() {
            return;
        }
        let fits = self.0.outbox.borrow_mut().push(message);
        if fits {
            self.0.drain_after(0);
        } else {
            self.0.fail();
        }
    }

    /// Ends it: no event follows.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Inner {
    fn connect_after(self: &Rc<Self>, pause_ms: u32) {
        if self.is_closed.get() {
            return;
        }
        let this = Rc::downgrade(self);
        let timeout = Timeout::new(pause_ms, move || with(&this, Self::connect));
        self.reconnect.replace(Some(timeout));
    }

    fn connect(self: &Rc<Self>) {
        match &self.address {
            Address::Fixed(url) => self.connect_to(url),
            Address::Asked(function) => {
                let (this, function) = (Rc::downgrade(self), function.clone());
                let turn = self.asked.get().wrapping_add(1);
                self.asked.set(turn);
                crate::futures::spawn_local(async move {
                    let answer = address::ask(&function).await;
                    with(&this, |inner| inner.take_address(turn, answer));
                });
            }
        }
    }

    fn take_address(self: &Rc<Self>, turn: u32, answer: Result<String, BadAddress>) {
        if self.is_closed.get() || self.asked.get() != turn {
            return;
        }
        match answer {
            Ok(url) => self.connect_to(&url),
            Err(error) => {
                (self.listener)(TransportEvent::NoAddress(error));
                self.retry();
            }
        }
    }

    fn connect_to(self: &Rc<Self>, url: &str) {
        if self.is_closed.get() || self.socket.borrow().is_some() {
            return;
        }
        self.heard_at_ms.set(clock::now_ms());
        let this = Rc::downgrade(self);
        match Socket::open(url, move |event| with(&this, |inner| inner.on(event))) {
            Ok(socket) => {
                self.socket.replace(Some(socket));
                self.watch_silence();
                (self.listener)(TransportEvent::Connecting);
            }
            Err(_) => self.retry(),
        }
    }

    fn on(self: &Rc<Self>, event: SocketEvent) {
        match event {
            SocketEvent::Opened => {
                self.is_connected.set(true);
                (self.listener)(TransportEvent::Connected);
            }
            SocketEvent::Frame(frame) => {
                self.heard_at_ms.set(clock::now_ms());
                self.backoff.set(Backoff::default());
                (self.listener)(TransportEvent::Frame(frame));
            }
            SocketEvent::Closed => self.fail(),
        }
    }

    /// The connection is of no more use.
    fn fail(self: &Rc<Self>) {
        self.drop_socket();
        self.is_connected.set(false);
        let this = Rc::downgrade(self);
        Timeout::new(0, move || with(&this, Self::tell_disconnected)).forget();
        self.retry();
    }

    fn tell_disconnected(self: &Rc<Self>) {
        (self.listener)(TransportEvent::Disconnected);
    }

    fn retry(self: &Rc<Self>) {
        let mut backoff = self.backoff.get();
        let pause_ms = backoff.next_pause_ms(clock::jitter());
        self.backoff.set(backoff);
        self.connect_after(pause_ms);
    }

    fn drop_socket(&self) {
        // The socket's listeners may be running, so they go in a task of their own.
        if let Some(socket) = self.socket.take() {
            socket.close();
            Timeout::new(0, move || drop(socket)).forget();
        }
        self.outbox.take();
        self.silence_check.take();
        self.drain.take();
    }

    fn watch_silence(self: &Rc<Self>) {
        let this = Rc::downgrade(self);
        let timeout = Timeout::new(SILENCE_CHECK_MS, move || {
            with(&this, |inner| {
                if clock::now_ms() - inner.heard_at_ms.get() > SILENCE_MS_MAX {
                    inner.fail();
                } else {
                    inner.watch_silence();
                }
            });
        });
        self.silence_check.replace(Some(timeout));
    }

    fn drain_after(self: &Rc<Self>, pause_ms: u32) {
        if self.drain.borrow().is_some() {
            return;
        }
        if pause_ms == 0 {
            let this = Rc::downgrade(self);
            crate::futures::spawn_local(async move { with(&this, Self::drain) });
            return;
        }
        let this = Rc::downgrade(self);
        let timeout = Timeout::new(pause_ms, move || {
            with(&this, |inner| {
                inner.drain.take();
                inner.drain();
            });
        });
        self.drain.replace(Some(timeout));
    }

    /// Hands the socket as many frames as it may buffer.
    fn drain(self: &Rc<Self>) {
        if !self.is_connected.get() || self.drain.borrow().is_some() {
            return;
        }
        let is_broken = {
            let socket = self.socket.borrow();
            let Some(socket) = &*socket else {
                return;
            };
            let mut outbox = self.outbox.borrow_mut();
            outbox
                .drain(|| socket.buffered_bytes(), |frame| socket.send(frame))
                .is_err()
        };
        if is_broken {
            self.fail();
        } else if !self.outbox.borrow().is_empty() {
            self.drain_after(DRAIN_MS);
        }
    }

    /// Reconnects at once when the page is back online or back in front.
    fn listen_for_hints(self: &Rc<Self>) {
        let Some(window) = web_sys::window() else {
            return;
        };
        let mut hints = Vec::new();
        let document = window.document().map(EventTarget::from);
        let targets = [
            (Some(EventTarget::from(window)), "online"),
            (document, "visibilitychange"),
        ];
        for (target, event) in targets {
            let this = Rc::downgrade(self);
            let nudge = move || with(&this, Self::nudge);
            hints.extend(target.and_then(|target| Hint::new(target, event, nudge)));
        }
        self.hints.replace(hints);
    }

    fn nudge(self: &Rc<Self>) {
        let is_hidden = web_sys::window()
            .and_then(|window| window.document())
            .is_some_and(|document| document.hidden());
        if !is_hidden && self.socket.borrow().is_none() {
            self.backoff.set(Backoff::default());
            self.connect_after(0);
        }
    }

    fn close(&self) {
        self.is_closed.set(true);
        self.is_connected.set(false);
        self.reconnect.take();
        self.hints.take();
        self.drop_socket();
    }
}

/// Calls with what is still there.
fn with(inner: &Weak<Inner>, call: impl FnOnce(&Rc<Inner>)) {
    if let Some(inner) = inner.upgrade() {
        call(&inner);
    }
}

/// A listener on the page for as long as it lives.
struct Hint {
    target: EventTarget,
    event: &'static str,
    listener: Closure<dyn FnMut()>,
}

impl Hint {
    fn new(target: EventTarget, event: &'static str, call: impl FnMut() + 'static) -> Option<Self> {
        let listener = Closure::<dyn FnMut()>::new(call);
        let function = listener.as_ref().unchecked_ref();
        target
            .add_event_listener_with_callback(event, function)
            .ok()?;
        Some(Self {
            target,
            event,
            listener,
        })
    }
}

impl Drop for Hint {
    fn drop(&mut self) {
        let function = self.listener.as_ref().unchecked_ref();
        let _ = self
            .target
            .remove_event_listener_with_callback(self.event, function);
    }
}
