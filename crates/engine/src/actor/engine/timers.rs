//! Events for later: `after` and delayed `raise`. Each is recorded in the context with the time when it is due, in the
//! transaction of the step that asked for it, and its record goes in the transaction of the step that takes it, so a
//! reload neither loses one nor gives it twice. What was due while nobody kept time for it goes by its own rule.

use cojson::ids::{SessionId, Timestamp};
use cojson::json::Json;

use super::super::ActorId;
use super::super::input::Input;
use super::super::running::Running;
use super::due::{Due, What};
use super::{ActorEngine, running_mut};
use crate::machine::{CallId, Cause, Event, OnRestore, TimerChange};

impl ActorEngine {
    /// Records what a step did with its timers, in order.
    pub(super) fn change_timers(
        &mut self,
        actor: &ActorId,
        running: &mut Running,
        changes: Vec<TimerChange>,
    ) {
        for change in changes {
            match change {
                TimerChange::Start(timer) => {
                    let due = self.world.now.plus_ms(whole_ms(timer.delay_ms));
                    let record = Json::object([
                        ("session", Json::from(self.world.node.session().as_str())),
                        ("id", timer.id.into()),
                        ("due", in_number(due)),
                        ("delay", timer.delay_ms.into()),
                        ("restore", timer.on_restore.name().into()),
                        ("type", timer.event.event_type.into()),
                        ("payload", timer.event.payload),
                    ]);
                    self.world.cause = timer.cause;
                    let timer = self.world.next_call();
                    running.memory.begin_timer(&timer, record);
                    self.plan(due, actor, What::Timer(timer));
                }
                TimerChange::Cancel(id) => {
                    let timers = running.memory.timers().iter();
                    let is_named =
                        |record: &Json| record.get("id").and_then(Json::as_str) == Some(&*id);
                    let named = timers.filter(|(_, record)| is_named(record));
                    let named: Vec<CallId> = named.map(|(timer, _)| timer.clone()).collect();
                    for timer in named {
                        self.forget_timer(actor, running, timer);
                    }
                }
            }
        }
    }

    fn forget_timer(&mut self, actor: &ActorId, running: &mut Running, timer: CallId) {
        let record = running.memory.timers().get(&timer);
        let at = record.map(due_of).unwrap_or_default();
        running.memory.end_timer(&timer);
        self.due.remove(&Due {
            at,
            actor: actor.clone(),
            what: What::Timer(timer),
        });
    }

    /// Takes up the timers of an actor that nobody kept time for: after a reload those of this tab's session, later those
    /// of sessions that are gone.
    pub(super) fn restore_timers(&mut self, actor: &ActorId, is_own: bool) {
        let Some(running) = self.running(actor) else {
            return;
        };
        let own = self.world.node.session().as_str();
        let is_left = |record: &Json| {
            let session = record.get("session").and_then(Json::as_str);
            (session == Some(own)) == is_own && self.keeps_time(actor, record)
        };
        let timers = running.memory.timers().iter();
        let left = timers.filter(|(_, record)| is_left(record));
        let left = left.map(|(timer, record)| (timer.clone(), record.clone()));
        for (timer, record) in left.collect::<Vec<_>>() {
            self.restore_timer(actor, timer, &record);
        }
        self.plan_timers(actor);
    }

    fn restore_timer(&mut self, actor: &ActorId, timer: CallId, record: &Json) {
        let now = self.world.now;
        let rule = record.get("restore").and_then(Json::as_str);
        let rule = rule.and_then(OnRestore::named).unwrap_or_default();
        let delay = record.get("delay").and_then(Json::as_number);
        // No wait is longer than it was at first: what says so was written under a clock that was set back since.
        let latest = delay.map_or(due_of(record), |ms| now.plus_ms(whole_ms(ms)));
        let due = match rule {
            OnRestore::Restart => latest,
            OnRestore::Fire | OnRestore::Skip => due_of(record).min(latest),
        };
        let session = self.world.node.session().as_str();
        let mut taken = record.as_object().cloned().unwrap_or_default();
        taken.insert("session".into(), session.into());
        taken.insert("due".into(), in_number(due));
        let taken = Json::from(taken);
        self.with_running(actor, |engine, running| {
            if rule == OnRestore::Skip && due <= now {
                engine.forget_timer(actor, running, timer);
            } else if taken != *record {
                running.memory.begin_timer(&timer, taken);
            }
        });
    }

    /// The host's clock was set forward, or back, by that much since the last task: what waits goes on waiting as long as
    /// it was to, neither less nor more. A clock that went on while the device slept was not set.
    pub fn clock_was_set(&mut self, forward_ms: i64) {
        for actor in self.those(|actor| actor.running.is_some()) {
            self.shift_timers(&actor, forward_ms);
        }
        self.shift_attempts(forward_ms);
        self.check_leases_by_new_clock();
    }

    fn shift_timers(&mut self, actor: &ActorId, forward_ms: i64) {
        let Some(running) = self.running(actor) else {
            return;
        };
        let timers = running.memory.timers().iter();
        let kept = timers.filter(|(_, record)| self.keeps_time(actor, record));
        let shifted = |(timer, record): (&CallId, &Json)| {
            let mut record = record.as_object()?.clone();
            let due = due_of(&record.clone().into()).0;
            let due = Timestamp(due.saturating_add_signed(forward_ms));
            record.insert("due".into(), in_number(due));
            Some((timer.clone(), record.into()))
        };
        for (timer, record) in kept.filter_map(shifted).collect::<Vec<_>>() {
            if let Some(running) = running_mut(&mut self.actors, actor) {
                running.memory.begin_timer(&timer, record);
            }
        }
        self.plan_timers(actor);
    }

    /// Keeps time for the timers of an actor that this tab is to keep time for.
    pub(super) fn plan_timers(&mut self, actor: &ActorId) {
        let Some(running) = self.running(actor) else {
            return;
        };
        let timers = running.memory.timers().iter();
        let kept = timers.filter(|(_, record)| self.keeps_time(actor, record));
        let kept = kept.map(|(timer, record)| (due_of(record), timer.clone()));
        for (due, timer) in kept.collect::<Vec<_>>() {
            self.plan(due, actor, What::Timer(timer));
        }
    }

    pub(super) fn is_timer_planned(&self, due: &Due, timer: &CallId) -> bool {
        let running = self.running(&due.actor);
        let running = running.filter(|_| !self.is_unfinished(&due.actor));
        let record = running.and_then(|running| running.memory.timers().get(timer));
        record.is_some_and(|record| due_of(record) == due.at && self.keeps_time(&due.actor, record))
    }

    fn keeps_time(&self, actor: &ActorId, record: &Json) -> bool {
        let session = record.get("session").and_then(Json::as_str);
        let session = session.and_then(|session| SessionId::parse(session).ok());
        session.is_some_and(|session| self.is_responsible(actor, &session))
    }

    /// Gives a machine the event of a timer that is due.
    pub(super) fn fire_timer(&mut self, actor: &ActorId, timer: &CallId) {
        let result = self.with_running(actor, |engine, running| {
            let record = running.memory.timers().get(timer);
            let record = record.cloned().unwrap_or_default();
            running.memory.end_timer(timer);
            engine.world.cause = Cause::new(timer.as_str());
            let event_type = record.get("type").and_then(Json::as_str);
            let payload = record.get("payload").cloned().unwrap_or_default();
            let event = Event::new(event_type.unwrap_or_default(), payload);
            engine.step(actor, running, &Input::Event(event))
        });
        self.world.cause = Cause::default();
        if let Some(Err(error)) = result {
            self.warn(actor, error.code(), error.to_string());
        }
    }
}

/// When a record says that something is due.
pub(super) fn due_of(record: &Json) -> Timestamp {
    let due = record.get("due").and_then(Json::as_number);
    Timestamp(whole_ms(due.unwrap_or_default()))
}

/// A number that a record holds under a key; 0 if it holds none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count; the cast saturates"
)]
pub(super) fn count_of(record: &Json, key: &str) -> u32 {
    record
        .get(key)
        .and_then(Json::as_number)
        .unwrap_or_default() as u32
}

/// A time as records hold it.
#[expect(clippy::cast_precision_loss, reason = "a time far below 2^53")]
pub(super) fn in_number(at: Timestamp) -> Json {
    (at.0 as f64).into()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time or a delay; the cast saturates"
)]
fn whole_ms(ms: f64) -> u64 {
    ms as u64
}
