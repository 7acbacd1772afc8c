//! `invoke`: tools and actors that run for as long as their state is active.

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::super::compiled::{Invoke, Invoked};
use super::{Compiled, Compiler, expression_at, members};
use crate::definition_error::{Place, one_of};
use crate::expression::Expression;

const TOOL_KEYS: [&str; 6] = ["tool", "id", "payload", "onDone", "onError", "onProgress"];
const ACTOR_KEYS: [&str; 6] = ["actor", "id", "input", "autoForward", "onDone", "onError"];

/// Its events, by the member that says what they lead to; each ends with the id of what was invoked.
pub(in super::super) const DONE: &str = "done.invoke.";
pub(in super::super) const FAILED: &str = "error.invoke.";
pub(in super::super) const PROGRESS: &str = "progress.invoke.";

impl Compiler<'_> {
    /// One, or a list of them.
    pub(super) fn invokes(
        &mut self,
        source: usize,
        json: Option<&Json>,
        state: &Arc<str>,
        place: &Place,
    ) -> Compiled<Box<[Invoke]>> {
        match json {
            None => Ok([].into()),
            Some(Json::Array(list)) => {
                let mut invokes = Vec::with_capacity(list.len());
                for (index, json) in list.iter().enumerate() {
                    let default = match index {
                        0 => state.clone(),
                        more => format!("{state}.{more}").into(),
                    };
                    let invoke = self.invoke(source, json, default, &place.index(index));
                    invokes.extend(self.findings.take(invoke));
                }
                Ok(invokes.into())
            }
            Some(single) => Ok([self.invoke(source, single, state.clone(), place)?].into()),
        }
    }

    fn invoke(
        &mut self,
        source: usize,
        json: &Json,
        default_id: Arc<str>,
        place: &Place,
    ) -> Compiled<Invoke> {
        self.calls_tools = true;
        let is_actor = json.get("actor").is_some();
        let known: &[&str] = if is_actor { &ACTOR_KEYS } else { &TOOL_KEYS };
        let members = members(json, place, known)?;
        let id = match members.get("id") {
            None => default_id,
            Some(Json::String(id)) if !id.is_empty() => id.clone(),
            Some(other) => return Err(place.key("id").error("a name", other)),
        };
        if !self.invoked.insert(id.clone()) {
            let found = format!("\"{id}\" a second time");
            return Err(place.error_text("an invoke whose id no other has", found));
        }
        let (what, input) = if is_actor {
            let actor = members.get("actor").unwrap_or(&Json::Null);
            (
                Invoked::Actor(self.invoked_actor(actor, &place.key("actor"))?),
                "input",
            )
        } else {
            let tool = self.tool_name(members.get("tool"), &place.key("tool"))?;
            (Invoked::Tool(tool), "payload")
        };
        let input = expression_at(members.get(input), input, place)?;
        let is_forwarded_to = match members.get("autoForward") {
            None => false,
            Some(Json::Bool(is_forwarded_to)) => *is_forwarded_to,
            Some(other) => return Err(place.key("autoForward").error("true or false", other)),
        };
        self.outcomes(source, members, &id, place);
        Ok(Invoke {
            id,
            what,
            is_forwarded_to,
            input: input.unwrap_or_else(|| Expression::literal(Json::empty_object())),
        })
    }

    /// The transitions that it leads to.
    fn outcomes(&mut self, source: usize, members: &JsonObject, id: &str, place: &Place) {
        let all = [
            ("onDone", DONE),
            ("onError", FAILED),
            ("onProgress", PROGRESS),
        ];
        for (key, event) in all {
            if let Some(transitions) = members.get(key) {
                let event_type = format!("{event}{id}");
                let own = self.own(source, &event_type, transitions, &place.key(key));
                self.noted(own);
            }
        }
    }

    /// A definition, or the name of a known one.
    fn invoked_actor(&self, json: &Json, place: &Place) -> Compiled<Json> {
        let known = self.library.actors;
        match json {
            Json::Object(_) => Ok(json.clone()),
            Json::String(name) if known.contains(&&**name) => Ok(json.clone()),
            other => {
                let named = one_of(known.iter().copied());
                let expected = format!("an actor's definition, or the name of one: {named}");
                Err(place.error(expected, other))
            }
        }
    }
}
