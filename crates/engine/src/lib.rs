//! The behaviour of actors, as state machines without I/O.
