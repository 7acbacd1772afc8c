//! Content on its way in: it waits for what it needs, is verified session by session, and joins the log.
//!
//! A session that fails is skipped with a reason; the others of the same message, and all that comes later, are not
//! touched by it (R11). Nothing is acknowledged here before it is durable.

use super::RELAY;
use super::authorise::WriteRule;
use super::dependencies;
use super::effect::PeerId;
use super::entry::{Entry, Record};
use super::lookup::Seek;
use super::message::{ContentMessage, KnownMessage, SyncMessage};
use super::peer::{Ack, Peer};
use super::pending::Waiting;
use super::rejection::Rejection;
use super::replica::{Replica, Waiter};
use super::run::{Run, joined};
use crate::collections::SortedSet;
use crate::crypto::{SignatureError, SignerId};
use crate::header::Header;
use crate::ids::{AgentId, CoId, SessionId};
use crate::known_state::KnownState;
use crate::session_log::{ContentError, SessionContent, StageError};
use crate::value_log::ValueLog;

/// What became of a message's sessions.
struct Admitted {
    /// The log grew, or is new.
    grew: bool,
    /// Transactions before those of some session are missing here.
    has_gap: bool,
    /// What the sender proved to have.
    proven: KnownState,
}

impl Replica {
    /// Takes in a peer's content for a value in order, what continues one session together, until a message has to wait.
    pub(super) fn pump(&mut self, peer: PeerId, id: &CoId) {
        while self.pending.front(peer, id).is_some() {
            self.drop_erased(peer, id);
            let blockers = self.blockers(peer, id);
            if blockers.len() > self.config.missing_dependencies_max {
                self.refuse_greedy(peer, id);
                continue;
            }
            if !blockers.is_empty() {
                self.wait_for(peer, id, blockers);
                return;
            }
            let run = if RELAY {
                self.next_run(peer, id)
            } else {
                self.pending.pop(peer, id).map(Run::from)
            };
            if let Some(run) = run {
                self.admit(peer, run);
            }
        }
        self.news_of(id);
        self.refetch(peer);
    }

    fn wait_for(&mut self, peer: PeerId, id: &CoId, blockers: SortedSet<CoId>) {
        for blocker in &blockers {
            let waiters = self.waiters.get_or_default(blocker.clone());
            waiters.insert(Waiter::Queue(peer, id.clone()));
        }
        if self.pending.block(peer, id, blockers) {
            // Values that wait for this one learn that it waits itself: they may be waiting in a circle.
            self.news_of(id);
        }
    }

    /// Remembers that a session could not be verified, to ask for it again should its author's account appear.
    fn note_unverified(&mut self, peer: PeerId, id: &CoId, session: &SessionId) {
        let accounts_max = self.config.pending_messages_per_peer_max;
        if let Some(account) = dependencies::author_account(session)
            && let Some(connected) = self.peers.get_mut(&peer)
            && connected.unverified.len() < accounts_max
        {
            let values = connected.unverified.get_or_default(account);
            values.insert(id.clone());
        }
    }

    /// An account appeared: what could not be verified without it is asked for again.
    pub(super) fn refetch_authored(&mut self, account: &CoId) {
        let mut peers = Vec::new();
        for (id, peer) in self.peers.iter_mut() {
            if let Some(values) = peer.unverified.remove(account) {
                peer.refetch.extend(values);
                peers.push(*id);
            }
        }
        for peer in peers {
            self.refetch(peer);
        }
    }

    /// Asks again for what had to be dropped, now that nothing of the peer waits any more.
    fn refetch(&mut self, peer: PeerId) {
        if !self.pending.is_empty_for(peer) {
            return;
        }
        let dropped = self
            .peers
            .get_mut(&peer)
            .map(|peer| std::mem::take(&mut peer.refetch));
        for id in dropped.unwrap_or_default() {
            let state = self.durable_state(&id);
            if let Some(belief) = self.belief_mut(peer, &id) {
                belief.awaits_answer = true;
                self.send(peer, SyncMessage::Load(state));
            }
        }
    }

    /// What the message at the head of a queue waits for. What is missing is looked for, unless it is too much.
    fn blockers(&mut self, peer: PeerId, id: &CoId) -> SortedSet<CoId> {
        let asks_storage = |head: &Waiting| !head.given_up.contains(id);
        let asks_storage = self.pending.front(peer, id).is_some_and(asks_storage);
        if asks_storage && !self.entries.contains_key(id) {
            if self.waits_for_storage(id) {
                return SortedSet::from([id.clone()]);
            }
            self.pending.give_up(peer, id, id);
        }
        let Some(head) = self.pending.front(peer, id) else {
            return SortedSet::new();
        };
        if !self.entries.contains_key(id) && head.message.header.is_none() {
            return SortedSet::new();
        }
        let mut missing = self.dependencies_of(&head.message);
        missing.retain(|id| !self.entries.contains_key(id) && !head.given_up.contains(id));
        if missing.len() <= self.config.missing_dependencies_max {
            missing.retain(|dependency| self.must_wait(peer, id, dependency));
        }
        if RELAY && missing.is_empty() && self.waits_for_hash(peer, id) {
            missing.insert(id.clone());
        }
        missing
    }

    fn refuse_greedy(&mut self, peer: PeerId, id: &CoId) {
        let missing_max = self.config.missing_dependencies_max;
        let reason = Rejection::TooManyDependencies { missing_max };
        self.reject(Some(peer), Some(id), reason);
        self.pending.pop(peer, id);
    }

    /// Whether storage has yet to say what it has of a value; it is asked.
    fn waits_for_storage(&mut self, id: &CoId) -> bool {
        let lookup = self.lookups.get(id);
        if lookup.is_none() {
            self.seek(id, Seek::in_storage());
        }
        !self
            .lookups
            .get(id)
            .is_some_and(super::lookup::Lookup::is_absent_in_storage)
    }

    fn dependencies_of(&self, message: &ContentMessage) -> SortedSet<CoId> {
        let known = self
            .entries
            .get(&message.id)
            .map(|entry| entry.log.header());
        let mut found = SortedSet::new();
        if known.is_none()
            && let Some(header) = &message.header
        {
            dependencies::of_header(header, &mut found);
        }
        let header = known.or(message.header.as_ref());
        if self.config.write_rule != WriteRule::Signed {
            found.extend(header.and_then(Header::owner).cloned());
        }
        let is_group = header.is_some_and(Header::has_members);
        for (session, content) in &message.new {
            dependencies::of_content(is_group, session, content, &mut found);
        }
        found.remove(&message.id);
        found
    }

    /// Whether a peer's content has to wait for a dependency that is not here: somebody who counts may still have it.
    fn must_wait(&mut self, peer: PeerId, id: &CoId, dependency: &CoId) -> bool {
        let mut peers = self.servers();
        peers.push(peer);
        if self.pending.waits_for(&peers, dependency, id) {
            return false;
        }
        let lookup = self.lookups.get(dependency);
        if !lookup.is_some_and(|lookup| lookup.has_source(peer)) {
            self.seek(dependency, Seek::dependency_of(peer));
            return true;
        }
        let is_open = lookup.is_some_and(|lookup| lookup.is_open_for(&peers));
        if is_open || self.pending.has(&peers, dependency) {
            return true;
        }
        self.pending.give_up(peer, id, dependency);
        false
    }

    /// Verifies a message's sessions, with what continues them, and takes them into the log.
    fn admit(&mut self, peer: PeerId, run: Run) {
        let Run { mut message, more } = run;
        let id = message.id.clone();
        let is_new = !self.entries.contains_key(&id);
        if is_new && !self.found_entry(peer, &mut message) {
            return;
        }
        let admitted = self.admit_sessions(peer, &mut message, more);
        if admitted.grew {
            self.judge_tombstones(&id);
            self.judge_tombstones_of(&id);
        }
        self.touch(&id);
        self.note_proven(peer, &message, &admitted.proven);
        if is_new {
            self.refetch_authored(&id);
        }
        if is_new || admitted.grew {
            self.dirty.insert(id.clone());
            self.changed(&id);
            self.news_of(&id);
        }
        let ack = if admitted.has_gap {
            Ack::Correction
        } else {
            Ack::Known
        };
        self.owe(peer, &id, ack);
        let is_damaged = |entry: &Entry| entry.record == Record::Damaged;
        if RELAY && admitted.has_gap && !self.entries.get(&id).is_some_and(is_damaged) {
            // Another server may have what is missing: storage says so before the peer is asked.
            self.refresh(&id);
        } else {
            self.serve(peer, &id);
        }
    }

    /// Makes the entry of a new value; without a valid header the peer is asked for all of it.
    fn found_entry(&mut self, peer: PeerId, message: &mut ContentMessage) -> bool {
        let id = message.id.clone();
        match message
            .header
            .take()
            .map(|header| ValueLog::checked(&id, header))
        {
            Some(Ok(log)) => {
                self.entries.insert(id, Entry::new(log));
                true
            }
            Some(Err(mismatch)) => {
                let found = mismatch.actual;
                self.reject(Some(peer), Some(&id), Rejection::WrongId { found });
                self.acknowledge(peer, &id, Ack::Known);
                false
            }
            None => {
                let known = KnownMessage {
                    state: KnownState::empty(id),
                    is_correction: true,
                };
                self.send(peer, SyncMessage::Known(known));
                false
            }
        }
    }

    fn admit_sessions(
        &mut self,
        peer: PeerId,
        message: &mut ContentMessage,
        mut more: Vec<SessionContent>,
    ) -> Admitted {
        let id = &message.id;
        let mut admitted = Admitted {
            grew: false,
            has_gap: false,
            proven: KnownState::empty(id.clone()),
        };
        admitted.proven.header = true;
        for (session, content) in std::mem::take(&mut message.new) {
            let mut pieces = vec![content];
            pieces.append(&mut more);
            if RELAY
                && let Some(whole) = joined(&pieces)
                && let end = super::message::content_end(&whole)
                && let Ok(is_new) = self.admit_session(id, &session, whole)
            {
                admitted.grew |= is_new;
                admitted.proven.raise(&session, end);
                continue;
            }
            for piece in pieces {
                self.admit_piece(peer, id, &session, piece, &mut admitted);
            }
        }
        admitted
    }

    fn admit_piece(
        &mut self,
        peer: PeerId,
        id: &CoId,
        session: &SessionId,
        piece: SessionContent,
        admitted: &mut Admitted,
    ) {
        let end = super::message::content_end(&piece);
        match self.admit_session(id, session, piece) {
            Ok(is_new) => admitted.grew |= is_new,
            Err(Refused::Gap) => admitted.has_gap = true,
            Err(Refused::Because(reason)) => {
                if matches!(reason, Rejection::UnknownAuthor { .. }) {
                    self.note_unverified(peer, id, session);
                }
                self.reject(Some(peer), Some(id), reason);
                return;
            }
        }
        admitted.proven.raise(session, end);
    }

    /// Takes in one session's content. Returns whether any of it was new.
    fn admit_session(
        &mut self,
        id: &CoId,
        session: &SessionId,
        content: SessionContent,
    ) -> Result<bool, Refused> {
        let because = |reason| Err(Refused::Because(reason));
        let Some(signer) = self.signer_of(session) else {
            let session = session.clone();
            return because(Rejection::UnknownAuthor { session });
        };
        self.authorise(id, session, &content, &signer)
            .map_err(Refused::Because)?;
        let sessions_max = self.config.sessions_per_value_max;
        let Some(entry) = self.entries.get_mut(id) else {
            return Err(Refused::Gap);
        };
        if entry.log.session(session).is_none() && entry.log.sessions().len() >= sessions_max {
            return because(Rejection::TooManySessions { sessions_max });
        }
        let mut named = SortedSet::new();
        dependencies::of_content(entry.is_group(), session, &content, &mut named);
        self.contents_checked += 1;
        match entry.log.receive(session, content, &signer) {
            Ok(_) => {
                entry.erasure.note(session);
                entry.depend_on(named);
                Ok(true)
            }
            Err(ContentError::Stage(StageError::NothingNew { .. })) => Ok(false),
            // Without a hash nothing can be verified: the sender is asked for it again.
            Err(ContentError::Stage(StageError::Gap { .. } | StageError::HashGone)) => {
                Err(Refused::Gap)
            }
            Err(error) => because(rejection_of(session, &error)),
        }
    }

    /// The key that a session must be signed with: its author's, if that is an agent or the account of one.
    fn signer_of(&mut self, session: &SessionId) -> Option<SignerId> {
        let author = session.author();
        if let Ok(agent) = AgentId::parse(author) {
            return self.signers.of(author, || agent.signer().ok());
        }
        let account = dependencies::author_account(session)?;
        let header = self.entries.get(&account)?.log.header();
        self.signers.of(author, || header.account_signer())
    }

    /// Takes in what content proves about its sender: it has that itself.
    fn note_proven(&mut self, peer: PeerId, message: &ContentMessage, proven: &KnownState) {
        let is_server = self.peers.get(&peer).is_some_and(Peer::is_server);
        if let Some(belief) = self.belief_mut(peer, &message.id) {
            belief.believed.merge(proven);
            if let Some(sessions) = message.expect_content_until.as_ref().filter(|_| is_server) {
                for (session, count) in sessions {
                    belief.believed.raise(session, *count);
                }
            }
        }
        self.note_acknowledged(peer, proven, false);
    }
}

/// Why a session's content was not taken in.
enum Refused {
    Gap,
    Because(Rejection),
}

fn rejection_of(session: &SessionId, error: &ContentError) -> Rejection {
    let session = session.clone();
    match error {
        ContentError::Signature(SignatureError { .. }) => Rejection::BadSignature { session },
        ContentError::Stage(StageError::TooLarge { .. }) => {
            Rejection::TransactionTooLarge { session }
        }
        other => Rejection::BadContent {
            session,
            detail: other.to_string(),
        },
    }
}
