//! The host: one task that owns the engine, hands it what happened and does what it asks for.
//!
//! What it promises: a transaction is durable here before the server sees it (R2), also what a SIGKILL cut off; an actor is
//! restored, not run anew (R3); a message that an actor has handled is not handled again after a restart (R4). A request is
//! answered when what it changed is durable. When it is told to stop, what was taken in is handled, stored and, if the
//! server listens, sent.

mod arrivals;
mod drive;
mod founding;
mod handle;
mod notes;
mod open;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cojson::ids::{CoId, SessionId};
use cojson::json::Json;
use cojson::sync::PeerId;
use engine::actor::{ActorEngine, ActorError, ActorId, SendError, Ticket};
use engine::definition_error::DefinitionError;
use engine::machine::{CallId, ToolFailure};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use crate::account::AccountOutcome;
use crate::clock::ClockWatch;
use crate::net::Net;
use crate::settings::SyncAddress;
use crate::store::{Answer, Store};
use crate::tools::Tools;
use crate::wire::{self, Line, WireEvent};

pub use handle::{HostHandle, RequestError};
pub use open::OpenError;
pub use requests::{ActorView, AskError, Health, Profile, SyncState};

use founding::Founding;
use requests::Request;

/// The one server, over every reconnection.
const SERVER: PeerId = PeerId(1);

/// How long what storage does not have waits for the server to say what it has.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long stopping may take: what is queued, the last writes, the server's acknowledgement.
const STOP_MAX: Duration = Duration::from_millis(4_500);

/// The longest sleep; what is due later is looked at again then.
const SLEEP_MAX: Duration = Duration::from_hours(1);

/// What happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// Storage answered.
    Storage(Answer),
    /// A tool answered.
    Tool {
        /// The call.
        call: CallId,
        /// Which attempt at it.
        attempt: u64,
        /// What came of it.
        outcome: Result<Json, ToolFailure>,
    },
    /// Somebody asks.
    Request(Request),
}

/// Why a host cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// A definition that the command line names is wrong.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// An actor that the command line names could not be made.
    #[error("actor {actor} could not be made: {error}")]
    Actor {
        /// Which one.
        actor: ActorId,
        /// Why.
        error: ActorError,
    },
    /// What this session wrote is not what storage has: going on would fork it.
    #[error(
        "what is stored of {id} is not what this agent wrote there: {detail}; start again to go on in a new session"
    )]
    Torn {
        /// The value.
        id: CoId,
        /// What storage says.
        detail: String,
    },
    /// The storage thread has ended.
    #[error("storage failed")]
    Storage,
    /// Not everything was stored in time.
    #[error("stopped before everything was stored; what was acknowledged is on the disk")]
    Deadline,
}

/// What is known when the host is up.
#[derive(Clone, Debug)]
pub struct Started {
    /// The account.
    pub account: CoId,
    /// How it came to be here.
    pub outcome: AccountOutcome,
    /// The actors that run.
    pub actors: Vec<ActorId>,
}

/// An attempt at a call.
struct Attempt {
    number: u64,
    task: AbortHandle,
}

/// An engine and what it needs to run.
pub struct Host {
    engine: ActorEngine,
    store: Option<Store>,
    inputs: UnboundedReceiver<Input>,
    sender: UnboundedSender<Input>,
    wire: Option<Receiver<WireEvent>>,
    net: Net,
    sync: Option<SyncAddress>,
    line: Option<Line>,
    tools: Tools,
    /// The calls of tools under way.
    calls: BTreeMap<CallId, Attempt>,
    attempts_made: u64,
    clock_watch: ClockWatch,
    founding: Founding,
    profile_name: Option<String>,
    /// Our session, and the same as it writes to the account itself.
    own_sessions: [SessionId; 2],
    is_persistent: bool,
    /// The values with transactions of ours that the server may not have, as noted in storage.
    marked: BTreeSet<CoId>,
    /// Who waits for what became of an event.
    sent: BTreeMap<Ticket, oneshot::Sender<Result<bool, SendError>>>,
    /// Who waits for what an actor answers.
    asked: BTreeMap<Ticket, oneshot::Sender<Result<Json, AskError>>>,
    /// When the server has been waited for long enough.
    patient_until: Option<Instant>,
    /// When a refused write or read is tried again.
    retry_at: Option<Instant>,
    unread: Vec<CoId>,
    /// Why the last write was refused, until one succeeds.
    refused: Option<storage::WriteError>,
    failure: Option<HostError>,
}

impl Host {
    /// Who wants to ask something of it.
    pub fn handle(&self) -> HostHandle {
        HostHandle::new(self.sender.clone())
    }

    /// Runs until `stop` says so. `on_start` is told once, when the account, the actors and their lists are there.
    ///
    /// # Errors
    /// When it cannot go on. What was acknowledged is on the disk.
    pub async fn run(
        mut self,
        stop: impl Future<Output = ()>,
        on_start: impl FnOnce(&Started),
    ) -> Result<(), HostError> {
        self.connect();
        let mut on_start = Some(on_start);
        tokio::pin!(stop);
        while self.failure.is_none() {
            let wakes_at = self.turn();
            if self.failure.is_some() {
                break;
            }
            if on_start.is_some()
                && let Some(started) = self.started()
                && let Some(on_start) = on_start.take()
            {
                on_start(&started);
            }
            tokio::select! {
                () = &mut stop => return self.stop().await,
                () = self.wait(wakes_at) => {}
            }
        }
        self.end();
        Err(self.failure.take().unwrap_or(HostError::Storage))
    }

    fn connect(&mut self) {
        let Some(address) = self.sync.clone() else {
            return;
        };
        let (events, wire) = tokio::sync::mpsc::channel(wire::FRAMES_WAITING_MAX);
        tokio::spawn(wire::keep_up(address, self.net.clone(), events));
        self.wire = Some(wire);
        self.patient_until = Some(Instant::now() + PATIENCE);
    }

    /// Waits until something happens, and takes it in with what else has happened by then.
    async fn wait(&mut self, wakes_at: Instant) {
        let event = async {
            match &mut self.wire {
                Some(wire) => wire.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(input) = self.inputs.recv() => self.take(input),
            Some(event) = event => self.take_event(event),
            () = sleep_until(wakes_at) => {}
        }
        while let Ok(input) = self.inputs.try_recv() {
            self.take(input);
        }
        while let Some(event) = self.wire.as_mut().and_then(|wire| wire.try_recv().ok()) {
            self.take_event(event);
        }
        self.take_time();
    }

    /// Handles and stores what was taken in, sends it if the server listens, and ends.
    async fn stop(mut self) -> Result<(), HostError> {
        let deadline = Instant::now() + STOP_MAX;
        loop {
            let wakes_at = self.turn().min(deadline);
            let is_settled = self.engine.is_idle() && self.engine.node().replica().is_settled();
            let is_sent = self.line.is_none() || self.engine.node().is_synced();
            let is_late = Instant::now() >= deadline;
            if self.failure.is_some() || (is_settled && is_sent) || is_late {
                self.end();
                return match self.failure {
                    Some(failure) => Err(failure),
                    None if is_settled => Ok(()),
                    None => Err(HostError::Deadline),
                };
            }
            self.wait(wakes_at).await;
        }
    }

    fn end(&mut self) {
        self.take_back_notes();
        self.line = None;
        for call in std::mem::take(&mut self.calls).into_values() {
            call.task.abort();
        }
        if let Some(store) = self.store.take() {
            store.end();
        }
    }

    fn ask(&self, ask: crate::store::Ask) {
        if let Some(store) = &self.store {
            store.ask(ask);
        }
    }
}

#[cfg(test)]
mod tests;
