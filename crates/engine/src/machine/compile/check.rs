//! What can only be said of the whole: events that nobody sends, states that nothing leads to.

use super::super::bits::Bits;
use super::super::compiled::{Definition, ERROR, Kind, ROOT, SUCCESS};
use super::{Compiled, Compiler};
use crate::definition_error::{DefinitionError, one_of};

/// How events begin that the machine gives itself.
const OWN_EVENTS: [&str; 2] = ["done.", "after."];

impl Compiler<'_> {
    /// With a contract, a transition is for an event that may arrive, that an action raises or that the machine
    /// gives itself.
    pub(super) fn check_events(&self) -> Compiled<()> {
        let Some(known) = self.library.message_types else {
            return Ok(());
        };
        for (event_type, place) in &self.heard {
            let wanted = event_type.strip_suffix('*').unwrap_or(event_type);
            let wanted = wanted.trim_end_matches('.');
            let is_meant = |sent: &str| {
                let rest = sent.strip_prefix(wanted);
                wanted.is_empty()
                    || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let own = OWN_EVENTS.iter().any(|prefix| wanted.starts_with(prefix));
            let raised = self.raised.iter().any(|raised| is_meant(raised));
            let mut all = known.iter().copied().chain([SUCCESS, ERROR]);
            if !own && !raised && !all.clone().any(is_meant) {
                let expected = format!(
                    "an event that the actor's messageTypes name: {}",
                    one_of(&mut all)
                );
                return Err(place.error_text(expected, format!("the event \"{event_type}\"")));
            }
        }
        Ok(())
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
