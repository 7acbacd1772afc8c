//! Actors over the data layer, in simulated tabs, devices and crashes.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that finds nothing has failed"
)]

mod device;
mod devices;
mod network;
mod patterns;
mod steps;
