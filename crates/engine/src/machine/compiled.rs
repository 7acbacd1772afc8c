//! A machine's definition with every name resolved: targets are indices, expressions and schemas are compiled.

use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::Json;

use crate::expression::Expression;
use crate::schema::Schema;

/// A whole definition.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) initial: Arc<str>,
    pub(super) states: OrderedMap<Arc<str>, State>,
    /// Context keys that no action may write, even when their names come from data.
    pub(super) reserved_keys: Box<[Arc<str>]>,
}

/// One state.
#[derive(Debug)]
pub(super) struct State {
    pub(super) entry: Box<[Action]>,
    pub(super) exit: Box<[Action]>,
    /// The transitions for each type of event, in the order in which their guards are asked.
    pub(super) on: OrderedMap<Arc<str>, Box<[Transition]>>,
}

/// One way from a state to another.
#[derive(Debug)]
pub(super) struct Transition {
    pub(super) guard: Guard,
    /// The position of the target among the states.
    pub(super) target: usize,
    pub(super) actions: Box<[Action]>,
}

/// What must hold for a transition to be taken.
#[derive(Debug)]
pub(super) enum Guard {
    /// A truth value or an expression over the context and the event's payload.
    Expression(Expression),
    /// A schema of the context with the active state's name as `state`.
    Schema(Schema),
}

/// One action.
#[derive(Debug)]
pub(super) enum Action {
    /// Calls a tool.
    Tool(ToolAction),
    /// Merges what it evaluates to into the context.
    Update(Expression),
    /// As an update; each member is a query, which whoever runs queries is told of.
    Query(Expression),
}

/// A tool and what it is called with.
#[derive(Debug)]
pub(super) struct ToolAction {
    pub(super) tool: Arc<str>,
    pub(super) payload: Expression,
    /// Merged into the context once it succeeded.
    pub(super) on_success: Option<Expression>,
    /// Where it stands in the definition.
    pub(super) path: Arc<str>,
}

/// Which list of actions: of a state, or of one of its transitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum List {
    Entry,
    Exit,
    Transition { event_type: Arc<str>, index: usize },
}

/// A list of actions and the state it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListOf {
    pub(super) state: Arc<str>,
    pub(super) list: List,
}

impl Definition {
    pub(super) fn state(&self, name: &str) -> Option<&State> {
        self.states.get(name)
    }

    /// The actions of a list; none where the definition does not have it (any more).
    pub(super) fn actions(&self, of: &ListOf) -> &[Action] {
        let Some(state) = self.state(&of.state) else {
            return &[];
        };
        match &of.list {
            List::Entry => &state.entry,
            List::Exit => &state.exit,
            List::Transition { event_type, index } => state
                .transition(event_type, *index)
                .map_or(&[], |transition| &transition.actions),
        }
    }

    /// Whether success of that list's tools is told to `state`, which is active when the list is done.
    pub(super) fn raises_success(&self, of: &ListOf, active: &State) -> bool {
        if !active.on.contains_key(SUCCESS) {
            return false;
        }
        match &of.list {
            List::Entry => active.calls_tools(),
            List::Exit => false,
            List::Transition { .. } => {
                matches!(self.actions(of), [Action::Tool(_)]) && !active.calls_tools()
            }
        }
    }
}

impl State {
    pub(super) fn transition(&self, event_type: &str, index: usize) -> Option<&Transition> {
        self.on.get(event_type)?.get(index)
    }

    /// Whether entering it calls a tool.
    fn calls_tools(&self) -> bool {
        self.entry
            .iter()
            .any(|action| matches!(action, Action::Tool(_)))
    }
}

/// The event that says that tools succeeded.
pub(super) const SUCCESS: &str = "SUCCESS";

/// The event that says that something failed.
pub(super) const ERROR: &str = "ERROR";

/// The context changes that have a name: its name, the key written, the value.
pub(super) fn named_update(name: &str) -> Option<Json> {
    let (key, value) = match name {
        "resetError" => ("error", Json::Null),
        "setLoading" => ("isLoading", Json::Bool(true)),
        "clearLoading" => ("isLoading", Json::Bool(false)),
        _ => return None,
    };
    Some(Json::object([(key, value)]))
}

/// The names that [`named_update`] knows.
pub(super) const NAMED_UPDATES: [&str; 3] = ["resetError", "setLoading", "clearLoading"];
