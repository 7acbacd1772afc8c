//! The built binary, started as an operator starts it, and treated as the world treats a server.
#![allow(
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod crash;
mod fuzz;
mod honest;
mod hostile;
mod limits;
mod log;
mod noise;
mod pages;
mod peer;
mod process;
mod replica;
mod settings;
mod soak;
mod stop;
mod sync;
mod writer;
