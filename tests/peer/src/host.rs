//! One node with all that a host owns for it: storage, links, a clock, the count of what was refused.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use cojson::account::account_id;
use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::ids::{SessionId, Timestamp};
use cojson::node::{Node, NodeConfig, Stamp};
use cojson::sync::{
    Effect, FrameLimits, PeerId, PeerRole, ReplicaConfig, WriteRule, decode_frame, encode_frame,
};

use crate::command::{CommandError, Opening};
use crate::link::{Link, LinkEvent, What};
use crate::storage::Storage;

/// A node and what belongs to it.
pub(crate) struct Host {
    pub(crate) node: Node,
    secret: AgentSecret,
    entropy: Entropy,
    limits: ReplicaConfig,
    is_relay: bool,
    storage: Storage,
    clock: Option<Timestamp>,
    links: BTreeMap<String, Link>,
    /// The other ends that there were, by link: one that comes back is the same machine, and the node remembers what
    /// it has.
    peers: BTreeMap<String, PeerId>,
    last_serial: u64,
    refused: BTreeMap<&'static str, u64>,
}

impl Host {
    /// A node with an account that is founded, unless it is a relay.
    pub(crate) fn open(opening: &Opening, mut entropy: Entropy) -> Result<Self, CommandError> {
        let secret = match &opening.secret {
            Some(text) => AgentSecret::parse(text)?,
            None => AgentSecret::generate(&mut entropy),
        };
        let write_rule = if opening.members_write {
            WriteRule::MembersWrite
        } else {
            WriteRule::default()
        };
        let limits = ReplicaConfig {
            write_rule,
            ..ReplicaConfig::default()
        };
        let mut host = Self {
            node: new_node(&secret, &mut entropy, limits),
            secret,
            entropy,
            limits,
            is_relay: opening.relay,
            storage: Storage::default(),
            clock: opening.now.map(Timestamp),
            links: BTreeMap::new(),
            peers: BTreeMap::new(),
            last_serial: 0,
            refused: BTreeMap::new(),
        };
        host.found()?;
        Ok(host)
    }

    /// Starts again from storage, in a new session and without links.
    pub(crate) fn restart(&mut self) -> Result<(), CommandError> {
        self.node = new_node(&self.secret, &mut self.entropy, self.limits);
        self.links.clear();
        self.peers.clear();
        self.found()
    }

    fn found(&mut self) -> Result<(), CommandError> {
        if !self.is_relay {
            self.node.load_own();
            self.settle();
            self.node.found_account()?;
        }
        self.settle();
        Ok(())
    }

    pub(crate) fn set_clock(&mut self, now: Option<u64>) {
        self.clock = now.map(Timestamp);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            let millis = since.map_or(0, |since| since.as_millis());
            Timestamp(u64::try_from(millis).unwrap_or(u64::MAX))
        })
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp::Now(self.now())
    }

    /// What was refused, by reason.
    pub(crate) fn refused(&self) -> &BTreeMap<&'static str, u64> {
        &self.refused
    }

    /// The links, and whether each is open.
    pub(crate) fn links(&self) -> impl Iterator<Item = (&String, bool)> {
        self.links.iter().map(|(name, link)| (name, link.is_open))
    }

    /// Breaks the link of that name; returns the other end of the new one, and its serial number.
    fn replace_link(&mut self, name: &str) -> (PeerId, u64) {
        self.break_link(name);
        self.last_serial += 1;
        let next = PeerId(self.last_serial);
        let peer = *self.peers.entry(name.to_owned()).or_insert(next);
        (peer, self.last_serial)
    }

    /// Adds a wire, which is open at once.
    pub(crate) fn add_wire(&mut self, name: String, serves: bool) {
        let end = self.replace_link(&name);
        self.links.insert(name, Link::wire(end));
        let role = if serves {
            PeerRole::Client
        } else {
            PeerRole::Server
        };
        self.node.connect(end.0, role);
    }

    /// Adds a WebSocket, which begins to connect.
    pub(crate) fn add_socket(&mut self, name: String, make: impl FnOnce((PeerId, u64)) -> Link) {
        let end = self.replace_link(&name);
        self.links.insert(name, make(end));
    }

    /// Breaks a link. What was sent on it and not taken is lost.
    pub(crate) fn break_link(&mut self, name: &str) {
        if let Some(link) = self.links.remove(name) {
            self.node.disconnect(link.peer);
        }
    }

    /// Something happened on a WebSocket.
    pub(crate) fn hear(&mut self, event: LinkEvent) {
        let link = self.links.get_mut(&event.link);
        let Some(link) = link.filter(|link| link.serial == event.serial) else {
            return;
        };
        let peer = link.peer;
        match event.what {
            What::Opened => {
                link.is_open = true;
                self.node.connect(peer, PeerRole::Server);
            }
            What::Frame(frame) => self.take_frame(peer, &frame),
            What::Lost => {
                link.is_open = false;
                self.node.disconnect(peer);
            }
        }
        self.settle();
    }

    /// A frame came by a wire.
    pub(crate) fn deliver(&mut self, name: &str, frame: &str) -> Result<(), CommandError> {
        let link = self.links.get(name);
        let peer = link.map(|link| link.peer);
        let peer = peer.ok_or_else(|| CommandError::NoLink(name.to_owned()))?;
        self.take_frame(peer, frame);
        Ok(())
    }

    fn take_frame(&mut self, peer: PeerId, frame: &str) {
        for message in decode_frame(frame, &FrameLimits::default()) {
            match message {
                Ok(message) => self.node.receive(peer, message),
                Err(error) => self.count(error.code()),
            }
        }
    }

    /// What was sent on wires since the last time: the wire's name, the frame.
    pub(crate) fn take_sent(&mut self) -> Vec<(String, String)> {
        let links = self.links.iter_mut();
        links
            .flat_map(|(name, link)| {
                let frames = link.take_sent().into_iter();
                frames.map(|frame| (name.clone(), frame))
            })
            .collect()
    }

    /// Signs and stores what is new, and carries out all that follows.
    pub(crate) fn settle(&mut self) {
        loop {
            self.node.flush();
            let mut is_idle = true;
            while let Some(effect) = self.node.poll_effect() {
                is_idle = false;
                self.carry_out(effect);
            }
            if is_idle {
                return;
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Load(id) => {
                let stored = self.storage.get(&id);
                self.node.loaded(&id, stored);
            }
            Effect::Store(batch) => {
                let id = batch.id;
                self.storage.write(batch);
                self.node.stored(id);
            }
            Effect::Send { peer, message } => {
                let mut links = self.links.values_mut();
                if let Some(link) = links.find(|link| link.peer == peer) {
                    link.send(encode_frame([&message]));
                }
            }
            Effect::Rejected { reason, .. } => self.count(reason.code()),
            // Nothing is evicted and windows are endless, so that nothing is read in parts or paced.
            Effect::Read(_) | Effect::Pace(_) | Effect::Changed(_) | Effect::Unavailable(_) => {}
        }
    }

    fn count(&mut self, code: &'static str) {
        *self.refused.entry(code).or_default() += 1;
    }
}

fn new_node(secret: &AgentSecret, entropy: &mut Entropy, limits: ReplicaConfig) -> Node {
    let account = account_id(&secret.agent_id());
    Node::new(NodeConfig {
        secret: secret.clone(),
        session: SessionId::random_of_account(&account, entropy),
        entropy_seed: entropy.bytes(),
        limits,
    })
}
