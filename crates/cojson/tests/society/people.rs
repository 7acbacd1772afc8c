//! One of the fifty: a node with a clock that is wrong in its own way, and a wire in each direction.

use std::collections::VecDeque;

use cojson::access::Role;
use cojson::account::account_id;
use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::group::Member;
use cojson::header::ValueType;
use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::node::{NewValue, Node, NodeConfig, Stamp};
use cojson::sync::{Effect, PeerId, PeerRole, ReplicaConfig, SyncMessage};
use cojson::transaction::Transaction;

use crate::dice::Dice;

/// What everybody calls the server.
pub const SERVER: PeerId = PeerId(0);

const ROLES: [Role; 5] = [
    Role::Admin,
    Role::Manager,
    Role::Writer,
    Role::Reader,
    Role::WriteOnly,
];
const TYPES: [ValueType; 4] = [
    ValueType::CoMap,
    ValueType::CoList,
    ValueType::CoStream,
    ValueType::CoPlainText,
];
/// By how much clocks are wrong at most, in milliseconds.
const SKEW_MS_MAX: i64 = 20_000;

/// A value, and what kind it has.
pub type Made = (CoId, ValueType);

pub struct Person {
    pub node: Node,
    pub peer: PeerId,
    pub is_online: bool,
    /// What travels to the server, and from it.
    pub up: VecDeque<SyncMessage>,
    pub down: VecDeque<SyncMessage>,
    skew_ms: i64,
}

impl Person {
    /// Somebody with an account, who is offline.
    pub fn new(seed: u64, number: usize, dice: &mut Dice) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&(number as u64).to_le_bytes());
        let mut entropy = Entropy::from_seed(bytes);
        let secret = AgentSecret::generate(&mut entropy);
        let account = account_id(&secret.agent_id());
        let node = Node::new(NodeConfig {
            session: SessionId::random_of_account(&account, &mut entropy),
            secret,
            entropy_seed: entropy.bytes(),
            limits: ReplicaConfig::default(),
        });
        let skew_ms = i64::try_from(dice.roll(40_000)).unwrap() - SKEW_MS_MAX;
        let mut person = Self {
            node,
            peer: PeerId(number as u64 + 1),
            is_online: false,
            up: VecDeque::new(),
            down: VecDeque::new(),
            skew_ms: if dice.one_in(3) { skew_ms } else { 0 },
        };
        person.node.load_own();
        person.settle();
        person.node.found_account().unwrap();
        person.settle();
        person
    }

    pub fn connect(&mut self) {
        self.is_online = true;
        self.node.connect(SERVER, PeerRole::Server);
        self.settle();
    }

    pub fn disconnect(&mut self) {
        self.is_online = false;
        self.up.clear();
        self.down.clear();
        self.node.disconnect(SERVER);
        self.settle();
    }

    pub fn load(&mut self, ids: &[CoId]) {
        for id in ids {
            self.node.load(id);
        }
        self.settle();
    }

    /// Carries out what the node asks for; nobody ever sends it what it has to refuse.
    pub fn settle(&mut self) {
        loop {
            self.node.flush();
            let mut is_idle = true;
            while let Some(effect) = self.node.poll_effect() {
                is_idle = false;
                match effect {
                    Effect::Load(id) => self.node.loaded(&id, None),
                    Effect::Store(batch) => self.node.stored(batch.id),
                    Effect::Send { message, .. } if self.is_online => self.up.push_back(message),
                    Effect::Rejected { reason, .. } => panic!("refused: {reason}"),
                    _ => {}
                }
            }
            if is_idle {
                return;
            }
        }
    }

    fn clock(&self, now: u64) -> Timestamp {
        Timestamp(now.saturating_add_signed(self.skew_ms))
    }

    pub fn found_group(&mut self, now: u64) -> CoId {
        let now = self.clock(now);
        let group = self.node.create_group(now);
        self.settle();
        group
    }

    pub fn make_value(&mut self, owner: &CoId, dice: &mut Dice, now: u64) -> Option<Made> {
        let value_type = dice.pick(&TYPES).clone();
        let value = NewValue {
            value_type: value_type.clone(),
            owner: owner.clone(),
            uniqueness: self.node.random_uniqueness(),
            meta: Json::Null,
        };
        let now = self.clock(now);
        let id = self.node.create(value, now).ok()?;
        self.settle();
        Some((id, value_type))
    }

    /// Changes the members of a group, if it may and can; returns whether it did.
    pub fn govern(&mut self, group: &CoId, other: &CoId, dice: &mut Dice, now: u64) -> bool {
        let (member, now) = (Member::Account(other.clone()), self.clock(now));
        let done = if dice.one_in(3) {
            self.node.remove_member(group, &member, now)
        } else {
            self.node
                .add_member(group, &member, *dice.pick(&ROLES), now)
        };
        self.settle();
        done.is_ok()
    }

    /// Writes something, if it may and can; returns whether it did.
    pub fn write(&mut self, (id, value_type): &Made, dice: &mut Dice, now: u64) -> bool {
        let stamp = Stamp::Now(self.clock(now));
        let node = &mut self.node;
        let item = Json::from(format!("{}", dice.roll(1_000)));
        let len = node.list(id).map_or(0, cojson::view::ListView::len);
        let place = dice.roll(len + 1);
        let done = match value_type {
            ValueType::CoMap => {
                let key = *dice.pick(&["a", "b", "c"]);
                node.map_set(id, &[(key.into(), item)], stamp).map(drop)
            }
            ValueType::CoStream => node.stream_push(id, item, stamp).map(drop),
            ValueType::CoList if place < len && dice.one_in(3) => {
                node.list_delete(id, place, stamp).map(drop)
            }
            ValueType::CoList => node.list_insert(id, place, &[item], stamp).map(drop),
            _ => node.text_insert(id, 0, &["x", "y"], stamp),
        };
        self.settle();
        done.is_ok()
    }

    /// Which of a value's transactions it can open: who can open the same must see the same.
    pub fn opens(&mut self, id: &CoId) -> Vec<bool> {
        let log = self.node.log(id).unwrap();
        let group = log.header().owner().unwrap().clone();
        let mut keys: Vec<_> = log
            .sessions()
            .flat_map(cojson::session_log::SessionLog::transactions)
            .filter_map(|transaction| match transaction {
                Transaction::Private { key_used, .. } => Some(key_used.clone()),
                Transaction::Trusting { .. } => None,
            })
            .collect();
        keys.sort();
        keys.dedup();
        let opened = keys.into_iter();
        opened.map(|key| self.node.can_open(&group, &key)).collect()
    }

    pub fn shows(&mut self, id: &CoId) -> Option<String> {
        Some(self.node.shown(id)?.to_json().to_string())
    }
}
