//! A seeded network of machines: messages are delayed, reordered between values, repeated; links break, machines
//! crash. The same seed gives the same run.

use std::collections::{BTreeMap, VecDeque};

use cojson::ids::CoId;
use cojson::sync::{FrameLimits, PeerId, PeerRole, SyncMessage, decode_frame, encode_frame};

use crate::dice::Dice;
use crate::machine::Machine;

/// What may go wrong.
#[derive(Clone, Copy)]
pub struct Weather {
    pub reorders: bool,
    pub repeats: bool,
}

/// Machines and the links between them; a link's second end is the upstream one.
pub struct Network {
    pub machines: Vec<Machine>,
    links: Vec<(usize, usize)>,
    wires: BTreeMap<(usize, usize), VecDeque<SyncMessage>>,
    pub dice: Dice,
    pub weather: Weather,
}

pub fn peer(machine: usize) -> PeerId {
    PeerId(machine as u64)
}

impl Network {
    pub fn new(machines: Vec<Machine>, links: &[(usize, usize)], seed: u64) -> Self {
        Self {
            machines,
            links: links.to_vec(),
            wires: BTreeMap::new(),
            dice: Dice::new(seed),
            weather: Weather {
                reorders: true,
                repeats: true,
            },
        }
    }

    pub fn connect_all(&mut self) {
        for (down, up) in self.links.clone() {
            self.connect(down, up);
        }
    }

    pub fn connect(&mut self, down: usize, up: usize) {
        if !self.wires.contains_key(&(down, up)) {
            self.wires.insert((down, up), VecDeque::new());
            self.wires.insert((up, down), VecDeque::new());
            self.machines[up]
                .replica
                .connect(peer(down), PeerRole::Client);
            self.machines[down]
                .replica
                .connect(peer(up), PeerRole::Server);
            self.collect(down);
            self.collect(up);
        }
    }

    pub fn disconnect(&mut self, down: usize, up: usize) {
        if self.wires.remove(&(down, up)).is_some() {
            self.wires.remove(&(up, down));
            self.machines[up].replica.disconnect(peer(down));
            self.machines[down].replica.disconnect(peer(up));
            self.collect(down);
            self.collect(up);
        }
    }

    pub fn disconnect_some_link(&mut self) {
        let (down, up) = self.links[self.dice.roll(self.links.len())];
        self.disconnect(down, up);
    }

    pub fn connect_some_link(&mut self) {
        let (down, up) = self.links[self.dice.roll(self.links.len())];
        self.connect(down, up);
    }

    /// The machine loses its memory and everything that was not stored; its links break.
    pub fn crash(&mut self, machine: usize) {
        for (down, up) in self.links.clone() {
            if down == machine || up == machine {
                self.disconnect(down, up);
            }
        }
        let write_reached_disk = self.dice.one_in(2);
        self.machines[machine].crash(write_reached_disk);
    }

    /// Puts what a machine sent on the wires, as text and back.
    pub fn collect(&mut self, machine: usize) {
        self.machines[machine].collect();
        for (to, message) in std::mem::take(&mut self.machines[machine].outbox) {
            let frame = encode_frame([&message]);
            let decoded = decode_frame(&frame, &FrameLimits::default());
            assert_eq!(decoded, [Ok(message.clone())], "{frame}");
            if let Some(wire) = self.wires.get_mut(&(machine, to.0 as usize)) {
                wire.push_back(message);
            }
        }
    }

    /// Delivers one message, or lets storage do one thing. Returns whether there was anything to do.
    pub fn step(&mut self) -> bool {
        let mut busy: Vec<Task> = Vec::new();
        busy.extend(
            self.wires
                .iter()
                .filter(|(_, wire)| !wire.is_empty())
                .map(|(key, _)| Task::Wire(*key)),
        );
        busy.extend(
            (0..self.machines.len())
                .filter(|machine| {
                    let machine = &self.machines[*machine];
                    !machine.loads.is_empty()
                        || !machine.reads.is_empty()
                        || !machine.writes.is_empty()
                })
                .map(Task::Storage),
        );
        if busy.is_empty() {
            return false;
        }
        let pick = self.dice.roll(busy.len());
        match busy[pick] {
            Task::Wire(wire) => self.deliver(wire),
            Task::Storage(machine) => {
                self.machines[machine].serve_storage();
                self.collect(machine);
            }
        }
        true
    }

    fn deliver(&mut self, (from, to): (usize, usize)) {
        let Some(message) = self.take_message((from, to)) else {
            return;
        };
        self.machines[from].drain(peer(to), &message);
        self.collect(from);
        let machine = &mut self.machines[to];
        machine.replica.receive(peer(from), message);
        machine.flush();
        self.collect(to);
    }

    /// Some message of a wire; the messages about one value keep their order.
    fn take_message(&mut self, wire: (usize, usize)) -> Option<SyncMessage> {
        let queue = self.wires.get(&wire)?;
        let pick = if self.weather.reorders {
            self.dice.roll(queue.len())
        } else {
            0
        };
        let value: Option<&CoId> = queue[pick].id();
        let first = queue.iter().position(|message| message.id() == value)?;
        let repeats = self.weather.repeats && self.dice.one_in(10);
        let queue = self.wires.get_mut(&wire)?;
        if repeats {
            queue.get(first).cloned()
        } else {
            queue.remove(first)
        }
    }

    /// Lets everything happen that can.
    pub fn run(&mut self) {
        for machine in 0..self.machines.len() {
            self.machines[machine].flush();
            self.collect(machine);
        }
        let mut steps = 0;
        loop {
            while self.step() {
                steps += 1;
                assert!(steps < 20_000, "the network does not come to rest");
            }
            for machine in 0..self.machines.len() {
                self.machines[machine].flush();
                self.collect(machine);
            }
            if self
                .machines
                .iter()
                .all(|machine| machine.writes.is_empty())
                && self.wires.values().all(VecDeque::is_empty)
            {
                return;
            }
        }
    }

    /// R10: every machine that has a value has the same of it, and it is all durable.
    pub fn assert_agreed(&self, values: &[CoId]) {
        for id in values {
            let states: Vec<_> = self
                .machines
                .iter()
                .map(|machine| machine.state_of(id))
                .collect();
            for (machine, state) in states.iter().enumerate() {
                assert_eq!(*state, states[0], "machine {machine} differs about {id}");
                assert!(state.header, "machine {machine} lacks {id}");
                assert_eq!(self.machines[machine].disk.state_of(id), *state);
            }
            self.assert_same_transactions(id);
        }
    }

    fn assert_same_transactions(&self, id: &CoId) {
        let first = self.machines[0].disk.logs(id);
        for machine in &self.machines {
            for (session, log) in machine.disk.logs(id) {
                assert_eq!(log.transactions(), first[&session].transactions(), "{id}");
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Task {
    Wire((usize, usize)),
    Storage(usize),
}
