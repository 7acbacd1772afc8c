//! The server: what arrives is handed to the node, and how the connection fares is told.

use std::rc::Rc;

use cojson::sync::{FrameLimits, PeerRole, decode_frame};
use engine::actor::ActorEngine;
use gloo_timers::callback::Timeout;

use super::host::{Host, SERVER};
use crate::clock;
use crate::transport::{Address, BadAddress, Transport, TransportEvent};

/// How long an actor that storage does not have waits for the server to say what it has.
const PATIENCE_MS: u32 = 2_000;

impl Host {
    /// Starts to connect.
    pub(crate) fn connect(self: &Rc<Self>, address: Address) -> Result<(), BadAddress> {
        let _ = self.engine(|engine| engine.node_mut().remember_upstream(SERVER));
        let host = Rc::downgrade(self);
        let transport = Transport::open(address, move |event| {
            if let Some(host) = host.upgrade() {
                host.on_wire(event);
            }
        })?;
        self.wire.replace(Some(transport));
        let host = Rc::downgrade(self);
        let lose_patience = move || {
            if let Some(host) = host.upgrade() {
                host.stop_awaiting_sync();
            }
        };
        self.timers
            .patience
            .replace(Some(Timeout::new(PATIENCE_MS, lose_patience)));
        Ok(())
    }

    fn on_wire(self: &Rc<Self>, event: TransportEvent) {
        match event {
            TransportEvent::NoAddress(error) => self.problem(&error),
            TransportEvent::Connecting => self.schedule(),
            TransportEvent::Connected => {
                // What is not here is asked for again, and said to be unavailable again.
                self.awaits_sync.set(false);
                self.absent.take();
                let _ = self.input(|engine| engine.node_mut().connect(SERVER, PeerRole::Server));
            }
            TransportEvent::Frame(frame) => self.receive(&frame),
            TransportEvent::Disconnected => {
                let _ = self.input(|engine| engine.node_mut().disconnect(SERVER));
                self.stop_awaiting_sync();
            }
        }
    }

    fn receive(self: &Rc<Self>, frame: &str) {
        for message in decode_frame(frame, &FrameLimits::default()) {
            match message {
                Ok(message) => {
                    let now = clock::now();
                    let _ = self.input(|engine| engine.node_mut().receive_at(SERVER, message, now));
                }
                Err(error) => self.count_rejection(error.code()),
            }
        }
    }

    /// The server has been waited for long enough: what storage does not have is not there, for now.
    fn stop_awaiting_sync(self: &Rc<Self>) {
        let _ = self.input(ActorEngine::stop_awaiting_sync);
        self.awaits_sync.set(false);
        for id in self.absent.take() {
            self.note_unavailable(&id);
        }
    }
}
