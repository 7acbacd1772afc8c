//! Watching other sessions: whether they still renew what they hold.
//!
//! A session is watched once, however many actors wait for it. What counts for a sign of life is a newer renewal in the
//! value that it told of in a context, or that it answered there.

use cojson::collections::{OrderedMap, OrderedSet};
use cojson::ids::{CoId, SessionId};
use cojson::view::TransactionId;

use super::super::super::ActorId;
use super::super::{ActorEngine, running_mut};
use super::Patience;
use super::pulse::{LIVES, WATCHED, last_of};

/// How long a session may be silent before it is asked, in milliseconds: a renewal and what it is late.
const SILENCE_MS: u64 = 4_000;
/// How long it may be silent where nothing is known of it yet: most calls are over by then.
const FIRST_SILENCE_MS: u64 = 2_000;
/// How long it has to answer, once the server has the question.
const ANSWER_MS: u64 = 3_000;
/// How long after the last question it is told again that somebody watches, in milliseconds; and up to as much more, by the
/// watcher, so that not all of many do it.
const WATCH_AGAIN_MS: u64 = 60_000;

/// The sessions that are watched.
pub(in super::super) type Watches = OrderedMap<SessionId, Watch>;

/// What is known of a session that is watched.
#[derive(Default)]
pub(in super::super) struct Watch {
    /// The actors that wait for it.
    by: OrderedSet<ActorId>,
    /// Where it shows that it lives.
    value: Option<CoId>,
    /// Its last sign of life there.
    seen: Option<TransactionId>,
    silence: Patience,
    /// Since it was last told that it is watched, by whomever.
    unwatched: Patience,
    watched: Option<TransactionId>,
    /// Whether it was asked and has not answered, and whether that is in the context.
    is_asked: Option<Asked>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    InContext,
    InValue,
}

impl Watch {
    fn new() -> Self {
        Self {
            silence: Patience::after(SILENCE_MS - FIRST_SILENCE_MS),
            ..Self::default()
        }
    }

    fn is_alive(&mut self) {
        self.silence = Patience::default();
        self.is_asked = None;
    }
}

impl ActorEngine {
    /// Watches those and no others for an actor; whether one of them may be gone.
    pub(super) fn watch_all(
        &mut self,
        actor: &ActorId,
        is_level: bool,
        awaited: &[SessionId],
    ) -> bool {
        for (session, watch) in self.watches.iter_mut() {
            if !awaited.contains(session) {
                watch.by.remove(actor);
            }
        }
        self.watches.retain(|_, watch| !watch.by.is_empty());
        let own = self.world.node.session().clone();
        let others = awaited.iter().filter(|session| **session != own);
        let mut is_urgent = false;
        for session in others {
            let watch = self.watches.get_or_insert_with(session.clone(), Watch::new);
            watch.by.insert(actor.clone());
            if is_level {
                self.look_at(actor, session);
            }
            let watch = self.watches.get(session);
            is_urgent |= watch.is_some_and(|watch| watch.is_asked.is_some());
        }
        is_urgent
    }

    /// Where the sessions that are watched show that they live.
    pub(super) fn watched_values(&self) -> impl Iterator<Item = &CoId> {
        let watches = self.watches.values();
        watches.filter_map(|watch| watch.value.as_ref())
    }

    /// A value changed in which sessions show that they live.
    pub(in super::super) fn note_pulse(&mut self, value: &CoId) {
        let watches = self.watches.values();
        for watch in watches.filter(|watch| watch.value.as_ref() == Some(value)) {
            self.leases_to_check.extend(watch.by.iter().cloned());
        }
    }

    /// Takes in what a session showed, asks it if it is silent, and gives it up if it does not answer.
    fn look_at(&mut self, actor: &ActorId, session: &SessionId) {
        let told = self.actors.get(actor).and_then(|actor| {
            let memory = &actor.running.as_deref()?.memory;
            Some((memory.pulse(session), memory.is_asked(session)))
        });
        let Some((value, is_asked)) = told else {
            return;
        };
        let value = value.filter(|value| !self.world.is_absent(value));
        if let Some(value) = &value
            && !self.world.is_settled(value)
        {
            self.world.load(value);
            return;
        }
        let signs = value.as_ref().and_then(|value| {
            let map = self.world.node.map(value)?;
            Some((last_of(map, LIVES), last_of(map, WATCHED)))
        });
        let now = self.world.now;
        let Some(watch) = self.watches.get_mut(session) else {
            return;
        };
        watch.value.clone_from(&value);
        let (lives, watched) = signs.clone().unwrap_or_default();
        let has_answered = watch.is_asked == Some(Asked::InContext) && !is_asked;
        if has_answered || (lives.is_some() && lives != watch.seen) {
            // What it showed before it was watched says nothing.
            if has_answered || watch.seen.is_some() {
                watch.is_alive();
                self.is_not_gone(session);
            }
        }
        let Some(watch) = self.watches.get_mut(session) else {
            return;
        };
        watch.seen = lives;
        if watched != watch.watched {
            watch.watched = watched;
            watch.unwatched = Patience::default();
        }
        if value.is_some_and(|value| !self.world.node.replica().is_level(&value)) {
            return;
        }
        let again_ms = WATCH_AGAIN_MS + u64::from(self.watch_delay_ms);
        if watch.is_asked.is_some() {
            if watch.silence.has_waited(ANSWER_MS, now) {
                self.is_gone(session);
            }
        } else if watch.silence.has_waited(SILENCE_MS, now) {
            watch.silence = Patience::default();
            watch.is_asked = Some(match signs {
                Some(_) => Asked::InValue,
                None => Asked::InContext,
            });
            self.ask_session(actor, session);
        } else if signs.is_some() && watch.unwatched.has_waited(again_ms, now) {
            watch.unwatched = Patience::default();
            self.ask_session(actor, session);
        }
    }

    /// Asks a session whether it lives: where it shows that, else in the context.
    fn ask_session(&mut self, actor: &ActorId, session: &SessionId) {
        let value = self.watches.get(session);
        let value = value.and_then(|watch| watch.value.clone());
        let is_told = value.is_some_and(|value| self.write_sign(&value, WATCHED));
        if is_told {
            return;
        }
        let own = self.world.node.session().clone();
        if let Some(running) = running_mut(&mut self.actors, actor) {
            running.memory.set_asked(session, Some(&own));
        }
        if let Some(watch) = self.watches.get_mut(session) {
            watch.is_asked = Some(Asked::InContext);
        }
    }

    fn is_gone(&mut self, session: &SessionId) {
        let Some(watch) = self.watches.remove(session) else {
            return;
        };
        for actor in watch.by.iter() {
            if let Some(found) = self.actors.get_mut(actor) {
                found.lease.gone.insert(session.clone());
                if let Some(running) = found.running.as_deref_mut() {
                    running.memory.set_asked(session, None);
                    running.memory.set_pulse(session, None);
                }
            }
            self.leases_to_check.insert(actor.clone());
        }
    }

    fn is_not_gone(&mut self, session: &SessionId) {
        for actor in self.actors.values_mut() {
            actor.lease.gone.remove(session);
        }
    }
}
