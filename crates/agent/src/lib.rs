//! The headless host: the actors of an account, run by the same engine as in the browser, without a screen.
//!
//! ```text
//! sync server --frames--┐                    ┌--asks--> storage (a thread)
//! HTTP        --asks----┼--> host (a task, --┼--calls-> tools (a task each)
//! tools, timers --------┘    owns the engine)└--frames-> sync server
//! ```
//!
//! What an actor does is decided by the crate `engine`; this crate gives it a clock, a disk, a wire and tools. See [`host`]
//! for what is promised.

pub mod account;
mod clock;
pub mod definitions;
pub mod host;
pub mod http;
mod net;
mod patterns;
pub mod settings;
pub mod start_line;
mod store;
pub mod tools;
mod wire;
