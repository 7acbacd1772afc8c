//! One step: an event, the actions it leads to, and what these raise, until nothing is left to do.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::Json;

use super::bits::Bits;
use super::compiled::{Action, Definition, ERROR, List, ROOT, SUCCESS, State};
use super::pending::{PendingCall, Visit};
use super::place::history_of;
use super::plan::Plan;
use super::select::Met;
use super::tool::{ToolFailure, ToolHost};
use super::{Cause, Event, RAISED_EVENTS_MAX, Runaway, Snapshot, Step, TimerChange};

/// Enters the states that are active at first.
pub(super) fn start(definition: &Definition, snapshot: Snapshot, host: &mut dyn ToolHost) -> Step {
    let mut run = Run::new(definition, snapshot, host);
    let event = Event::new("", Json::Null);
    run.begin(&event);
    run.settle(&event);
    run.finish(true)
}

/// An event that an action raised.
pub(super) struct Raised {
    pub(super) event: Event,
    /// The state that it is for; the machine if it is for all.
    pub(super) owner: usize,
    /// A success counts only while the visit lasts in which it was raised.
    pub(super) visit: Option<Visit>,
    pub(super) failure: Option<ToolFailure>,
    /// What led to it.
    pub(super) cause: Cause,
}

/// What is going on: one step, or several that follow each other without leading to anything but another place.
pub(super) struct Run<'a> {
    pub(super) definition: &'a Definition,
    pub(super) host: &'a mut dyn ToolHost,
    pub(super) snapshot: Snapshot,
    /// The time of the step.
    pub(super) now_ms: f64,
    /// What the event at hand is, or came of.
    pub(super) cause: Cause,
    pub(super) raised: VecDeque<Raised>,
    pub(super) pending: Vec<PendingCall>,
    pub(super) unheard: Vec<ToolFailure>,
    pub(super) timers: Vec<TimerChange>,
    /// The states that were entered in this step and invoke something.
    pub(super) invoking: Vec<(usize, Cause)>,
    /// The states that were left and may have calls under way.
    pub(super) left: Vec<Arc<str>>,
    pub(super) output: Option<Json>,
    pub(super) transitions: u32,
    pub(super) queries: OrderedMap<Arc<str>, Json>,
    /// Whether the last result is of a call made for the event at hand, and so comes before the payload's.
    pub(super) is_result_fresh: bool,
    /// Whether other states are active than before.
    pub(super) is_moved: bool,
    /// Who waits for what the list at hand calls.
    pub(super) caller: Caller,
    /// Whether a final state of the machine itself was entered.
    pub(super) is_over: bool,
    /// How often a tool was called, or an actor invoked.
    pub(super) calls: u32,
    /// What an action is about to write; empty between actions, so that its memory is used again.
    pub(super) values: Vec<Json>,
    /// The last type of events that was met.
    pub(super) met: Option<Met>,
    /// What led to the states that are active, if anything did since it began.
    pub(super) reached: Option<Rc<Plan>>,
    runaway: Option<Runaway>,
}

/// Who waits for what a list calls.
#[derive(PartialEq, Eq)]
pub(super) enum Caller {
    /// The state that it belongs to.
    State,
    /// The state was left while a built-in tool of the list had to wait.
    Nobody,
}

/// Whether a list went on to its end.
pub(super) enum Progress {
    Done,
    Suspended,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        definition: &'a Definition,
        snapshot: Snapshot,
        host: &'a mut dyn ToolHost,
    ) -> Self {
        Self {
            definition,
            now_ms: host.now_ms(),
            cause: host.cause(),
            host,
            snapshot,
            raised: VecDeque::new(),
            pending: Vec::new(),
            unheard: Vec::new(),
            timers: Vec::new(),
            invoking: Vec::new(),
            left: Vec::new(),
            output: None,
            transitions: 0,
            queries: OrderedMap::new(),
            is_result_fresh: false,
            is_moved: false,
            caller: Caller::State,
            is_over: false,
            calls: 0,
            values: Vec::new(),
            met: None,
            reached: None,
            runaway: None,
        }
    }

    /// The visit that what is called now for that state is waited for in.
    pub(super) fn visit(&self, state: usize) -> Option<Visit> {
        if self.caller == Caller::Nobody {
            return None;
        }
        let id = &self.definition.state(state)?.id;
        let current = self.snapshot.visits.iter().find(|visit| visit.state == *id);
        Some(current.cloned().unwrap_or_else(|| Visit {
            state: id.clone(),
            number: self.snapshot.visit,
        }))
    }

    /// Handles an event and everything it raises; whether a transition was taken for it.
    pub(super) fn event(&mut self, event: &Event) -> bool {
        if self.definition.is_over(&self.snapshot.active) {
            return false;
        }
        let handled = self.take(event, ROOT);
        self.settle(event);
        handled
    }

    /// Whether it has led to nothing but another place: nothing to call, to keep time for, to end or to tell.
    pub(super) fn is_plain(&self) -> bool {
        self.calls == 0
            && self.pending.is_empty()
            && self.timers.is_empty()
            && self.queries.is_empty()
            && self.unheard.is_empty()
            && self.left.is_empty()
            && self.output.is_none()
            && self.runaway.is_none()
    }

    /// Handles what was raised until nothing is.
    pub(super) fn settle(&mut self, event: &Event) {
        let is_idle = self.raised.is_empty() && self.invoking.is_empty() && !self.is_over;
        if is_idle && !self.is_restless() {
            return;
        }
        let mut left = RAISED_EVENTS_MAX;
        let mut last = None;
        while !self.is_over {
            let is_moved = self.take_eventless(last.as_ref().unwrap_or(event));
            let raised = if is_moved {
                None
            } else {
                self.raised.pop_front()
            };
            if !is_moved && raised.is_none() {
                self.invoke(last.as_ref().unwrap_or(event));
                if self.raised.is_empty() {
                    break;
                }
                continue;
            }
            if left == 0 {
                self.runaway = Some(self.stop(raised, last.as_ref().unwrap_or(event)));
                break;
            }
            left -= 1;
            if let Some(raised) = raised {
                self.handle_raised(&raised);
                last = Some(raised.event);
            }
        }
        if self.is_over {
            self.end(last.as_ref().unwrap_or(event));
        }
    }

    /// What came of it all; `handled` is of the last event.
    pub(super) fn finish(mut self, handled: bool) -> Step {
        if self.is_moved {
            self.snapshot.state = self.definition.value(&self.snapshot.active);
        }
        if self.is_moved && !self.snapshot.kept.is_empty() {
            self.snapshot.history = history_of(self.definition, &self.snapshot.kept);
        }
        Step {
            handled,
            snapshot: self.snapshot,
            transitions: self.transitions,
            pending: self.pending,
            timers: self.timers,
            left: self.left,
            output: self.output,
            unheard: self.unheard,
            queries: self.queries,
            runaway: self.runaway,
        }
    }

    fn handle_raised(&mut self, raised: &Raised) {
        let is_stale = |visit: &Visit| !self.snapshot.visits.contains(visit);
        if raised.visit.as_ref().is_some_and(is_stale) {
            return;
        }
        self.cause = raised.cause.clone();
        let owner = if self.snapshot.active.has(raised.owner) {
            raised.owner
        } else {
            ROOT
        };
        let is_told = self.take(&raised.event, owner)
            || (raised.failure.is_some()
                && self.has_others(owner)
                && self.take(&raised.event, ROOT));
        if !is_told {
            self.unheard.extend(raised.failure.clone());
        }
    }

    /// Whether something is active that is neither around that state nor inside it.
    fn has_others(&self, state: usize) -> bool {
        let active: &Bits = &self.snapshot.active;
        let last = self.definition.last(state);
        active.next(last + 1).is_some()
            || active
                .within(0, state)
                .any(|other| self.definition.last(other) < state)
    }

    /// Gives up on the event, and on every other that was raised.
    fn stop(&mut self, raised: Option<Raised>, last: &Event) -> Runaway {
        let event = raised.as_ref().map_or(last, |raised| &raised.event);
        let event_type = event.event_type.clone();
        self.raised.extend(raised);
        self.forget_raised();
        Runaway {
            state: self.definition.value(&self.snapshot.active),
            event_type,
        }
    }

    /// What is raised is not handled any more; what failed is told.
    pub(super) fn forget_raised(&mut self) {
        let failures = self.raised.drain(..).filter_map(|raised| raised.failure);
        self.unheard.extend(failures);
    }

    /// Raises an event that every active state may take.
    pub(super) fn raise(&mut self, event: Event) {
        self.raised.push_back(Raised {
            event,
            owner: ROOT,
            visit: None,
            failure: None,
            cause: self.cause_of_next(),
        });
    }

    fn raise_success(&mut self, event: &Event, owner: usize) {
        let mut payload = event.payload.as_object().cloned().unwrap_or_default();
        let result = self.snapshot.last_result.clone().unwrap_or_default();
        payload.insert("result".into(), result);
        self.raised.push_back(Raised {
            event: Event::new(SUCCESS, payload.into()),
            owner,
            visit: self.visit(owner),
            failure: None,
            cause: self.cause_of_next(),
        });
    }

    pub(super) fn raise_error(&mut self, failure: ToolFailure, owner: usize) {
        self.raised.push_back(Raised {
            event: Event::new(ERROR, failure.to_json()),
            owner,
            visit: None,
            failure: Some(failure),
            cause: self.cause_of_next(),
        });
    }

    /// What follows in a list from what was done there last. Without tools nothing follows from anything but the event.
    pub(super) fn cause_of_next(&self) -> Cause {
        if self.definition.calls_tools {
            self.host.cause()
        } else {
            self.cause.clone()
        }
    }

    /// Runs a list, and raises what comes of it.
    pub(super) fn list(&mut self, list: List, event: &Event) {
        if self.definition.calls_tools {
            self.host.set_cause(self.cause.clone());
        }
        if let Err(failure) = self.actions_from(list, 0, event) {
            self.raise_error(failure, self.definition.heading(list));
        }
    }

    /// Runs a list from that position, and raises its success, if it called any tool.
    pub(super) fn actions_from(
        &mut self,
        list: List,
        from: usize,
        event: &Event,
    ) -> Result<(), ToolFailure> {
        let calls = self.calls;
        let progress = self.actions(list, from, event)?;
        let has_called = from > 0 || self.calls > calls;
        let is_told =
            has_called && matches!(progress, Progress::Done) && self.caller == Caller::State;
        if is_told && self.raises_success(list) {
            self.raise_success(event, self.definition.heading(list));
        }
        Ok(())
    }

    /// Whether success of that list's tools is told: to the state whose entry called them, and to the state that a
    /// transition leads to, unless that calls tools itself.
    fn raises_success(&self, list: List) -> bool {
        let owner = self.definition.heading(list);
        let calls_tools = self.definition.state(owner).is_some_and(State::calls_tools);
        let is_called = match list {
            List::Entry(_) => calls_tools,
            List::Exit(_) => false,
            List::Transition(_) => {
                matches!(self.definition.actions(list), [Action::Tool(_)]) && !calls_tools
            }
        };
        is_called && self.definition.takes_exactly(owner, SUCCESS)
    }
}
