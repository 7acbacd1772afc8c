//! The one place that lets the engine run, and does what it asks for.
//!
//! However much a turn changed, it becomes one flush: one signature per session, one write. What is durable is then told.

use std::time::Duration;

use cojson::json::Json;
use cojson::sync::{Effect as NodeEffect, encode_frame};
use engine::actor::Effect;
use engine::machine::CallId;
use tokio::time::Instant;

use super::requests::AskError;
use super::{Attempt, Host, Input, SLEEP_MAX};
use crate::clock::now;
use crate::store::Ask;

/// How many tasks of the engine one turn runs before what arrived meanwhile is taken in.
const TASKS_PER_TURN_MAX: usize = 16;

impl Host {
    /// Lets the engine run until nothing is left to do now. Returns when there is, if nothing happens before.
    pub(super) fn turn(&mut self) -> Instant {
        for _ in 0..TASKS_PER_TURN_MAX {
            if !self.task() {
                return self.wakes_at();
            }
        }
        Instant::now()
    }

    /// Runs one task; whether there may be more to do.
    fn task(&mut self) -> bool {
        if let Some(forward_ms) = self.clock_watch.was_set_ms() {
            tracing::info!(
                "the clock was set by {forward_ms} ms; what waits goes on waiting as long"
            );
            self.engine.clock_was_set(forward_ms);
        }
        self.engine.process_inbox(now());
        self.engine.flush();
        let effects: Vec<Effect> = std::iter::from_fn(|| self.engine.poll_effect()).collect();
        for (store, value) in self.engine.take_changed_stores() {
            let _ = store.set(value);
        }
        let is_busy = !effects.is_empty() || self.begin_actors();
        for effect in effects {
            self.carry_out(effect);
        }
        is_busy || !self.engine.is_idle()
    }

    fn wakes_at(&self) -> Instant {
        let due = self.engine.next_deadline();
        let due = due.map(|at| Duration::from_millis(at.0.saturating_sub(now().0)));
        // A moment later, so that what is due is past and not just now.
        let sleep = due.map_or(SLEEP_MAX, |due| due + Duration::from_millis(1));
        let wakes_at = Instant::now() + sleep.min(SLEEP_MAX);
        let others = [self.patient_until, self.retry_at];
        others.into_iter().flatten().fold(wakes_at, Instant::min)
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Node(effect) => self.carry_out_of_node(effect),
            Effect::ActorReady(actor) => {
                if self.founding.note_ready(&actor) {
                    tracing::info!(%actor, "runs the actor {}", actor.as_str());
                }
            }
            Effect::ActorEnded(actor) => {
                tracing::info!(%actor, "runs the actor {} no more", actor.as_str());
                self.founding.note_ended(&actor);
            }
            Effect::ActorFailed { actor, error } => self.actor_failed(actor, error),
            Effect::CallTool {
                call,
                actor,
                tool,
                payload,
            } => {
                tracing::debug!(%actor, %tool, "calls a tool");
                self.call(call, &tool, payload);
            }
            Effect::CancelCall(call) => {
                if let Some(attempt) = self.calls.remove(&call) {
                    attempt.task.abort();
                }
            }
            Effect::Handled { tickets, outcome } => {
                for ticket in tickets.iter() {
                    if let Some(sender) = self.sent.remove(&ticket) {
                        let _ = sender.send(outcome.clone());
                    }
                }
            }
            Effect::Answered { ticket, outcome } => {
                if let Some(asker) = self.asked.remove(&ticket) {
                    let _ = asker.send(outcome.map_err(AskError::from));
                }
            }
            // There is no screen.
            Effect::Rerender => drop(self.engine.take_pending_rerenders()),
            // Storage is this process's alone, so each of its actors is too.
            Effect::Claim(actor) => self.engine.set_driver(&actor, true),
            Effect::Warning(warning) => {
                tracing::warn!(actor = %warning.actor, code = warning.code, "{}", warning.message);
            }
        }
    }

    /// Calls a tool. An earlier attempt of the same call is given up.
    fn call(&mut self, call: CallId, tool: &str, payload: Json) {
        let running = self.tools.call(tool, payload, call.as_str());
        self.attempts_made += 1;
        let number = self.attempts_made;
        let (sender, called) = (self.sender.clone(), call.clone());
        let task = tokio::spawn(async move {
            let outcome = running.await;
            let _ = sender.send(Input::Tool {
                call: called,
                attempt: number,
                outcome,
            });
        });
        let task = task.abort_handle();
        if let Some(earlier) = self.calls.insert(call, Attempt { number, task }) {
            earlier.task.abort();
        }
    }

    fn carry_out_of_node(&mut self, effect: NodeEffect) {
        match effect {
            NodeEffect::Load(id) => self.ask(Ask::Load(id)),
            NodeEffect::Store(batch) => {
                let notes = self.notes_of(&batch);
                self.ask(Ask::Write(batch, notes));
            }
            NodeEffect::Send { message, .. } => {
                if let Some(line) = &self.line {
                    line.send(encode_frame([&message]));
                }
            }
            NodeEffect::Rejected { id, reason, .. } => {
                let id = id.map(tracing::field::display);
                tracing::debug!(id, "refused: {}", reason.code());
            }
            // A node keeps everything it loads, and sends at once.
            NodeEffect::Changed(_)
            | NodeEffect::Unavailable(_)
            | NodeEffect::Read(_)
            | NodeEffect::Pace(_) => {}
        }
    }
}
