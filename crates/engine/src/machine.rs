//! Machines: a definition of states and transitions, compiled once, and its steps.
//!
//! A step takes a snapshot and an event and gives the next snapshot; nothing else is kept, so a step can be taken
//! again from the same snapshot. The only way out is the [`ToolHost`]: the actions of a list run one after the other,
//! each sees what those before it wrote, and a tool is called with the context as it is at that moment.
//!
//! **Transitions.** The first transition of the active state for the event whose guard holds is taken: exit actions,
//! the transition's actions, then the target is entered and its entry actions run. A self transition is no exception.
//! An event that no transition takes changes nothing (`handled` is false).
//!
//! **Tools.** A call that fails ends its list and raises `ERROR {errors: [{type, message, path?}]}`; so does an
//! expression that cannot be evaluated. When the tools of an entry list have all succeeded, `SUCCESS {…the event's
//! payload, result}` is raised if the state takes it; a transition whose only action is a tool does so too, unless
//! the state it enters calls tools itself. A transition whose action fails still enters its target. Raised events
//! are handled within the same step, at most [`RAISED_EVENTS_MAX`] of them.
//!
//! **Calls that take time.** A pending call holds back the rest of its list, never the machine. When it finishes,
//! the rest runs and SUCCESS is raised only if the machine has not transitioned since. A failure is raised all the
//! same, except for a call of a state's entry after that state was left: nobody waits for it any more, and
//! it is given to the host as unheard.

mod actions;
mod compile;
mod compiled;
mod pending;
mod run;
#[cfg(test)]
mod tests;
mod tool;

use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::Json;

use crate::definition_error::{DefinitionError, Place};
use crate::schema::PatternCompiler;
use compiled::Definition;
use pending::Visit;

pub use pending::PendingCall;
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

/// Where a machine is: its active state and its context, and what it remembers only in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The active state's name.
    pub state: Arc<str>,
    /// The actor's context: an object.
    pub context: Json,
    /// The last tool's result, for `$$result`.
    pub last_result: Option<Json>,
    /// How many transitions were taken since the machine was started or restored.
    visit: u64,
}

impl Snapshot {
    /// Whether somebody waits for that call's success: no transition was taken since it was made.
    pub fn awaits(&self, call: &PendingCall) -> bool {
        call.visit.as_ref() == Some(&self.visit())
    }

    fn visit(&self) -> Visit {
        Visit {
            state: self.state.clone(),
            number: self.visit,
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

/// One transition that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The state that was left.
    pub from: Arc<str>,
    /// The state that was entered.
    pub to: Arc<str>,
    /// The type of the event that led there.
    pub event_type: Arc<str>,
}

/// What a step led to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// Whether a transition was taken for the event itself.
    pub handled: bool,
    /// Where the machine is now.
    pub snapshot: Snapshot,
    /// The transitions taken, in order, with those for raised events.
    pub transitions: Vec<Taken>,
    /// The calls that are under way now and were not before.
    pub pending: Vec<PendingCall>,
    /// The queries that `mapData` wrote into the context, by key. Their filters are evaluated: data, not expressions.
    pub queries: OrderedMap<Arc<str>, Json>,
    /// Failures that no state took as `ERROR`: for the host to tell.
    pub unheard: Vec<ToolFailure>,
    /// Set if the step was cut short because it raised events without end.
    pub runaway: Option<Runaway>,
}

/// A machine that raised event after event within one step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the machine raised more than {RAISED_EVENTS_MAX} events in one step; the last was {event_type} in the state \
     \"{state}\": give one of the transitions of SUCCESS or ERROR another target"
)]
pub struct Runaway {
    /// The active state when it was stopped.
    pub state: Arc<str>,
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
        /// The stored name.
        missing: Arc<str>,
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
}

impl Machine {
    /// Compiles a definition: `{initial, states: {name: {entry?, exit?, on?}}}`. Whatever it refers to is checked.
    pub fn compile(
        json: &Json,
        library: &MachineLibrary<'_>,
        place: &Place,
    ) -> Result<Self, DefinitionError> {
        let definition = compile::definition(json, library, place)?;
        Ok(Self { definition })
    }

    /// The name of the initial state.
    pub fn initial(&self) -> &Arc<str> {
        &self.definition.initial
    }

    /// Whether it has a state of that name.
    pub fn has_state(&self, name: &str) -> bool {
        self.definition.state(name).is_some()
    }

    /// Whether that state has a transition for events of that type.
    pub fn takes(&self, state: &str, event_type: &str) -> bool {
        let state = self.definition.state(state);
        state.is_some_and(|state| state.on.contains_key(event_type))
    }

    /// The events that any of its states takes, each with the JSON path of its transition in the definition.
    pub fn event_types(&self) -> impl Iterator<Item = (&Arc<str>, String)> {
        self.definition.states.iter().flat_map(|(name, state)| {
            let place = Place::root("").key("states").key(name).key("on");
            let path = move |event_type: &str| place.key(event_type).path().to_owned();
            state
                .on
                .keys()
                .map(move |event_type| (event_type, path(event_type)))
        })
    }

    /// Starts it in its initial state, with the entry actions.
    pub fn start(&self, context: Json, host: &mut dyn ToolHost) -> Step {
        run::start(&self.definition, at(self.initial(), context), host)
    }

    /// Puts it where it was when its state and context were stored. No action runs (R3).
    pub fn restore(&self, state: &str, context: Json) -> Restored {
        if let Some((_, known, _)) = self.definition.states.get_full(state) {
            return Restored::Same(at(known, context));
        }
        Restored::FellBack {
            snapshot: at(self.initial(), context),
            missing: state.into(),
        }
    }

    /// Handles an event and everything it raises.
    pub fn step(&self, snapshot: &Snapshot, event: &Event, host: &mut dyn ToolHost) -> Step {
        run::event(&self.definition, snapshot.clone(), event, host)
    }

    /// Goes on after a pending call, with what became of it.
    pub fn tool_finished(
        &self,
        snapshot: &Snapshot,
        call: &PendingCall,
        outcome: Result<Json, ToolFailure>,
        host: &mut dyn ToolHost,
    ) -> Step {
        run::finished(&self.definition, snapshot.clone(), call, outcome, host)
    }
}

/// A machine that has just come to that state.
fn at(state: &Arc<str>, context: Json) -> Snapshot {
    Snapshot {
        state: state.clone(),
        context,
        last_result: None,
        visit: 0,
    }
}
