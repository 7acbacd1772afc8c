//! States and their transitions.

use std::ops::Range;
use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::super::compiled::{ANY, Guard, Kind, ROOT, State, Transition};
use super::{Compiled, Compiler, Draft, expression_at, members};
use crate::definition_error::{Place, one_of};

const ROOT_KEYS: [&str; 11] = [
    "initial", "states", "type", "entry", "exit", "on", "always", "after", "id", "$schema", "$id",
];
const STATE_KEYS: [&str; 11] = [
    "entry", "exit", "on", "always", "after", "invoke", "onDone", "initial", "states", "type", "id",
];
const FINAL_KEYS: [&str; 5] = ["type", "id", "entry", "exit", "output"];
const HISTORY_KEYS: [&str; 5] = ["type", "id", "history", "target", "actions"];
const TRANSITION_KEYS: [&str; 4] = ["target", "guard", "actions", "internal"];

/// What a transition of a list is for, besides what every transition has.
type Own<'k> = &'k [&'k str];

impl<'a> Compiler<'a> {
    /// Gives a state its number, and its descendants theirs.
    pub(super) fn draft(
        &mut self,
        name: Arc<str>,
        json: &'a Json,
        parent: usize,
        place: &Place,
    ) -> Compiled<()> {
        let number = self.drafts.len();
        let (kind, known) = kind(json, number == ROOT, place)?;
        let json = members(json, place, known)?;
        let id = self.new_id(json, &name, parent, number, place)?;
        self.drafts.push(Draft {
            json,
            place: place.clone(),
            name,
            id,
            kind,
            parent,
            last: number,
            children: Vec::new(),
        });
        if let Some(parent) = self.drafts.get_mut(parent).filter(|_| number != ROOT) {
            parent.children.push(number);
        }
        if let Some(Json::Object(states)) = json.get("states") {
            for (name, state) in states.iter() {
                let drafted =
                    self.draft(name.clone(), state, number, &place.key("states").key(name));
                self.noted(drafted);
            }
        }
        let last = self.drafts.len() - 1;
        if let Some(draft) = self.drafts.get_mut(number) {
            draft.last = last;
        }
        Ok(())
    }

    fn new_id(
        &mut self,
        json: &JsonObject,
        name: &Arc<str>,
        parent: usize,
        number: usize,
        place: &Place,
    ) -> Compiled<Arc<str>> {
        let id = match json.get("id") {
            Some(Json::String(id)) => id.clone(),
            Some(other) => return Err(place.key("id").error("a name", other)),
            None if parent == ROOT => name.clone(),
            None => format!("{}.{name}", self.id(parent)).into(),
        };
        if number != ROOT && self.ids.insert(id.clone(), number).is_some() {
            let found = format!("\"{id}\" a second time");
            return Err(place.error_text("a state whose id no other has", found));
        }
        Ok(id)
    }

    /// Compiles what a state does.
    pub(super) fn state(&mut self, number: usize) -> Compiled<State> {
        let Some(draft) = self.drafts.get(number) else {
            return Err(Place::root("state").missing("a state"));
        };
        let (json, place) = (draft.json, draft.place.clone());
        let (name, id) = (Json::String(draft.name.clone()), draft.id.clone());
        let (kind, parent, last) = (draft.kind, draft.parent, draft.last);
        let mut children = draft.children.clone();
        children.retain(|child| !matches!(self.kind(*child), Kind::History { .. }));
        let start = self.transitions.len();
        if let Some(on) = json.get("on") {
            let events = self.events(number, on, &place.key("on"));
            self.noted(events);
        }
        if let Some(done) = json.get("onDone") {
            let event_type = format!("done.state.{id}");
            let own = self.own(number, &event_type, done, &place.key("onDone"));
            self.noted(own);
        }
        let timers = self.timers(number, json.get("after"), &id, &place.key("after"));
        let timers = self.noted(timers);
        let invokes = self.invokes(number, json.get("invoke"), &id, &place.key("invoke"));
        let invokes = self.noted(invokes);
        let on = start..self.transitions.len();
        let always = self.always(number, json.get("always"), &place.key("always"));
        let always = self.noted(always);
        let initial = self.initial(number, json, &place);
        let output = expression_at(json.get("output"), "output", &place);
        Ok(State {
            name,
            id,
            kind,
            parent,
            last,
            children: children.into(),
            initial: self.noted(initial),
            entry: self.actions_at(number, json, "entry", &place),
            exit: self.actions_at(number, json, "exit", &place),
            on,
            always,
            timers,
            invokes,
            output: self.noted(output),
        })
    }

    /// `{EVENT: transitions}`, or a list of transitions that each say their `event`.
    fn events(&mut self, source: usize, json: &Json, place: &Place) -> Compiled<()> {
        match json {
            Json::Object(events) => {
                for (event_type, transitions) in events.iter() {
                    let place = place.key(event_type);
                    self.hear(source, event_type, transitions, &place);
                }
            }
            Json::Array(list) if !list.is_empty() => {
                for (index, json) in list.iter().enumerate() {
                    let event = self.event(source, json, &place.index(index));
                    self.noted(event);
                }
            }
            other => {
                return Err(place.error("an object of transitions by the type of event", other));
            }
        }
        Ok(())
    }

    fn event(&mut self, source: usize, json: &Json, place: &Place) -> Compiled<()> {
        let event = json.get("event").unwrap_or(&Json::Null);
        let names = match event {
            Json::Array(names) => names.as_slice(),
            single => std::slice::from_ref(single),
        };
        let place_of_event = place.key("event");
        for name in names {
            let name = name.as_str();
            let name = name.ok_or_else(|| place_of_event.error("the type of an event", event))?;
            let class = self.class(name, false);
            self.heard.push((name.into(), place_of_event.clone()));
            self.transition(source, class, json, place, &["event"])?;
        }
        Ok(())
    }

    fn hear(&mut self, source: usize, name: &Arc<str>, json: &Json, place: &Place) {
        self.heard.push((name.clone(), place.clone()));
        let class = self.class(name, false);
        let transitions = self.transitions(source, class, json, place, &[]);
        self.noted(transitions);
    }

    /// Transitions for an event that the machine gives itself.
    pub(super) fn own(
        &mut self,
        source: usize,
        event_type: &str,
        json: &Json,
        place: &Place,
    ) -> Compiled<()> {
        let class = self.class(event_type, true);
        self.transitions(source, class, json, place, &[])
    }

    pub(super) fn transitions(
        &mut self,
        source: usize,
        class: usize,
        json: &Json,
        place: &Place,
        own: Own<'_>,
    ) -> Compiled<()> {
        match json {
            Json::Array(transitions) if !transitions.is_empty() => {
                for (index, transition) in transitions.iter().enumerate() {
                    let it = self.transition(source, class, transition, &place.index(index), own);
                    self.noted(it);
                }
                Ok(())
            }
            single => self.transition(source, class, single, place, own),
        }
    }

    pub(super) fn transition(
        &mut self,
        source: usize,
        class: usize,
        json: &Json,
        place: &Place,
        own: Own<'_>,
    ) -> Compiled<()> {
        let scope = self.parent(source);
        if let Json::String(_) = json {
            let target = self.state_named(scope, source, Some(json), place)?;
            self.push(source, class, None, [target].into(), [].into(), false);
            return Ok(());
        }
        let known: Vec<&str> = TRANSITION_KEYS.iter().chain(own).copied().collect();
        let members = members(json, place, &known)?;
        let guard = members.get("guard");
        let guard = guard.map(|guard| self.guard(source, guard, &place.key("guard")));
        let guard = guard.and_then(|guard| self.findings.take(guard));
        let target = members.get("target");
        let targets =
            target.map(|target| self.targets(scope, source, target, &place.key("target")));
        let targets = targets.and_then(|targets| self.findings.take(targets));
        let is_internal = match members.get("internal") {
            None => false,
            Some(Json::Bool(is_internal)) => *is_internal,
            Some(other) => return Err(place.key("internal").error("true or false", other)),
        };
        let actions = self.actions_at(source, members, "actions", place);
        self.push(
            source,
            class,
            guard,
            targets.unwrap_or_default(),
            actions,
            is_internal,
        );
        Ok(())
    }

    fn push(
        &mut self,
        source: usize,
        class: usize,
        guard: Option<Guard>,
        targets: Box<[usize]>,
        actions: Box<[super::super::compiled::Action]>,
        is_internal: bool,
    ) {
        let is_history = |target: &usize| matches!(self.kind(*target), Kind::History { .. });
        self.transitions.push(Transition {
            source,
            class,
            guard,
            is_dynamic: targets.iter().any(is_history),
            targets,
            domain: ROOT,
            is_internal,
            actions,
        });
    }

    fn always(
        &mut self,
        source: usize,
        json: Option<&Json>,
        place: &Place,
    ) -> Compiled<Range<usize>> {
        let start = self.transitions.len();
        if let Some(json) = json {
            self.transitions(source, ANY, json, place, &[])?;
        }
        Ok(start..self.transitions.len())
    }

    /// The transition that a compound state takes by itself when it is entered, or a history that is empty.
    fn initial(
        &mut self,
        state: usize,
        json: &JsonObject,
        place: &Place,
    ) -> Compiled<Option<usize>> {
        let kind = self.kind(state);
        let is_history = matches!(kind, Kind::History { .. });
        if kind != Kind::Compound && !is_history {
            return Ok(None);
        }
        let key = if is_history { "target" } else { "initial" };
        let found = json.get(key);
        if is_history && found.is_none() {
            return Ok(None);
        }
        let place = place.key(key);
        let around = if is_history {
            self.parent(state)
        } else {
            state
        };
        let (target, actions, target_place) = match found {
            Some(initial @ Json::Object(_)) if !is_history => {
                let members = members(initial, &place, &["target", "actions"])?;
                let actions = self.actions_at(around, members, "actions", &place);
                (members.get("target"), actions, place.key("target"))
            }
            found => (
                found,
                self.actions(around, json.get("actions").filter(|_| is_history), &place),
                place,
            ),
        };
        let targets = match target {
            Some(target) => self.targets(around, around, target, &target_place)?,
            None => [self.state_named(around, around, None, &target_place)?].into(),
        };
        let is_inside = |target: &usize| *target != around && self.holds(around, *target);
        if !targets.iter().all(is_inside) {
            let children = self
                .drafts
                .iter()
                .filter(|it| it.parent == around && !it.name.is_empty());
            let expected = format!("a state inside: {}", one_of(children.map(|it| &*it.id)));
            return Err(target_place.error(expected, target.unwrap_or(&Json::Null)));
        }
        self.push(around, ANY, None, targets, actions, true);
        Ok(Some(self.transitions.len() - 1))
    }
}

/// What sort of state it is, and the members that it may have.
fn kind(json: &Json, is_root: bool, place: &Place) -> Compiled<(Kind, &'static [&'static str])> {
    let has_states = match json.get("states") {
        None => false,
        Some(Json::Object(states)) if !states.is_empty() => true,
        Some(other) => {
            return Err(place
                .key("states")
                .error("an object with at least one state", other));
        }
    };
    let known: &[&str] = if is_root { &ROOT_KEYS } else { &STATE_KEYS };
    let named = json.get("type").map(|it| it.as_str().unwrap_or_default());
    match named {
        None | Some("compound") if has_states => Ok((Kind::Compound, known)),
        Some("parallel") if has_states => Ok((Kind::Parallel, known)),
        _ if is_root => {
            members(json, place, known)?;
            Err(place
                .key("states")
                .missing("an object with at least one state"))
        }
        None | Some("atomic") if !has_states => Ok((Kind::Atomic, known)),
        Some("final") if !has_states => Ok((Kind::Final, &FINAL_KEYS)),
        Some("history") if !has_states => {
            let is_deep = match json.get("history") {
                None => false,
                Some(Json::String(depth)) if &**depth == "shallow" => false,
                Some(Json::String(depth)) if &**depth == "deep" => true,
                Some(other) => {
                    let expected = one_of(["shallow", "deep"]);
                    return Err(place.key("history").error(expected, other));
                }
            };
            Ok((Kind::History { is_deep }, &HISTORY_KEYS))
        }
        _ => {
            let found = json.get("type").unwrap_or(&Json::Null);
            let kinds = one_of(["atomic", "compound", "parallel", "final", "history"]);
            let expected = format!("{kinds}; only a compound or parallel state has states");
            Err(place.key("type").error(expected, found))
        }
    }
}
