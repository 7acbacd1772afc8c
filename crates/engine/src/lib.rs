//! The behaviour of actors, as state machines without I/O.
// The browser module is built without `Debug`: what people read is written with `Display`.
#![cfg_attr(not(test), warn(clippy::use_debug))]

pub mod actor;
pub mod definition_error;
pub mod expression;
pub mod machine;
mod names;
pub mod reactive_store;
mod sameness;
pub mod schema;
pub mod style;
pub mod subscription_cache;
pub mod view;
