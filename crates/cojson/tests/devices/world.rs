//! Devices around one server, all in one process: the network is a queue, storage answers at once.

use std::collections::{BTreeMap, VecDeque};

use cojson::account::account_id;
use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::header::{Uniqueness, ValueType};
use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::node::{NewValue, Node, NodeConfig, Stamp};
use cojson::sync::{
    Denial, Effect, PeerId, PeerRole, Rejection, Replica, ReplicaConfig, SyncMessage, WriteRule,
};

/// What a device calls the server.
pub(crate) const SERVER: PeerId = PeerId(0);

/// The agent secret of a person, the same each time.
pub(crate) fn secret(person: &str) -> AgentSecret {
    let mut seed = [0; 32];
    for (to, from) in seed.iter_mut().zip(person.bytes()) {
        *to = from;
    }
    AgentSecret::generate(&mut Entropy::from_seed(seed))
}

/// One device of a person, founded, in a session of its own.
pub(crate) fn device(person: &str, number: u8) -> Node {
    let mut entropy = Entropy::from_seed([number; 32]);
    let secret = secret(person);
    let mut node = Node::new(NodeConfig {
        session: SessionId::random_of_account(&account_id(&secret.agent_id()), &mut entropy),
        secret,
        entropy_seed: entropy.bytes(),
        limits: ReplicaConfig::default(),
    });
    node.load_own();
    let _ = settle(&mut node);
    node.found_account().unwrap();
    node
}

/// Carries out what the device asks of its host, but for messages, which are returned.
pub(crate) fn settle(node: &mut Node) -> Vec<SyncMessage> {
    let mut messages = Vec::new();
    node.flush();
    while let Some(effect) = node.poll_effect() {
        match effect {
            Effect::Load(id) => node.loaded(&id, None),
            Effect::Store(batch) => node.stored(batch.id),
            Effect::Send { message, .. } => messages.push(message),
            Effect::Rejected {
                reason: Rejection::Deleted,
                ..
            } => {}
            Effect::Rejected { reason, .. } => panic!("refused: {reason}"),
            _ => {}
        }
    }
    messages
}

/// A server that keeps everything in memory and lets in what members may write.
pub(crate) struct World {
    server: Replica,
    last_peer: u64,
    /// What the rules did not allow; a test that expects some takes it.
    pub(crate) denied: Vec<Denial>,
}

impl Default for World {
    fn default() -> Self {
        let limits = ReplicaConfig {
            write_rule: WriteRule::MembersWrite,
            ..ReplicaConfig::default()
        };
        Self {
            server: Replica::new(limits),
            last_peer: 0,
            denied: Vec::new(),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let is_over = std::thread::panicking();
        assert!(is_over || self.denied.is_empty(), "{:?}", self.denied);
    }
}

impl World {
    /// Connects the devices, and exchanges messages until nothing is left to say. They are disconnected afterwards.
    pub(crate) fn sync(&mut self, devices: &mut [&mut Node]) {
        let mut peers = BTreeMap::new();
        for (place, device) in devices.iter_mut().enumerate() {
            self.last_peer += 1;
            peers.insert(PeerId(self.last_peer), place);
            self.server
                .connect(PeerId(self.last_peer), PeerRole::Client);
            device.connect(SERVER, PeerRole::Server);
        }
        let mut rounds = 0;
        while self.exchange(devices, &peers) {
            rounds += 1;
            assert!(rounds < 1_000, "the devices never stop talking");
        }
        for (peer, place) in peers {
            self.server.disconnect(peer);
            devices[place].disconnect(SERVER);
        }
    }

    fn exchange(&mut self, devices: &mut [&mut Node], peers: &BTreeMap<PeerId, usize>) -> bool {
        let mut is_busy = false;
        for (peer, place) in peers {
            for message in settle(devices[*place]) {
                is_busy = true;
                self.server.receive(*peer, message);
            }
        }
        for (peer, message) in self.settle() {
            is_busy = true;
            if let Some(place) = peers.get(&peer) {
                devices[*place].receive(SERVER, message);
            }
        }
        is_busy
    }

    fn settle(&mut self) -> VecDeque<(PeerId, SyncMessage)> {
        let mut messages = VecDeque::new();
        self.server.flush(|_| None);
        while let Some(effect) = self.server.poll_effect() {
            match effect {
                Effect::Load(id) => self.server.loaded(&id, None),
                Effect::Store(batch) => self.server.stored(batch.id),
                Effect::Send { peer, message } => messages.push_back((peer, message)),
                Effect::Rejected {
                    reason: Rejection::NotAllowed { denial, .. },
                    ..
                } => self.denied.push(denial),
                Effect::Rejected {
                    reason: Rejection::Deleted,
                    ..
                } => {}
                Effect::Rejected { reason, .. } => panic!("refused: {reason}"),
                _ => {}
            }
        }
        messages
    }
}

/// A map of a group, not named.
pub(crate) fn new_map(node: &mut Node, owner: &CoId, now: u64) -> CoId {
    create(node, ValueType::CoMap, owner.clone(), now)
}

/// A value of the person's own group, not named.
pub(crate) fn new_value(node: &mut Node, value_type: ValueType, now: u64) -> CoId {
    let owner = node.own_group();
    create(node, value_type, owner, now)
}

fn create(node: &mut Node, value_type: ValueType, owner: CoId, now: u64) -> CoId {
    let value = NewValue {
        value_type,
        owner,
        uniqueness: node.random_uniqueness(),
        meta: Json::Null,
    };
    node.create(value, Timestamp(now)).unwrap()
}

/// A map in a person's own group that has the same id on all its devices.
pub(crate) fn named_map(node: &mut Node, name: &str) -> CoId {
    let value = NewValue {
        value_type: ValueType::CoMap,
        owner: node.own_group(),
        uniqueness: Uniqueness::named([("collection", name)]),
        meta: Json::Null,
    };
    node.load(&node.named_id(&value));
    let _ = settle(node);
    node.create(value, Timestamp(5)).unwrap()
}

/// Writes a key of a map.
pub(crate) fn set(node: &mut Node, map: &CoId, key: &str, value: &str, now: u64) {
    node.map_set(
        map,
        &[(key.into(), value.into())],
        Stamp::Now(Timestamp(now)),
    )
    .unwrap();
}

/// What a key of a map shows.
pub(crate) fn get(node: &mut Node, map: &CoId, key: &str) -> Option<String> {
    let map = node.map(map)?;
    map.get(key).and_then(Json::as_str).map(str::to_owned)
}

/// Loads values from the server.
pub(crate) fn load(world: &mut World, node: &mut Node, ids: &[&CoId]) {
    for id in ids {
        node.load(id);
    }
    world.sync(&mut [node]);
}
