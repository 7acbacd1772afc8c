//! The built binary, started as an operator starts it, and treated as the world treats a server.
#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod away;
mod cluster;
mod confined;
mod crash;
mod deflated;
mod disk;
mod exposition;
mod fuzz;
mod handshake;
mod honest;
mod hostile;
mod limits;
mod log;
mod members;
mod memory;
mod moving;
mod namespace;
mod noise;
mod operator;
mod pages;
mod partition;
mod peer;
#[cfg(feature = "pglite")]
mod pglite;
mod pooler;
#[path = "../../../storage/tests/support/postgres_server.rs"]
mod postgres_server;
mod process;
mod proxy;
mod replica;
mod secrets;
mod settings;
mod several;
mod several_cached;
mod several_measured;
mod soak;
mod start;
mod stats;
mod stop;
mod sync;
mod tls;
mod unit;
mod wanderers;
mod writer;
