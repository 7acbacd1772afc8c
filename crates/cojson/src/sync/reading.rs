//! Reading from storage what is not in memory: parts of logs for peers that lack them, and whole sessions, part by part,
//! to make a running hash anew.
//!
//! Each read is bounded, few are under way at once, and what was read for one purpose is not kept. Storage that reads
//! less of a session than it said it has is damaged there: the session then ends before the damage, and its peers are
//! told, so that those who have the rest send it again.

use std::collections::VecDeque;

use super::effect::{Effect, PeerId, ReadId, ReadRequest, Segment};
use super::entry::{DurableEnd, Record};
use super::rejection::Rejection;
use super::replica::Replica;
use crate::collections::SortedMap;
use crate::ids::{CoId, SessionId};
use crate::session_log::{HashRebuild, SessionContent, SessionLog};

/// How many reads are under way at once; the others wait.
const READS_MAX: usize = 16;

/// How much is read at once, in bytes.
const READ_BYTES_MAX: usize = 256 << 10;

/// What something is read for.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// This peer lacks it.
    Send(PeerId),
    /// A session's hash is made anew.
    Rehash(SessionId),
}

/// A read that is not answered yet.
#[derive(Debug)]
struct Read {
    purpose: Purpose,
    value: CoId,
    from: Vec<(SessionId, u32)>,
    bytes_max: usize,
}

impl Read {
    fn request(&self, id: ReadId) -> ReadRequest {
        ReadRequest {
            id,
            value: self.value.clone(),
            from: self.from.clone(),
            bytes_max: self.bytes_max,
        }
    }
}

/// The reads under way and those that wait.
#[derive(Debug, Default)]
pub(super) struct Reads {
    begun: u64,
    asked: SortedMap<ReadId, Read>,
    under_way: usize,
    waiting: VecDeque<ReadRequest>,
    /// The hashes that are being made.
    rebuilds: SortedMap<(CoId, SessionId), HashRebuild>,
}

impl Replica {
    /// What storage has of what was to be read, in answer to [`Effect::Read`]. Pieces of one session come in order.
    pub fn read(&mut self, id: ReadId, segments: Vec<Segment>) {
        let Some(read) = self.reads.asked.remove(&id) else {
            return;
        };
        self.reads.under_way = self.reads.under_way.saturating_sub(1);
        match &read.purpose {
            Purpose::Send(peer) => self.take_read_for(*peer, id, &read, segments),
            Purpose::Rehash(session) => self.rehash_on(&read.value, session, &segments),
        }
        self.ask_waiting_reads();
        self.work_off();
    }

    /// Storage could not be asked for what was to be read. It is asked again, after the reads that wait; when, is the
    /// host's to say by saying this late.
    pub fn read_failed(&mut self, id: ReadId) {
        if let Some(read) = self.reads.asked.get(&id) {
            self.reads.under_way = self.reads.under_way.saturating_sub(1);
            self.reads.waiting.push_back(read.request(id));
            self.ask_waiting_reads();
        }
    }

    pub(super) fn ask_to_read(
        &mut self,
        purpose: Purpose,
        value: &CoId,
        from: Vec<(SessionId, u32)>,
        bytes_max: usize,
    ) -> ReadId {
        self.reads.begun += 1;
        let id = ReadId(self.reads.begun);
        let read = Read {
            purpose,
            value: value.clone(),
            from,
            bytes_max: bytes_max.min(READ_BYTES_MAX),
        };
        self.reads.waiting.push_back(read.request(id));
        self.reads.asked.insert(id, read);
        self.ask_waiting_reads();
        id
    }

    fn ask_waiting_reads(&mut self) {
        while self.reads.under_way < READS_MAX
            && let Some(request) = self.reads.waiting.pop_front()
        {
            if self.reads.asked.contains_key(&request.id) {
                self.reads.under_way += 1;
                self.effect(Effect::Read(request));
            }
        }
    }

    fn take_read_for(&mut self, peer: PeerId, id: ReadId, read: &Read, segments: Vec<Segment>) {
        let Some(connected) = self.peers.get_mut(&peer) else {
            return;
        };
        let reading = &mut connected.lane.reading;
        if reading.take_if(|reading| *reading == id).is_none() {
            return;
        }
        if self.is_erased(&read.value) {
            self.advance(peer);
            return;
        }
        let suspect = suspect(&read.from, &segments);
        self.send_read(peer, &read.value, segments);
        if let Some(session) = suspect {
            self.rehash(&read.value, &session);
        }
        self.advance(peer);
    }

    /// Whether the message at the head of a queue has to wait for a running hash; it is made.
    pub(super) fn waits_for_hash(&mut self, peer: PeerId, id: &CoId) -> bool {
        let (Some(head), Some(entry)) = (self.pending.front(peer, id), self.entries.get(id)) else {
            return false;
        };
        let lacks_hash = |(session, content): (&SessionId, &SessionContent)| {
            let log = entry.log.session(session)?;
            let is_next = content.after <= log.len() && content.end() > log.len() as usize;
            (is_next && !log.is_hashable()).then(|| session.clone())
        };
        let lacking: Vec<_> = head.message.new.iter().filter_map(lacks_hash).collect();
        for session in &lacking {
            self.rehash(id, session);
        }
        !lacking.is_empty()
    }

    fn rehash(&mut self, id: &CoId, session: &SessionId) {
        let key = (id.clone(), session.clone());
        if !self.reads.rebuilds.contains_key(&key) {
            self.reads.rebuilds.insert(key, HashRebuild::default());
            self.read_to_rehash(id, session, 0);
        }
    }

    fn read_to_rehash(&mut self, id: &CoId, session: &SessionId, after: u32) {
        let purpose = Purpose::Rehash(session.clone());
        self.ask_to_read(purpose, id, vec![(session.clone(), after)], usize::MAX);
    }

    /// Hashes what was read, and asks for the next part, unless that was all or there is no more.
    fn rehash_on(&mut self, id: &CoId, session: &SessionId, segments: &[Segment]) {
        let key = (id.clone(), session.clone());
        let Some(mut rebuilt) = self.reads.rebuilds.remove(&key) else {
            return;
        };
        if self.is_erased(id) {
            self.news_of(id);
            return;
        }
        let before = rebuilt.count();
        for segment in segments {
            if segment.session == *session && rebuilt.feed(&segment.content).is_err() {
                break;
            }
        }
        let entry = self.entries.get(id);
        let log = entry.and_then(|entry| entry.log.session(session));
        let start = log.map_or(0, SessionLog::start);
        if rebuilt.count() >= start {
            self.install_hash(id, session, rebuilt);
        } else if rebuilt.count() > before {
            self.read_to_rehash(id, session, rebuilt.count());
            self.reads.rebuilds.insert(key, rebuilt);
            return;
        } else {
            self.cut_damaged(id, session, rebuilt);
        }
        self.news_of(id);
    }

    fn install_hash(&mut self, id: &CoId, session: &SessionId, rebuilt: HashRebuild) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        let end = end_of(&rebuilt);
        let grew = end.is_some_and(|end| {
            let grew = entry.log.outline(session, end.count, end.signature);
            entry.note_durable(session, end);
            grew
        });
        if let Some(log) = entry.log.session_mut(session) {
            log.take_hash(rebuilt);
        }
        self.touch(id);
        if grew {
            // Another server wrote meanwhile.
            self.publish(id);
        }
    }

    /// Storage has less of a session than it said. It ends there; whoever has more sends it again.
    fn cut_damaged(&mut self, id: &CoId, session: &SessionId, rebuilt: HashRebuild) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        let have = rebuilt.count();
        if entry.record == Record::Sound {
            entry.record = Record::Damaged;
        }
        entry.lower_durable(session, end_of(&rebuilt));
        if let Some(log) = entry.log.session_mut(session) {
            log.truncate(rebuilt);
        }
        let session = session.clone();
        self.reject(None, Some(id), Rejection::StoredGap { session, have });
        self.correct_subscribers(id);
        self.touch(id);
    }

    /// Tells everyone who is subscribed that there is less here than was said.
    pub(super) fn correct_subscribers(&mut self, id: &CoId) {
        for peer in self.subscribers.get(id).cloned().unwrap_or_default() {
            self.send_known(peer, id, true);
        }
    }
}

fn end_of(rebuilt: &HashRebuild) -> Option<DurableEnd> {
    let signature = *rebuilt.last_signature()?;
    let count = rebuilt.count();
    Some(DurableEnd { count, signature })
}

/// The session of which storage should have read what follows, and read nothing. The others may have been left out for
/// the length of the first.
fn suspect(from: &[(SessionId, u32)], segments: &[Segment]) -> Option<SessionId> {
    let (session, after) = from.first()?;
    let follows =
        |segment: &Segment| segment.session == *session && segment.content.end() > *after as usize;
    let is_silent = !segments.iter().any(follows);
    is_silent.then(|| session.clone())
}
