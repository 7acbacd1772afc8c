//! Messages between actors as they stand in an inbox, and the addresses that they are told to. What is done with them is
//! the engine's.

use std::sync::Arc;

use cojson::ids::CoId;
use cojson::json::{Json, quoted};

use super::ActorId;
use crate::machine::{CallId, Event, ToolFailure};

/// The type of a message that answers a question.
pub(crate) const REPLY: &str = "REPLY";

/// The type of a message that says why a question has no answer.
pub(crate) const REFUSAL: &str = "ERROR";

/// The member of an event's payload that says whom to answer.
const REPLY_TO: &str = "replyTo";

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Address {
    pub(crate) mailbox: Mailbox,
    /// The question that it answers.
    pub(crate) call: Option<CallId>,
}

/// Where an actor's messages go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mailbox {
    /// The actor's, by its name in a space; absent: the sender's space.
    Actor { actor: ActorId, space: Option<CoId> },
    /// A stream, by its id.
    Inbox(CoId),
}

impl Address {
    /// A name, or `{actor, space?, call?}`, or `{inbox, call?}`.
    pub(crate) fn read(json: &Json) -> Result<Self, ToolFailure> {
        let text = |key: &str| json.get(key).and_then(Json::as_str);
        let id = |key: &str| {
            text(key)
                .map(CoId::parse)
                .transpose()
                .map_err(|error| structural(error.to_string()))
        };
        let mailbox = match (json, text("actor"), id("inbox")?) {
            (Json::String(name), ..) => Mailbox::Actor {
                actor: ActorId::new(Arc::clone(name)),
                space: None,
            },
            (_, Some(name), None) => Mailbox::Actor {
                actor: ActorId::new(name),
                space: id("space")?,
            },
            (_, None, Some(inbox)) => Mailbox::Inbox(inbox),
            _ => {
                let form = "an actor's name, {actor, space} or {inbox}";
                return Err(structural(format!(
                    "a message's target is {form}, not {json}"
                )));
            }
        };
        Ok(Self {
            mailbox,
            call: text("call").map(CallId::new),
        })
    }

    /// The address of whoever asks, in that space.
    pub(crate) fn to_reply(actor: &ActorId, space: &CoId, call: &CallId) -> Json {
        Json::object([
            ("actor", Json::from(actor.as_str())),
            ("space", space.as_str().into()),
            ("call", call.as_str().into()),
        ])
    }
}

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) event: Event,
    /// The name of the actor that tells it, by its own words.
    pub(crate) source: Json,
    /// Whom to answer; null if nobody waits.
    pub(crate) reply_to: Json,
    /// The question that it answers.
    pub(crate) call: Option<CallId>,
}

impl Message {
    /// As an inbox holds it.
    pub(crate) fn to_json(&self) -> Json {
        let reply_to = (!self.reply_to.is_null()).then(|| (REPLY_TO, self.reply_to.clone()));
        let call = self
            .call
            .as_ref()
            .map(|call| ("call", call.as_str().into()));
        let members = [
            ("type", Json::from(self.event.event_type.clone())),
            ("payload", self.event.payload.clone()),
            ("source", self.source.clone()),
        ];
        Json::object(members.into_iter().chain(reply_to).chain(call))
    }

    /// Reads an inbox's item. What is no message has the empty type, which no machine takes.
    pub(crate) fn read(item: &Json) -> Self {
        let event_type = item.get("type").and_then(Json::as_str).unwrap_or_default();
        let payload = item.get("payload").cloned().unwrap_or_default();
        let call = item.get("call").and_then(Json::as_str);
        Self {
            event: Event::new(event_type, payload),
            source: item.get("source").cloned().unwrap_or_default(),
            reply_to: item.get(REPLY_TO).cloned().unwrap_or_default(),
            call: call.map(CallId::new),
        }
    }

    /// The event as the machine gets it: whom to answer is part of what it knows of it.
    pub(crate) fn into_event(self) -> Event {
        let mut event = self.event;
        if let (false, Json::Object(payload)) = (self.reply_to.is_null(), &mut event.payload) {
            Arc::make_mut(payload).insert(REPLY_TO.into(), self.reply_to);
        }
        event
    }

    /// What a message that answers a question says of it.
    pub(crate) fn outcome(&self) -> Result<Json, ToolFailure> {
        let payload = &self.event.payload;
        if &*self.event.event_type != REFUSAL {
            return Ok(payload.clone());
        }
        let text = |key: &str| payload.get(key).and_then(Json::as_str);
        Err(ToolFailure::new(
            text("type").unwrap_or("refused"),
            text("message").unwrap_or("the question was refused"),
        ))
    }
}

/// A member of a message's description that must be a text.
pub(crate) fn text<'a>(payload: &'a Json, key: &str) -> Result<&'a str, ToolFailure> {
    let text = payload.get(key).and_then(Json::as_str);
    text.ok_or_else(|| structural(format!("a message has no text {}", quoted(key))))
}

fn structural(message: String) -> ToolFailure {
    ToolFailure::new("structural", message)
}
