//! The sync server: verified logs between sockets and storage, and the pages of an application beside them.
//!
//! ```text
//! socket (a task per client)  --commands-->  relay (one thread, owns the replica)  --asks-->  storage (one thread)
//!                             <--outboxes--                                        <-answers-
//! ```
//!
//! What may be taken in, and what is to be answered, is decided by `cojson`'s replica; this crate gives it sockets, a disk
//! and bounds. Nothing here looks into a transaction. See [`relay`] for what is promised when something is slow, full
//! or gone.

pub mod accept;
pub mod auth;
pub mod cli;
pub mod guard;
pub mod http;
pub mod metrics;
pub mod operator;
pub mod refusals;
pub mod relay;
pub mod server;
pub mod settings;
pub mod socket;
pub mod start_line;
pub mod static_files;
pub mod stats;
pub mod storage;
pub mod tls;
pub mod transfer;
pub mod wakeups;

pub use service::{log, shutdown};
