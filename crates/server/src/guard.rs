//! The guard: what keeps one client from costing others more than its share.
//!
//! Each part is a small state that is told what happened and says what follows; sockets and the relay do it. A client over
//! a limit is read more slowly, turned away or closed, with a counted reason; nobody else notices.

pub mod accounts;
pub mod address;
pub mod connections;
pub mod edge;
pub mod origin;
pub mod pace;
