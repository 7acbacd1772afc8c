//! The behaviour of actors, as state machines without I/O.

pub mod definition_error;
pub mod expression;
mod names;
pub mod style;
