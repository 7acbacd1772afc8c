//! Events for later: `after` and delayed `raise`. Each is recorded in the context with the time when it is due, in the
//! transaction of the step that asked for it, and its record goes in the transaction of the step that takes it, so a
//! reload neither loses one nor gives it twice. What was due meanwhile is given at once.

use cojson::ids::{SessionId, Timestamp};
use cojson::json::Json;

use super::super::ActorId;
use super::super::running::Running;
use super::ActorEngine;
use crate::machine::{CallId, Event, TimerChange};

impl ActorEngine {
    /// Records what a step did with its timers, in order.
    pub(super) fn change_timers(&mut self, running: &mut Running, changes: Vec<TimerChange>) {
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
                    running.memory.begin_timer(&self.world.next_call(), record);
                }
                TimerChange::Cancel(id) => {
                    let timers = running.memory.timers().iter();
                    let is_named =
                        |record: &Json| record.get("id").and_then(Json::as_str) == Some(&*id);
                    let named = timers.filter(|(_, record)| is_named(record));
                    let named: Vec<CallId> = named.map(|(timer, _)| timer.clone()).collect();
                    for timer in named {
                        running.memory.end_timer(&timer);
                    }
                }
            }
        }
    }

    /// The timer that is due first, of those that this tab keeps time for.
    pub(super) fn next_timer(&self) -> Option<(Timestamp, ActorId, CallId)> {
        let mut next: Option<(Timestamp, ActorId, CallId)> = None;
        for (id, actor) in &self.actors {
            let Some(running) = &actor.running else {
                continue;
            };
            for (timer, record) in running.memory.timers() {
                let due = due_of(record);
                let is_first = next.as_ref().is_none_or(|(first, ..)| due < *first);
                if is_first && self.keeps_time(id, record) {
                    next = Some((due, id.clone(), timer.clone()));
                }
            }
        }
        next
    }

    fn keeps_time(&self, actor: &ActorId, record: &Json) -> bool {
        let session = record.get("session").and_then(Json::as_str);
        let session = session.and_then(|session| SessionId::parse(session).ok());
        session.is_some_and(|session| self.is_responsible(actor, &session))
    }

    /// Gives a machine the event of the timer that is due first; whether there was one.
    pub(super) fn fire_timer(&mut self) -> bool {
        let due = self.next_timer().filter(|(due, ..)| *due <= self.world.now);
        let Some((_, actor, timer)) = due else {
            return false;
        };
        let result = self.with_running(&actor, |engine, running| {
            let record = running
                .memory
                .timers()
                .get(&timer)
                .cloned()
                .unwrap_or_default();
            running.memory.end_timer(&timer);
            let event_type = record
                .get("type")
                .and_then(Json::as_str)
                .unwrap_or_default();
            let payload = record.get("payload").cloned().unwrap_or_default();
            engine.step(&actor, running, &Event::new(event_type, payload))
        });
        if let Some(Err(error)) = result {
            self.warn(&actor, error.code(), error.to_string());
        }
        true
    }
}

fn due_of(record: &Json) -> Timestamp {
    let due = record.get("due").and_then(Json::as_number);
    Timestamp(whole_ms(due.unwrap_or_default()))
}

#[expect(clippy::cast_precision_loss, reason = "a time far below 2^53")]
fn in_number(at: Timestamp) -> Json {
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
