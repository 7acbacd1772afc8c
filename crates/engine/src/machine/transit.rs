//! Transitions that are taken: what they leave, what they do, what they enter.

use std::rc::Rc;

use cojson::json::Json;

use super::compiled::{Kind, List, ROOT};
use super::plan::{Entry, Plan, remember};
use super::run::Run;
use super::timer::{Timer, TimerChange};
use super::tool::ToolFailure;
use super::{Event, pending::Visit};
use crate::expression::Expression;

impl Run<'_> {
    /// Takes transitions together: all leave, then all act, then all enter.
    pub(super) fn transit(&mut self, plan: Rc<Plan>, event: &Event) {
        self.snapshot.visit += 1;
        self.is_moved |= plan.is_move;
        remember(&mut self.snapshot.kept, &plan.remembered);
        for state in &plan.exits {
            self.exit(*state, event);
            self.snapshot.active.remove(*state);
        }
        self.transitions += plan.taken;
        for transition in &plan.acting {
            self.list(List::Transition(*transition), event);
        }
        self.arrive(&plan, event);
        self.reached = Some(plan);
    }

    /// Enters the machine.
    pub(super) fn begin(&mut self, event: &Event) {
        self.arrive(&self.definition.start(), event);
    }

    fn arrive(&mut self, plan: &Plan, event: &Event) {
        if !plan.entries.is_empty() {
            self.snapshot.active.clone_from(&plan.staying);
        }
        for entry in &plan.entries {
            self.snapshot.active.add(entry.state);
            self.enter(entry, event);
        }
        self.snapshot.active.clone_from(&plan.active);
    }

    /// The machine has come to its end: what is active does what it does when it is left.
    pub(super) fn end(&mut self, event: &Event) {
        self.forget_raised();
        let active = self.snapshot.active.clone();
        while let Some(state) = self.snapshot.active.previous(self.definition.states.len()) {
            self.exit(state, event);
            self.snapshot.active.remove(state);
        }
        self.snapshot.active = active;
        self.forget_raised();
    }

    fn exit(&mut self, number: usize, event: &Event) {
        self.list(List::Exit(number), event);
        let Some(state) = self.definition.state(number) else {
            return;
        };
        let timers = state.timers.iter();
        self.timers
            .extend(timers.map(|it| TimerChange::Cancel(it.event_type.clone())));
        self.snapshot.visits.retain(|visit| visit.state != state.id);
        if !state.invokes.is_empty() || state.calls_tools() {
            self.end_calls(number);
        }
    }

    fn enter(&mut self, entry: &Entry, event: &Event) {
        let (definition, number) = (self.definition, entry.state);
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
                    cause: self.cause.clone(),
                })),
                Err(failure) => self.raise_error(failure, number),
            }
        }
        if !state.invokes.is_empty() {
            self.invoking.push((number, self.cause.clone()));
        }
        self.list(List::Entry(number), event);
        for transition in &entry.onward {
            self.list(List::Transition(*transition), event);
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
