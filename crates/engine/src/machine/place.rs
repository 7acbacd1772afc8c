//! The active states as JSON and back: a name, or an object of active names where states are nested.

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::bits::Bits;
use super::compiled::{Definition, Kind, ROOT};
use super::enter::{Entering, Kept};

/// What is active inside a state: `"a"`, `{"a": "b"}`, and of a parallel state every region: `{"a": "x", "b": "y"}`.
pub(super) fn value_of(definition: &Definition, active: &Bits, state: usize) -> Json {
    if definition.kind(state) == Kind::Parallel {
        let region = |region: &usize| {
            let name = Arc::clone(name(definition, *region)?);
            Some((name, value_of(definition, active, *region)))
        };
        return Json::object(definition.children(state).iter().filter_map(region));
    }
    let inside = active.next(state + 1);
    let child = inside.filter(|child| definition.is_inside(*child, state));
    let Some((number, child)) = child.and_then(|it| Some((it, definition.state(it)?))) else {
        return Json::empty_object();
    };
    match (&child.name, child.kind) {
        (Json::String(name), Kind::Compound | Kind::Parallel) => {
            Json::object([(name.clone(), value_of(definition, active, number))])
        }
        (name, _) => name.clone(),
    }
}

/// The active states that a value tells; `None` if it names one that there is not. What it does not tell, because the
/// definition has grown, is as it is at first.
pub(super) fn read(definition: &Definition, value: &Json, state: usize) -> Option<Bits> {
    let mut entering = Entering::new(definition, &[]);
    entering.set.add(ROOT);
    read_into(&mut entering, definition, value, state)?;
    Some(entering.set)
}

fn read_into(
    entering: &mut Entering<'_>,
    definition: &Definition,
    value: &Json,
    state: usize,
) -> Option<()> {
    entering.set.add(state);
    let told = match value {
        Json::String(name) => Json::object([(name.clone(), Json::Null)]),
        other => other.clone(),
    };
    let told = told.as_object()?;
    let is_parallel = match definition.kind(state) {
        Kind::Parallel => true,
        Kind::Compound if told.len() == 1 => false,
        Kind::Compound => return None,
        _ => return told.is_empty().then_some(()),
    };
    for (told, inner) in told {
        let is_told = |child: &&usize| name(definition, **child) == Some(told);
        let child = *definition.children(state).iter().find(is_told)?;
        match definition.kind(child) {
            Kind::Compound | Kind::Parallel if !inner.is_null() => {
                read_into(entering, definition, inner, child)?;
            }
            _ => entering.descend(child),
        }
    }
    if is_parallel {
        entering.fill(state);
    }
    Some(())
}

fn name(definition: &Definition, state: usize) -> Option<&Arc<str>> {
    match &definition.state(state)?.name {
        Json::String(name) => Some(name),
        _ => None,
    }
}

/// What is kept of histories, by the ids of their states; null if nothing is.
pub(super) fn history_of(definition: &Definition, kept: &Kept) -> Json {
    let entry = |(state, active): &(usize, Bits)| {
        let id = Arc::clone(&definition.state(*state)?.id);
        Some((id, value_of(definition, active, *state)))
    };
    let entries: JsonObject = kept.iter().filter_map(entry).collect();
    if entries.is_empty() {
        Json::Null
    } else {
        entries.into()
    }
}

/// What [`history_of`] wrote; what the definition no longer has is left out.
pub(super) fn read_history(definition: &Definition, history: &Json) -> Vec<(usize, Bits)> {
    let entry = |(id, value): (&Arc<str>, &Json)| {
        let state = *definition.ids.get(id)?;
        let mut active = read(definition, value, state)?;
        active.remove(ROOT);
        active.remove(state);
        definition.remembering.has(state).then_some((state, active))
    };
    history
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(entry)
        .collect()
}
