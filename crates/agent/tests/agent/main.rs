//! The built binary, started as an operator starts it, killed and started again.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod asking;
mod cases;
mod encrypted;
mod fetching;
mod fixtures;
mod process;
mod restarts;
mod settings;
mod syncing;
mod timers;
mod web;
