//! A host for one replica: storage that survives a crash, effects carried out when the test says so, and rule R2
//! checked at everything that is sent.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};

use cojson::header::{Header, Ruleset};
use cojson::ids::{CoId, SessionId};
use cojson::known_state::KnownState;
use cojson::sync::{
    Effect, PeerId, ReadRequest, Rejection, Replica, ReplicaConfig, StoredLog, SyncMessage,
    WriteBatch,
};
use cojson::transaction::Transaction;

use crate::author::Author;
use crate::disk::Disk;

/// A replica and its host.
pub struct Machine {
    pub author: Author,
    pub replica: Replica,
    pub disk: Disk,
    pub life: u32,

    /// It keeps no long log whole, and lets go of what is over its bound whenever it did something.
    pub is_bounded: bool,
    config: ReplicaConfig,
    pub loads: VecDeque<CoId>,
    pub loads_served: usize,
    pub reads: VecDeque<ReadRequest>,
    /// The peers of which it wants to know when something left.
    pub paced: BTreeSet<PeerId>,
    pub writes: VecDeque<WriteBatch>,
    pub outbox: Vec<(PeerId, SyncMessage)>,
    pub changed: Vec<CoId>,
    pub unavailable: Vec<CoId>,
    pub rejections: Vec<(Option<PeerId>, Rejection)>,
    pub clock: u64,
}

impl Machine {
    pub fn new(nonce: u8) -> Self {
        Self::with_config(nonce, ReplicaConfig::default())
    }

    pub fn with_config(nonce: u8, config: ReplicaConfig) -> Self {
        Self {
            author: Author::new(nonce),
            replica: Replica::new(config),
            disk: Disk::default(),
            life: 0,

            is_bounded: config.cache_bytes_max != usize::MAX,
            config,
            loads: VecDeque::new(),
            loads_served: 0,
            reads: VecDeque::new(),
            paced: BTreeSet::new(),
            writes: VecDeque::new(),
            outbox: Vec::new(),
            changed: Vec::new(),
            unavailable: Vec::new(),
            rejections: Vec::new(),
            clock: 0,
        }
    }

    /// The session for writing to this value.
    pub fn session_for(&self, id: &CoId) -> SessionId {
        if *id == self.author.account {
            self.author.agent_session(self.life)
        } else {
            self.author.session(self.life)
        }
    }

    /// Appends a transaction of its own.
    pub fn write(&mut self, id: &CoId, key: &str, value: &str) {
        self.clock += 1;
        let transaction = crate::author::set(key, value, self.clock);
        self.append(id, transaction);
    }

    pub fn append(&mut self, id: &CoId, transaction: Transaction) {
        let session = self.session_for(id);
        self.replica
            .append_local(id, &session, transaction)
            .unwrap();
    }

    /// Makes the account, with one transaction in it.
    pub fn found_account(&mut self) -> CoId {
        let id = self.replica.create(self.author.account_header());
        self.settle();
        self.write(&id, "name", "somebody");
        id
    }

    pub fn create(&mut self, header: Header) -> CoId {
        self.replica.create(header)
    }

    pub fn flush(&mut self) {
        let signer = self.author.signer();
        self.replica.flush(|_| Some(signer.clone()));
        self.collect();
    }

    /// Sorts out the effects; nothing is carried out yet.
    pub fn collect(&mut self) {
        if self.is_bounded {
            self.replica.evict();
        }
        while let Some(effect) = self.replica.poll_effect() {
            match effect {
                Effect::Load(id) => self.loads.push_back(id),
                Effect::Read(request) => self.reads.push_back(request),
                Effect::Pace(peer) => {
                    self.paced.insert(peer);
                }
                Effect::Store(batch) => self.writes.push_back(batch),
                Effect::Send { peer, message } => {
                    self.assert_durable(&message);
                    self.outbox.push((peer, message));
                }
                Effect::Changed(id) => self.changed.push(id),
                Effect::Unavailable(id) => self.unavailable.push(id),
                Effect::Rejected { peer, reason, .. } => self.rejections.push((peer, reason)),
            }
        }
        assert!(self.writes.len() <= 1, "one write at a time");
    }

    /// R2: whatever another machine is told is on disk here, or, of what others wrote, in the write under way.
    fn assert_durable(&self, message: &SyncMessage) {
        match message {
            SyncMessage::Load(state) => self.disk.assert_covers(state),
            // Of a deleted value peers are told that all is here.
            SyncMessage::Known(known) if self.replica.is_erased(&known.state.id) => {
                let mut state = known.state.clone();
                state.sessions.retain(|session, _| session.is_delete());
                self.disk.assert_covers(&state);
            }
            SyncMessage::Known(known) => self.disk.assert_covers(&known.state),
            SyncMessage::Content(content) => {
                let sessions = content.new.iter();
                self.reach().assert_covers(&KnownState {
                    id: content.id.clone(),
                    header: true,
                    sessions: sessions.map(|(s, c)| (s.clone(), c.end() as u32)).collect(),
                });
            }
            SyncMessage::Reconcile(_) | SyncMessage::ReconcileAck { .. } => {}
        }
    }

    /// What may be sent on: the disk, with the write under way if that goes ahead.
    fn reach(&self) -> Cow<'_, Disk> {
        let write = self.writes.front().filter(|_| self.config.sends_ahead);
        let Some(write) = write else {
            return Cow::Borrowed(&self.disk);
        };
        let mut disk = self.disk.clone();
        disk.write(write);
        Cow::Owned(disk)
    }

    /// Carries out one thing that storage was asked for. Returns whether there was one.
    pub fn serve_storage(&mut self) -> bool {
        if let Some(id) = self.loads.pop_front() {
            self.loads_served += 1;
            self.answer_load(&id);
        } else if let Some(request) = self.reads.pop_front() {
            let segments = self.disk.read(&request);
            self.replica.read(request.id, segments);
        } else if let Some(batch) = self.writes.pop_front() {
            self.disk.write(&batch);
            self.replica.stored(batch.id);
        } else {
            return false;
        }
        self.collect();
        true
    }

    fn answer_load(&mut self, id: &CoId) {
        let stored = self.disk.values.get(id);
        let is_long = |stored: &&StoredLog| {
            self.is_bounded && !matches!(stored.header.ruleset, Ruleset::Group { .. })
        };
        match stored.filter(is_long) {
            Some(_) => {
                let outline = self.disk.outline(id);
                self.replica.outlined(id, outline);
            }
            None => self.replica.loaded(id, stored.cloned()),
        }
    }

    /// What it has of a value, in memory or on disk.
    pub fn state_of(&self, id: &CoId) -> KnownState {
        match self.replica.log(id) {
            Some(_) => self.replica.known_state(id),
            None => self.disk.state_of(id),
        }
    }

    /// Some of what was sent to a peer left.
    pub fn drain(&mut self, peer: PeerId, message: &SyncMessage) {
        let bytes = message.content_bytes();
        self.paced.remove(&peer);
        self.replica.drained(peer, bytes);
        self.collect();
    }

    /// Carries out everything that storage is asked for, and flushes what follows.
    pub fn settle(&mut self) {
        self.collect();
        loop {
            while self.serve_storage() {}
            self.flush();
            if self.writes.is_empty() && self.loads.is_empty() && self.reads.is_empty() {
                return;
            }
        }
    }

    /// Loses its memory. What storage was asked to write may have been written or not.
    pub fn crash(&mut self, write_reached_disk: bool) {
        if write_reached_disk && let Some(batch) = self.writes.front() {
            self.disk.write(batch);
        }
        self.replica = Replica::new(self.config);
        self.life += 1;
        self.loads.clear();
        self.reads.clear();
        self.paced.clear();
        self.writes.clear();
        self.outbox.clear();
    }

    /// Takes what was sent to a peer.
    pub fn sent_to(&mut self, peer: PeerId) -> Vec<SyncMessage> {
        let (taken, rest) = std::mem::take(&mut self.outbox)
            .into_iter()
            .partition(|(to, _)| *to == peer);
        self.outbox = rest;
        taken.into_iter().map(|(_, message)| message).collect()
    }

    /// Hands it a message, carries out what follows, and returns what it answers to that peer.
    pub fn tell(&mut self, peer: PeerId, message: SyncMessage) -> Vec<SyncMessage> {
        self.replica.receive(peer, message);
        self.settle();
        self.sent_to(peer)
    }

    pub fn rejection_codes(&self) -> Vec<&'static str> {
        self.rejections
            .iter()
            .map(|(_, reason)| reason.code())
            .collect()
    }
}
