//! Which transitions are taken for an event: of each active state the first whose guard holds, the innermost state's
//! first; of those that would leave the same states, the innermost, else the first in the document.

use std::rc::Rc;
use std::sync::Arc;

use cojson::json::Json;

use super::Event;
use super::bits::Bits;
use super::compiled::{ANY, ERROR, Guard, Kind, ROOT, SUCCESS, Transition};
use super::plan::Plan;
use super::run::Run;
use super::tool::ToolFailure;

/// Transitions that are taken together, in order; a single one takes no memory of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Enabled {
    first: Option<usize>,
    more: Vec<usize>,
}

impl Enabled {
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = usize> + use<'_> {
        self.first.into_iter().chain(self.more.iter().copied())
    }

    fn push(&mut self, transition: usize) {
        if self.first.is_none() {
            self.first = Some(transition);
        } else {
            self.more.push(transition);
        }
    }
}

/// What a plan is wanted for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The machine's start.
    Start,
    /// The transitions for that class of events.
    Class(usize),
    /// The transitions without an event.
    Eventless,
    /// Those that guards have chosen.
    Taken(Enabled),
}

/// A type of events that was met.
pub(super) struct Met {
    event_type: Arc<str>,
    class: usize,
    is_success: bool,
}

/// What was asked for a transition.
struct Asked {
    states: Bits,
    /// Whether what was found is found each time: no guard was asked.
    is_certain: bool,
}

impl Run<'_> {
    /// Takes the transitions for an event of the states inside and around one; whether there were any.
    pub(super) fn take(&mut self, event: &Event, owner: usize) -> bool {
        self.is_result_fresh = false;
        let (class, is_success) = self.recognise(&event.event_type);
        let reached = self.reached.as_ref().filter(|_| owner == ROOT);
        let plan = reached
            .and_then(|reached| reached.next(class))
            .unwrap_or_else(|| self.plan(Wanted::Class(class), event, owner));
        if plan.taken == 0 {
            return false;
        }
        if is_success {
            self.snapshot.last_result = event.payload.get("result").cloned();
        }
        self.transit(plan, event);
        true
    }

    /// Takes the transitions that wait for no event; whether there were any.
    pub(super) fn take_eventless(&mut self, event: &Event) -> bool {
        if !self.is_restless() {
            return false;
        }
        let plan = self.plan(Wanted::Eventless, event, ROOT);
        if plan.taken == 0 {
            return false;
        }
        self.transit(plan, event);
        true
    }

    /// The class of an event, and whether it is a success. Events that follow each other are mostly of the same type.
    fn recognise(&mut self, event_type: &Arc<str>) -> (usize, bool) {
        match &self.met {
            Some(met) if Arc::ptr_eq(&met.event_type, event_type) => (met.class, met.is_success),
            _ => {
                let class = self.definition.class_of(event_type);
                let is_success = &**event_type == SUCCESS;
                self.met = Some(Met {
                    event_type: event_type.clone(),
                    class,
                    is_success,
                });
                (class, is_success)
            }
        }
    }

    /// Whether a state with transitions that wait for no event is active.
    pub(super) fn is_restless(&self) -> bool {
        self.definition.eventless.intersects(&self.snapshot.active)
    }

    /// What is to be done; where no guard has a say it is the same each time.
    fn plan(&mut self, wanted: Wanted, event: &Event, owner: usize) -> Rc<Plan> {
        let plans = &self.definition.plans;
        let known = (owner == ROOT).then(|| plans.find(&self.snapshot.active, &wanted));
        if let Some(known) = known.flatten() {
            if let (Wanted::Class(class), Some(reached)) = (&wanted, &self.reached) {
                reached.keep_next(*class, &known);
            }
            return known;
        }
        let (enabled, is_certain) = self.select(&wanted, event, owner);
        let (active, kept) = (&self.snapshot.active, &self.snapshot.kept);
        if is_certain && owner == ROOT {
            return self.definition.plan(active, kept, &enabled, wanted);
        }
        let chosen = Wanted::Taken(enabled.clone());
        let known = plans.find(active, &chosen);
        known.unwrap_or_else(|| self.definition.plan(active, kept, &enabled, chosen))
    }

    /// The transitions to take, and whether no guard had a say in that.
    fn select(&mut self, wanted: &Wanted, event: &Event, owner: usize) -> (Enabled, bool) {
        let mut enabled = Enabled::default();
        let mut asked = Asked {
            states: Bits::new(self.definition.states.len()),
            is_certain: true,
        };
        let last = self.definition.last(owner);
        let mut next = owner;
        while let Some(leaf) = self.snapshot.active.next(next).filter(|leaf| *leaf <= last) {
            next = leaf + 1;
            if self.definition.last(leaf) != leaf {
                continue;
            }
            if let Some(found) = self.find(leaf, wanted, event, &mut asked) {
                self.add(&mut enabled, found);
            }
        }
        (enabled, asked.is_certain)
    }

    /// The first transition from a state outwards; none beyond a state that was asked already.
    fn find(
        &mut self,
        leaf: usize,
        wanted: &Wanted,
        event: &Event,
        asked: &mut Asked,
    ) -> Option<usize> {
        let definition = self.definition;
        let mut at = leaf;
        while asked.states.add(at) {
            let state = definition.state(at)?;
            let (range, class) = match wanted {
                Wanted::Class(class) => (state.on.clone(), *class),
                _ => (state.always.clone(), ANY),
            };
            let start = range.start;
            for (index, it) in definition.transitions.get(range)?.iter().enumerate() {
                if !definition.takes(it.class, class) {
                    continue;
                }
                let holds = match &it.guard {
                    None => Ok(true),
                    Some(guard) => {
                        asked.is_certain = false;
                        self.holds(guard, event)
                    }
                };
                match holds {
                    Ok(false) => {}
                    Ok(true) => return Some(start + index),
                    Err(failure) => {
                        self.guard_failed(failure, event, at);
                        return None;
                    }
                }
            }
            at = state.parent;
        }
        None
    }

    /// Adds a transition, unless it leaves what one before it leaves; an inner state's comes before an outer one's.
    fn add(&self, enabled: &mut Enabled, found: usize) {
        let (definition, one) = (self.definition, self.definition.transition(found));
        let Some(one) = one.filter(|_| enabled.first.is_some()) else {
            enabled.push(found);
            return;
        };
        let mut kept = Enabled::default();
        for other in enabled.iter() {
            let conflict = definition
                .transition(other)
                .filter(|other| self.collide(one, other));
            match conflict {
                Some(other) if definition.is_inside(one.source, other.source) => {}
                Some(_) => return,
                None => kept.push(other),
            }
        }
        kept.push(found);
        *enabled = kept;
    }

    /// Whether both leave some state.
    fn collide(&self, one: &Transition, other: &Transition) -> bool {
        if one.targets.is_empty() || other.targets.is_empty() {
            return false;
        }
        let kept = &self.snapshot.kept;
        let [one, other] = [one, other].map(|it| self.definition.domain_of(it, kept));
        one == other
            || self.definition.is_inside(one, other)
            || self.definition.is_inside(other, one)
    }

    /// A guard for ERROR that fails would raise ERROR for ever.
    fn guard_failed(&mut self, failure: ToolFailure, event: &Event, state: usize) {
        if &*event.event_type == ERROR {
            self.unheard.push(failure);
        } else {
            self.raise_error(failure, state);
        }
    }

    pub(super) fn holds(&self, guard: &Guard, event: &Event) -> Result<bool, ToolFailure> {
        match guard {
            Guard::Expression(expression) => Ok(expression.is_truthy(&self.scope(event))?),
            Guard::Schema(schema) => {
                let state = self.definition.value(&self.snapshot.active);
                let state = std::iter::once(("state".into(), state));
                let context = self
                    .snapshot
                    .context
                    .as_object()
                    .cloned()
                    .unwrap_or_default();
                Ok(schema.is_valid(&Json::object(state.chain(context))))
            }
            Guard::In(state) => Ok(self.snapshot.active.has(*state)),
            Guard::Not(guard) => Ok(!self.holds(guard, event)?),
            Guard::All(guards) => self.count(guards, event, false).map(|is_met| !is_met),
            Guard::Any(guards) => self.count(guards, event, true),
        }
    }

    /// Whether one of them is `wanted`.
    fn count(&self, guards: &[Guard], event: &Event, wanted: bool) -> Result<bool, ToolFailure> {
        for guard in guards {
            if self.holds(guard, event)? == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl super::compiled::Definition {
    /// Whether the machine has come to its end: it takes no event any more.
    pub(super) fn is_over(&self, active: &Bits) -> bool {
        self.has_finals && self.has_ended(active)
    }

    fn has_ended(&self, active: &Bits) -> bool {
        if self.kind(ROOT) == Kind::Parallel {
            return self.is_finished(active, ROOT);
        }
        let child = active.next(ROOT + 1);
        child.is_some_and(|child| self.kind(child) == Kind::Final)
    }

    /// Whether a state has come to its end: its active child is final, or each region's is.
    pub(super) fn is_finished(&self, active: &Bits, state: usize) -> bool {
        match self.kind(state) {
            Kind::Compound => {
                let child = active.next(state + 1);
                child.is_some_and(|child| {
                    self.kind(child) == Kind::Final && self.parent(child) == state
                })
            }
            Kind::Parallel => {
                let mut regions = self.children(state).iter();
                regions.all(|region| self.is_finished(active, *region))
            }
            _ => false,
        }
    }
}
