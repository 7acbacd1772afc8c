//! What can only be said of the whole: events that nobody sends, states and transitions that nothing leads to.

use super::super::bits::Bits;
use super::super::compiled::{Definition, ERROR, Kind, ROOT, SUCCESS, State};
use super::{Compiled, Compiler, Draft};
use crate::definition_error::{DefinitionError, Place, one_of};

/// How events begin that the machine gives itself.
const OWN_EVENTS: [&str; 4] = ["done.", "after.", "error.invoke.", "progress.invoke."];

/// How the event begins that tells of a state's end.
const DONE: &str = "done.state.";

impl Compiler<'_> {
    /// With a contract, a transition is for an event that may arrive, that an action raises or that the machine
    /// gives itself.
    pub(super) fn check_events(&mut self) {
        let heard = std::mem::take(&mut self.heard);
        for (event_type, place) in &heard {
            let checked = self.check_end(event_type, place);
            self.noted(checked);
            let checked = self.check_event(event_type, place);
            self.noted(checked);
        }
    }

    fn check_event(&self, event_type: &str, place: &Place) -> Compiled<()> {
        let Some(known) = self.library.message_types else {
            return Ok(());
        };
        let wanted = event_type.strip_suffix('*').unwrap_or(event_type);
        let wanted = wanted.trim_end_matches('.');
        let is_meant = |sent: &str| {
            let rest = sent.strip_prefix(wanted);
            wanted.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let own = OWN_EVENTS.iter().any(|prefix| wanted.starts_with(prefix));
        let raised = self.raised.iter().any(|raised| is_meant(raised));
        let mut all = known.iter().copied().chain([SUCCESS, ERROR]);
        if own || raised || all.clone().any(is_meant) {
            return Ok(());
        }
        let expected = format!(
            "an event that the actor's messageTypes name: {}",
            one_of(&mut all)
        );
        Err(place.error_text(expected, format!("the event \"{event_type}\"")))
    }

    /// What waits for a state's end names a state.
    fn check_end(&self, event_type: &str, place: &Place) -> Compiled<()> {
        let named = event_type.strip_prefix(DONE).unwrap_or_default();
        let named = named.strip_suffix('*').unwrap_or(named);
        let named = named.trim_end_matches('.');
        let is_meant = |draft: &Draft<'_>| {
            let rest = draft.id.strip_prefix(named);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if named.is_empty() || self.drafts.iter().any(is_meant) {
            return Ok(());
        }
        let has_end = |it: &&Draft<'_>| matches!(it.kind, Kind::Compound | Kind::Parallel);
        let ends = self.drafts.iter().skip(1).filter(has_end);
        let expected = format!(
            "the end of one of the states {}",
            one_of(ends.map(|it| &*it.id))
        );
        Err(place.error_text(expected, format!("the event \"{event_type}\"")))
    }

    /// A remark for each transition that comes after one for the same event which is always taken.
    pub(super) fn never_taken(&self, states: &[State]) -> Vec<DefinitionError> {
        let mut remarks = Vec::new();
        for (state, draft) in states.iter().zip(&self.drafts) {
            for list in [&state.on, &state.always] {
                let own = self.transitions.get(list.clone()).unwrap_or_default();
                let mut taken: Vec<usize> = Vec::new();
                for transition in own {
                    if taken.contains(&transition.class) {
                        let event = self.classes.get_index(transition.class);
                        let event = event.map_or("", |(name, _)| name);
                        let expected = format!(
                            "a guard on the transition for \"{event}\" before the last one, which is never taken"
                        );
                        remarks.push(draft.place.missing(expected));
                    }
                    if transition.guard.is_none() {
                        taken.push(transition.class);
                    }
                }
            }
        }
        remarks
    }

    /// A remark for each state that no way from the first ones leads to.
    pub(super) fn unreachable(&self, definition: &Definition) -> Vec<DefinitionError> {
        let mut reached = Bits::new(definition.states.len());
        let mut waiting = vec![ROOT];
        while let Some(state) = waiting.pop() {
            if !reached.add(state) {
                continue;
            }
            waiting.push(definition.parent(state));
            if definition.kind(state) == Kind::Parallel {
                waiting.extend_from_slice(definition.children(state));
            }
            let Some(found) = definition.state(state) else {
                continue;
            };
            let own = found
                .on
                .clone()
                .chain(found.always.clone())
                .chain(found.initial);
            for it in own.filter_map(|it| definition.transition(it)) {
                waiting.extend_from_slice(&it.targets);
            }
        }
        let lost = self
            .drafts
            .iter()
            .enumerate()
            .filter(|(state, _)| !reached.has(*state));
        let expected = "a transition that leads to this state";
        lost.map(|(_, draft)| draft.place.missing(expected))
            .collect()
    }
}
