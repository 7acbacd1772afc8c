//! Showing others that this session lives: the renewal of every lease that it holds.
//!
//! One value for each space, whatever the number of actors: a map with two keys. This session writes `lives` every 3 s while
//! somebody watches, and at once when somebody has just written `watched`. Nobody watches: nothing is written. As a log
//! forgets nothing, a value is used for an hour; then its place in the contexts is the next one's, and it is deleted, where
//! this account may. What it was is loaded by nobody.

use std::sync::Arc;

use cojson::header::ValueType;
use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::node::{NewValue, Stamp};
use cojson::view::{MapView, TransactionId};

use super::super::super::ActorId;
use super::super::{ActorEngine, running_mut};
use super::Wire;

/// The key that the session writes.
pub(super) const LIVES: &str = "lives";
/// The key that who watches it writes.
pub(super) const WATCHED: &str = "watched";

/// How often a lease is renewed, in milliseconds.
const RENEW_MS: u64 = 3_000;
/// How long it is renewed after somebody has last said that they watch.
const WATCHED_MS: u64 = 150_000;
/// How many renewals a value takes.
const RENEWALS_MAX: u32 = 1_200;

/// Where this session shows that it lives, by space.
#[derive(Default)]
pub(in super::super) struct Pulses(Vec<Pulse>);

struct Pulse {
    space: CoId,
    value: CoId,
    renewals: u32,
    renewed_at: Timestamp,
    watched_at: Timestamp,
    /// The last time that somebody said so.
    watched: Option<TransactionId>,
    /// Whether somebody asked since the last renewal.
    is_asked: bool,
}

impl Pulse {
    fn is_due(&self, now: Timestamp) -> bool {
        // A clock that was set back is no reason to be silent.
        let is_old = now < self.renewed_at || now >= self.renewed_at.plus_ms(RENEW_MS);
        self.is_asked || (is_old && self.is_watched(now))
    }

    fn is_watched(&self, now: Timestamp) -> bool {
        now <= self.watched_at.plus_ms(WATCHED_MS)
    }
}

impl Pulses {
    fn of(&mut self, space: &CoId) -> Option<&mut Pulse> {
        self.0.iter_mut().find(|pulse| pulse.space == *space)
    }

    /// When a lease is to be renewed.
    pub(in super::super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let watched = self.0.iter().filter(|pulse| pulse.is_watched(now));
        watched
            .map(|pulse| pulse.renewed_at.plus_ms(RENEW_MS))
            .min()
    }
}

/// What is on this device alone, apart from what sessions write to show that they live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// How many transactions are durable here and not acknowledged by the server.
    pub transactions: u64,
    /// Whether there are none, and none that are not durable yet.
    pub is_nothing: bool,
}

/// The last write to a key.
pub(super) fn last_of(map: &MapView, key: &str) -> Option<TransactionId> {
    map.last_entry(key).map(|entry| entry.position.id.clone())
}

impl ActorEngine {
    /// What is on this device alone. Signs of life come and go every few seconds, and nobody would miss one.
    pub fn unsent(&self) -> Unsent {
        let own = self.pulses.0.iter().map(|pulse| &pulse.value);
        let signs: Vec<CoId> = own.chain(self.watched_values()).cloned().collect();
        let replica = self.world.node.replica();
        let transactions = replica.pending_uploads_but_for(&signs);
        Unsent {
            transactions,
            is_nothing: transactions == 0 && replica.is_settled_but_for(&signs),
        }
    }

    /// When a lease is to be renewed; without a wire there is nobody who would see it.
    pub(in super::super) fn next_renewal(&self) -> Option<Timestamp> {
        let is_up = self.wire == Wire::Up;
        is_up
            .then(|| self.pulses.next_due(self.world.now))
            .flatten()
    }

    /// This session, or one of this device that it speaks for, is asked in a context whether it lives.
    pub(super) fn answer_asked(&mut self, actor: &ActorId, session: &SessionId) {
        let Some(space) = self.actors.get(actor).map(|actor| actor.space.clone()) else {
            return;
        };
        let value = self.pulse_of(&space);
        if let Some(running) = running_mut(&mut self.actors, actor) {
            running.memory.set_asked(session, None);
            if value.is_some() {
                running.memory.set_pulse(session, value.as_ref());
            }
        }
        self.renew_leases();
    }

    /// The value of a space, made if there is none; it is watched from now on. `None`: we may write nothing there.
    fn pulse_of(&mut self, space: &CoId) -> Option<CoId> {
        let now = self.world.now;
        if self.pulses.of(space).is_none() {
            let pulse = self.make_pulse(space)?;
            self.pulses.0.push(pulse);
        }
        let pulse = self.pulses.of(space)?;
        pulse.watched_at = now;
        pulse.is_asked = true;
        Some(pulse.value.clone())
    }

    fn make_pulse(&mut self, space: &CoId) -> Option<Pulse> {
        let now = self.world.now;
        let node = &mut self.world.node;
        let value = NewValue {
            value_type: ValueType::CoMap,
            owner: space.clone(),
            uniqueness: node.random_uniqueness(),
            meta: Json::Null,
        };
        Some(Pulse {
            space: space.clone(),
            value: node.create(value, now).ok()?,
            renewals: 0,
            renewed_at: now,
            watched_at: now,
            watched: None,
            is_asked: true,
        })
    }

    /// Renews the leases for which it is time, or of which somebody asked.
    pub(in super::super) fn renew_leases(&mut self) {
        if self.wire != Wire::Up {
            return;
        }
        self.note_watchers();
        let now = self.world.now;
        let due = self.pulses.0.iter().filter(|pulse| pulse.is_due(now));
        for space in due.map(|pulse| pulse.space.clone()).collect::<Vec<_>>() {
            self.renew(&space);
        }
    }

    fn note_watchers(&mut self) {
        let now = self.world.now;
        for pulse in &mut self.pulses.0 {
            let map = self.world.node.map(&pulse.value);
            let watched = map.and_then(|map| last_of(map, WATCHED));
            if watched != pulse.watched {
                pulse.watched = watched;
                pulse.watched_at = now;
                pulse.is_asked = true;
            }
        }
    }

    fn renew(&mut self, space: &CoId) {
        let now = self.world.now;
        let Some(pulse) = self.pulses.of(space) else {
            return;
        };
        if pulse.renewals >= RENEWALS_MAX {
            return self.replace_pulse(space);
        }
        pulse.renewals += 1;
        pulse.renewed_at = now;
        pulse.is_asked = false;
        let value = pulse.value.clone();
        if !self.write_sign(&value, LIVES) {
            // Who still wants to know asks in a context, and is told of another value.
            self.pulses.0.retain(|pulse| pulse.space != *space);
        }
    }

    /// A value is full: the next one takes its place.
    fn replace_pulse(&mut self, space: &CoId) {
        let Some(new) = self.make_pulse(space) else {
            return;
        };
        let next = new.value.clone();
        let Some(pulse) = self.pulses.of(space) else {
            return;
        };
        let watched_at = pulse.watched_at;
        let old = std::mem::replace(pulse, Pulse { watched_at, ..new });
        for actor in self.actors.values_mut() {
            let Some(running) = actor.running.as_deref_mut() else {
                continue;
            };
            for session in running.memory.pulses_in(&old.value) {
                running.memory.set_pulse(&session, Some(&next));
            }
        }
        self.renew(space);
        // Where this account is no admin of the space, it stays.
        let _ = self.world.node.delete(&old.value, self.world.now);
        self.world.written.push(old.value);
    }

    /// Writes one of the two keys; whether that went.
    pub(super) fn write_sign(&mut self, value: &CoId, key: &str) -> bool {
        let sign: [(Arc<str>, Json); 1] = [(key.into(), true.into())];
        let stamp = Stamp::Now(self.world.now);
        let is_written = self.world.node.map_set(value, &sign, stamp).is_ok();
        if is_written {
            self.world.written.push(value.clone());
        }
        is_written
    }
}
