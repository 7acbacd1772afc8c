//! From what an older version of a definition stored to what this one reads: states and context keys under new names, and
//! values made from old ones. A pure function of what is stored; who calls it writes what it gives in one transaction.
//!
//! `migrate` has an entry for each version that was left: `{"1": {states, keys, updateContext}}` leads from version 1 to 2.
//! Steps follow each other until the definition's version is reached; a version without an entry changes nothing.

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::memory::{CURRENT_STATE, HISTORY, VERSION, Writes, is_bookkeeping};
use crate::definition_error::{DefinitionError, Place, one_of};
use crate::expression::{EvaluationError, Expression, Scope};
use crate::machine::Machine;

const STEP_KEYS: [&str; 3] = ["states", "keys", "updateContext"];

/// A definition's version and how to come to it.
#[derive(Default)]
pub(crate) struct Migrations {
    /// 0 where the definition says none.
    version: u32,
    steps: Vec<Step>,
}

/// From one version to the next.
struct Step {
    from: u32,
    states: JsonObject,
    keys: JsonObject,
    update: Option<Expression>,
}

/// Why what is stored cannot be read by this version of the definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A newer version has it.
    #[error(
        "it was left by version {stored} of its definition, and this is version {version}: load the newer definition"
    )]
    Newer {
        /// The version that is stored.
        stored: u32,
        /// This one.
        version: u32,
    },
    /// An older version has it, and the way from there failed.
    #[error("what version {from} of its definition stored cannot be migrated: {cause}")]
    Failed {
        /// The version that a migration leads on from.
        from: u32,
        /// What its `updateContext` ran into.
        #[source]
        cause: EvaluationError,
    },
}

impl Migrations {
    /// Reads `version` and `migrate` of an actor's definition, whose machine is this one.
    pub(crate) fn compile(source: &Json, machine: &Machine) -> Result<Self, DefinitionError> {
        let place = Place::root("actor");
        let version = match source.get("version") {
            None => 0,
            Some(version) => whole(version).ok_or_else(|| {
                let place = place.key("version");
                place.error("a whole number, 0 or more", version)
            })?,
        };
        let place = place.key("migrate");
        let steps = match source.get("migrate") {
            None => Vec::new(),
            Some(Json::Object(steps)) => steps
                .iter()
                .map(|(from, step)| Step::compile(from, step, version, machine, &place.key(from)))
                .collect::<Result<_, _>>()?,
            Some(other) => {
                let expected = "an object of migrations by the version that they lead on from";
                return Err(place.error(expected, other));
            }
        };
        Ok(Self { version, steps })
    }

    /// The version, as it is stored; `None` for a definition without one.
    pub(crate) fn stored_version(&self) -> Option<Json> {
        (self.version > 0).then(|| self.version.into())
    }

    /// What is stored, as this version has it, and what of it is to be written; `None` if it is of this version.
    pub(crate) fn apply(
        &self,
        stored: &Json,
        now_ms: f64,
    ) -> Result<Option<(Json, Writes)>, Unreadable> {
        let version = self.version;
        let stored_version = stored.get(VERSION).and_then(whole).unwrap_or_default();
        if stored_version > version {
            return Err(Unreadable::Newer {
                stored: stored_version,
                version,
            });
        }
        if stored_version == version {
            return Ok(None);
        }
        let before = stored.as_object().cloned().unwrap_or_default();
        let mut members = before.clone();
        for from in stored_version..version {
            if let Some(step) = self.steps.iter().find(|step| step.from == from) {
                let migrated = step.apply(&members, now_ms);
                members = migrated.map_err(|cause| Unreadable::Failed { from, cause })?;
            }
        }
        members.insert(VERSION.into(), version.into());
        let mut writes = Writes::new();
        for (key, value) in &members {
            if before.get(key) != Some(value) {
                writes.insert(key.clone(), Some(value.clone()));
            }
        }
        for key in before.keys().filter(|key| !members.contains_key(*key)) {
            writes.insert(key.clone(), None);
        }
        Ok(Some((members.into(), writes)))
    }
}

impl Step {
    fn compile(
        from: &str,
        json: &Json,
        version: u32,
        machine: &Machine,
        place: &Place,
    ) -> Result<Self, DefinitionError> {
        let from = from.parse().ok().filter(|from| *from < version);
        let Some(from) = from else {
            let expected = format!("a version before this one, {version}");
            return Err(place.error_text(expected, "another name"));
        };
        let expected = || format!("an object with {}", one_of(STEP_KEYS));
        let members = json
            .as_object()
            .ok_or_else(|| place.error(expected(), json))?;
        if let Some(unknown) = members.keys().find(|key| !STEP_KEYS.contains(&&***key)) {
            return Err(place.error_text(expected(), format!("the member \"{unknown}\"")));
        }
        let names = |key: &str| match members.get(key) {
            None => Ok(JsonObject::new()),
            Some(Json::Object(names)) => Ok(JsonObject::clone(names)),
            Some(other) => Err(place
                .key(key)
                .error("an object of new names by old ones", other)),
        };
        let (states, keys) = (names("states")?, names("keys")?);
        let update = members.get("updateContext").map(|update| {
            let place = place.key("updateContext");
            check_keys(update, &place)?;
            Expression::compile_update(update, &place)
        });
        let place_of_states = place.key("states");
        for (old, new) in &states {
            let place = place_of_states.key(old);
            let name = new
                .as_str()
                .ok_or_else(|| place.error("the name of a state", new))?;
            // What the states of versions in between were called is not known any more.
            if from + 1 == version && !machine.has_state(name) {
                let known = machine.state_ids().map(|id| &**id);
                let expected = format!("the name of a state: {}", one_of(known));
                return Err(place.error(expected, new));
            }
        }
        for (old, new) in &keys {
            let place = place.key("keys").key(old);
            let is_name = new.as_str().is_some_and(|key| !is_bookkeeping(key)) || new.is_null();
            if !is_name || is_bookkeeping(old) {
                return Err(place.error("a context key that is the application's, or null", new));
            }
        }
        Ok(Self {
            from,
            states,
            keys,
            update: update.transpose()?,
        })
    }

    fn apply(&self, stored: &JsonObject, now_ms: f64) -> Result<JsonObject, EvaluationError> {
        let mut members = JsonObject::new();
        for (key, value) in stored {
            match self.keys.get(key) {
                Some(Json::String(new)) => drop(members.insert(new.clone(), value.clone())),
                Some(_) => {}
                None => drop(members.insert(key.clone(), self.moved(key, value))),
            }
        }
        let own = members.iter().filter(|(key, _)| !is_bookkeeping(key));
        let context = Json::object(own.map(|(key, value)| (key.clone(), value.clone())));
        if let Some(update) = &self.update
            && let Some(Json::Object(update)) = update.evaluate(&Scope::new(&context).at(now_ms))?
        {
            members.extend(JsonObject::clone(&update));
        }
        Ok(members)
    }

    /// A value of the runtime's own, with the new names of states in it.
    fn moved(&self, key: &str, value: &Json) -> Json {
        if self.states.is_empty() || !is_bookkeeping(key) {
            return value.clone();
        }
        if key == CURRENT_STATE {
            return self.state(value);
        }
        let Some(members) = value.as_object() else {
            return value.clone();
        };
        if key == HISTORY {
            let kept = members.iter().map(|(id, kept)| {
                // What is kept is told from inside its state.
                let inside = self.state(&Json::object([(id.clone(), kept.clone())]));
                let new = self.name(id);
                let inside = new.split('.').try_fold(&inside, |it, name| it.get(name));
                (Arc::from(&*new), inside.unwrap_or(kept).clone())
            });
            return Json::object(kept);
        }
        Json::object(members.iter().map(|(name, value)| {
            let value = match (&**name, value) {
                ("call", call) => self.moved("_call/", call),
                ("state" | "awaitedIn", Json::String(id)) => Json::from(self.name(id)),
                ("type" | "id", Json::String(text)) => self.timer(text).into(),
                _ => value.clone(),
            };
            (name.clone(), value)
        }))
    }

    /// `after.<delay>.<state>` with the state's new name.
    fn timer(&self, text: &Arc<str>) -> Arc<str> {
        let parts = text
            .strip_prefix("after.")
            .and_then(|rest| rest.split_once('.'));
        match parts {
            Some((delay, state)) => format!("after.{delay}.{}", self.name(state)).into(),
            None => text.clone(),
        }
    }

    /// The new name of a state: its own, or that of the nearest state around that has one.
    fn name(&self, id: &str) -> String {
        let mut end = id.len();
        loop {
            let (outer, inner) = (
                id.get(..end).unwrap_or(id),
                id.get(end..).unwrap_or_default(),
            );
            if let Some(new) = self.states.get(outer).and_then(Json::as_str) {
                return format!("{new}{inner}");
            }
            match outer.rfind('.') {
                Some(dot) => end = dot,
                None => return id.to_owned(),
            }
        }
    }

    /// Active states under their new names.
    fn state(&self, value: &Json) -> Json {
        let mut paths = Vec::new();
        paths_of(value, "", &mut paths);
        let mut moved = Json::Null;
        for path in &paths {
            let new = self.name(path);
            merge(&mut moved, &new.split('.').collect::<Vec<_>>());
        }
        moved
    }
}

fn paths_of(value: &Json, around: &str, paths: &mut Vec<String>) {
    let inside = |name: &str| match around {
        "" => name.to_owned(),
        around => format!("{around}.{name}"),
    };
    match value {
        Json::String(name) => paths.push(inside(name)),
        Json::Object(members) if members.is_empty() => paths.push(around.to_owned()),
        Json::Object(members) => {
            for (name, value) in members.iter() {
                paths_of(value, &inside(name), paths);
            }
        }
        _ => {}
    }
}

/// Adds a path to active states: `a`, then `{"a": "b"}`, then `{"a": {"b": …, "c": …}}`.
fn merge(value: &mut Json, path: &[&str]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() && value.is_null() {
        *value = Json::from(*first);
        return;
    }
    let mut members = match value {
        Json::Object(members) => JsonObject::clone(members),
        Json::String(name) => [(name.clone(), Json::empty_object())].into_iter().collect(),
        _ => JsonObject::new(),
    };
    let mut inner = members.get(*first).cloned().unwrap_or_default();
    merge(&mut inner, rest);
    let inner = if inner.is_null() {
        Json::empty_object()
    } else {
        inner
    };
    members.insert((*first).into(), inner);
    *value = members.into();
}

fn check_keys(update: &Json, place: &Place) -> Result<(), DefinitionError> {
    let keys = update.as_object().map(JsonObject::keys);
    match keys.into_iter().flatten().find(|key| is_bookkeeping(key)) {
        Some(key) => Err(place.key(key).error_text(
            "a context key that does not belong to the runtime",
            format!("\"{key}\""),
        )),
        None => Ok(()),
    }
}

fn whole(json: &Json) -> Option<u32> {
    let number = json.as_number()?;
    let is_whole = number.fract() == 0.0 && (0.0..f64::from(u32::MAX)).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number of 32 bits"
    )]
    is_whole.then_some(number as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(states: &str) -> Step {
        Step {
            from: 0,
            states: Json::parse(states).unwrap().as_object().cloned().unwrap(),
            keys: JsonObject::new(),
            update: None,
        }
    }

    #[test]
    fn states_have_their_new_names_at_every_depth() {
        for (states, old, new) in [
            (r#"{"a":"b"}"#, r#""a""#, r#""b""#),
            (r#"{"a":"b"}"#, r#""c""#, r#""c""#),
            (r#"{"a":"b.c"}"#, r#""a""#, r#"{"b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":"x"}"#, r#"{"b":"x"}"#),
            (r#"{"a":"b","a.x":"c"}"#, r#"{"a":"x"}"#, r#""c""#),
            (
                r#"{"p.r":"p.s","p.q.x":"p.q.y"}"#,
                r#"{"p":{"q":"x","r":{"d":"e"}}}"#,
                r#"{"p":{"q":"y","s":{"d":"e"}}}"#,
            ),
        ] {
            let old = Json::parse(old).unwrap();
            assert_eq!(step(states).state(&old).to_string(), new, "{states} {old}");
        }
    }

    #[test]
    fn histories_timers_and_calls_name_the_new_states() {
        let step = step(r#"{"a":"b","a.x":"b.y"}"#);
        for (key, old, new) in [
            ("_history", r#"{"a":"x","c":"d"}"#, r#"{"b":"y","c":"d"}"#),
            (
                "_timer/1",
                r#"{"type":"after.50.a.x","id":"after.50.a.x","due":1}"#,
                r#"{"type":"after.50.b.y","id":"after.50.b.y","due":1}"#,
            ),
            (
                "_call/1",
                r#"{"session":"s","call":{"id":"1","state":"a","awaitedIn":"a.x","list":"entry"}}"#,
                r#"{"session":"s","call":{"id":"1","state":"b","awaitedIn":"b.y","list":"entry"}}"#,
            ),
            (
                "own",
                r#"{"type":"after.50.a"}"#,
                r#"{"type":"after.50.a"}"#,
            ),
        ] {
            let moved = step.moved(key, &Json::parse(old).unwrap());
            assert_eq!(moved.to_string(), new);
        }
    }
}
