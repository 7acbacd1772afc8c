//! The limit on everything that a peer can make us hold or read.
//!
//! Defaults fit a browser and a small server; a host may lower them. Nothing here is enforced by itself: each limit
//! says who keeps it.

use super::authorise::WriteRule;

/// Limits of the frame codec, kept by [`decode_frame`](super::decode_frame) before anything is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// The longest frame that is read, in bytes. Genuine clients send their first burst as one frame of many messages.
    pub frame_bytes_max: usize,
    /// The longest message (a line of a frame) that is read, in bytes: room for one transaction of 1 MiB, escaped.
    pub message_bytes_max: usize,
    /// The most messages that are read from one frame; what follows is dropped.
    pub frame_messages_max: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 32 << 20,
            message_bytes_max: 8 << 20,
            frame_messages_max: 20_000,
        }
    }
}

/// Limits and rules of a [`Replica`](super::Replica).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaConfig {
    /// Who may write.
    pub write_rule: WriteRule,
    /// Content goes out in pieces of about this size, in bytes; they are cut only where a signature exists.
    pub piece_bytes_max: usize,
    /// What the values in memory may weigh, in bytes: [`Replica::evict`](super::Replica::evict) keeps it. `usize::MAX` for
    /// a host that keeps everything it loads.
    pub cache_bytes_max: usize,
    /// How many bytes of content may be on their way to one peer. `usize::MAX` for a host that hands on everything at
    /// once and never says what left.
    pub window_bytes_max: usize,
    /// Whether peers are sent what is being written while it is written, not after: for a host that only passes on what
    /// others sign. What it acknowledges is durable all the same.
    pub sends_ahead: bool,
    /// How many bytes of content one peer may make us hold while dependencies of it are missing.
    pub pending_bytes_per_peer_max: usize,
    /// How many content messages one peer may make us hold while dependencies of them are missing.
    pub pending_messages_per_peer_max: usize,
    /// How many values that are not here one content message may depend on: each is looked for.
    pub missing_dependencies_max: usize,
    /// How many values one peer may subscribe to.
    pub values_per_peer_max: usize,
    /// How many sessions one value may have; those of a peer's content beyond it are refused.
    pub sessions_per_value_max: usize,
    /// How many values one `reconcile` batch may name.
    pub reconcile_values_max: usize,
    /// How many `reconcile` batches of one peer may be open at once.
    pub reconcile_batches_max: usize,
}

impl Default for ReplicaConfig {
    fn default() -> Self {
        Self {
            write_rule: WriteRule::default(),
            piece_bytes_max: 100 << 10,
            cache_bytes_max: usize::MAX,
            window_bytes_max: usize::MAX,
            sends_ahead: false,
            pending_bytes_per_peer_max: 16 << 20,
            pending_messages_per_peer_max: 4_096,
            missing_dependencies_max: 4_096,
            values_per_peer_max: 200_000,
            sessions_per_value_max: 20_000,
            reconcile_values_max: 1_000,
            reconcile_batches_max: 8,
        }
    }
}
