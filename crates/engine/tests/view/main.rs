//! Views, by what they put on the screen and what they send.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::format_push_string,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    unreachable_pub,
    reason = "a test may panic, and its helpers are its own"
)]

mod fields;
mod law;
mod patches;
mod refused;
mod screen;
