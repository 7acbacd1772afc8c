//! From a machine's JSON to its compiled definition. Whatever is unknown or missing is refused with its place.

use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::{Json, JsonObject};

use super::MachineLibrary;
use super::compiled::{
    Action, Definition, ERROR, Guard, NAMED_UPDATES, SUCCESS, State, ToolAction, Transition,
    named_update,
};
use crate::definition_error::{DefinitionError, Place, one_of};
use crate::expression::Expression;
use crate::schema::Schema;

type Compiled<T> = Result<T, DefinitionError>;

/// Compiles a whole definition.
pub(super) fn definition(
    json: &Json,
    library: &MachineLibrary<'_>,
    place: &Place,
) -> Compiled<Definition> {
    let members = members(json, place, &["initial", "states", "$schema", "$id"])?;
    let states_place = place.key("states");
    let states = match members.get("states") {
        Some(Json::Object(states)) if !states.is_empty() => states,
        Some(other) => return Err(states_place.error("an object with at least one state", other)),
        None => return Err(states_place.missing("an object with at least one state")),
    };
    let compiler = Compiler { library, states };
    let initial = compiler.state_name(members.get("initial"), &place.key("initial"))?;
    let states = states
        .iter()
        .map(|(name, state)| {
            Ok((
                name.clone(),
                compiler.state(state, &states_place.key(name))?,
            ))
        })
        .collect::<Compiled<OrderedMap<_, _>>>()?;
    Ok(Definition {
        initial: initial.0.clone(),
        states,
        reserved_keys: library
            .reserved_keys
            .iter()
            .map(|key| (*key).into())
            .collect(),
    })
}

struct Compiler<'a> {
    library: &'a MachineLibrary<'a>,
    states: &'a JsonObject,
}

impl<'a> Compiler<'a> {
    fn state_name(&self, name: Option<&Json>, place: &Place) -> Compiled<(&'a Arc<str>, usize)> {
        let expected = || {
            let states = self.states.keys().map(|name| &**name);
            format!("the name of a state: {}", one_of(states))
        };
        let name = name.ok_or_else(|| place.missing(expected()))?;
        let known = name.as_str().and_then(|name| self.states.get_full(name));
        known
            .map(|(index, name, _)| (name, index))
            .ok_or_else(|| place.error(expected(), name))
    }

    fn state(&self, json: &Json, place: &Place) -> Compiled<State> {
        let members = members(json, place, &["entry", "exit", "on"])?;
        Ok(State {
            entry: self.actions(members.get("entry"), &place.key("entry"))?,
            exit: self.actions(members.get("exit"), &place.key("exit"))?,
            on: match members.get("on") {
                Some(on) => self.events(on, &place.key("on"))?,
                None => OrderedMap::new(),
            },
        })
    }

    fn events(
        &self,
        json: &Json,
        place: &Place,
    ) -> Compiled<OrderedMap<Arc<str>, Box<[Transition]>>> {
        json.as_object()
            .ok_or_else(|| place.error("an object of transitions by the type of event", json))?
            .iter()
            .map(|(event_type, transitions)| {
                let place = place.key(event_type);
                self.check_event_type(event_type, &place)?;
                Ok((event_type.clone(), self.transitions(transitions, &place)?))
            })
            .collect()
    }

    fn check_event_type(&self, event_type: &str, place: &Place) -> Compiled<()> {
        match self.library.message_types {
            Some(known)
                if ![SUCCESS, ERROR].contains(&event_type) && !known.contains(&event_type) =>
            {
                let known = known.iter().copied().chain([SUCCESS, ERROR]);
                let expected = format!(
                    "an event that the actor's messageTypes name: {}",
                    one_of(known)
                );
                Err(place.error_text(expected, format!("the event \"{event_type}\"")))
            }
            _ => Ok(()),
        }
    }

    fn transitions(&self, json: &Json, place: &Place) -> Compiled<Box<[Transition]>> {
        match json {
            Json::Array(transitions) if !transitions.is_empty() => transitions
                .iter()
                .enumerate()
                .map(|(index, transition)| self.transition(transition, &place.index(index)))
                .collect(),
            single => Ok([self.transition(single, place)?].into()),
        }
    }

    fn transition(&self, json: &Json, place: &Place) -> Compiled<Transition> {
        if let Json::String(_) = json {
            return Ok(Transition {
                guard: always(),
                target: self.state_name(Some(json), place)?.1,
                actions: [].into(),
            });
        }
        let members = members(json, place, &["target", "guard", "actions"])?;
        Ok(Transition {
            guard: match members.get("guard") {
                Some(guard) => self.guard(guard, &place.key("guard"))?,
                None => always(),
            },
            target: self
                .state_name(members.get("target"), &place.key("target"))?
                .1,
            actions: self.actions(members.get("actions"), &place.key("actions"))?,
        })
    }

    fn guard(&self, json: &Json, place: &Place) -> Compiled<Guard> {
        let is_operator = |members: &JsonObject| {
            members.len() == 1 && members.keys().all(|key| key.starts_with('$'))
        };
        let is_expression = match json {
            Json::Bool(_) => true,
            Json::String(text) => text.starts_with('$'),
            Json::Object(members) => is_operator(members),
            _ => false,
        };
        if is_expression {
            return Ok(Guard::Expression(Expression::compile(json, place)?));
        }
        if let Some(schema) = json.get("schema") {
            members(json, place, &["schema"])?;
            let schema = Schema::compile(schema, self.library.patterns);
            return Ok(Guard::Schema(
                schema.map_err(|error| error.at(&place.key("schema")))?,
            ));
        }
        Err(place.error(
            "a boolean, an expression or {\"schema\": JSON Schema}",
            json,
        ))
    }

    fn actions(&self, json: Option<&Json>, place: &Place) -> Compiled<Box<[Action]>> {
        match json {
            None => Ok([].into()),
            Some(Json::Array(actions)) => actions
                .iter()
                .enumerate()
                .map(|(index, action)| self.action(action, &place.index(index)))
                .collect(),
            Some(single) => Ok([self.action(single, place)?].into()),
        }
    }

    fn action(&self, json: &Json, place: &Place) -> Compiled<Action> {
        let named = |name: &str| {
            named_update(name)
                .map(Expression::literal)
                .map(Action::Update)
        };
        match json {
            Json::String(name) => named(name).ok_or_else(|| {
                place.error(
                    format!("one of the actions {}", one_of(NAMED_UPDATES)),
                    json,
                )
            }),
            Json::Object(members) if members.contains_key("tool") => self.tool(json, place),
            Json::Object(members) if members.contains_key("updateContext") => {
                let update = only(json, "updateContext", place)?;
                Ok(Action::Update(
                    self.update(update, &place.key("updateContext"))?,
                ))
            }
            Json::Object(members) if members.contains_key("mapData") => {
                let queries = only(json, "mapData", place)?;
                Ok(Action::Query(self.queries(queries, &place.key("mapData"))?))
            }
            other => Err(place.error(
                "an action: {\"tool\": …}, {\"updateContext\": …}, {\"mapData\": …} or a name",
                other,
            )),
        }
    }

    fn tool(&self, json: &Json, place: &Place) -> Compiled<Action> {
        let members = members(json, place, &["tool", "payload", "onSuccess"])?;
        let on_success = members.get("onSuccess").map(|on_success| {
            let place = place.key("onSuccess");
            let update = only(on_success, "updateContext", &place)?;
            self.update(update, &place.key("updateContext"))
        });
        let payload = match members.get("payload") {
            Some(payload) => Expression::compile(payload, &place.key("payload"))?,
            None => Expression::literal(Json::empty_object()),
        };
        Ok(Action::Tool(ToolAction {
            tool: self.tool_name(members.get("tool"), &place.key("tool"))?,
            payload,
            on_success: on_success.transpose()?,
            path: place.path().into(),
        }))
    }

    fn tool_name(&self, json: Option<&Json>, place: &Place) -> Compiled<Arc<str>> {
        let Some(Json::String(name)) = json else {
            return Err(place.error("the name of a tool", json.unwrap_or(&Json::Null)));
        };
        let is_known = self.library.tools.contains(&&**name);
        if is_known || (self.library.allows_unknown_tools && name.starts_with('@')) {
            return Ok(name.clone());
        }
        let tools = one_of(self.library.tools.iter().copied());
        let expected = if self.library.allows_unknown_tools {
            "the name of a tool, which starts with \"@\"".to_owned()
        } else {
            format!("the name of a registered tool: {tools}")
        };
        Err(place.error_text(expected, format!("\"{name}\"")))
    }

    fn update(&self, json: &Json, place: &Place) -> Compiled<Expression> {
        let is_template = match json {
            Json::Object(members) => {
                self.check_keys(members, place)?;
                true
            }
            Json::String(text) => text.starts_with('$'),
            _ => false,
        };
        if !is_template {
            return Err(place.error("an object of context keys, or an expression for one", json));
        }
        Expression::compile_update(json, place)
    }

    fn check_keys(&self, members: &JsonObject, place: &Place) -> Compiled<()> {
        match members
            .keys()
            .find(|key| self.library.reserved_keys.contains(&&***key))
        {
            Some(key) => Err(place.key(key).error_text(
                "a context key that does not belong to the runtime",
                format!("\"{key}\""),
            )),
            None => Ok(()),
        }
    }

    /// `{key: {op: "read", schema, filter?, options?}}` writes `{schema, filter?, options?}` under each key.
    fn queries(&self, json: &Json, place: &Place) -> Compiled<Expression> {
        let queries = json
            .as_object()
            .ok_or_else(|| place.error("an object of queries by context key", json))?;
        self.check_keys(queries, place)?;
        let written = queries
            .iter()
            .map(|(key, query)| Ok((key.clone(), query_object(query, &place.key(key))?)))
            .collect::<Compiled<JsonObject>>()?;
        Expression::compile(&written.into(), place)
    }
}

fn query_object(json: &Json, place: &Place) -> Compiled<Json> {
    let members = members(json, place, &["op", "schema", "filter", "options"])?;
    match members.get("op") {
        None => {}
        Some(Json::String(op)) if &**op == "read" => {}
        Some(other) => return Err(place.key("op").error("\"read\": mapData only reads", other)),
    }
    if !members.contains_key("schema") {
        return Err(place.key("schema").missing("the schema of what is read"));
    }
    let kept = members.iter().filter(|(key, _)| &***key != "op");
    Ok(Json::object(
        kept.map(|(key, value)| (key.clone(), value.clone())),
    ))
}

fn always() -> Guard {
    Guard::Expression(Expression::literal(Json::Bool(true)))
}

/// The members of an object that has none but the known ones.
fn members<'a>(json: &'a Json, place: &Place, known: &[&str]) -> Compiled<&'a JsonObject> {
    let expected = || format!("an object with {}", one_of(known.iter().copied()));
    let members = json
        .as_object()
        .ok_or_else(|| place.error(expected(), json))?;
    match members.keys().find(|key| !known.contains(&&***key)) {
        Some(unknown) => Err(place.error_text(expected(), format!("the member \"{unknown}\""))),
        None => Ok(members),
    }
}

/// The value of an object's only member.
fn only<'a>(json: &'a Json, key: &str, place: &Place) -> Compiled<&'a Json> {
    let value = members(json, place, &[key])?.get(key);
    value.ok_or_else(|| place.missing(format!("the member \"{key}\"")))
}
