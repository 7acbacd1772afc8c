//! The `$on` of a node, and what an event of the screen becomes: a message with the payload of the definition.
//!
//! Markers stand for what the person did. They are data: whatever was typed is never compiled or evaluated (R9).

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::compile::Compiler;
use super::element::{Building, Element};
use super::patch::NodeId;
use super::template::Handler;
use crate::definition_error::{DefinitionError, Place, one_of};
use crate::expression::Expression;

/// The markers, in the order of their bits in what JavaScript is told to collect.
pub(super) const MARKERS: [&str; 4] = ["@inputValue", "@checked", "@dataColumn", "@key"];

/// The members of an event's definition.
const EVENT_KEYS: [&str; 3] = ["send", "payload", "key"];

/// The event that is never sent: it only keeps the event from the nodes around.
const STOP_PROPAGATION: &str = "STOP_PROPAGATION";

/// What the host read off the screen for one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomMarkers {
    /// `@inputValue`: what the field shows.
    pub input_value: Option<Arc<str>>,
    /// The bound field that shows it, if it is one.
    pub field: Option<NodeId>,
    /// `@checked`: the state of the check box or radio button the event came from.
    pub checked: Option<bool>,
    /// `@dataColumn`: the `data-column` of the closest element that has one.
    pub data_column: Option<Arc<str>>,
    /// `@key`: the name of the key.
    pub key: Option<Arc<str>>,
}

impl DomMarkers {
    /// The markers that have a value, with it.
    pub(super) fn values(&self) -> Vec<(&'static str, Json)> {
        let text = |text: &Option<Arc<str>>| text.clone().map(Json::String);
        let values = [
            text(&self.input_value),
            self.checked.map(Json::Bool),
            text(&self.data_column),
            text(&self.key),
        ];
        MARKERS
            .into_iter()
            .zip(values)
            .filter_map(|(marker, value)| Some((marker, value?)))
            .collect()
    }
}

/// What is to be sent to the actor.
#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingEvent {
    /// The message's type.
    pub event_type: Arc<str>,
    /// Its payload; an empty object where the definition has none.
    pub payload: Json,
}

type Compiled<T> = Result<T, DefinitionError>;

impl Compiler {
    pub(super) fn events(
        &mut self,
        on: &Json,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
    ) -> Compiled<()> {
        let members = on
            .as_object()
            .ok_or_else(|| place.error("an object of events", on))?;
        for (event, definition) in members {
            let place = place.key(event);
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_:.".contains(letter);
            if event.is_empty() || !event.chars().all(is_name) {
                return Err(
                    place.error_text("the name of an event of the screen", format!("\"{event}\""))
                );
            }
            let handlers = self.handlers_of(definition, &place, building)?;
            self.events.insert(event.clone());
            element.on.insert(event.clone(), handlers);
        }
        if !members.is_empty() {
            element.number(building);
        }
        Ok(())
    }

    /// One definition, or several of which each has its key.
    fn handlers_of(
        &mut self,
        definition: &Json,
        place: &Place,
        building: &Building,
    ) -> Compiled<Json> {
        let Some(definitions) = definition.as_array() else {
            return Ok(vec![self.handler(definition, place, building)?].into());
        };
        let handlers: Compiled<Vec<Json>> = definitions
            .iter()
            .enumerate()
            .map(|(index, definition)| self.handler(definition, &place.index(index), building))
            .collect();
        Ok(handlers?.into())
    }

    /// Number, key, markers, whether it only stops: what JavaScript needs to know of a handler.
    fn handler(&mut self, definition: &Json, place: &Place, building: &Building) -> Compiled<Json> {
        let members = definition
            .as_object()
            .ok_or_else(|| place.error("an object with \"send\"", definition))?;
        check_keys(members, place)?;
        let event_type = text_member(members, "send", place)?
            .ok_or_else(|| place.missing("the member \"send\": the type of a message"))?;
        let key = text_member(members, "key", place)?;
        let payload = match members.get("payload") {
            Some(payload) => {
                let place = place.key("payload");
                Some(Expression::compile_with_markers(payload, &place, &MARKERS)?)
            }
            None => None,
        };
        let markers = members.get("payload").map_or(0, markers_in);
        let number = u32::try_from(self.handlers.len()).unwrap_or(u32::MAX);
        let stops = &*event_type == STOP_PROPAGATION;
        self.handlers.push(Handler {
            template: building.index,
            event_type,
            payload,
        });
        Ok(vec![
            number.into(),
            key.map_or(Json::Null, Json::String),
            markers.into(),
            stops.into(),
        ]
        .into())
    }
}

fn check_keys(members: &JsonObject, place: &Place) -> Compiled<()> {
    match members.keys().find(|key| !EVENT_KEYS.contains(&&***key)) {
        Some(unknown) => {
            let expected = format!("one of the members {}", one_of(EVENT_KEYS));
            Err(place
                .key(unknown)
                .error_text(expected, format!("\"{unknown}\"")))
        }
        None => Ok(()),
    }
}

fn text_member(members: &JsonObject, name: &str, place: &Place) -> Compiled<Option<Arc<str>>> {
    match members.get(name) {
        None => Ok(None),
        Some(Json::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(other) => Err(place.key(name).error("a text that is not empty", other)),
    }
}

/// The bits of the markers that a payload holds. Its depth was checked when it was compiled.
fn markers_in(payload: &Json) -> u32 {
    match payload {
        Json::String(text) => MARKERS
            .iter()
            .position(|marker| **marker == **text)
            .map_or(0, |index| 1 << index),
        Json::Array(items) => items.iter().fold(0, |bits, item| bits | markers_in(item)),
        Json::Object(members) => members
            .values()
            .fold(0, |bits, value| bits | markers_in(value)),
        _ => 0,
    }
}
