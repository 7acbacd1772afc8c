//! Several devices and people, with a server between them: founding, membership, keys, values.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

#[path = "devices/ahead.rs"]
mod ahead;
#[path = "devices/binary.rs"]
mod binary;
#[path = "devices/branches.rs"]
mod branches;
#[path = "devices/circles.rs"]
mod circles;
#[path = "devices/deletion.rs"]
mod deletion;
#[path = "devices/founding.rs"]
mod founding;
#[path = "devices/invites.rs"]
mod invites;
#[path = "devices/keys.rs"]
mod keys;
#[path = "devices/laws.rs"]
mod laws;
#[path = "devices/membership.rs"]
mod membership;
#[path = "devices/merging.rs"]
mod merging;
#[path = "devices/past.rs"]
mod past;
#[path = "devices/scene.rs"]
mod scene;
#[path = "devices/texts.rs"]
mod texts;
#[path = "devices/values.rs"]
mod values;
#[path = "devices/world.rs"]
mod world;
