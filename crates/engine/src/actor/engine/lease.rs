//! Leases: which session hosts an actor for messages from others, over the devices of everyone in its space (R4).
//!
//! The context says who: `_host` holds a session, and `_pulse/<session>` the value in which it renews its lease, every 3 s
//! for as long as somebody watches ([`pulse`]). Other devices that run the actor watch its host, and the host watches
//! whoever has a call or a timer that is late ([`watch`]). Who is silent is asked; who does not answer is gone: the device
//! that asked becomes the host and takes up what it left. All in all that takes less than 10 s from the host's end, whether
//! something waits for it or not.
//!
//! ```text
//! last renewal ── 4 s ──> asked, and the server has it ── 3 s ──> gone: claimed, and the server has it ── 1 s ──> host
//! ```
//!
//! What tells a lease's age is its own stamp, the newest renewal in the log: it counts as held from when that was first seen
//! here. Time is counted in short steps while the server answers, so that neither a device that slept nor a clock that was
//! set takes anybody for dead. Without a server there is nobody else: then a device's tabs settle it among themselves.

mod pulse;
mod watch;

use cojson::collections::SortedSet;
use cojson::ids::{SessionId, Timestamp};
use cojson::json::Json;

use super::super::ActorId;
use super::ActorEngine;
use super::due::What;

pub(super) use pulse::Pulses;
pub use pulse::Unsent;
pub(super) use watch::Watches;

/// How long a claim may be contested, once the server has it.
const CONTEST_MS: u64 = 1_000;
/// How often time is counted while something is waited for, and while all is well.
const STEP_MS: u64 = 250;
const QUIET_STEP_MS: u64 = 500;
/// The most that one step counts: a device that sleeps longer waits no longer.
const STEP_MS_MAX: u64 = 750;

/// Whether others may host the actors of this device too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// There is no server, so there is nobody.
    None,
    /// There is or was a server, which cannot be asked now.
    Down,
    /// The server is there.
    Up,
}

impl Wire {
    /// Before it is known whether the server can be reached, if there is one.
    pub(super) fn new(has_server: bool) -> Self {
        if has_server { Self::Down } else { Self::None }
    }
}

/// What an actor's hosting hangs on here, in memory only.
#[derive(Default)]
pub(super) struct Lease {
    /// How long our own claim has stood uncontested; `None`: it needs no standing, or there is none.
    claimed: Option<Patience>,
    /// Whether this session hosts the actor for messages from others.
    is_host: bool,
    /// When it is looked at again.
    planned: Option<Timestamp>,
    /// The sessions that did not answer.
    gone: SortedSet<SessionId>,
}

/// Time that was waited, counted in steps.
#[derive(Clone, Copy, Default)]
struct Patience {
    waited_ms: u64,
    last: Option<Timestamp>,
}

impl Patience {
    /// One that has waited that long.
    fn after(waited_ms: u64) -> Self {
        Self {
            waited_ms,
            last: None,
        }
    }

    /// Counts the time since the last step; whether that much has passed.
    fn has_waited(&mut self, ms: u64, now: Timestamp) -> bool {
        let step = self.last.map_or(0, |last| now.0.saturating_sub(last.0));
        self.waited_ms += step.min(STEP_MS_MAX);
        self.last = Some(now);
        self.waited_ms >= ms
    }
}

impl ActorEngine {
    /// The sessions of this device, other tabs' and those of tabs that are gone: what they left, this device takes up.
    pub fn set_device_sessions(&mut self, sessions: SortedSet<SessionId>) {
        self.device_sessions = sessions;
        self.adopt_all();
    }

    /// Whether other devices may host the actors that this one does.
    fn is_networked(&self) -> bool {
        self.wire != Wire::None
    }

    /// Whether a session is of this device. Where there is no server, all are.
    fn is_of_device(&self, session: &SessionId) -> bool {
        !self.is_networked()
            || session == self.world.node.session()
            || self.device_sessions.contains(session)
            || self.live_sessions.contains(session)
    }

    /// Whether this tab takes up what that session began: its own, and as the actor's driver that of sessions of this
    /// device that no tab holds, and of others that are gone.
    pub(super) fn is_responsible(&self, actor: &ActorId, session: &SessionId) -> bool {
        if session == self.world.node.session() {
            return true;
        }
        let Some(found) = self.actors.get(actor).filter(|actor| actor.is_driver) else {
            return false;
        };
        let lease = &found.lease;
        if self.is_of_device(session) {
            !self.live_sessions.contains(session)
        } else {
            lease.is_host && lease.gone.contains(session)
        }
    }

    /// Whether this tab handles what is in an actor's inbox.
    pub(super) fn is_host(&self, actor: &ActorId) -> bool {
        let found = self.actors.get(actor).filter(|actor| actor.is_driver);
        found.is_some_and(|actor| !self.is_networked() || actor.lease.is_host)
    }

    /// Looks at an actor's lease again: something changed, or it is time.
    pub(super) fn check_lease(&mut self, actor: &ActorId) {
        if !self.is_networked() || self.running(actor).is_none() {
            return;
        }
        self.answer_for_device(actor);
        if !self.actors.get(actor).is_some_and(|actor| actor.is_driver) {
            return;
        }
        let was_host = self.is_host(actor);
        let is_level = self.is_level(actor);
        let awaited = self.awaited(actor);
        self.hold_lease(actor, is_level, awaited.is_empty());
        let is_urgent = self.watch_all(actor, is_level, &awaited);
        let is_host = self.is_host(actor);
        let lease = lease_of(&self.actors, actor);
        let has_heirless = lease.is_some_and(|lease| !lease.gone.is_empty());
        if is_host && (!was_host || has_heirless) {
            self.adopt_orphans(actor);
            if let Some(actor) = self.actors.get_mut(actor) {
                actor.lease.gone = SortedSet::new();
            }
        }
        let is_claiming =
            lease_of(&self.actors, actor).is_some_and(|lease| lease.claimed.is_some());
        let step_ms = if is_urgent || is_claiming || (!is_host && self.has_unhandled(actor)) {
            Some(STEP_MS)
        } else {
            (!awaited.is_empty()).then_some(QUIET_STEP_MS)
        };
        if let Some(ms) = step_ms {
            self.plan_lease(actor, self.world.now.plus_ms(ms));
        }
    }

    /// Looks at a lease again at that time, or before if that is planned.
    fn plan_lease(&mut self, actor: &ActorId, at: Timestamp) {
        let now = self.world.now;
        let Some(found) = self.actors.get_mut(actor) else {
            return;
        };
        let is_sooner = |planned: Timestamp| now < planned && planned <= at;
        if !found.lease.planned.is_some_and(is_sooner) {
            found.lease.planned = Some(at);
            self.plan(at, actor, What::Lease);
        }
    }

    pub(super) fn is_lease_planned(&self, actor: &ActorId, at: Timestamp) -> bool {
        let lease = lease_of(&self.actors, actor);
        self.is_ready(actor) && lease.is_some_and(|lease| lease.planned == Some(at))
    }

    /// Sees whether the wire came or went: then it is not known any more who hosts what.
    pub(super) fn check_wire(&mut self) {
        let wire = match (self.world.node.has_upstream(), self.wire) {
            (true, _) => Wire::Up,
            (false, Wire::None) => Wire::None,
            (false, _) => Wire::Down,
        };
        if std::mem::replace(&mut self.wire, wire) != wire {
            for actor in self.actors.values_mut() {
                actor.lease.is_host = false;
            }
            self.leases_to_check.extend(self.actors.keys().cloned());
        }
    }

    /// The clock was set: what was planned by it is looked at now.
    pub(super) fn check_leases_by_new_clock(&mut self) {
        self.leases_to_check.extend(self.actors.keys().cloned());
    }

    /// Looks at the leases of which something changed; whether there were any.
    pub(super) fn check_leases(&mut self) -> bool {
        let to_check = std::mem::take(&mut self.leases_to_check);
        for actor in to_check.iter() {
            self.check_lease(actor);
        }
        !to_check.is_empty()
    }

    /// Whether the server and we know the same of an actor: what others made of its messages is known here.
    fn is_level(&self, actor: &ActorId) -> bool {
        let replica = self.world.node.replica();
        let found = self.actors.get(actor);
        found
            .is_some_and(|actor| replica.is_level(&actor.context) && replica.is_level(&actor.inbox))
    }

    /// A session that is asked whether it lives says so; its device says so for those of it that no tab holds, and takes up
    /// what they left.
    fn answer_for_device(&mut self, actor: &ActorId) {
        let Some(found) = self.actors.get(actor) else {
            return;
        };
        let Some(running) = found.running.as_deref() else {
            return;
        };
        let own = self.world.node.session();
        let answers_for = |session: &&SessionId| {
            let is_heir = || found.is_driver && !self.live_sessions.contains(*session);
            *session == own || (is_heir() && self.is_of_device(session))
        };
        let asked = running.memory.asked().filter(answers_for);
        for session in asked.cloned().collect::<Vec<SessionId>>() {
            self.answer_asked(actor, &session);
        }
    }

    /// Keeps `_host` what it should be, and finds out whether we are it.
    fn hold_lease(&mut self, actor: &ActorId, is_level: bool, is_idle: bool) {
        let own = self.world.node.session().clone();
        let now = self.world.now;
        let host = self
            .running(actor)
            .and_then(|running| running.memory.host());
        let is_ours = host.as_ref().is_some_and(|host| self.is_of_device(host));
        let is_free = host.is_none() && is_level && !is_idle;
        let is_gone = |lease: &Lease| host.as_ref().is_some_and(|host| lease.gone.contains(host));
        let Some(found) = self.actors.get_mut(actor) else {
            return;
        };
        let is_to_claim = is_free || (is_level && is_gone(&found.lease));
        let lease = &mut found.lease;
        if host.as_ref() == Some(&own) {
            let stood = |claim: &mut Patience| claim.has_waited(CONTEST_MS, now);
            lease.is_host |= is_level && lease.claimed.as_mut().is_none_or(stood);
            if lease.is_host {
                lease.claimed = None;
            }
            return;
        }
        lease.is_host = false;
        lease.claimed = (is_to_claim && !is_ours).then(Patience::default);
        if (is_ours || is_to_claim)
            && let Some(running) = found.running.as_deref_mut()
        {
            running.memory.set_host(&own);
            if let Some(host) = host {
                running.memory.set_asked(&host, None);
                running.memory.set_pulse(&host, None);
            }
        }
    }

    /// The sessions of other devices that are to be watched: the host, and by the host whoever has a call or a timer that is late.
    fn awaited(&mut self, actor: &ActorId) -> Vec<SessionId> {
        let has_unhandled = self.has_unhandled(actor);
        let now = self.world.now;
        let Some(found) = self.actors.get(actor) else {
            return Vec::new();
        };
        let Some(running) = found.running.as_deref() else {
            return Vec::new();
        };
        let is_late = |record: &&Json| super::timers::due_of(record) < now;
        let records = running.memory.calls().values();
        let records = records.chain(running.memory.timers().values().filter(is_late));
        let session_of = |record: &Json| SessionId::parse(record.get("session")?.as_str()?).ok();
        let others = records.filter_map(session_of);
        let others = others.filter(|session| !self.is_of_device(session));
        let mut others: Vec<SessionId> = others.collect();
        let host = running.memory.host();
        match host {
            Some(host) if host == *self.world.node.session() => {
                others.retain(|session| !found.lease.gone.contains(session));
                others
            }
            Some(host) if !self.is_of_device(&host) => vec![host],
            None if has_unhandled || !others.is_empty() => vec![self.world.node.session().clone()],
            _ => Vec::new(),
        }
    }

    /// Takes up what is left of all actors that this tab drives.
    pub(super) fn adopt_all(&mut self) {
        for actor in self.those(|actor| actor.is_driver) {
            self.leases_to_check.insert(actor.clone());
            self.adopt_orphans(&actor);
        }
    }
}

/// Up to a minute, by the session's name.
pub(super) fn delay_ms(session: &SessionId) -> u16 {
    let bytes = session.as_str().bytes();
    bytes.fold(0_u16, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    }) % 60_000
}

fn lease_of<'a>(
    actors: &'a cojson::collections::OrderedMap<ActorId, super::Actor>,
    actor: &ActorId,
) -> Option<&'a Lease> {
    actors.get(actor).map(|actor| &actor.lease)
}
