//! A machine's definition with every name resolved: states and transitions are numbers, expressions are compiled.
//!
//! States are numbered in document order, each before its children, so that the descendants of a state are the numbers
//! up to its `last`, and the order in which states are entered is the order of their numbers. State 0 is the machine.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::Json;

use super::bits::Bits;
use super::place::value_of;
use super::plan::Plans;
use super::timer::OnRestore;
use crate::expression::Expression;
use crate::schema::Schema;

/// The machine itself, whose children are the states of the outermost level.
pub(super) const ROOT: usize = 0;

/// The class of events that no transition names; `*` takes them.
pub(super) const ANY: usize = 0;

/// How many values of active states are kept at hand.
const VALUES_KEPT_MAX: usize = 64;

/// A whole definition.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) states: Box<[State]>,
    pub(super) transitions: Box<[Transition]>,
    /// The states by their ids.
    pub(super) ids: OrderedMap<Arc<str>, usize>,
    /// What transitions are for, and the next shorter name that takes the same events: `a.b` is an `a` too.
    pub(super) classes: OrderedMap<Arc<str>, usize>,
    /// The states that have transitions without an event.
    pub(super) eventless: Bits,
    /// The states whose active descendants are kept when they are left.
    pub(super) remembering: Bits,
    /// The states that are active at first.
    pub(super) initial: Bits,
    /// Whether any state is final.
    pub(super) has_finals: bool,
    /// Whether any action depends on a condition: then what is active is told from each state that is left or entered.
    pub(super) has_conditions: bool,
    /// Whether any action calls a tool: then it is written down who waits for a call.
    pub(super) calls_tools: bool,
    /// Sets of active states and their values.
    pub(super) values: RefCell<Vec<(Bits, Json)>>,
    /// What was found out lately.
    pub(super) plans: Plans,
    /// Context keys that no action may write, even when their names come from data.
    pub(super) reserved_keys: Box<[Arc<str>]>,
}

/// What sort of state it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Atomic,
    /// One of its children is active.
    Compound,
    /// All of its children are active.
    Parallel,
    Final,
    /// Not a state: stands for those of its parent that were active when that was left.
    History {
        is_deep: bool,
    },
}

/// One state.
#[derive(Debug)]
pub(super) struct State {
    /// Its name among its siblings, as a value: what `_currentState` holds if it is active.
    pub(super) name: Json,
    /// Its name in the whole definition: its own `id`, or the names of its ancestors and it, joined by dots.
    pub(super) id: Arc<str>,
    pub(super) kind: Kind,
    pub(super) parent: usize,
    /// The last of its descendants, or itself.
    pub(super) last: usize,
    /// Those of its children that can be active.
    pub(super) children: Box<[usize]>,
    /// The transition to the child that is active at first, or to what an empty history stands for.
    pub(super) initial: Option<usize>,
    pub(super) entry: Box<[Action]>,
    pub(super) exit: Box<[Action]>,
    /// Its transitions with an event, in the order in which they are asked.
    pub(super) on: Range<usize>,
    /// Its transitions without an event.
    pub(super) always: Range<usize>,
    pub(super) timers: Box<[After]>,
    /// What runs while it is active.
    pub(super) invokes: Box<[Invoke]>,
    /// What a final state tells.
    pub(super) output: Option<Expression>,
}

/// An event that a state raises when it has been active for that long.
#[derive(Debug)]
pub(super) struct After {
    pub(super) delay_ms: Expression,
    /// Names the event and the timer.
    pub(super) event_type: Arc<str>,
    pub(super) on_restore: OnRestore,
}

/// What is called or run for as long as a state is active.
#[derive(Debug)]
pub(super) struct Invoke {
    /// Its name in the whole definition, which its events end with: `done.invoke.<id>`.
    pub(super) id: Arc<str>,
    pub(super) what: Invoked,
    /// A tool's payload, or what a child's context starts with beside its own.
    pub(super) input: Expression,
    /// Whether it is given what the actor is sent, unasked.
    pub(super) is_forwarded_to: bool,
}

/// What a state invokes.
#[derive(Debug)]
pub(super) enum Invoked {
    /// A tool, by its name.
    Tool(Arc<str>),
    /// An actor: its definition, or the name of one that the host knows.
    Actor(Json),
}

/// One way from a state to others.
#[derive(Debug)]
pub(super) struct Transition {
    pub(super) source: usize,
    /// The position in the classes of the name it is for.
    pub(super) class: usize,
    pub(super) guard: Option<Guard>,
    pub(super) targets: Box<[usize]>,
    /// The state whose descendants it leaves; it leaves nothing without targets.
    pub(super) domain: usize,
    /// Whether a target is a history, so that the domain depends on what is kept.
    pub(super) is_dynamic: bool,
    pub(super) is_internal: bool,
    pub(super) actions: Box<[Action]>,
}

/// What must hold for a transition to be taken.
#[derive(Debug)]
pub(super) enum Guard {
    /// A truth value or an expression over the context and the event's payload.
    Expression(Expression),
    /// A schema of the context with the active state as `state`.
    Schema(Schema),
    /// The state is active.
    In(usize),
    Not(Box<Guard>),
    All(Box<[Guard]>),
    Any(Box<[Guard]>),
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
    /// Gives the machine an event: within this step, or later.
    Raise(RaiseAction),
    /// Takes back the events raised for later under that name.
    Cancel(Expression),
    /// Passes over as many actions, unless a guard holds. So a list is flat, whatever depends on conditions in it, and a call
    /// that takes time goes on from its place in it.
    Skip { count: usize, unless: Option<Guard> },
}

/// An event that the machine gives itself.
#[derive(Debug)]
pub(super) struct RaiseAction {
    pub(super) event_type: Expression,
    pub(super) payload: Expression,
    /// How long to wait, in milliseconds; 0 is after this step. Absent: within this step.
    pub(super) delay_ms: Option<Expression>,
    /// The name under which it is cancelled, if it has one.
    pub(super) id: Option<Expression>,
    pub(super) on_restore: OnRestore,
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

/// Which list of actions: of a state, or of a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Entry(usize),
    Exit(usize),
    Transition(usize),
}

impl Definition {
    /// Whether `inner` is a descendant of `outer`.
    pub(super) fn is_inside(&self, inner: usize, outer: usize) -> bool {
        inner > outer && inner <= self.last(outer)
    }

    pub(super) fn state(&self, state: usize) -> Option<&State> {
        self.states.get(state)
    }

    pub(super) fn kind(&self, state: usize) -> Kind {
        self.state(state).map_or(Kind::Atomic, |state| state.kind)
    }

    pub(super) fn parent(&self, state: usize) -> usize {
        self.state(state).map_or(ROOT, |state| state.parent)
    }

    pub(super) fn last(&self, state: usize) -> usize {
        self.state(state).map_or(state, |state| state.last)
    }

    /// The children that can be active, in order.
    pub(super) fn children(&self, state: usize) -> &[usize] {
        self.state(state).map_or(&[], |state| &state.children)
    }

    /// The active states as a value; those that were asked for lately are kept, so that the same ones are the same.
    pub(super) fn value(&self, active: &Bits) -> Json {
        let mut values = self.values.borrow_mut();
        if let Some((_, value)) = values.iter().find(|(known, _)| known == active) {
            return value.clone();
        }
        if values.len() >= VALUES_KEPT_MAX {
            values.clear();
        }
        let value = value_of(self, active, ROOT);
        values.push((active.clone(), value.clone()));
        value
    }

    pub(super) fn transition(&self, transition: usize) -> Option<&Transition> {
        self.transitions.get(transition)
    }

    /// Where a state or a history leads to by itself, and the transition that says so.
    pub(super) fn initial_of(&self, state: usize) -> Option<(usize, &Transition)> {
        let initial = self.state(state)?.initial?;
        Some((initial, self.transition(initial)?))
    }

    /// The nearest ancestor of all of them that has one active child at a time.
    pub(super) fn domain(&self, source: usize, is_internal: bool, targets: &[usize]) -> usize {
        let holds = |outer: usize| targets.iter().all(|target| self.is_inside(*target, outer));
        if is_internal && self.kind(source) == Kind::Compound && holds(source) {
            return source;
        }
        let mut domain = self.parent(source);
        while domain != ROOT && !(self.kind(domain) == Kind::Compound && holds(domain)) {
            domain = self.parent(domain);
        }
        domain
    }

    /// The class of an event: the longest of the known names that takes it.
    pub(super) fn class_of(&self, event_type: &str) -> usize {
        let mut name = event_type;
        loop {
            if let Some(class) = self.classes.get_index_of(name) {
                return class;
            }
            match name.rsplit_once('.') {
                Some((shorter, _)) => name = shorter,
                None => return ANY,
            }
        }
    }

    /// Whether a transition for `wanted` takes events of that class.
    pub(super) fn takes(&self, wanted: usize, mut class: usize) -> bool {
        while wanted != class {
            if class == ANY {
                return false;
            }
            class = self
                .classes
                .get_index(class)
                .map_or(ANY, |(_, shorter)| *shorter);
        }
        true
    }

    /// The actions of a list; none where the definition does not have it.
    pub(super) fn actions(&self, list: List) -> &[Action] {
        match list {
            List::Entry(state) => self.state(state).map_or(&[], |state| &state.entry),
            List::Exit(state) => self.state(state).map_or(&[], |state| &state.exit),
            List::Transition(it) => self.transition(it).map_or(&[], |it| &it.actions),
        }
    }

    /// The state that waits for what a list calls.
    pub(super) fn heading(&self, list: List) -> usize {
        match list {
            List::Entry(state) | List::Exit(state) => state,
            List::Transition(transition) => {
                let found = self.transition(transition);
                found.map_or(ROOT, |it| self.target(it).unwrap_or(it.source))
            }
        }
    }

    /// The first state that a transition leads to; for a history, the state that it is of.
    pub(super) fn target(&self, transition: &Transition) -> Option<usize> {
        let target = *transition.targets.first()?;
        match self.kind(target) {
            Kind::History { .. } => Some(self.parent(target)),
            _ => Some(target),
        }
    }

    /// Whether a state or one around it has a transition for events of exactly that type.
    pub(super) fn takes_exactly(&self, state: usize, event_type: &str) -> bool {
        let Some(class) = self.classes.get_index_of(event_type) else {
            return false;
        };
        let mut at = state;
        loop {
            let on = self.state(at).map_or(0..0, |state| state.on.clone());
            let transitions = self.transitions.get(on).unwrap_or_default();
            if transitions.iter().any(|it| it.class == class) {
                return true;
            }
            if at == ROOT {
                return false;
            }
            at = self.parent(at);
        }
    }
}

impl State {
    /// Whether entering it calls a tool.
    pub(super) fn calls_tools(&self) -> bool {
        let is_tool = |action: &Action| matches!(action, Action::Tool(_));
        self.entry.iter().any(is_tool)
    }
}

/// The event that says that tools succeeded.
pub(super) const SUCCESS: &str = "SUCCESS";

/// The event that says that something failed.
pub(super) const ERROR: &str = "ERROR";

/// The context changes that have a name: its name, the key written, the value.
pub(crate) fn named_update(name: &str) -> Option<Json> {
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
