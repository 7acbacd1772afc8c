//! Machines: a definition of states and transitions, compiled once, and its steps.
//!
//! A step takes a snapshot and an event and gives the next snapshot; nothing else is kept, so a step can be taken
//! again from the same snapshot. The only way out is the [`ToolHost`]: the actions of a list run one after the other,
//! each sees what those before it wrote, and a tool is called with the context as it is at that moment.
//!
//! **Charts.** States may be nested and parallel; what a step does is the algorithm of the W3C's SCXML recommendation.
//! Of each active state, the innermost first, the first transition for the event whose guard holds is chosen; of two
//! that would leave the same states, the inner one's is taken. All that is left runs its exit actions from the inside
//! out, then the transitions' actions run, then all that is entered runs its entry actions from the outside in. A
//! self transition is no exception, unless it is internal; one without a target leaves nothing. Then what needs no
//! event (`always`) and what was raised follows, until nothing is left: at most [`RAISED_EVENTS_MAX`] of both. An
//! event that no transition takes changes nothing (`handled` is false).
//!
//! **Later.** `after` and a `raise` with a `delay` ask the host to give an event back when it is due
//! ([`TimerChange`]); leaving the state, or `cancel`, takes that back.
//!
//! **Tools.** A call that fails ends its list and raises `ERROR {errors: [{type, message, path?}]}`; so does an
//! expression that cannot be evaluated. When the tools of an entry list have all succeeded, `SUCCESS {…the event's
//! payload, result}` is raised if the state or one around it takes it; a transition whose only action is a tool does
//! so too, unless the state it enters calls tools itself. Both are for the state that called, with what is inside and
//! around it; an ERROR that these do not take is told to the others. A transition whose action fails still enters its
//! target.
//!
//! **Invoked.** What a state invokes is called at the end of the step that entered it, if the state is still active
//! then: a tool, or an actor of its own. It ends with the state ([`Step::left`]); what it says meanwhile comes as
//! `progress.invoke.<id>`, what comes of it as `done.invoke.<id>` or `error.invoke.<id>`.
//!
//! **Calls that take time.** A pending call holds back the rest of its list, never the machine. When it finishes,
//! the rest runs and SUCCESS is raised only if the state that waits for it was not left since. A failure is raised all the
//! same, except for a call of a state's entry after that state was left: nobody waits for it any more, and
//! it is given to the host as unheard.

mod actions;
mod bits;
mod cause;
mod compile;
mod compiled;
mod enter;
mod go_on;
mod invoke;
mod pending;
mod place;
mod plan;
mod run;
mod select;
#[cfg(test)]
mod tests;
mod timer;
mod tool;
mod transit;

use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::Json;

use crate::definition_error::{DefinitionError, Place};
use crate::schema::PatternCompiler;
use bits::Bits;
use compiled::{Definition, ROOT};
use pending::Visit;
use run::Run;

pub use cause::Cause;
pub(crate) use compiled::named_update;
pub use invoke::is_actor;
pub use pending::PendingCall;
pub use timer::{OnRestore, Timer, TimerChange};
pub use tool::{CallId, ToolCall, ToolError, ToolFailure, ToolHost, ToolReply};

/// How many events one step may raise before it is taken for a loop.
pub const RAISED_EVENTS_MAX: usize = 1_000;

/// What a machine's definition may refer to.
#[derive(Clone, Copy)]
pub struct MachineLibrary<'a> {
    /// Compiles the patterns in the schemas of guards.
    pub patterns: &'a dyn PatternCompiler,
    /// The names of the tools there are.
    pub tools: &'a [&'a str],
    /// Whether other tools may be named too, because they are registered later.
    pub allows_unknown_tools: bool,
    /// The names of the actors that states may invoke, beside definitions in place.
    pub actors: &'a [&'a str],
    /// The types of messages the actor takes; `None` if it takes any. `SUCCESS` and `ERROR` need not be named.
    pub message_types: Option<&'a [&'a str]>,
    /// Context keys that belong to the runtime: no action may write them.
    pub reserved_keys: &'a [&'a str],
}

/// Something that happened, and its particulars.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The name under which a state's `on` knows it.
    pub event_type: Arc<str>,
    /// What `$$` reads: an object.
    pub payload: Json,
}

impl Event {
    /// An event of that type; a payload of null is an empty object.
    pub fn new(event_type: impl Into<Arc<str>>, payload: Json) -> Self {
        let payload = if payload.is_null() {
            Json::empty_object()
        } else {
            payload
        };
        let event_type = event_type.into();
        Self {
            event_type,
            payload,
        }
    }
}

/// Where a machine is: its active states and its context, and what it remembers only in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The active state's name; where states are nested, an object of the names: `{"open": "saving"}`.
    pub state: Json,
    /// What the states with a history had for active when they were left, by their ids; null if nothing is kept.
    pub history: Json,
    /// The actor's context: an object.
    pub context: Json,
    /// The last tool's result, for `$$result`.
    pub last_result: Option<Json>,
    active: Bits,
    kept: Vec<(usize, Bits)>,
    /// Since when the active states are, in a machine that calls tools.
    visits: Vec<Visit>,
    /// How many times transitions were taken since the machine was started or restored.
    visit: u64,
}

impl Snapshot {
    /// Whether somebody waits for that call's success: the state that it was made for was not left since.
    pub fn awaits(&self, call: &PendingCall) -> bool {
        call.visit
            .as_ref()
            .is_some_and(|visit| self.visits.contains(visit))
    }

    /// Takes over since when the states are active that were so before: whoever moved the machine elsewhere left them so.
    pub fn carry_visits(&mut self, before: &Self) {
        self.visit = before.visit + 1;
        for visit in &mut self.visits {
            let known = before
                .visits
                .iter()
                .find(|known| known.state == visit.state);
            visit.number = known.map_or(self.visit, |known| known.number);
        }
    }

    /// The context's members that differ from what they were before, by name.
    pub fn changed_keys(&self, before: &Json) -> Vec<Arc<str>> {
        let members = self.context.as_object().into_iter().flatten();
        members
            .filter(|(key, value)| !before.get(key).is_some_and(|old| is_unchanged(old, value)))
            .map(|(key, _)| key.clone())
            .collect()
    }
}

fn is_unchanged(old: &Json, new: &Json) -> bool {
    old.is_same(new) || old == new
}

/// What a step led to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// Whether a transition was taken for the event itself.
    pub handled: bool,
    /// Where the machine is now.
    pub snapshot: Snapshot,
    /// How many transitions were taken, with those for raised events.
    pub transitions: u32,
    /// The calls that are under way now and were not before.
    pub pending: Vec<PendingCall>,
    /// What becomes of the machine's timers.
    pub timers: Vec<TimerChange>,
    /// The states that were left whose invoked tools and actors, and the tools that their entries called, are to end, by
    /// their ids. Before `pending` begins.
    pub left: Vec<Arc<str>>,
    /// What the machine tells at its end, in the step that brings it there.
    pub output: Option<Json>,
    /// The queries that `mapData` wrote into the context, by key. Their filters are evaluated: data, not expressions.
    pub queries: OrderedMap<Arc<str>, Json>,
    /// Failures that no state took as `ERROR`: for the host to tell.
    pub unheard: Vec<ToolFailure>,
    /// Set if the step was cut short because it raised events without end.
    pub runaway: Option<Runaway>,
}

/// Steps that follow each other: as long as they are plain, what each led to is but where the next begins.
pub struct Steps<'a>(Run<'a>);

impl Steps<'_> {
    /// Handles an event and everything it raises; whether a transition was taken for it.
    pub fn take(&mut self, event: &Event) -> bool {
        self.0.event(event)
    }

    /// Whether they led to nothing but another snapshot so far. If not, the next event has to wait until what they led to
    /// is done.
    pub fn is_plain(&self) -> bool {
        self.0.is_plain()
    }

    /// What they led to, as one step; whether the last event was handled is what its caller knows.
    pub fn finish(self, handled: bool) -> Step {
        self.0.finish(handled)
    }
}

/// A machine that raised event after event within one step.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "the machine raised more than {RAISED_EVENTS_MAX} events in one step; the last was {event_type} in the state \
     {state}: give one of the transitions that follow each other another target or a guard"
)]
pub struct Runaway {
    /// The active states when it was stopped.
    pub state: Json,
    /// The type of the event that was not handled any more.
    pub event_type: Arc<str>,
}

/// What became of a stored state's name.
#[derive(Clone, Debug, PartialEq)]
pub enum Restored {
    /// The definition has it: the machine is where it was.
    Same(Snapshot),
    /// The definition has it no longer: the machine is in its initial state. To be told.
    FellBack {
        /// The machine in its initial state.
        snapshot: Snapshot,
        /// What was stored.
        missing: Json,
    },
}

impl Restored {
    /// The machine's place, whichever way it came to it.
    pub fn into_snapshot(self) -> Snapshot {
        match self {
            Self::Same(snapshot) | Self::FellBack { snapshot, .. } => snapshot,
        }
    }
}

/// A compiled machine.
#[derive(Debug)]
pub struct Machine {
    definition: Definition,
    /// Whether any state invokes an actor that is given what this one is sent.
    forwards: bool,
    unreachable: Vec<DefinitionError>,
}

impl Machine {
    /// Compiles a definition: `{initial, states: {name: {entry?, exit?, on?, …}}}`. Whatever it refers to is checked.
    pub fn compile(
        json: &Json,
        library: &MachineLibrary<'_>,
        place: &Place,
    ) -> Result<Self, DefinitionError> {
        let (definition, unreachable) = compile::definition(json, library, place)?;
        let mut invokes = definition.states.iter().flat_map(|state| &state.invokes);
        Ok(Self {
            forwards: invokes.any(|invoke| invoke.is_forwarded_to),
            definition,
            unreachable,
        })
    }

    /// The states that no transition leads to, and the transitions that another is always taken before: not wrong, but
    /// hardly meant.
    pub fn unreachable(&self) -> &[DefinitionError] {
        &self.unreachable
    }

    /// A machine in the states that are active at first, in which nothing has happened.
    pub fn initial(&self, context: Json) -> Snapshot {
        self.at(self.definition.initial.clone(), &Json::Null, context)
    }

    /// Starts it: what is active at first is entered.
    pub fn start(&self, context: Json, host: &mut dyn ToolHost) -> Step {
        run::start(&self.definition, self.initial(context), host)
    }

    /// Puts it where it was when its states, histories and context were stored. No action runs (R3).
    pub fn restore(&self, state: &Json, history: &Json, context: Json) -> Restored {
        match place::read(&self.definition, state, ROOT) {
            Some(active) => Restored::Same(self.at(active, history, context)),
            None => Restored::FellBack {
                snapshot: self.initial(context),
                missing: state.clone(),
            },
        }
    }

    /// Handles an event and everything it raises. A timer's event is one too, when it is due.
    pub fn step(&self, snapshot: &Snapshot, event: &Event, host: &mut dyn ToolHost) -> Step {
        let mut steps = self.steps(snapshot.clone(), host);
        let handled = steps.take(event);
        steps.finish(handled)
    }

    /// Steps that follow each other from there.
    pub fn steps<'a>(&'a self, snapshot: Snapshot, host: &'a mut dyn ToolHost) -> Steps<'a> {
        Steps(Run::new(&self.definition, snapshot, host))
    }

    /// Goes on after a pending call, with what became of it.
    pub fn tool_finished(
        &self,
        snapshot: &Snapshot,
        call: &PendingCall,
        outcome: Result<Json, ToolFailure>,
        host: &mut dyn ToolHost,
    ) -> Step {
        go_on::finished(&self.definition, snapshot.clone(), call, outcome, host)
    }

    /// Gives the machine what an invoked tool says while it is under way.
    pub fn tool_progressed(
        &self,
        snapshot: &Snapshot,
        call: &PendingCall,
        progress: &Json,
        host: &mut dyn ToolHost,
    ) -> Step {
        go_on::progressed(&self.definition, snapshot.clone(), call, progress, host)
    }

    /// Whether some state has a transition for events of that type.
    pub fn takes(&self, event_type: &str) -> bool {
        let definition = &self.definition;
        let class = definition.class_of(event_type);
        let on = definition.states.iter().map(|state| state.on.clone());
        let mut transitions = on.filter_map(|on| definition.transitions.get(on)).flatten();
        transitions.any(|it| definition.takes(it.class, class))
    }

    /// Whether it has come to its end, a final state of its own: it takes no event any more.
    pub fn is_over(&self, snapshot: &Snapshot) -> bool {
        self.definition.is_over(&snapshot.active)
    }

    /// Whether it has a state of that id: its own, or its path (`open.saving`).
    pub fn has_state(&self, id: &str) -> bool {
        self.definition.ids.get(id).is_some()
    }

    /// The ids of its states.
    pub fn state_ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.definition.ids.keys()
    }

    /// The ids of the active states that have none inside, in the order of the definition.
    pub fn active_leaves(&self, snapshot: &Snapshot) -> Vec<Arc<str>> {
        let states = self.definition.states.iter().enumerate();
        let leaves = states.filter(|(number, state)| state.last == *number);
        let active = leaves.filter(|(number, _)| snapshot.active.has(*number));
        active.map(|(_, state)| state.id.clone()).collect()
    }

    /// A machine that has just come to those states.
    fn at(&self, active: Bits, history: &Json, context: Json) -> Snapshot {
        let definition = &self.definition;
        let kept = place::read_history(definition, history);
        let waiting = definition.states.iter().enumerate();
        let waiting = waiting.filter(|(state, _)| definition.calls_tools && active.has(*state));
        let visit = |(_, state): (usize, &compiled::State)| Visit {
            state: state.id.clone(),
            number: 0,
        };
        Snapshot {
            state: definition.value(&active),
            history: place::history_of(definition, &kept),
            context,
            last_result: None,
            visits: waiting.map(visit).collect(),
            active,
            kept,
            visit: 0,
        }
    }
}
