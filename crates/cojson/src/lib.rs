//! The data: values as signed CRDT logs in the format of CoJSON 0.20, and their sync.
//!
//! A state machine without I/O: it is handed an input (a local change, a frame, what storage holds) and
//! returns what is to be done. It knows no clock, no randomness, no socket and no screen; a host owns those.
// The browser module is built without `Debug`: what people read is written with `Display`.
#![cfg_attr(not(test), warn(clippy::use_debug))]

pub mod access;
pub mod account;
pub mod collections;
pub mod crypto;
pub mod entropy;
#[cfg(feature = "graphemes")]
pub mod graphemes;
pub mod group;
pub mod header;
pub mod ids;
pub mod json;
pub mod known_state;
pub mod letters;
pub mod node;
pub mod session_log;
pub mod sync;
pub mod transaction;
pub mod value_log;
pub mod view;
