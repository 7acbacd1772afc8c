//! One step: an event, the actions it leads to, and the events that these raise.

use std::collections::VecDeque;
use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::Json;

use super::compiled::{Action, Definition, ERROR, Guard, List, ListOf, SUCCESS, State};
use super::pending::{PendingCall, Visit};
use super::tool::{ToolFailure, ToolHost};
use super::{Event, RAISED_EVENTS_MAX, Runaway, Snapshot, Step, Taken};

/// Enters the state that the snapshot is in.
pub(super) fn start(definition: &Definition, snapshot: Snapshot, host: &mut dyn ToolHost) -> Step {
    let mut run = Run::new(definition, snapshot, host);
    let event = Event::new("", Json::Null);
    run.list(&run.entry(), 0, &event);
    run.settle(true)
}

/// Handles an event.
pub(super) fn event(
    definition: &Definition,
    snapshot: Snapshot,
    event: &Event,
    host: &mut dyn ToolHost,
) -> Step {
    let mut run = Run::new(definition, snapshot, host);
    let handled = run.take(event);
    run.settle(handled)
}

/// Goes on after a call.
pub(super) fn finished(
    definition: &Definition,
    snapshot: Snapshot,
    call: &PendingCall,
    outcome: Result<Json, ToolFailure>,
    host: &mut dyn ToolHost,
) -> Step {
    let is_awaited = snapshot.awaits(call);
    let mut run = Run::new(definition, snapshot, host);
    match outcome {
        Ok(result) if is_awaited => run.go_on(call, result),
        Ok(_) => {}
        Err(failure) if is_awaited || call.of.list != List::Entry => run.raise_error(failure),
        Err(failure) => run.unheard.push(failure),
    }
    run.settle(is_awaited)
}

/// An event that an action raised. A success counts only in the visit in which it was raised.
struct Raised {
    event: Event,
    failure: Option<ToolFailure>,
    visit: u64,
}

pub(super) struct Run<'a> {
    pub(super) definition: &'a Definition,
    pub(super) host: &'a mut dyn ToolHost,
    pub(super) snapshot: Snapshot,
    /// The state that the machine is in once the transition at hand is done.
    heading: Arc<str>,
    raised: VecDeque<Raised>,
    pub(super) pending: Vec<PendingCall>,
    unheard: Vec<ToolFailure>,
    transitions: Vec<Taken>,
    pub(super) queries: OrderedMap<Arc<str>, Json>,
    /// Whether the last result is of a call made for the event at hand, and so comes before the payload's.
    pub(super) is_result_fresh: bool,
}

/// Whether a list went on to its end.
pub(super) enum Progress {
    Done,
    Suspended,
}

impl<'a> Run<'a> {
    fn new(definition: &'a Definition, snapshot: Snapshot, host: &'a mut dyn ToolHost) -> Self {
        Self {
            definition,
            host,
            heading: snapshot.state.clone(),
            snapshot,
            raised: VecDeque::new(),
            pending: Vec::new(),
            unheard: Vec::new(),
            transitions: Vec::new(),
            queries: OrderedMap::new(),
            is_result_fresh: false,
        }
    }

    fn active(&self) -> Option<&'a State> {
        self.definition.state(&self.snapshot.state)
    }

    /// The visit that what is called now is waited for in.
    pub(super) fn visit(&self) -> Visit {
        Visit {
            state: self.heading.clone(),
            number: self.snapshot.visit,
        }
    }

    fn entry(&self) -> ListOf {
        ListOf {
            state: self.snapshot.state.clone(),
            list: List::Entry,
        }
    }

    /// Handles what was raised until nothing is, and gives the step.
    fn settle(mut self, handled: bool) -> Step {
        let mut runaway = None;
        let mut left = RAISED_EVENTS_MAX;
        while let Some(raised) = self.raised.pop_front() {
            if left == 0 {
                runaway = Some(self.stop(raised));
                break;
            }
            left -= 1;
            self.handle_raised(raised);
        }
        Step {
            handled,
            snapshot: self.snapshot,
            transitions: self.transitions,
            pending: self.pending,
            unheard: self.unheard,
            queries: self.queries,
            runaway,
        }
    }

    fn handle_raised(&mut self, raised: Raised) {
        let is_stale = raised.failure.is_none() && raised.visit != self.snapshot.visit;
        if !is_stale && !self.take(&raised.event) {
            self.unheard.extend(raised.failure);
        }
    }

    /// Gives up on the event, and on every other that was raised.
    fn stop(&mut self, raised: Raised) -> Runaway {
        let runaway = Runaway {
            state: self.snapshot.state.clone(),
            event_type: raised.event.event_type,
        };
        self.unheard.extend(raised.failure);
        let failures = self.raised.drain(..).filter_map(|raised| raised.failure);
        self.unheard.extend(failures);
        runaway
    }

    fn raise_success(&mut self, event: &Event) {
        let mut payload = event.payload.as_object().cloned().unwrap_or_default();
        let result = self.snapshot.last_result.clone().unwrap_or_default();
        payload.insert("result".into(), result);
        self.raised.push_back(Raised {
            event: Event::new(SUCCESS, payload.into()),
            failure: None,
            visit: self.snapshot.visit,
        });
    }

    fn raise_error(&mut self, failure: ToolFailure) {
        self.raised.push_back(Raised {
            event: Event::new(ERROR, failure.to_json()),
            failure: Some(failure),
            visit: self.snapshot.visit,
        });
    }

    /// Takes the event's transition, if there is one whose guard holds.
    fn take(&mut self, event: &Event) -> bool {
        self.is_result_fresh = false;
        let transitions = self
            .active()
            .and_then(|state| state.on.get(&event.event_type));
        let transitions = transitions.map_or(&[][..], |transitions| transitions);
        for (index, transition) in transitions.iter().enumerate() {
            match self.holds(&transition.guard, event) {
                Ok(false) => {}
                Ok(true) => {
                    self.transit(index, transition.target, event);
                    return true;
                }
                Err(failure) => {
                    self.guard_failed(failure, event);
                    return false;
                }
            }
        }
        false
    }

    /// A guard for ERROR that fails would raise ERROR for ever.
    fn guard_failed(&mut self, failure: ToolFailure, event: &Event) {
        if &*event.event_type == ERROR {
            self.unheard.push(failure);
        } else {
            self.raise_error(failure);
        }
    }

    fn holds(&self, guard: &Guard, event: &Event) -> Result<bool, ToolFailure> {
        match guard {
            Guard::Expression(expression) => Ok(expression.is_truthy(&self.scope(event))?),
            Guard::Schema(schema) => {
                let state = std::iter::once(("state".into(), self.snapshot.state.clone().into()));
                let context = self
                    .snapshot
                    .context
                    .as_object()
                    .cloned()
                    .unwrap_or_default();
                Ok(schema.is_valid(&Json::object(state.chain(context))))
            }
        }
    }

    fn transit(&mut self, index: usize, target: usize, event: &Event) {
        let Some((target, _)) = self.definition.states.get_index(target) else {
            return;
        };
        if &*event.event_type == SUCCESS {
            self.snapshot.last_result = event.payload.get("result").cloned();
        }
        let from = self.snapshot.state.clone();
        self.snapshot.visit += 1;
        self.heading = target.clone();
        let list = |list| ListOf {
            state: from.clone(),
            list,
        };
        let event_type = event.event_type.clone();
        self.list(&list(List::Exit), 0, event);
        let actions = list(List::Transition { event_type, index });
        let progress = self.actions(&actions, 0, event);
        self.snapshot.state = target.clone();
        self.transitions.push(Taken {
            from,
            to: target.clone(),
            event_type: event.event_type.clone(),
        });
        self.end_list(&actions, progress, event);
        self.list(&self.entry(), 0, event);
    }

    /// The rest of a list after its pending call succeeded.
    fn go_on(&mut self, call: &PendingCall, result: Json) {
        let action = self.definition.actions(&call.of).get(call.index);
        let Some(Action::Tool(action)) = action.filter(|action| action.calls(&call.tool)) else {
            // The definition was edited meanwhile: its rest is not the rest of this list.
            self.snapshot.last_result = Some(result);
            return;
        };
        match self.succeeded(action, result, &call.event) {
            Ok(()) => self.list(&call.of, call.index + 1, &call.event),
            Err(failure) => self.raise_error(failure),
        }
    }

    /// Runs a list from that position, and raises what comes of it.
    fn list(&mut self, of: &ListOf, from: usize, event: &Event) {
        let progress = self.actions(of, from, event);
        self.end_list(of, progress, event);
    }

    fn end_list(&mut self, of: &ListOf, progress: Result<Progress, ToolFailure>, event: &Event) {
        match progress {
            Ok(Progress::Suspended) => {}
            Ok(Progress::Done) => {
                let active = self.active();
                if active.is_some_and(|active| self.definition.raises_success(of, active)) {
                    self.raise_success(event);
                }
            }
            Err(failure) => self.raise_error(failure),
        }
    }
}

impl Action {
    fn calls(&self, name: &str) -> bool {
        matches!(self, Self::Tool(action) if &*action.tool == name)
    }
}
