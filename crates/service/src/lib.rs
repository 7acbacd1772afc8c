//! What the processes of this workspace that run until they are stopped have in common: settings that are read from flags
//! and variables, a log, signals, and addresses. Nothing here knows what such a process does.

pub mod log;
pub mod percent;
pub mod setting;
pub mod shutdown;
