//! One value in memory: its log, how much of it is durable, and what it depends on.
//!
//! What may be told to a peer (R2) is exactly [`Entry::durable_state`]; the pieces that are cut here for peers never
//! reach beyond it.

use crate::collections::{SortedMap, SortedSet};
use crate::crypto::Signature;
use crate::header::Header;
use crate::ids::{CoId, SessionId};
use crate::known_state::KnownState;
use crate::session_log::{SessionContent, SessionLog};
use crate::value_log::ValueLog;

use super::dependencies;
use super::effect::{Segment, ValueWrite};
use super::message::{ContentMessage, content_end};

/// How far a session is durable. The signature is kept because the log keeps only its newest one.
#[derive(Clone, Copy, Debug)]
pub(super) struct DurableEnd {
    pub(super) count: u32,
    pub(super) signature: Signature,
}

/// A value in memory.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) log: ValueLog,
    pub(super) header_durable: bool,
    durable: SortedMap<SessionId, DurableEnd>,
    pub(super) dependencies: SortedSet<CoId>,
    /// Made here, with an id that nobody else can have made: no peer needs to be asked for it first.
    pub(super) founded_here: bool,
}

impl Entry {
    pub(super) fn new(log: ValueLog) -> Self {
        let mut dependencies = SortedSet::new();
        dependencies::of_header(log.header(), &mut dependencies);
        dependencies.remove(log.id());
        Self {
            log,
            header_durable: false,
            durable: SortedMap::new(),
            dependencies,
            founded_here: false,
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

    /// Whether every transaction here is durable.
    pub(super) fn is_all_durable(&self) -> bool {
        let is_durable = |log: &SessionLog| log.len() == self.durable_count(log.session());
        self.header_durable && self.log.sessions().all(is_durable)
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
        if end.count > self.durable_count(session) {
            self.durable.insert(session.clone(), end);
        }
    }

    /// Takes in what new content of a session makes the value depend on.
    pub(super) fn add_dependencies(&mut self, session: &SessionId, content: &SessionContent) {
        let is_group = dependencies::is_group(self.log.header());
        dependencies::of_content(is_group, session, content, &mut self.dependencies);
        self.dependencies.remove(self.log.id());
    }

    /// What is signed here and not durable, if there is any, and the marks to note when it is.
    pub(super) fn unstored(&self, piece_bytes_max: usize) -> Option<(ValueWrite, StoreMarks)> {
        let mut write = ValueWrite {
            id: self.log.id().clone(),
            header: (!self.header_durable).then(|| self.log.header().clone()),
            segments: Vec::new(),
        };
        let mut marks = Vec::new();
        for log in self.log.sessions() {
            let pieces = log.content_since(self.durable_count(log.session()), piece_bytes_max);
            marks.extend(
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
        let is_empty = write.header.is_none() && write.segments.is_empty();
        (!is_empty).then_some((write, marks))
    }

    /// What a peer lacks of what is durable, in messages of about `piece_bytes_max` bytes each.
    pub(super) fn missing_for(
        &self,
        believed: &KnownState,
        piece_bytes_max: usize,
    ) -> Vec<ContentMessage> {
        let header = (!believed.header).then(|| self.log.header());
        let mut messages = MessageBuilder::new(&self.log, header, piece_bytes_max);
        for (session, end) in &self.durable {
            let have = believed.count(session);
            if have < end.count
                && let Some(log) = self.log.session(session)
            {
                for piece in durable_pieces(log, *end, have, piece_bytes_max) {
                    messages.add(session, piece);
                }
            }
        }
        messages.finish(&self.durable_state())
    }
}

/// How far each session of a value is durable once a write is.
pub(super) type StoreMarks = Vec<(SessionId, DurableEnd)>;

/// Where a piece ends, and the signature there.
pub(super) fn end_of(content: &SessionContent) -> DurableEnd {
    DurableEnd {
        count: content_end(content),
        signature: content.last_signature,
    }
}

/// The durable part of a session after the first `have` transactions.
fn durable_pieces(
    log: &SessionLog,
    end: DurableEnd,
    have: u32,
    bytes_max: usize,
) -> Vec<SessionContent> {
    let mut pieces = log.content_since(have, bytes_max);
    pieces.retain(|piece| piece.after < end.count);
    if let Some(last) = pieces.last_mut()
        && content_end(last) > end.count
    {
        let durable = end.count.saturating_sub(last.after);
        last.new_transactions.truncate(durable as usize);
        last.last_signature = end.signature;
    }
    pieces
}

/// Packs pieces of sessions into messages; a session comes at most once in each.
struct MessageBuilder<'a> {
    log: &'a ValueLog,
    messages: Vec<ContentMessage>,
    bytes: usize,
    bytes_max: usize,
}

impl<'a> MessageBuilder<'a> {
    fn new(log: &'a ValueLog, header: Option<&Header>, bytes_max: usize) -> Self {
        let mut builder = Self {
            log,
            messages: Vec::new(),
            bytes: 0,
            bytes_max,
        };
        if let Some(header) = header {
            builder.open(Some(header.clone()));
        }
        builder
    }

    fn open(&mut self, header: Option<Header>) {
        self.bytes = 0;
        self.messages.push(ContentMessage {
            id: self.log.id().clone(),
            header,
            priority: self.log.header().priority() as u8,
            new: SortedMap::new(),
            expect_content_until: None,
        });
    }

    fn add(&mut self, session: &SessionId, piece: SessionContent) {
        let piece_bytes: usize = piece
            .new_transactions
            .iter()
            .map(crate::transaction::Transaction::content_bytes)
            .sum();
        let fits = self.messages.last().is_some_and(|message| {
            let is_within = self.bytes.saturating_add(piece_bytes) <= self.bytes_max;
            message.new.is_empty() || (is_within && !message.new.contains_key(session))
        });
        if !fits {
            self.open(None);
        }
        self.bytes = self.bytes.saturating_add(piece_bytes);
        if let Some(message) = self.messages.last_mut() {
            message.new.insert(session.clone(), piece);
        }
    }

    fn finish(mut self, reached: &KnownState) -> Vec<ContentMessage> {
        if self.messages.len() > 1
            && let Some(first) = self.messages.first_mut()
        {
            first.expect_content_until = Some(reached.sessions.clone());
        }
        self.messages
    }
}
