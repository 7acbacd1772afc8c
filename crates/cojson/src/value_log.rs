//! A value's whole log: its header and the logs of its sessions.
//!
//! It holds what is proven (the id is the header's hash, each session is signed by its author) and judges nothing
//! else: what a session's author was allowed to write is decided above.

use crate::collections::OrderedMap;
use crate::crypto::{Signature, SignerId};
use crate::header::Header;
use crate::ids::{CoId, SessionId};
use crate::known_state::KnownState;
use crate::session_log::{ContentError, SessionContent, SessionLog, StageError};
use crate::transaction::Transaction;

/// A header that is not the one of the id it came under.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header under {id} is the one of {actual}; it was forged or damaged on the way")]
pub struct HeaderMismatch {
    /// The id it came under.
    pub id: CoId,
    /// The id it hashes to.
    pub actual: CoId,
}

/// A value's header and sessions.
#[derive(Clone, Debug)]
pub struct ValueLog {
    id: CoId,
    header: Header,
    sessions: OrderedMap<SessionId, SessionLog>,
}

impl ValueLog {
    /// A value without any transaction.
    pub fn new(header: Header) -> Self {
        Self {
            id: header.id(),
            header,
            sessions: OrderedMap::new(),
        }
    }

    /// The same, for a header that came under an id.
    pub fn checked(id: &CoId, header: Header) -> Result<Self, HeaderMismatch> {
        let log = Self::new(header);
        if log.id == *id {
            Ok(log)
        } else {
            Err(HeaderMismatch {
                id: id.clone(),
                actual: log.id,
            })
        }
    }

    /// The value's id.
    pub fn id(&self) -> &CoId {
        &self.id
    }

    /// The value's header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The log of one session.
    pub fn session(&self, session: &SessionId) -> Option<&SessionLog> {
        self.sessions.get(session)
    }

    /// The logs of all sessions, in the order in which they came.
    pub fn sessions(&self) -> impl ExactSizeIterator<Item = &SessionLog> {
        self.sessions.values()
    }

    /// How many transactions of a session are there.
    pub fn session_len(&self, session: &SessionId) -> u32 {
        self.session(session).map_or(0, SessionLog::len)
    }

    /// The log of an own session, made when it is not there yet.
    pub fn own_session(&mut self, session: &SessionId) -> &mut SessionLog {
        self.sessions
            .get_or_insert_with(session.clone(), || SessionLog::new(session.clone()))
    }

    /// Appends an own transaction, unsigned as yet. Returns its index.
    pub fn append_local(&mut self, session: &SessionId, transaction: Transaction) -> u32 {
        let log = self.own_session(session);
        log.append_local(transaction);
        log.len() - 1
    }

    /// Takes in foreign content of a session if its author signed it. Returns how many transactions were new. Content that
    /// is refused leaves the value as it was; not even an empty session remains.
    pub fn receive(
        &mut self,
        session: &SessionId,
        content: SessionContent,
        signer: &SignerId,
    ) -> Result<u32, ContentError> {
        self.with_session(session, |log| log.receive(content, signer))
    }

    /// Whether content fits behind a session and its author signed it. The value stays as it is.
    pub fn verify(
        &mut self,
        session: &SessionId,
        content: SessionContent,
        signer: &SignerId,
    ) -> Result<(), ContentError> {
        let staged = match self.sessions.get_mut(session) {
            Some(log) => log.stage(content)?,
            None => SessionLog::new(session.clone()).stage(content)?,
        };
        let _verified = staged.verify(signer)?;
        Ok(())
    }

    /// Takes back what our own storage kept of a session. Returns how many transactions were new.
    pub fn restore(
        &mut self,
        session: &SessionId,
        content: SessionContent,
    ) -> Result<u32, StageError> {
        self.with_session(session, |log| log.restore(content))
    }

    /// Storage has this much of a session: if that is more than is here, it is what is known of it from now on. Returns
    /// whether it was more.
    pub fn outline(&mut self, session: &SessionId, count: u32, last_signature: Signature) -> bool {
        let is_more = count > self.session_len(session);
        if is_more {
            self.own_session(session)
                .become_outline(count, last_signature);
        }
        is_more
    }

    /// Lets go of the other sessions.
    pub fn retain_sessions(&mut self, is_kept: impl Fn(&SessionId) -> bool) {
        self.sessions.retain(|session, _| is_kept(session));
    }

    /// The logs of all sessions, to be changed.
    pub fn sessions_mut(&mut self) -> impl Iterator<Item = &mut SessionLog> {
        self.sessions.values_mut()
    }

    /// The log of one session, to be changed.
    pub fn session_mut(&mut self, session: &SessionId) -> Option<&mut SessionLog> {
        self.sessions.get_mut(session)
    }

    /// What is here, signed or not.
    pub fn known_state(&self) -> KnownState {
        self.known_state_by(SessionLog::len)
    }

    /// What is here and can be sent, being signed.
    pub fn signed_state(&self) -> KnownState {
        self.known_state_by(SessionLog::signed_len)
    }

    fn known_state_by(&self, count: impl Fn(&SessionLog) -> u32) -> KnownState {
        KnownState {
            id: self.id.clone(),
            header: true,
            sessions: self
                .sessions
                .values()
                .map(|log| (log.session().clone(), count(log)))
                .filter(|(_, count)| *count > 0)
                .collect(),
        }
    }

    fn with_session<T, E>(
        &mut self,
        session: &SessionId,
        change: impl FnOnce(&mut SessionLog) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(log) = self.sessions.get_mut(session) {
            return change(log);
        }
        let mut log = SessionLog::new(session.clone());
        let outcome = change(&mut log)?;
        self.sessions.insert(session.clone(), log);
        Ok(outcome)
    }
}
