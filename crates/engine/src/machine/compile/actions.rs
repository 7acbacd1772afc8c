//! From the JSON of actions and guards to their compiled forms.

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::super::compiled::{Action, Guard, NAMED_UPDATES, RaiseAction, ToolAction, named_update};
use super::timers::{RESTORE, on_restore_of};
use super::{Compiled, Compiler, expression_at, members, only};
use crate::definition_error::{Place, one_of};
use crate::expression::Expression;
use crate::schema::Schema;

const GUARDS: [&str; 5] = ["schema", "in", "not", "and", "or"];
const ACTIONS: [&str; 6] = ["tool", "updateContext", "mapData", "raise", "cancel", "if"];

/// How deep actions that depend on conditions may be nested.
const IF_DEPTH_MAX: usize = 50;

impl Compiler<'_> {
    pub(super) fn guard(&self, source: usize, json: &Json, place: &Place) -> Compiled<Guard> {
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
            return Ok(Guard::Expression(Expression::compile_in_step(json, place)?));
        }
        let kind = GUARDS.into_iter().find(|kind| json.get(kind).is_some());
        let kind = kind.ok_or_else(|| {
            place.error(
                "a boolean, an expression, {\"schema\": JSON Schema}, {\"in\": state} or {\"not\"|\"and\"|\"or\": …}",
                json,
            )
        })?;
        let inner = only(json, kind, place)?;
        let place = place.key(kind);
        match kind {
            "schema" => {
                let schema = Schema::compile(inner, self.library.patterns);
                Ok(Guard::Schema(schema.map_err(|error| error.at(&place))?))
            }
            "in" => {
                let scope = self.parent(source);
                Ok(Guard::In(self.state_named(
                    scope,
                    source,
                    Some(inner),
                    &place,
                )?))
            }
            "not" => Ok(Guard::Not(self.guard(source, inner, &place)?.into())),
            "and" => Ok(Guard::All(self.guards(source, inner, &place)?)),
            _ => Ok(Guard::Any(self.guards(source, inner, &place)?)),
        }
    }

    fn guards(&self, source: usize, json: &Json, place: &Place) -> Compiled<Box<[Guard]>> {
        let list = json
            .as_array()
            .ok_or_else(|| place.error("a list of guards", json))?;
        let guard = |(index, json): (usize, &Json)| self.guard(source, json, &place.index(index));
        list.iter().enumerate().map(guard).collect()
    }

    /// A list of actions, or a single one, without those that are wrong.
    pub(super) fn actions(
        &mut self,
        source: usize,
        json: Option<&Json>,
        place: &Place,
    ) -> Box<[Action]> {
        self.flat(source, json, place, 0).into()
    }

    fn flat(
        &mut self,
        source: usize,
        json: Option<&Json>,
        place: &Place,
        depth: usize,
    ) -> Vec<Action> {
        let mut compiled = Vec::new();
        let mut add = |json: &Json, place: &Place| {
            let added = if json.get("if").is_some() {
                self.condition(source, json, place, depth)
            } else {
                self.action(json, place).map(|action| vec![action])
            };
            compiled.extend(self.noted(added));
        };
        match json {
            None => {}
            Some(Json::Array(actions)) => {
                for (index, action) in actions.iter().enumerate() {
                    add(action, &place.index(index));
                }
            }
            Some(single) => add(single, place),
        }
        compiled
    }

    /// `{if: guard, then: actions, else?: actions}`.
    fn condition(
        &mut self,
        source: usize,
        json: &Json,
        place: &Place,
        depth: usize,
    ) -> Compiled<Vec<Action>> {
        let members = members(json, place, &["if", "then", "else"])?;
        if depth == IF_DEPTH_MAX {
            let expected = format!("conditions nested at most {IF_DEPTH_MAX} deep");
            return Err(place.error_text(expected, "a deeper one"));
        }
        let (wanted, key) = (members.get("if").unwrap_or(&Json::Null), place.key("if"));
        let guard = self.guard(source, wanted, &key)?;
        if !members.contains_key("then") {
            return Err(place.key("then").missing("actions"));
        }
        self.has_conditions = true;
        let mut branch =
            |key: &str| self.flat(source, members.get(key), &place.key(key), depth + 1);
        let (mut then, otherwise) = (branch("then"), branch("else"));
        let skip = |count, unless| Action::Skip { count, unless };
        if !otherwise.is_empty() {
            then.push(skip(otherwise.len(), None));
        }
        let mut all = vec![skip(then.len(), Some(guard))];
        all.append(&mut then);
        all.extend(otherwise);
        Ok(all)
    }

    /// The actions under a key.
    pub(super) fn actions_at(
        &mut self,
        source: usize,
        json: &JsonObject,
        key: &str,
        place: &Place,
    ) -> Box<[Action]> {
        self.actions(source, json.get(key), &place.key(key))
    }

    fn action(&mut self, json: &Json, place: &Place) -> Compiled<Action> {
        if let Json::String(name) = json {
            let update = named_update(name).map(Expression::literal);
            return update.map(Action::Update).ok_or_else(|| {
                let expected = format!("one of the actions {}", one_of(NAMED_UPDATES));
                place.error(expected, json)
            });
        }
        let kind = ACTIONS.into_iter().find(|kind| json.get(kind).is_some());
        let kind = kind.ok_or_else(|| {
            let expected = format!("an action: a name, or an object with {}", one_of(ACTIONS));
            place.error(expected, json)
        })?;
        if kind == "tool" {
            return self.tool(json, place);
        }
        let inner = only(json, kind, place)?;
        let place = place.key(kind);
        match kind {
            "updateContext" => Ok(Action::Update(self.update(inner, &place)?)),
            "mapData" => Ok(Action::Query(self.queries(inner, &place)?)),
            "cancel" => Ok(Action::Cancel(Expression::compile_in_step(inner, &place)?)),
            _ => self.raise(inner, &place),
        }
    }

    fn raise(&mut self, json: &Json, place: &Place) -> Compiled<Action> {
        let empty = Json::empty_object();
        let (name, rest, place_of_name) = match json {
            Json::String(_) => (json, &empty, place.clone()),
            other => {
                members(other, place, &["type", "payload", "delay", "id", RESTORE])?;
                (
                    other.get("type").unwrap_or(&Json::Null),
                    other,
                    place.key("type"),
                )
            }
        };
        let text = |json: &Json, place: &Place| {
            let named = Expression::compile_in_step(json, place)?;
            match named.as_literal() {
                None => Ok(named),
                Some(Json::String(text)) if !text.is_empty() => Ok(named),
                Some(_) => Err(place.error("a name, or an expression for one", json)),
            }
        };
        let event_type = text(name, &place_of_name)?;
        // One that is evaluated is known only when it is raised.
        if let Some(Json::String(name)) = event_type.as_literal() {
            self.raised.push(name.clone());
        }
        let compile = |key: &str| expression_at(rest.get(key), key, place);
        Ok(Action::Raise(RaiseAction {
            event_type,
            payload: compile("payload")?.unwrap_or_else(|| Expression::literal(empty.clone())),
            delay_ms: compile("delay")?,
            id: rest
                .get("id")
                .map(|id| text(id, &place.key("id")))
                .transpose()?,
            on_restore: on_restore_of(rest, place)?,
        }))
    }

    fn tool(&mut self, json: &Json, place: &Place) -> Compiled<Action> {
        let members = members(json, place, &["tool", "payload", "onSuccess"])?;
        self.calls_tools = true;
        let on_success = members.get("onSuccess").map(|on_success| {
            let place = place.key("onSuccess");
            let update = only(on_success, "updateContext", &place)?;
            self.update(update, &place.key("updateContext"))
        });
        let payload = expression_at(members.get("payload"), "payload", place)?;
        let payload = payload.unwrap_or_else(|| Expression::literal(Json::empty_object()));
        Ok(Action::Tool(ToolAction {
            tool: self.tool_name(members.get("tool"), &place.key("tool"))?,
            payload,
            on_success: on_success.transpose()?,
            path: place.path().into(),
        }))
    }

    pub(super) fn tool_name(&self, json: Option<&Json>, place: &Place) -> Compiled<Arc<str>> {
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
        Expression::compile_in_step(&written.into(), place)
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
