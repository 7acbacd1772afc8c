//! Actors over the data layer, in simulated tabs, devices and crashes.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that finds nothing has failed"
)]

mod asking;
mod batches;
mod charts;
mod definitions;
mod device;
mod devices;
mod families;
mod fixtures;
mod forwarding;
mod history;
mod inboxes;
mod invoking;
mod leases;
mod many;
mod messages;
mod network;
mod patterns;
mod publishing;
mod queries;
mod restoring;
mod simulation;
mod steps;
mod tabs;
mod timers;
mod unfinished;
mod versions;
