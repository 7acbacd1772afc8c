//! Transitions that are taken: what they leave, what they do, what they enter.

use cojson::json::Json;

use super::bits::Bits;
use super::compiled::{Kind, List, ROOT};
use super::enter::{Entering, Kept};
use super::run::Run;
use super::select::Enabled;
use super::timer::{Timer, TimerChange};
use super::tool::ToolFailure;
use super::{Event, pending::Visit};
use crate::expression::Expression;

/// What is about to be entered, apart from the snapshot it was read from.
struct Arrival {
    set: Bits,
    defaults: Bits,
    histories: Vec<(usize, usize)>,
}

impl Run<'_> {
    /// Takes transitions together: all leave, then all act, then all enter.
    pub(super) fn transit(&mut self, enabled: &Enabled, event: &Event) {
        self.snapshot.visit += 1;
        // What a history led to when the transition was chosen, not what it is of the states that are left now.
        let is_dynamic = |it| {
            self.definition
                .transition(it)
                .is_some_and(|it| it.is_dynamic)
        };
        let kept = if enabled.iter().any(is_dynamic) {
            self.snapshot.kept.clone()
        } else {
            Vec::new()
        };
        for transition in enabled.iter().rev() {
            self.depart(transition, event);
        }
        for transition in enabled.iter() {
            self.transitions += 1;
            self.list(List::Transition(transition), 0, event);
        }
        for transition in enabled.iter() {
            self.arrive(transition, &kept, event);
        }
    }

    /// Enters the machine.
    pub(super) fn begin(&mut self, event: &Event) {
        let mut entering = Entering::new(self.definition, &[]);
        entering.descend(ROOT);
        let arrival = Arrival::of(entering);
        self.snapshot.active = Bits::new(self.definition.states.len());
        self.enter_all(&arrival, event);
    }

    /// The machine has come to its end: what is active does what it does when it is left.
    pub(super) fn end(&mut self, event: &Event) {
        self.forget_raised();
        let mut end = self.definition.states.len();
        while let Some(state) = self.snapshot.active.previous(end) {
            self.exit(state, event);
            end = state;
        }
        self.forget_raised();
    }

    fn depart(&mut self, transition: usize, event: &Event) {
        let Some(transition) = self.definition.transition(transition) else {
            return;
        };
        if transition.targets.is_empty() {
            return;
        }
        let domain = self.definition.domain_of(transition, &self.snapshot.kept);
        let last = self.definition.last(domain);
        self.keep(domain + 1, last);
        self.is_moved = true;
        let mut end = last + 1;
        while let Some(state) = self.snapshot.active.previous(end).filter(|it| *it > domain) {
            self.exit(state, event);
            self.snapshot.active.remove(state);
            end = state;
        }
    }

    /// Keeps what is active in the states that are left and have a history.
    fn keep(&mut self, first: usize, last: usize) {
        let definition = self.definition;
        for state in definition.remembering.within(first, last) {
            if !self.snapshot.active.has(state) {
                continue;
            }
            let mut inside = Bits::new(definition.states.len());
            for active in self
                .snapshot
                .active
                .within(state + 1, definition.last(state))
            {
                inside.add(active);
            }
            let kept = &mut self.snapshot.kept;
            match kept.iter_mut().find(|(known, _)| *known == state) {
                Some((_, kept)) => *kept = inside,
                None => kept.push((state, inside)),
            }
        }
    }

    fn exit(&mut self, number: usize, event: &Event) {
        self.list(List::Exit(number), 0, event);
        let Some(state) = self.definition.state(number) else {
            return;
        };
        let timers = state.timers.iter();
        self.timers
            .extend(timers.map(|it| TimerChange::Cancel(it.event_type.clone())));
        self.snapshot.visits.retain(|visit| visit.state != state.id);
        if !state.invokes.is_empty() {
            self.end_invoked(number);
        }
    }

    fn arrive(&mut self, transition: usize, kept: &Kept, event: &Event) {
        let Some(transition) = self.definition.transition(transition) else {
            return;
        };
        if transition.targets.is_empty() {
            return;
        }
        let domain = self.definition.domain_of(transition, kept);
        let mut entering = Entering::new(self.definition, &self.snapshot.kept);
        entering.transition(transition, domain);
        let arrival = Arrival::of(entering);
        self.enter_all(&arrival, event);
    }

    fn enter_all(&mut self, arrival: &Arrival, event: &Event) {
        let mut next = ROOT;
        while let Some(state) = arrival.set.next(next) {
            next = state + 1;
            if self.snapshot.active.add(state) {
                self.enter(state, arrival, event);
            }
        }
    }

    fn enter(&mut self, number: usize, arrival: &Arrival, event: &Event) {
        let definition = self.definition;
        let Some(state) = definition.state(number) else {
            return;
        };
        if definition.calls_tools {
            self.snapshot.visits.push(Visit {
                state: state.id.clone(),
                number: self.snapshot.visit,
            });
        }
        for after in &state.timers {
            match self.delay_ms(&after.delay_ms, event) {
                Ok(delay_ms) => self.timers.push(TimerChange::Start(Timer {
                    id: after.event_type.clone(),
                    delay_ms,
                    event: Event::new(after.event_type.clone(), Json::Null),
                    on_restore: after.on_restore,
                })),
                Err(failure) => self.raise_error(failure, number),
            }
        }
        if !state.invokes.is_empty() {
            self.invoking.push(number);
        }
        self.list(List::Entry(number), 0, event);
        if let Some(initial) = state.initial.filter(|_| arrival.defaults.has(number)) {
            self.list(List::Transition(initial), 0, event);
        }
        for (around, default) in &arrival.histories {
            if *around == number {
                self.list(List::Transition(*default), 0, event);
            }
        }
        if state.kind == Kind::Final {
            self.finished(number, event);
        }
    }

    /// A final state was entered: the states that thereby come to their end say so.
    fn finished(&mut self, number: usize, event: &Event) {
        let definition = self.definition;
        let parent = definition.parent(number);
        let around = definition.parent(parent);
        self.is_over = definition.is_over(&self.snapshot.active);
        let output = definition
            .state(number)
            .and_then(|state| state.output.as_ref());
        let output = output.map(|output| output.evaluate(&self.scope(event)));
        let output = output.transpose().map_err(ToolFailure::from);
        let payload = match output {
            Ok(Some(output)) => Json::object([("output", output.unwrap_or_default())]),
            Ok(None) => Json::Null,
            Err(failure) => {
                self.raise_error(failure, number);
                Json::Null
            }
        };
        if parent == ROOT {
            self.output = payload.get("output").cloned();
        }
        self.raise_done(parent, payload);
        let is_region = definition.kind(around) == Kind::Parallel;
        if is_region && definition.is_finished(&self.snapshot.active, around) {
            self.raise_done(around, Json::Null);
        }
    }

    fn raise_done(&mut self, state: usize, payload: Json) {
        if let Some(state) = self.definition.state(state).filter(|_| state != ROOT) {
            self.raise(Event::new(format!("done.state.{}", state.id), payload));
        }
    }

    pub(super) fn delay_ms(&self, delay: &Expression, event: &Event) -> Result<f64, ToolFailure> {
        let delay = delay.evaluate(&self.scope(event))?.unwrap_or_default();
        let ms = delay.as_number().filter(|ms| *ms >= 0.0);
        ms.ok_or_else(|| {
            let message = format!("a delay is a number of milliseconds, not {delay}");
            ToolFailure::new("structural", message)
        })
    }
}

impl Arrival {
    fn of(entering: Entering<'_>) -> Self {
        Self {
            set: entering.set,
            defaults: entering.defaults,
            histories: entering.histories,
        }
    }
}
