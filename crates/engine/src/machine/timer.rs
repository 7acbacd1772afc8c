//! Events for later: what a step asks its host to keep time for. Nothing here knows what time it is.

use std::sync::Arc;

use super::{Cause, Event};

/// An event that the machine is to be given after a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    /// The name under which it is cancelled; empty if it cannot be. Several may have the same.
    pub id: Arc<str>,
    /// How long to wait, in milliseconds; 0 is as soon as the step is done.
    pub delay_ms: f64,
    /// What the machine is then given.
    pub event: Event,
    /// What becomes of it when its machine is restored.
    pub on_restore: OnRestore,
    /// What led to it.
    pub cause: Cause,
}

/// What becomes of an event for later when its machine is restored: what was due meanwhile was given to nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRestore {
    /// It comes when it is due, at once if that is past.
    #[default]
    Fire,
    /// The whole wait begins again.
    Restart,
    /// What was due meanwhile does not come any more.
    Skip,
}

impl OnRestore {
    /// Their names.
    pub const NAMES: [&str; 3] = ["fire", "restart", "skip"];

    /// The name that definitions and records have for it.
    pub fn name(self) -> &'static str {
        let [fire, restart, skip] = Self::NAMES;
        match self {
            Self::Fire => fire,
            Self::Restart => restart,
            Self::Skip => skip,
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Fire, Self::Restart, Self::Skip];
        all.into_iter().find(|it| it.name() == name)
    }
}

/// What becomes of a machine's timers with a step, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum TimerChange {
    /// Give the machine this timer's event when it is due.
    Start(Timer),
    /// Forget every timer of that name.
    Cancel(Arc<str>),
}
