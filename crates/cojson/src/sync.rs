//! Sync: what peers say to each other, and the state machine that answers.
//!
//! [`Replica`] owns the logs of the values in memory. A host hands it what happened (a peer's message, what storage
//! holds, a local transaction, a write that became durable) and carries out the [`Effect`]s it returns. The browser's
//! node and the server run the same machine; they differ in what their peers are to them ([`PeerRole`]).
//!
//! It promises that a transaction is told to a peer only when it is durable here (R2; a relay sends on what others wrote
//! while it is being written, and acknowledges it when it is durable), that replicas which exchanged
//! everything hold the same logs (R10), and that a bad message costs its sender at most (R11): everything untrusted
//! is bounded, and every refusal is an effect with a reason. It never does I/O, never reads a clock, never waits: a
//! peer that does not answer is the host's to disconnect.

mod admission;
mod ahead;
mod authorise;
mod backoff;
mod cache;
mod dependencies;
mod durability;
mod effect;
mod entry;
mod erasure;
mod frame;
mod inbound;
mod lane;
mod limits;
mod lookup;
mod message;
mod news;
mod outbound;
mod outbox;
mod outline;
mod packing;
mod peer;
mod pending;
mod reading;
mod reconcile;
mod rejection;
mod replica;
mod run;
mod signers;
mod upload;
mod wire;

pub use authorise::{Denial, WriteRule};
pub use backoff::{BACKOFF_MS_MAX, BACKOFF_MS_MIN, Backoff};
pub use effect::{
    Effect, OutlinedSession, PeerId, ReadId, ReadRequest, Segment, StoredLog, StoredOutline,
    ValueWrite, WriteBatch, WriteId,
};
pub use frame::{FrameError, decode_frame, encode_frame, encode_ping, frame_messages};
pub use limits::{FrameLimits, ReplicaConfig};
pub use message::{ContentMessage, KnownMessage, ReconcileMessage, SyncMessage};
pub use outbox::{FRAME_BYTES_TARGET, Outbox};
pub use peer::PeerRole;
pub use rejection::Rejection;
pub use replica::{AppendError, Replica};

/// Whether logs may leave memory, peers are sent content at their pace, and writes are judged. A constant, so that a
/// program with an application of its own does not carry the code for it.
const RELAY: bool = cfg!(feature = "relay");
