//! Events for later: what a step asks its host to keep time for. Nothing here knows what time it is.

use std::sync::Arc;

use super::Event;

/// An event that the machine is to be given after a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    /// The name under which it is cancelled; empty if it cannot be. Several may have the same.
    pub id: Arc<str>,
    /// How long to wait, in milliseconds; 0 is as soon as the step is done.
    pub delay_ms: f64,
    /// What the machine is then given.
    pub event: Event,
}

/// What becomes of a machine's timers with a step, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum TimerChange {
    /// Give the machine this timer's event when it is due.
    Start(Timer),
    /// Forget every timer of that name.
    Cancel(Arc<str>),
}
