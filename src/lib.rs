//! The browser host: what JavaScript sees, and the DOM, `IndexedDB`, `WebSocket` and tabs behind it.
//!
//! The engine and the data below it do no I/O: here is the clock, the randomness, the disk, the wire and the screen.
//! On any other target than wasm32 this package is empty.
#![cfg(target_arch = "wasm32")]
// The release module is built without `Debug`: what people read is written with `Display`.
#![cfg_attr(not(test), warn(clippy::use_debug))]

pub mod bridge;
pub mod clock;
mod deferred;
pub mod dom;
pub mod error;
mod futures;
pub mod passkey;
pub mod runtime;
pub mod storage;
pub mod tabs;
pub mod transport;

pub use runtime::Runtime;
