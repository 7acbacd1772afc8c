//! Which state a name means: a sibling first, then one of the level around, then the only one of that name.

use std::sync::Arc;

use cojson::json::Json;

use super::super::compiled::{Kind, ROOT};
use super::{Compiled, Compiler};
use crate::definition_error::{Place, one_of};

impl Compiler<'_> {
    /// The states that a target names, which must be able to be active together.
    pub(super) fn targets(
        &self,
        scope: usize,
        source: usize,
        json: &Json,
        place: &Place,
    ) -> Compiled<Box<[usize]>> {
        let Some(list) = json.as_array() else {
            return Ok([self.state_named(scope, source, Some(json), place)?].into());
        };
        let mut targets = Vec::with_capacity(list.len());
        for (index, name) in list.iter().enumerate() {
            let target = self.state_named(scope, source, Some(name), &place.index(index))?;
            if targets
                .iter()
                .any(|other| !self.can_be_together(target, *other))
            {
                let expected =
                    "states that can be active together: of different regions of a parallel state";
                return Err(place.index(index).error(expected, name));
            }
            targets.push(target);
        }
        if targets.is_empty() {
            return Err(place.error("the name of a state", json));
        }
        Ok(targets.into())
    }

    /// A history stands for its whole state.
    fn can_be_together(&self, one: usize, other: usize) -> bool {
        let is_history = |state: usize| matches!(self.kind(state), Kind::History { .. });
        let stands = |state: usize| {
            if is_history(state) {
                self.parent(state)
            } else {
                state
            }
        };
        let (first, second) = (stands(one), stands(other));
        let mut around = first;
        while !self.holds(around, second) {
            around = self.parent(around);
        }
        if around == first || around == second {
            return !is_history(one) && !is_history(other);
        }
        self.kind(around) == Kind::Parallel
    }

    /// The state that a name means, seen from that level.
    pub(super) fn state_named(
        &self,
        scope: usize,
        source: usize,
        json: Option<&Json>,
        place: &Place,
    ) -> Compiled<usize> {
        let known = || {
            let states = self.drafts.iter().skip(1).map(|state| &*state.id);
            format!("the name of a state: {}", one_of(states))
        };
        let json = json.ok_or_else(|| place.missing(known()))?;
        let name = json.as_str().unwrap_or_default();
        if let Some(child) = name
            .strip_prefix('.')
            .and_then(|path| self.descendant(source, path))
        {
            return Ok(child);
        }
        match self
            .candidates(scope, name.strip_prefix('#'), name)
            .as_slice()
        {
            [] => Err(place.error(known(), json)),
            [state] => Ok(*state),
            several => {
                let ids = several.iter().filter_map(|state| self.drafts.get(*state));
                let expected = format!("one state: say which of {}", one_of(ids.map(|it| &*it.id)));
                Err(place.error(expected, json))
            }
        }
    }

    fn candidates(&self, scope: usize, id: Option<&str>, name: &str) -> Vec<usize> {
        let mut level = scope;
        while id.is_none() {
            if let Some(found) = self.descendant(level, name) {
                return vec![found];
            }
            if level == ROOT {
                break;
            }
            level = self.parent(level);
        }
        let name = id.unwrap_or(name);
        if let Some(state) = self.ids.get(name) {
            return vec![*state];
        }
        let named = self.drafts.iter().enumerate().skip(1);
        named
            .filter(|(_, state)| &*state.name == name)
            .map(|(number, _)| number)
            .collect()
    }

    /// `a.b`: the child `b` of the child `a`; a child whose own name has a dot comes first.
    fn descendant(&self, state: usize, path: &str) -> Option<usize> {
        let mut found = None;
        for child in &self.drafts.get(state)?.children {
            let name = &*self.drafts.get(*child)?.name;
            if name == path {
                return Some(*child);
            }
            let rest = path
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('.'));
            if let (None, Some(rest)) = (found, rest) {
                found = self.descendant(*child, rest);
            }
        }
        found
    }

    pub(super) fn holds(&self, outer: usize, inner: usize) -> bool {
        (outer..=self.last(outer)).contains(&inner)
    }

    fn last(&self, state: usize) -> usize {
        self.drafts.get(state).map_or(state, |state| state.last)
    }

    pub(super) fn kind(&self, state: usize) -> Kind {
        self.drafts
            .get(state)
            .map_or(Kind::Atomic, |state| state.kind)
    }

    pub(super) fn parent(&self, state: usize) -> usize {
        self.drafts.get(state).map_or(ROOT, |state| state.parent)
    }

    pub(super) fn id(&self, state: usize) -> Arc<str> {
        self.drafts
            .get(state)
            .map_or_else(Arc::default, |state| state.id.clone())
    }
}
