//! The one place that lets the engine run: inputs are collected, worked off at the end of the task, and the effects
//! carried out.
//!
//! However much a task changed, it becomes one flush: one signature per session, one write. What is durable is then
//! told: to whoever awaits it, to the other tabs, to the server, in that order of effects that the engine gives.

use std::rc::Rc;

use cojson::json::Json;
use cojson::sync::{Effect as NodeEffect, WriteBatch, encode_frame};
use engine::actor::Effect;
use engine::reactive_store::ReactiveStore;
use gloo_timers::callback::Timeout;

use super::error::{Failure, RuntimeError};
use super::host::Host;
use super::waiters::Wish;
use crate::clock;
use crate::futures::spawn_local;
use crate::storage::StorageError;

/// How long after a refused write it is tried again by itself.
const RETRY_MS: u32 = 3_000;

/// The longest that a browser's timers wait at once; what is due later is looked at again then.
const SLEEP_MS_MAX: u32 = 1 << 30;

/// By how much a clock must have been set back to be noticed: less is how clocks are kept right.
const JUMP_MS_MIN: f64 = 1_000.0;

/// What one run of the engine led to.
struct Turn {
    effects: Vec<Effect>,
    stores: Vec<(ReactiveStore, Json)>,
    is_idle: bool,
    next_deadline_ms: Option<u32>,
}

impl Host {
    /// Plans a run at the end of this task.
    pub(crate) fn schedule(self: &Rc<Self>) {
        if self.timers.is_pump_planned.replace(true) {
            return;
        }
        let host = Rc::downgrade(self);
        spawn_local(async move {
            if let Some(host) = host.upgrade() {
                host.pump();
            }
        });
    }

    /// Plans a run after a while, unless the timer is dropped.
    pub(crate) fn schedule_in(self: &Rc<Self>, ms: u32) -> Timeout {
        let host = Rc::downgrade(self);
        Timeout::new(ms, move || {
            if let Some(host) = host.upgrade() {
                host.schedule();
            }
        })
    }

    /// Lets the engine run and does what it asks for.
    pub(crate) fn pump(self: &Rc<Self>) {
        self.timers.is_pump_planned.set(false);
        let Ok(turn) = self.turn() else {
            return;
        };
        for effect in turn.effects {
            self.carry_out(effect);
        }
        self.read_wanted();
        for (store, value) in turn.stores {
            let _ = store.set(value);
        }
        self.update_status();
        self.settle_waiters();
        self.plan_expiry(turn.next_deadline_ms);
        if !turn.is_idle {
            self.schedule_in(0).forget();
        }
    }

    /// By how much the clock was set back since the last turn, in milliseconds. That it went forward says nothing: it does
    /// so too when the device slept.
    fn set_back_ms(&self) -> Option<i64> {
        let ahead_ms = clock::ahead_ms();
        let before_ms = self.timers.ahead_ms.replace(Some(ahead_ms))?;
        let back_ms = before_ms - ahead_ms;
        #[expect(clippy::cast_possible_truncation, reason = "far below 2^53")]
        let back_ms = (back_ms > JUMP_MS_MIN).then_some(back_ms as i64);
        back_ms
    }

    fn turn(&self) -> Result<Turn, RuntimeError> {
        let now = clock::now();
        let set_back_ms = self.set_back_ms();
        self.engine(|engine| {
            if let Some(ms) = set_back_ms {
                engine.clock_was_set(-ms);
            }
            engine.process_inbox(now);
            engine.flush();
            Turn {
                effects: std::iter::from_fn(|| engine.poll_effect()).collect(),
                stores: engine.take_changed_stores(),
                is_idle: engine.is_idle(),
                next_deadline_ms: engine
                    .next_deadline()
                    .map(|at| u32::try_from(at.0.saturating_sub(now.0)).unwrap_or(u32::MAX)),
            }
        })
    }

    fn carry_out(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::Node(NodeEffect::Load(id)) => self.reads.wanted.borrow_mut().push(id),
            Effect::Node(NodeEffect::Store(batch)) => self.store(batch),
            Effect::Node(NodeEffect::Send { message, .. }) => {
                if let Some(wire) = &*self.wire.borrow() {
                    wire.send(encode_frame([&message]));
                }
            }
            Effect::Node(NodeEffect::Unavailable(id)) => self.note_unavailable(&id),
            Effect::Node(NodeEffect::Rejected { reason, .. }) => {
                self.count_rejection(reason.code());
            }
            // A node keeps everything it loads, and sends at once.
            Effect::Node(NodeEffect::Changed(_) | NodeEffect::Read(_) | NodeEffect::Pace(_)) => {}
            Effect::ActorReady(actor) => self.actor_ready(&actor),
            Effect::ActorFailed { actor, error } => self.actor_failed(&actor, error),
            Effect::CallTool {
                call,
                actor,
                tool,
                payload,
            } => self.call_tool(call, &actor, &tool, &payload),
            Effect::CancelCall(call) => self.cancel_call(&call),
            Effect::ActorEnded(actor) => self.actor_ended(&actor),
            Effect::Handled { tickets, outcome } => self.handled(tickets, outcome),
            Effect::Answered { ticket, outcome } => self.answered(ticket, outcome),
            Effect::Rerender => self.plan_frame(),
            Effect::Claim(actor) => self.claim(&actor),
            Effect::Warning(warning) => {
                self.tell_problem(warning.code, &warning.message, Some(warning.actor.as_str()));
            }
        }
    }

    /// Writes a batch, and tells the engine how it went.
    fn store(self: &Rc<Self>, batch: WriteBatch) {
        let (rows, durability) = self.rows_of(&batch);
        let write = self.waiters.write_begins();
        let host = Rc::clone(self);
        spawn_local(async move {
            match host.storage.write(&rows, durability).await {
                Ok(()) => host.stored(&batch),
                Err(error) => host.store_failed(&batch, write, &error),
            }
        });
    }

    fn stored(self: &Rc<Self>, batch: &WriteBatch) {
        self.refused.take();
        self.timers.retry.take();
        self.count_transactions(batch);
        if self.input(|engine| engine.stored(batch.id)).is_ok() {
            self.tell_tabs(batch);
        }
    }

    fn store_failed(self: &Rc<Self>, batch: &WriteBatch, write: u32, error: &StorageError) {
        let is_news = self.refused.replace(Some(error.clone())).is_none();
        // The engine must not write again at once: the next change does, or the retry, or who asks for `settled`.
        if self.engine(|engine| engine.store_failed(batch.id)).is_err() {
            return;
        }
        if is_news {
            self.problem(error);
        }
        self.waiters.write_failed(write, || {
            let cause = error.clone();
            Failure::NotStored { cause }.into()
        });
        self.drain_outcomes();
        if !error.is_final() {
            self.timers.retry.replace(Some(self.schedule_in(RETRY_MS)));
        }
    }

    /// Tells what became of events, without a flush.
    fn drain_outcomes(self: &Rc<Self>) {
        let drain = self.engine(|engine| std::iter::from_fn(|| engine.poll_effect()).collect());
        let effects: Vec<Effect> = drain.unwrap_or_default();
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn settle_waiters(&self) {
        let is_planned = self.timers.is_pump_planned.get();
        let is_answered = self.reads.under_way.get() == 0 && self.reads.wanted.borrow().is_empty();
        let fulfilled = |wish: &Wish| {
            self.engine(|engine| {
                let is_settled =
                    || !is_planned && engine.is_idle() && engine.node().replica().is_settled();
                match wish {
                    Wish::Answered => is_answered,
                    Wish::Settled => is_settled(),
                    Wish::Synced => is_settled() && engine.node().is_synced(),
                    Wish::Shown(id) => super::values::is_shown(engine.node_mut(), id),
                    Wish::Finished(id) => super::values::is_finished(engine.node_mut(), id),
                    Wish::Invited(invitation) => {
                        let (group, secret) = (&invitation.value, &invitation.secret);
                        engine.node_mut().knows_invite(group, secret)
                    }
                    Wish::Known(id) => engine.is_settled(id),
                    // That is told apart.
                    Wish::Started(_) => false,
                }
            })
            .unwrap_or_default()
        };
        self.waiters.settle(fulfilled);
    }

    /// Frees what nobody uses any more, when it is time.
    fn plan_expiry(self: &Rc<Self>, in_ms: Option<u32>) {
        let host = Rc::downgrade(self);
        let expire = move || {
            if let Some(host) = host.upgrade() {
                let _ = host.input(|engine| engine.expire(clock::now()));
            }
        };
        self.timers
            .expiry
            .replace(in_ms.map(|in_ms| Timeout::new(in_ms.min(SLEEP_MS_MAX) + 1, expire)));
    }
}
