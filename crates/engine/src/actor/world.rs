//! What every actor of a node shares: the data, the collections and the tools. It knows no actor.

use cojson::collections::SortedSet;
use cojson::header::Uniqueness;
use cojson::ids::{CoId, Timestamp};
use cojson::node::Node;

use super::collection::Collections;
use super::tools::ToolRegistry;
use crate::machine::{CallId, Cause};

/// The node and what is known of its values.
pub(crate) struct World {
    pub(crate) node: Node,
    pub(crate) collections: Collections,
    pub(crate) tools: ToolRegistry,
    /// The time of the task that runs.
    pub(crate) now: Timestamp,
    /// The values that this task wrote and that nobody took notice of yet.
    pub(crate) written: Vec<CoId>,
    calls_made: u64,
    /// What is being handled: what it leads to is named after it, alike by whoever handles it, so that a message which two
    /// devices handled, neither knowing of the other, led to the same.
    pub(crate) cause: Cause,
    absent: SortedSet<CoId>,
    /// Not in storage; the server has not been asked yet.
    perhaps_absent: SortedSet<CoId>,
    awaits_sync: bool,
}

impl World {
    pub(crate) fn new(node: Node, awaits_sync: bool) -> Self {
        Self {
            node,
            collections: Collections::default(),
            tools: ToolRegistry::default(),
            now: Timestamp::default(),
            written: Vec::new(),
            calls_made: 0,
            cause: Cause::default(),
            absent: SortedSet::new(),
            perhaps_absent: SortedSet::new(),
            awaits_sync,
        }
    }

    /// The time of the task that runs, in milliseconds since 1970.
    #[expect(clippy::cast_precision_loss, reason = "a time far below 2^53")]
    pub(crate) fn now_ms(&self) -> f64 {
        self.now.0 as f64
    }

    /// Asks for a value. What was known of its absence counts no more until it is answered. What storage does not have, while
    /// the server is awaited, is asked of that as soon as it is there: reading storage again would tell nothing.
    pub(crate) fn load(&mut self, id: &CoId) {
        if self.perhaps_absent.contains(id) {
            return;
        }
        if !self.node.is_loaded(id) {
            self.note_present(id);
        }
        self.node.load(id);
    }

    /// Whether neither this device nor its server has the value, as far as can be known now.
    pub(crate) fn is_absent(&self, id: &CoId) -> bool {
        self.absent.contains(id)
    }

    /// Whether it is known what the value is, its content or that there is none, and so what may be written to it. What
    /// was absent is unknown again once another tab tells of it, until storage was read.
    pub(crate) fn is_settled(&self, id: &CoId) -> bool {
        self.is_read(id) && (self.node.is_loaded(id) || self.is_absent(id))
    }

    /// Whether storage is not being asked for the value, so that whoever waits for it waits for the server.
    pub(crate) fn is_read(&self, id: &CoId) -> bool {
        !self.node.replica().is_asked_of_storage(id)
    }

    /// Whether storage said what it has of the value: from then on it may be written to without forking its log.
    pub(crate) fn is_asked(&self, id: &CoId) -> bool {
        self.is_settled(id) || self.perhaps_absent.contains(id)
    }

    /// The value appeared or grew.
    pub(crate) fn note_present(&mut self, id: &CoId) {
        self.absent.remove(id);
        self.perhaps_absent.remove(id);
    }

    /// The value was asked for and not found.
    pub(crate) fn note_absent(&mut self, id: &CoId) {
        let asked_all = !self.awaits_sync || self.node.has_upstream();
        self.note_present(id);
        let set = if asked_all {
            &mut self.absent
        } else {
            &mut self.perhaps_absent
        };
        set.insert(id.clone());
    }

    /// The server cannot be reached for now: what is not in storage is absent.
    pub(crate) fn stop_awaiting_sync(&mut self) -> Vec<CoId> {
        self.awaits_sync = false;
        let settled: Vec<CoId> = std::mem::take(&mut self.perhaps_absent)
            .into_iter()
            .collect();
        self.absent.extend(settled.iter().cloned());
        settled
    }

    /// What tells a new value from all others: a word, and when it is made. What others may make too is made at no time.
    pub(crate) fn next_uniqueness(&mut self) -> (Uniqueness, Timestamp) {
        match self.cause.next() {
            Some(name) => (Uniqueness::Text(name.as_str().into()), Timestamp::FOUNDING),
            None => (self.node.random_uniqueness(), self.now),
        }
    }

    /// A name for a tool call that no other call on any device has.
    pub(crate) fn next_call(&mut self) -> CallId {
        if let Some(name) = self.cause.next() {
            return name;
        }
        self.calls_made += 1;
        let session = self.node.session().as_str();
        let (_, session) = session.rsplit_once("_session_").unwrap_or_default();
        CallId::new(format!("{session}-{}-{}", self.now.0, self.calls_made))
    }
}
