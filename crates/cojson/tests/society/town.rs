//! The server, the wires to it, what people do, and who means harm.

use std::collections::BTreeMap;

use cojson::group::Member;
use cojson::ids::{CoId, Timestamp};
use cojson::sync::{
    Effect, FrameLimits, PeerId, PeerRole, Replica, ReplicaConfig, SyncMessage, decode_frame,
    encode_frame,
};

use crate::dice::Dice;
use crate::people::{Made, Person};

const MALLORY: PeerId = PeerId(9_999);
const ROUNDS: usize = 200;
const GROUPS: usize = 5;

pub struct Town {
    seed: u64,
    dice: Dice,
    now: u64,
    server: Replica,
    people: Vec<Person>,
    accounts: Vec<CoId>,
    groups: Vec<CoId>,
    values: Vec<Made>,
    /// Genuine messages that Mallory overheard.
    overheard: Vec<SyncMessage>,
    refused: BTreeMap<&'static str, usize>,
    written: usize,
}

impl Town {
    /// People with accounts; some of them have groups with members and values.
    pub fn new(seed: u64, nodes: usize) -> Self {
        let mut dice = Dice::new(seed);
        let people: Vec<Person> = (0..nodes)
            .map(|number| Person::new(seed, number, &mut dice))
            .collect();
        let accounts = people.iter().map(|one| one.node.account_id().clone());
        let mut town = Self {
            seed,
            dice,
            now: 1_795_737_600_000,
            server: Replica::new(ReplicaConfig::default()),
            accounts: accounts.collect(),
            people,
            groups: Vec::new(),
            values: Vec::new(),
            overheard: Vec::new(),
            refused: BTreeMap::new(),
            written: 0,
        };
        town.server.connect(MALLORY, PeerRole::Client);
        for person in 0..nodes {
            town.connect(person);
        }
        town.rest(false);
        town.found();
        town
    }

    fn found(&mut self) {
        for founder in 0..GROUPS {
            let group = self.people[founder].found_group(self.now);
            let members: Vec<CoId> = (0..8)
                .map(|_| self.dice.pick(&self.accounts).clone())
                .collect();
            self.people[founder].load(&members);
            self.groups.push(group);
            self.rest(false);
            for member in &members {
                self.govern(founder, founder, member);
            }
            for _ in 0..2 {
                let person = &mut self.people[founder];
                let made = person.make_value(&self.groups[founder], &mut self.dice, self.now);
                self.values.extend(made);
            }
        }
        self.rest(false);
        self.everybody_loads();
        self.rest(false);
    }

    fn govern(&mut self, person: usize, group: usize, member: &CoId) {
        let (group, now) = (&self.groups[group], self.now);
        self.written += usize::from(self.people[person].govern(group, member, &mut self.dice, now));
    }

    fn everybody_loads(&mut self) {
        let values = self.values.iter().map(|(id, _)| id);
        let ids: Vec<CoId> = self.groups.iter().chain(values).cloned().collect();
        for person in &mut self.people {
            person.load(&ids);
        }
    }

    fn connect(&mut self, person: usize) {
        let person = &mut self.people[person];
        if !person.is_online {
            self.server.connect(person.peer, PeerRole::Client);
            person.connect();
            self.settle_server();
        }
    }

    fn disconnect(&mut self, person: usize) {
        let person = &mut self.people[person];
        if person.is_online {
            self.server.disconnect(person.peer);
            person.disconnect();
            self.settle_server();
        }
    }

    /// Everybody lives for a while, in bad weather.
    pub fn live(&mut self) {
        for _ in 0..ROUNDS {
            self.now += [0, 0, 1, 40, 2_000][self.dice.roll(5)];
            let person = self.dice.roll(self.people.len());
            match self.dice.roll(20) {
                0 => self.disconnect(person),
                1 | 2 => self.connect(person),
                3 | 4 => {
                    let group = self.dice.roll(GROUPS);
                    let member = self.dice.pick(&self.accounts).clone();
                    let governor = if self.dice.one_in(2) { group } else { person };
                    self.govern(governor, group, &member);
                }
                5 => self.mean_harm(),
                6..14 => self.write(person),
                _ => {
                    for _ in 0..self.dice.roll(200) {
                        self.step(true);
                    }
                }
            }
        }
    }

    fn write(&mut self, person: usize) {
        let value = self.dice.pick(&self.values).clone();
        let group_founder = self.dice.roll(GROUPS);
        let writer = if self.dice.one_in(2) {
            group_founder
        } else {
            person
        };
        let done = self.people[writer].write(&value, &mut self.dice, self.now);
        self.written += usize::from(done);
    }

    /// Mallory sends noise, or what was said before with something altered.
    fn mean_harm(&mut self) {
        let noise: Vec<u8> = (0..200).map(|_| self.dice.roll(256) as u8).collect();
        let mut frame = String::from_utf8_lossy(&noise).into_owned();
        if !self.overheard.is_empty() && !self.dice.one_in(4) {
            frame = encode_frame([self.dice.pick(&self.overheard)]);
            for (from, to) in [("\"madeAt\":1", "\"madeAt\":2"), ("_z", "_z2"), ("U", "UA")] {
                if self.dice.one_in(2) {
                    frame = frame.replacen(from, to, 1 + self.dice.roll(3));
                }
            }
        }
        for message in decode_frame(&frame, &FrameLimits::default()) {
            match message {
                Ok(message) => self.server.receive(MALLORY, message),
                Err(error) => *self.refused.entry(error.code()).or_default() += 1,
            }
        }
        self.settle_server();
    }

    /// Carries one message, or does nothing if there is none.
    fn step(&mut self, is_bad: bool) -> bool {
        let busy: Vec<(usize, bool)> = self
            .people
            .iter()
            .enumerate()
            .flat_map(|(place, one)| {
                let ways = [(!one.up.is_empty(), true), (!one.down.is_empty(), false)];
                let busy = ways.into_iter().filter(|(is_busy, _)| *is_busy);
                busy.map(move |(_, is_up)| (place, is_up))
            })
            .collect();
        if busy.is_empty() {
            return false;
        }
        let (place, is_up) = *self.dice.pick(&busy);
        let message = self.take(place, is_up, is_bad);
        let person = &mut self.people[place];
        if is_up {
            if self.overheard.len() < 500 && matches!(message, SyncMessage::Content(_)) {
                self.overheard.push(message.clone());
            }
            self.server.receive(person.peer, message);
            self.settle_server();
        } else {
            person.node.receive(crate::people::SERVER, message);
            person.settle();
        }
        true
    }

    /// In bad weather some message, perhaps not for the last time; those about one value keep their order.
    fn take(&mut self, place: usize, is_up: bool, is_bad: bool) -> SyncMessage {
        let person = &mut self.people[place];
        let wire = if is_up {
            &mut person.up
        } else {
            &mut person.down
        };
        if !is_bad {
            return wire.pop_front().unwrap();
        }
        let about = wire[self.dice.roll(wire.len())].id().cloned();
        let same = |message: &SyncMessage| message.id() == about.as_ref();
        let first = wire.iter().position(same).unwrap();
        if self.dice.one_in(10) {
            wire[first].clone()
        } else {
            wire.remove(first).unwrap()
        }
    }

    fn settle_server(&mut self) {
        loop {
            self.server.flush(|_| None);
            let mut is_idle = true;
            while let Some(effect) = self.server.poll_effect() {
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
            Effect::Load(id) => self.server.loaded(&id, None),
            Effect::Store(batch) => self.server.stored(batch.id),
            Effect::Send { peer, message } => {
                let person = self.people.iter_mut().find(|one| one.peer == peer);
                match person {
                    Some(person) if person.is_online => person.down.push_back(message),
                    // Mallory has nothing of what it is asked for.
                    None => self.decline(message),
                    Some(_) => {}
                }
            }
            Effect::Rejected { peer, reason, .. } => {
                assert_eq!(peer, Some(MALLORY), "seed {}: {reason}", self.seed);
                *self.refused.entry(reason.code()).or_default() += 1;
            }
            _ => {}
        }
    }

    fn decline(&mut self, message: SyncMessage) {
        if let SyncMessage::Load(state) = message {
            let frame = format!(
                r#"{{"action":"known","id":"{}","header":false,"sessions":{{}}}}"#,
                state.id
            );
            for message in decode_frame(&frame, &FrameLimits::default()) {
                self.server.receive(MALLORY, message.unwrap());
            }
        }
    }

    fn rest(&mut self, is_bad: bool) {
        let mut steps = 0;
        while self.step(is_bad) {
            steps += 1;
            assert!(steps < 200_000, "seed {}: no rest", self.seed);
        }
    }

    /// The weather clears, everybody comes online again and wants everything.
    pub fn come_to_rest(&mut self) {
        for person in 0..self.people.len() {
            self.disconnect(person);
            self.connect(person);
        }
        self.rest(false);
        self.everybody_loads();
        self.rest(false);
    }

    /// R10: all have the same, and who can open the same sees the same; R11: that holds although somebody meant harm.
    pub fn assert_agreed(&mut self) {
        let seed = self.seed;
        let values: Vec<CoId> = self.values.iter().map(|(id, _)| id.clone()).collect();
        for id in self.groups.iter().chain(&values) {
            let expected = self.server.known_state(id);
            assert!(expected.header, "seed {seed}: the server lacks {id}");
            for person in &self.people {
                let known = person.node.replica().known_state(id);
                assert_eq!(known, expected, "seed {seed}: {:?} of {id}", person.peer);
                assert!(person.node.is_synced(), "seed {seed}: {:?}", person.peer);
            }
        }
        for id in &values {
            let mut views = BTreeMap::new();
            for person in &mut self.people {
                let (opens, shows) = (person.opens(id), person.shows(id));
                let first = views.entry(opens).or_insert_with(|| shows.clone());
                assert_eq!(shows, *first, "seed {seed}: {:?} of {id}", person.peer);
            }
        }
        self.assert_same_roles();
    }

    fn assert_same_roles(&mut self) {
        let end = Timestamp(u64::MAX);
        for group in &self.groups {
            for account in &self.accounts {
                let member = Member::Account(account.clone());
                let mut roles = self
                    .people
                    .iter_mut()
                    .map(|one| one.node.role_of(group, &member, end));
                let first = roles.next().unwrap();
                assert!(
                    roles.all(|role| role == first),
                    "seed {}: {group}",
                    self.seed
                );
            }
        }
    }

    /// How much of Mallory's was refused.
    pub fn misdeeds(&self) -> usize {
        self.refused.values().sum()
    }

    pub fn summary(&self) -> String {
        format!("{} changes; refused: {:?}", self.written, self.refused)
    }
}
