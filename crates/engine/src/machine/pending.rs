//! Calls that take time: all that is needed to go on when they finish, and its form in a context.

use std::sync::Arc;

use cojson::json::Json;

use super::compiled::{ANY, Definition, Invoke, List, ROOT};
use super::{CallId, Event, Snapshot};

/// A call that is under way.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingCall {
    /// The call's id, which the host gave it.
    pub id: CallId,
    /// The tool's name.
    pub tool: Arc<str>,
    /// The payload it was called with.
    pub payload: Json,
    /// The event for which it was called.
    pub event: Event,
    pub(super) of: ListOf,
    /// The position of the tool's action in its list.
    pub(super) index: usize,
    /// The visit of a state that waits for it; `None` if no one does.
    pub(super) visit: Option<Visit>,
}

/// A list of actions by names, which are the same in the next edition of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListOf {
    /// The id of the state it belongs to.
    state: Arc<str>,
    list: ListName,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ListName {
    Entry,
    Exit,
    /// What the state invokes under that id.
    Invoke(Arc<str>),
    /// The transition of that index among the state's for that event; those without an event have an empty type.
    Transition {
        event_type: Arc<str>,
        index: usize,
    },
}

impl ListOf {
    pub(super) fn new(definition: &Definition, list: List) -> Self {
        let (state, list) = match list {
            List::Entry(state) => (state, ListName::Entry),
            List::Exit(state) => (state, ListName::Exit),
            List::Transition(number) => {
                let found = definition.transition(number);
                let (source, class) = found.map_or((ROOT, ANY), |it| (it.source, it.class));
                let before = definition.transitions.iter().take(number);
                let index = before
                    .filter(|it| it.source == source && it.class == class)
                    .count();
                let event_type = definition.classes.get_index(class);
                let event_type = event_type.map(|(name, _)| name.clone()).unwrap_or_default();
                (source, ListName::Transition { event_type, index })
            }
        };
        let state = definition.state(state).map(|state| state.id.clone());
        Self {
            state: state.unwrap_or_default(),
            list,
        }
    }

    /// What a state invokes, as if it were a list.
    pub(super) fn of_invoke(state: &Arc<str>, invoke: &Arc<str>) -> Self {
        Self {
            state: state.clone(),
            list: ListName::Invoke(invoke.clone()),
        }
    }

    /// The id of what is invoked, if that is what it names.
    pub(super) fn invoke_id(&self) -> Option<&Arc<str>> {
        match &self.list {
            ListName::Invoke(id) => Some(id),
            _ => None,
        }
    }

    /// What is invoked, if the definition has it (still).
    pub(super) fn invoke<'d>(&self, definition: &'d Definition) -> Option<&'d Invoke> {
        let id = self.invoke_id()?;
        let state = definition.state(*definition.ids.get(&self.state)?)?;
        state.invokes.iter().find(|invoke| invoke.id == *id)
    }

    pub(super) fn is_entry(&self) -> bool {
        self.list == ListName::Entry
    }

    /// The list, if the definition has it (still).
    pub(super) fn find(&self, definition: &Definition) -> Option<List> {
        let root = definition
            .state(ROOT)
            .is_some_and(|root| root.id == self.state);
        let state = if root {
            ROOT
        } else {
            *definition.ids.get(&self.state)?
        };
        match &self.list {
            ListName::Entry => Some(List::Entry(state)),
            ListName::Exit => Some(List::Exit(state)),
            ListName::Invoke(_) => None,
            ListName::Transition { event_type, index } => {
                let class = definition.classes.get_index_of(event_type)?;
                let all = definition.transitions.iter().enumerate();
                let mut own = all.filter(|(_, it)| it.source == state && it.class == class);
                own.nth(*index).map(|(number, _)| List::Transition(number))
            }
        }
    }
}

/// One stay of a machine in a state, from entering to leaving it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) state: Arc<str>,
    pub(super) number: u64,
}

impl PendingCall {
    /// A call of the host's own, of which no machine knows.
    pub fn of_host(id: CallId, tool: &str, payload: Json) -> Self {
        Self {
            id,
            tool: tool.into(),
            payload,
            event: Event::new("", Json::Null),
            of: ListOf {
                state: Arc::default(),
                list: ListName::Exit,
            },
            index: 0,
            visit: None,
        }
    }

    /// The id under which a state invoked it, if one did.
    pub fn invoke_id(&self) -> Option<&Arc<str>> {
        self.of.invoke_id()
    }

    /// Whether it runs for as long as its state is active, and no longer.
    pub fn is_invoked(&self) -> bool {
        self.of.invoke_id().is_some()
    }

    /// Whether it is over when its state is left: what a state invokes, and what its `entry` calls of tools that end so.
    /// What a transition or an `exit` calls is nobody's.
    pub fn ends_with_state(&self, does_tool: impl FnOnce(&str) -> bool) -> bool {
        self.is_invoked() || (self.of.is_entry() && does_tool(&self.tool))
    }

    /// The id of the state that called.
    pub fn state(&self) -> &Arc<str> {
        &self.of.state
    }

    /// As it is kept in a context beside the machine that this is the snapshot of.
    pub fn to_json(&self, snapshot: &Snapshot) -> Json {
        let awaited = self.visit.as_ref().filter(|_| snapshot.awaits(self));
        let awaited_in = awaited.map_or(Json::Null, |visit| visit.state.clone().into());
        Json::object([
            ("id", self.id.as_str().into()),
            ("tool", self.tool.clone().into()),
            ("payload", self.payload.clone()),
            ("eventType", self.event.event_type.clone().into()),
            ("eventPayload", self.event.payload.clone()),
            ("state", self.of.state.clone().into()),
            ("list", list_to_json(&self.of.list)),
            ("index", index_to_json(self.index)),
            ("awaitedIn", awaited_in),
        ])
    }

    /// Reads what [`to_json`](Self::to_json) wrote, beside the restored machine's snapshot; `None` if it is not that.
    pub fn from_json(json: &Json, snapshot: &Snapshot) -> Option<Self> {
        let text = |key: &str| match json.get(key) {
            Some(Json::String(text)) => Some(text.clone()),
            _ => None,
        };
        let awaited_in = text("awaitedIn");
        let is_awaited = |visit: &&Visit| awaited_in.as_ref() == Some(&visit.state);
        Some(Self {
            id: CallId::new(text("id")?),
            tool: text("tool")?,
            payload: json.get("payload")?.clone(),
            event: Event::new(text("eventType")?, json.get("eventPayload")?.clone()),
            of: ListOf {
                state: text("state")?,
                list: list_from_json(json.get("list")?)?,
            },
            index: index_from_json(json.get("index")?)?,
            visit: snapshot.visits.iter().find(is_awaited).cloned(),
        })
    }
}

fn list_to_json(list: &ListName) -> Json {
    match list {
        ListName::Entry => "entry".into(),
        ListName::Exit => "exit".into(),
        ListName::Invoke(id) => vec![id.clone().into()].into(),
        ListName::Transition { event_type, index } => {
            vec![event_type.clone().into(), index_to_json(*index)].into()
        }
    }
}

fn list_from_json(json: &Json) -> Option<ListName> {
    match json {
        Json::String(name) if &**name == "entry" => Some(ListName::Entry),
        Json::String(name) if &**name == "exit" => Some(ListName::Exit),
        Json::Array(parts) => match parts.as_slice() {
            [Json::String(id)] => Some(ListName::Invoke(id.clone())),
            [Json::String(event_type), index] => Some(ListName::Transition {
                event_type: event_type.clone(),
                index: index_from_json(index)?,
            }),
            _ => None,
        },
        _ => None,
    }
}

fn index_to_json(index: usize) -> Json {
    Json::from(u32::try_from(index).unwrap_or(u32::MAX))
}

fn index_from_json(json: &Json) -> Option<usize> {
    let number = json.as_number()?;
    let is_index = number.fract() == 0.0 && (0.0..f64::from(u32::MAX)).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an integer of 32 bits"
    )]
    is_index.then_some(number as usize)
}
