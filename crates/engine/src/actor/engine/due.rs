//! What is to be done at some time: events for later, attempts that take too long, attempts to be made again. One index
//! by time for all actors; an entry that does not hold any more is passed over.

use cojson::ids::Timestamp;

use super::super::ActorId;
use super::ActorEngine;
use crate::machine::CallId;

/// Something to do for an actor at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) at: Timestamp,
    pub(super) actor: ActorId,
    pub(super) what: What,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// The machine is given the event of that timer.
    Timer(CallId),
    /// The attempt of that call has taken too long, or the next one is made.
    Call(CallId),
    /// The actor's lease is looked at.
    Lease,
}

impl ActorEngine {
    /// Plans something for a time.
    pub(super) fn plan(&mut self, at: Timestamp, actor: &ActorId, what: What) {
        let actor = actor.clone();
        self.due.insert(Due { at, actor, what });
    }

    fn is_planned(&self, due: &Due) -> bool {
        match &due.what {
            What::Timer(timer) => self.is_timer_planned(due, timer),
            What::Call(call) => self.is_call_planned(due, call),
            What::Lease => self.is_lease_planned(&due.actor, due.at),
        }
    }

    /// When something is due first.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let mut due = self.due.iter();
        due.find(|due| self.is_planned(due)).map(|due| due.at)
    }

    /// Does what is due first; whether anything was.
    pub(super) fn do_due(&mut self) -> bool {
        while let Some(first) = self.due.first().filter(|due| due.at <= self.world.now) {
            let due = first.clone();
            self.due.remove(&due);
            if !self.is_planned(&due) {
                continue;
            }
            match &due.what {
                What::Timer(timer) => self.fire_timer(&due.actor, timer),
                What::Call(call) => self.attempt_is_due(call),
                What::Lease => self.check_lease(&due.actor),
            }
            return true;
        }
        false
    }
}
