//! Calls that take time: all that is needed to go on when they finish, and its form in a context.

use std::sync::Arc;

use cojson::json::Json;

use super::compiled::{List, ListOf};
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

/// One stay of a machine in a state, from one transition to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) state: Arc<str>,
    pub(super) number: u64,
}

impl PendingCall {
    /// As it is kept in a context beside the machine that this is the snapshot of.
    pub fn to_json(&self, snapshot: &Snapshot) -> Json {
        let awaited_in = if snapshot.awaits(self) {
            snapshot.state.clone().into()
        } else {
            Json::Null
        };
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
        let is_awaited = text("awaitedIn").is_some_and(|state| state == snapshot.state);
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
            visit: is_awaited.then(|| snapshot.visit()),
        })
    }
}

fn list_to_json(list: &List) -> Json {
    match list {
        List::Entry => "entry".into(),
        List::Exit => "exit".into(),
        List::Transition { event_type, index } => {
            vec![event_type.clone().into(), index_to_json(*index)].into()
        }
    }
}

fn list_from_json(json: &Json) -> Option<List> {
    match json {
        Json::String(name) if &**name == "entry" => Some(List::Entry),
        Json::String(name) if &**name == "exit" => Some(List::Exit),
        Json::Array(parts) => match parts.as_slice() {
            [Json::String(event_type), index] => Some(List::Transition {
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
