//! The sync state machine from outside: whole replicas with storage, connected by a network that misbehaves.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test, whose modules are one program"
)]

mod ahead;
mod author;
mod authorise;
mod bounded;
mod cache;
mod cast;
#[path = "../support/dice.rs"]
mod dice;
mod disk;
mod erasure;
mod frames;
mod hostile;
mod machine;
mod network;
mod news;
mod reading;
mod replay;
mod rules;
mod simulation;
mod storage;
mod tampered;
mod tampering;
mod together;
mod town;
mod upstream;
