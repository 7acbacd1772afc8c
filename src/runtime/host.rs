//! What a runtime is made of: the engine and the things that carry out its effects.
//!
//! Everything is owned here, behind cells. The engine is borrowed only inside [`Host::engine`], which never calls into
//! JavaScript that a user wrote; so a subscriber may call any method of the runtime.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;

use cojson::collections::{SortedMap, SortedSet};
use cojson::ids::{CoId, SessionId};
use cojson::json::Json;
use cojson::sync::PeerId;
use engine::actor::{ActorEngine, ActorId};
use engine::reactive_store::ReactiveStore;
use gloo_timers::callback::Timeout;

use super::error::RuntimeError;
use super::outbox::Outbox;
use super::stage::Stage;
use super::tools::Tools;
use super::waiters::Waiters;
use crate::error::Told;
use crate::storage::{Storage, StorageError};
use crate::tabs::{Channel, Held, LockWish};
use crate::transport::Transport;

/// The one server, over every reconnection.
pub(crate) const SERVER: PeerId = PeerId(1);

/// One runtime.
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) storage: Storage,
    engine: RefCell<Option<ActorEngine>>,
    /// Our session, and the same as it writes to the account itself.
    pub(crate) own_sessions: [SessionId; 2],
    pub(crate) timers: Timers,
    pub(crate) wire: RefCell<Option<Transport>>,
    /// Whether a server is configured, reachable or not.
    pub(crate) has_sync: bool,
    /// Whether the server may still say what storage does not have: until the first connection, or too long a wait.
    pub(crate) awaits_sync: Cell<bool>,
    /// What storage does not have while the server may still say otherwise.
    pub(crate) absent: RefCell<SortedSet<CoId>>,
    pub(crate) tabs: Tabs,
    pub(crate) reads: Reads,
    pub(crate) stage: Stage,
    /// The values with transactions of ours that the server may not have, as noted in storage.
    pub(crate) marked: RefCell<SortedSet<CoId>>,
    pub(crate) waiters: Waiters,
    pub(crate) outbox: Outbox,
    pub(crate) tools: Tools,
    pub(crate) status: ReactiveStore,
    pub(crate) problems: ReactiveStore,
    pub(crate) counts: RefCell<Counts>,
    /// Why the last write was refused, until one succeeds.
    pub(crate) refused: RefCell<Option<StorageError>>,
    /// Itself, until it is dismantled: what is on the page works on when the browser collects the handles that the
    /// application does not keep.
    kept: RefCell<Option<Rc<Self>>>,
}

/// What is planned. A timer that is dropped does not ring.
#[derive(Default)]
pub(crate) struct Timers {
    pub(crate) is_pump_planned: Cell<bool>,
    pub(crate) expiry: RefCell<Option<Timeout>>,
    pub(crate) retry: RefCell<Option<Timeout>>,
    pub(crate) patience: RefCell<Option<Timeout>>,
    pub(crate) tabs: RefCell<Option<Timeout>>,
    /// How far the clock was ahead of the time since the page was opened, in the last turn.
    pub(crate) ahead_ms: Cell<Option<f64>>,
}

/// Our place among the tabs of this database.
#[derive(Default)]
pub(crate) struct Tabs {
    pub(crate) channel: RefCell<Option<Channel>>,
    /// The lock of our session.
    pub(crate) claim: RefCell<Option<Held>>,
    /// The locks of the actors that run here, held or wished for.
    pub(crate) actors: RefCell<SortedMap<ActorId, LockWish>>,
    /// The actors whose locks were given since we last looked round.
    pub(crate) granted: RefCell<Vec<ActorId>>,
    pub(crate) is_looking_round: Cell<bool>,
    /// The sessions of other tabs that are alive.
    pub(crate) live: RefCell<SortedSet<SessionId>>,
    /// The sessions that said hello, and when, in milliseconds: the list of locks may be older than their hello.
    pub(crate) greeted: RefCell<SortedMap<SessionId, f64>>,
}

/// What is being read from storage.
#[derive(Default)]
pub(crate) struct Reads {
    /// To be read at the end of the task, all in one transaction.
    pub(crate) wanted: RefCell<Vec<CoId>>,
    pub(crate) under_way: Cell<usize>,
}

/// Counters for benchmarks, tests and people who ask.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) transactions: usize,
    pub(crate) renders: usize,
    pub(crate) messages: usize,
    pub(crate) rejections: SortedMap<&'static str, u32>,
}

/// What a host is started with.
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) storage: Storage,
    pub(crate) engine: ActorEngine,
    pub(crate) claim: Option<Held>,
    pub(crate) own_sessions: [SessionId; 2],
    pub(crate) has_sync: bool,
}

impl Host {
    pub(crate) fn new(parts: Parts) -> Rc<Self> {
        let status = super::status::offline();
        Rc::new(Self {
            name: parts.name,
            storage: parts.storage,
            engine: RefCell::new(Some(parts.engine)),
            own_sessions: parts.own_sessions,
            timers: Timers::default(),
            wire: RefCell::default(),
            has_sync: parts.has_sync,
            awaits_sync: Cell::new(parts.has_sync),
            absent: RefCell::default(),
            stage: Stage::default(),
            tabs: Tabs {
                claim: RefCell::new(parts.claim),
                ..Tabs::default()
            },
            reads: Reads::default(),
            marked: RefCell::default(),
            waiters: Waiters::default(),
            outbox: Outbox::default(),
            tools: Tools::default(),
            status: ReactiveStore::new(status),
            problems: ReactiveStore::new(Json::Null),
            counts: RefCell::default(),
            refused: RefCell::default(),
            kept: RefCell::default(),
        })
    }

    /// Lives until it is dismantled, whoever holds it.
    pub(crate) fn keep(self: &Rc<Self>) {
        self.kept.replace(Some(Rc::clone(self)));
    }

    /// Does something with the engine, which has what was sent before; nothing that a user wrote may be called meanwhile.
    pub(crate) fn engine<R>(
        &self,
        work: impl FnOnce(&mut ActorEngine) -> R,
    ) -> Result<R, RuntimeError> {
        Ok(work(&mut *self.delivered()?))
    }

    /// Apart from [`engine`](Self::engine), which the compiler writes anew for each that calls it.
    #[inline(never)]
    fn delivered(&self) -> Result<RefMut<'_, ActorEngine>, RuntimeError> {
        let engine = self.engine.borrow_mut();
        let engine = RefMut::filter_map(engine, Option::as_mut);
        let mut engine = engine.map_err(|_| RuntimeError::closed())?;
        self.outbox.deliver(&mut engine);
        Ok(engine)
    }

    /// Does something with the engine that is worked off at the end of this task.
    pub(crate) fn input<R>(
        self: &Rc<Self>,
        work: impl FnOnce(&mut ActorEngine) -> R,
    ) -> Result<R, RuntimeError> {
        let result = self.engine(work)?;
        self.schedule();
        Ok(result)
    }

    /// Whether it is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.engine.borrow().is_none()
    }

    /// Tells of something that has no caller to be told.
    pub(crate) fn problem(&self, error: &impl Told) {
        self.tell_problem(error.code(), &error.to_string(), error.place().as_deref());
    }

    /// The same, in its parts.
    pub(crate) fn tell_problem(&self, code: &str, message: &str, place: Option<&str>) {
        web_sys::console::warn_1(&format!("pleione: {code}: {message}").into());
        let members = [("code", code), ("message", message)];
        let place = place.map(|place| ("place", place));
        let problem = members.into_iter().chain(place);
        let _ = self
            .problems
            .set(Json::object(problem.map(|(key, text)| (key, text.into()))));
    }

    pub(crate) fn count_rejection(&self, reason: &'static str) {
        *self.counts.borrow_mut().rejections.get_or_default(reason) += 1;
    }

    /// Lets go of everything. What is asked afterwards fails.
    pub(crate) fn dismantle(&self) {
        self.stage.clear();
        let engine = self.engine.take();
        self.tools.cancel_all();
        self.wire.take();
        self.tabs.channel.take();
        self.tabs.actors.take();
        self.tabs.claim.take();
        self.timers.expiry.take();
        self.timers.retry.take();
        self.timers.patience.take();
        self.timers.tabs.take();
        self.storage.close();
        drop(engine);
        self.waiters.reject_all(|| RuntimeError::closed().into());
        self.outbox.fail_all(&RuntimeError::closed().into());
        // Last: nobody else may hold it.
        drop(self.kept.take());
    }
}
