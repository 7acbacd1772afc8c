//! One value in memory: its log, how much of it is durable, and what it depends on.
//!
//! What may be told to a peer (R2) is exactly [`Entry::durable_state`]; the pieces that are cut here for peers never
//! reach beyond it, unless what is being written goes ahead ([`Replica::ahead`](super::Replica)).

use crate::collections::{SortedMap, SortedSet};
use crate::crypto::Signature;
use crate::ids::{CoId, SessionId};
use crate::known_state::KnownState;
use crate::session_log::{SessionContent, SessionLog};
use crate::value_log::ValueLog;

use super::cache::Cached;
use super::dependencies;
use super::effect::{Segment, ValueWrite};
use super::erasure::Erasure;
use super::message::{ContentMessage, content_end};
use super::packing::Packing;

/// How far a session is durable. The signature is kept because the log keeps only its newest one.
#[derive(Clone, Copy, Debug)]
pub(super) struct DurableEnd {
    pub(super) count: u32,
    pub(super) signature: Signature,
}

/// What is thought of a value's record in storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Sound,
    /// Storage refused a write of it: what it has is to be looked up before the next one.
    Doubted,
    /// Storage could not read all that it said it has: only a peer has what is missing.
    Damaged,
}

/// A value in memory.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) log: ValueLog,
    pub(super) header_durable: bool,
    durable: SortedMap<SessionId, DurableEnd>,
    pub(super) dependencies: SortedSet<CoId>,
    /// What the cache knows of it.
    pub(super) cached: Cached,
    pub(super) record: Record,
    /// Made here, with an id that nobody else can have made: no peer needs to be asked for it first.
    pub(super) founded_here: bool,
    /// What became of it if it was deleted.
    pub(super) erasure: Erasure,
}

impl Entry {
    pub(super) fn new(log: ValueLog) -> Self {
        let mut dependencies = SortedSet::new();
        dependencies::of_header(log.header(), &mut dependencies);
        dependencies.remove(log.id());
        let cached = Cached::new(&dependencies);
        Self {
            log,
            header_durable: false,
            durable: SortedMap::new(),
            dependencies,
            cached,
            record: Record::Sound,
            founded_here: false,
            erasure: Erasure::default(),
        }
    }

    /// What is durable, and so may be told.
    pub(super) fn durable_state(&self) -> KnownState {
        KnownState {
            id: self.log.id().clone(),
            header: self.header_durable,
            sessions: self
                .durable
                .iter()
                .map(|(session, end)| (session.clone(), end.count))
                .collect(),
        }
    }

    pub(super) fn durable_count(&self, session: &SessionId) -> u32 {
        self.durable.get(session).map_or(0, |end| end.count)
    }

    /// Whether storage has just what is here.
    pub(super) fn is_all_durable(&self) -> bool {
        let is_durable = |log: &SessionLog| log.len() == self.durable_count(log.session());
        self.header_durable && self.erasure.due().is_none() && self.log.sessions().all(is_durable)
    }

    /// Whether everything here that a peer has too is durable.
    pub(super) fn has_durable(&self, theirs: &KnownState) -> bool {
        let is_durable = |log: &SessionLog| {
            let common = log.len().min(theirs.count(log.session()));
            common <= self.durable_count(log.session())
        };
        self.header_durable && self.log.sessions().all(is_durable)
    }

    /// Takes in that a session is durable up to there. Late news change nothing.
    pub(super) fn note_durable(&mut self, session: &SessionId, end: DurableEnd) {
        let is_here = end.count <= self.log.session_len(session);
        if is_here && end.count > self.durable_count(session) {
            self.durable.insert(session.clone(), end);
        }
    }

    /// Forgets how far sessions are durable that are made for no tombstone.
    pub(super) fn forget_durable_content(&mut self) {
        self.durable.retain(|session, _| session.is_delete());
    }

    /// How far each session is durable.
    pub(super) fn durable_ends(&self) -> Vec<(SessionId, u32)> {
        let ends = self.durable.iter();
        ends.map(|(session, end)| (session.clone(), end.count))
            .collect()
    }

    /// Takes in that less of a session is durable than was thought.
    pub(super) fn lower_durable(&mut self, session: &SessionId, end: Option<DurableEnd>) {
        match end {
            Some(end) => self.durable.insert(session.clone(), end),
            None => self.durable.remove(session),
        };
    }

    pub(super) fn is_group(&self) -> bool {
        self.log.header().has_members()
    }

    /// Takes in what new content of a session makes the value depend on.
    pub(super) fn add_dependencies(&mut self, session: &SessionId, content: &SessionContent) {
        let mut named = SortedSet::new();
        dependencies::of_content(self.is_group(), session, content, &mut named);
        self.erasure.note(session);
        self.depend_on(named);
    }

    /// Takes in that there is a session: its author's account is needed.
    pub(super) fn depend_on_author(&mut self, session: &SessionId) {
        self.erasure.note(session);
        self.depend_on(dependencies::author_account(session).into_iter().collect());
    }

    /// Takes in what the value depends on.
    pub(super) fn depend_on(&mut self, named: SortedSet<CoId>) {
        for id in named {
            if id != *self.log.id() && !self.dependencies.contains(&id) {
                self.cached.note_dependency(&id);
                self.dependencies.insert(id);
            }
        }
    }

    /// What is signed here and not durable, if there is any, and the marks to note when it is.
    pub(super) fn unstored(&self, piece_bytes_max: usize) -> Option<(ValueWrite, StoreMarks)> {
        let mut write = ValueWrite {
            id: self.log.id().clone(),
            header: (!self.header_durable).then(|| self.log.header().clone()),
            erases: self.erasure.due().is_some(),
            segments: Vec::new(),
        };
        let mut marks = StoreMarks {
            ends: Vec::new(),
            erasure: self.erasure.due(),
        };
        for log in self.log.sessions() {
            let pieces = log.content_since(self.durable_count(log.session()), piece_bytes_max);
            marks.ends.extend(
                pieces
                    .last()
                    .map(|last| (log.session().clone(), end_of(last))),
            );
            write
                .segments
                .extend(pieces.into_iter().map(|content| Segment {
                    session: log.session().clone(),
                    content,
                }));
        }
        let is_empty = write.header.is_none() && !write.erases && write.segments.is_empty();
        (!is_empty).then_some((write, marks))
    }

    /// Whether a peer lacks something of what is durable or goes ahead.
    pub(super) fn is_ahead_of(&self, believed: &KnownState, ahead: &[Mark]) -> bool {
        let is_missing =
            |session: &SessionId, end: &DurableEnd| believed.count(session) < end.count;
        !believed.header
            || self
                .durable
                .iter()
                .any(|(session, end)| is_missing(session, end))
            || ahead.iter().any(|(session, end)| is_missing(session, end))
    }

    /// What a peer lacks of what is durable or goes ahead, up to about `bytes_max` bytes, in messages of about
    /// `piece_bytes_max`.
    pub(super) fn missing_for(
        &self,
        believed: &KnownState,
        ahead: &[Mark],
        piece_bytes_max: usize,
        bytes_max: usize,
    ) -> Missing {
        let mut packing = Packing::new(&self.log, believed, piece_bytes_max, bytes_max);
        let mut stored = Vec::new();
        for (session, end) in &self.durable {
            let have = believed.count(session);
            let Some(log) = self.log.session(session).filter(|_| have < end.count) else {
                continue;
            };
            if have < log.start() {
                stored.push((session.clone(), have));
            } else {
                packing.add_all(session, pieces_until(log, *end, have, piece_bytes_max));
            }
            if packing.is_full() || stored.len() >= STORED_SESSIONS_MAX {
                break;
            }
        }
        // What is durable goes first, whole.
        let ahead = if stored.is_empty() { ahead } else { &[] };
        for (session, end) in ahead {
            let have = believed.count(session).max(self.durable_count(session));
            if let Some(log) = self.log.session(session).filter(|_| !packing.is_full()) {
                packing.add_all(session, pieces_until(log, *end, have, piece_bytes_max));
            }
        }
        // A header is not sent alone ahead of what comes from storage.
        let messages = packing.finish(!stored.is_empty());
        Missing { messages, stored }
    }

    /// Pieces that came from storage, as messages for a peer; what the peer has already is left out.
    pub(super) fn messages_of(
        &self,
        segments: Vec<Segment>,
        believed: &KnownState,
        piece_bytes_max: usize,
    ) -> Vec<ContentMessage> {
        let mut packing = Packing::new(&self.log, believed, piece_bytes_max, usize::MAX);
        let mut reached = believed.clone();
        for Segment {
            session,
            mut content,
        } in segments
        {
            let (have, end) = (reached.count(&session), content_end(&content));
            if content.after <= have && have < end {
                let known = (have - content.after) as usize;
                content.new_transactions.drain(..known);
                content.after = have;
                reached.raise(&session, end);
                packing.add(&session, content);
            }
        }
        packing.finish(true)
    }
}

/// How many sessions are read from storage at once.
const STORED_SESSIONS_MAX: usize = 64;

/// What a peer is to be sent next of a value.
pub(super) struct Missing {
    /// What is in memory.
    pub(super) messages: Vec<ContentMessage>,
    /// Sessions of which what comes next is in storage alone, and how much of each the peer has.
    pub(super) stored: Vec<(SessionId, u32)>,
}

/// How far a session is durable once a write is.
pub(super) type Mark = (SessionId, DurableEnd);

/// What of a value is durable once a write is.
#[derive(Debug)]
pub(super) struct StoreMarks {
    /// How far sessions are.
    pub(super) ends: Vec<Mark>,
    /// The erasure that the write carries out.
    pub(super) erasure: Option<u32>,
}

/// Where a piece ends, and the signature there.
pub(super) fn end_of(content: &SessionContent) -> DurableEnd {
    DurableEnd {
        count: content_end(content),
        signature: content.last_signature,
    }
}

/// What a session has after the first `have` transactions, up to that end.
fn pieces_until(
    log: &SessionLog,
    end: DurableEnd,
    have: u32,
    bytes_max: usize,
) -> impl Iterator<Item = SessionContent> {
    let pieces = log.pieces_since(have, bytes_max);
    let within = pieces.take_while(move |piece| piece.after < end.count);
    within.map(move |mut piece| {
        if content_end(&piece) > end.count {
            let within = end.count.saturating_sub(piece.after);
            piece.new_transactions.truncate(within as usize);
            piece.last_signature = end.signature;
        }
        piece
    })
}
