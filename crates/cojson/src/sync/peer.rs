//! What a peer is to us, and what we believe it has.
//!
//! A belief is what the peer said plus what we sent it. It is an optimization and may be wrong: a peer that lacks
//! what we thought it had answers with a correction.

use super::lane::{Lane, Turn};
use crate::collections::{SortedMap, SortedSet};
use crate::ids::CoId;
use crate::known_state::KnownState;

/// What a peer is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerRole {
    /// It asks us: it gets what it subscribed to, and is asked only for what its own content depends on.
    Client,
    /// We ask it: it gets every value that we have in memory, and is asked for those that we lack.
    Server,
}

/// An acknowledgement that is due once the peer's content is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ack {
    /// None.
    #[default]
    None,
    /// A plain `known`.
    Known,
    /// A `known` that says that content before what came is missing here.
    Correction,
}

/// What we believe a peer has of one value, and what we owe it.
#[derive(Clone, Debug)]
pub(super) struct Belief {
    /// What it has, by its own words and by what we sent.
    pub(super) believed: KnownState,
    /// We sent it a `load` and wait for the answer: until then nobody knows what it lacks.
    pub(super) awaits_answer: bool,
    /// It sent a `load` that is not answered yet.
    pub(super) answer_due: bool,
    /// It sent content that is not acknowledged yet.
    pub(super) ack: Ack,
    /// Where the value stands in the peer's lane.
    pub(super) turn: Turn,
    /// How many dependencies the value had when they were last offered; they only grow.
    pub(super) dependencies_offered: usize,
}

impl Belief {
    /// It has nothing, and is owed nothing.
    pub(super) fn new(id: CoId) -> Self {
        Self {
            believed: KnownState::empty(id),
            awaits_answer: false,
            answer_due: false,
            ack: Ack::None,
            turn: Turn::None,
            dependencies_offered: 0,
        }
    }
}

/// A connected peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) role: PeerRole,
    /// The values it is subscribed to.
    pub(super) beliefs: SortedMap<CoId, Belief>,
    /// What it is yet to be sent.
    pub(super) lane: Lane,
    /// Values of which content had to be dropped: asked for again when its queue is empty.
    pub(super) refetch: SortedSet<CoId>,
    /// Accounts without which sessions of these values could not be verified: asked for again when one appears.
    pub(super) unverified: SortedMap<CoId, SortedSet<CoId>>,
}

impl Peer {
    pub(super) fn new(role: PeerRole) -> Self {
        Self {
            role,
            beliefs: SortedMap::new(),
            lane: Lane::default(),
            refetch: SortedSet::new(),
            unverified: SortedMap::new(),
        }
    }

    pub(super) fn is_server(&self) -> bool {
        self.role == PeerRole::Server
    }
}
