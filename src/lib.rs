//! The browser host: what JavaScript sees, and the DOM, `IndexedDB`, `WebSocket` and tabs behind it.
//!
//! The engine and the data below it do no I/O: here is the clock, the randomness, the disk, the wire and the screen.
//! On any other target than wasm32 this package is empty.
#![cfg(target_arch = "wasm32")]

pub mod bridge;
pub mod clock;
pub mod dom;
mod either;
pub mod error;
pub mod storage;
pub mod tabs;
pub mod transport;
