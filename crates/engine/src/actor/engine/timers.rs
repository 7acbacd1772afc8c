//! Events for later: `after` and delayed `raise`. Each is recorded in the context with the time when it is due, in the
//! transaction of the step that asked for it, and its record goes in the transaction of the step that takes it, so a
//! reload neither loses one nor gives it twice. What was due meanwhile is given at once.

use cojson::ids::{SessionId, Timestamp};
use cojson::json::Json;

use super::super::ActorId;
use super::super::running::Running;
use super::ActorEngine;
use super::due::{Due, What};
use crate::machine::{CallId, Event, TimerChange};

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
                        ("type", timer.event.event_type.into()),
                        ("payload", timer.event.payload),
                    ]);
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
            let event_type = record.get("type").and_then(Json::as_str);
            let payload = record.get("payload").cloned().unwrap_or_default();
            let event = Event::new(event_type.unwrap_or_default(), payload);
            engine.step(actor, running, &event)
        });
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
