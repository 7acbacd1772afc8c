//! The messages of the sync protocol, as typed values and as their JSON on the wire.
//!
//! A message that exists as a [`SyncMessage`] has well-formed ids and counts; whether its content is true is for the
//! replica to find out. Field names and shapes are CoJSON 0.20's.

use crate::collections::SortedMap;
use crate::header::Header;
use crate::ids::{CoId, SessionId, Timestamp};
use crate::known_state::KnownState;
use crate::session_log::SessionContent;
use crate::transaction::{Transaction, content_bytes_of};

/// One message of the protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum SyncMessage {
    /// Subscribe, and "this is what I have".
    Load(KnownState),
    /// An acknowledgement or the state of a value.
    Known(KnownMessage),
    /// Transactions.
    Content(ContentMessage),
    /// A client's audit of what it stores against what we have.
    Reconcile(ReconcileMessage),
    /// Every difference of a `reconcile` batch has been exchanged.
    ReconcileAck {
        /// The batch.
        id: String,
    },
}

/// `known`: what the sender has of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownMessage {
    /// What it has.
    pub state: KnownState,
    /// Whether it corrects what we believed of it, and asks for the rest.
    pub is_correction: bool,
}

/// `content`: signed pieces of a value's sessions.
#[derive(Clone, Debug, PartialEq)]
pub struct ContentMessage {
    /// The value.
    pub id: CoId,
    /// Its header, if the receiver may not have it.
    pub header: Option<Header>,
    /// How urgent it is on a congested connection: 0, 3 or 6, the smaller the sooner.
    pub priority: u8,
    /// A piece of each session.
    pub new: SortedMap<SessionId, SessionContent>,
    /// On the first of several messages: how far the sessions reach when all have arrived.
    pub expect_content_until: Option<SortedMap<SessionId, u32>>,
}

/// `reconcile`: ids and the short hash of the counts that the sender stores of each.
#[derive(Clone, Debug, PartialEq)]
pub struct ReconcileMessage {
    /// The batch, named by the sender.
    pub id: String,
    /// `(value, shortHash of its sessions' counts)`.
    pub values: Vec<(CoId, String)>,
}

impl SyncMessage {
    /// The value that the message is about, if it is about one.
    pub fn id(&self) -> Option<&CoId> {
        match self {
            Self::Load(state) => Some(&state.id),
            Self::Known(known) => Some(&known.state.id),
            Self::Content(content) => Some(&content.id),
            Self::Reconcile(_) | Self::ReconcileAck { .. } => None,
        }
    }

    /// How urgent it is on a congested connection: 0, 3 or 6, the smaller the sooner.
    pub fn priority(&self) -> u8 {
        match self {
            Self::Content(content) => content.priority,
            Self::Reconcile(_) => 6,
            Self::Load(_) | Self::Known(_) | Self::ReconcileAck { .. } => 0,
        }
    }
}

impl SyncMessage {
    /// How much memory its transactions take, in bytes, roughly; 0 if it carries none.
    pub fn content_bytes(&self) -> usize {
        match self {
            Self::Content(content) => content.memory_bytes(),
            _ => 0,
        }
    }
}

/// What a transaction and a session cost besides their content, in bytes, roughly.
const OVERHEAD_BYTES: usize = 200;

impl ContentMessage {
    /// How much memory it takes, in bytes, roughly.
    pub(super) fn memory_bytes(&self) -> usize {
        let session = |transactions: &[Transaction]| {
            content_bytes_of(transactions) + (transactions.len() + 1) * OVERHEAD_BYTES
        };
        let sessions = self.new.values();
        let sessions = sessions.map(|content| session(&content.new_transactions));
        OVERHEAD_BYTES + sessions.sum::<usize>()
    }

    /// Leaves out the sessions that bring something of a later time than this, and names them: a signature covers the
    /// whole of what a session brings.
    pub fn leave_out_later_than(&mut self, latest: Timestamp) -> Vec<SessionId> {
        let is_later = |content: &SessionContent| {
            let mut transactions = content.new_transactions.iter();
            transactions.any(|transaction| transaction.made_at() > latest)
        };
        let mut left_out = Vec::new();
        self.new.retain(|session, content| {
            let is_taken = !is_later(content);
            if !is_taken {
                left_out.push(session.clone());
            }
            is_taken
        });
        left_out
    }

    /// How far each session reaches with this message.
    pub(super) fn reached(&self) -> impl Iterator<Item = (&SessionId, u32)> {
        self.new
            .iter()
            .map(|(session, content)| (session, content_end(content)))
    }
}

/// The count of transactions that a session has when this piece is its last.
pub(super) fn content_end(content: &SessionContent) -> u32 {
    let count = u32::try_from(content.new_transactions.len()).unwrap_or(u32::MAX);
    content.after.saturating_add(count)
}
