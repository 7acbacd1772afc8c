//! A server in memory and the devices that are connected to it, each over a wire that keeps the order of messages.

use cojson::sync::{Effect, PeerId, PeerRole, Replica, ReplicaConfig, WriteBatch};

use super::device::{Device, Storage, keep};

/// The peer that a device knows the server by.
const SERVER: PeerId = PeerId(1_000);

/// A sync server and its devices, by their index.
pub(crate) struct Network {
    server: Replica,
    storage: Storage,
    pub(crate) devices: Vec<Device>,
    is_connected: Vec<bool>,
    tabs: Vec<Tabs>,
}

/// Two tabs of one device, each of which is told what the other has stored.
struct Tabs {
    places: [usize; 2],
    /// How many of its writes the other has heard of.
    told: [usize; 2],
}

impl Network {
    pub(crate) fn new(devices: Vec<Device>) -> Self {
        let server = Replica::new(ReplicaConfig::default());
        let is_connected = vec![false; devices.len()];
        Self {
            server,
            storage: Storage::default(),
            devices,
            is_connected,
            tabs: Vec::new(),
        }
    }

    /// Those two are tabs of one device from now on.
    pub(crate) fn join_tabs(&mut self, places: [usize; 2]) {
        self.tabs.retain(|tabs| tabs.places != places);
        let told = places.map(|place| self.devices[place].writes.len());
        self.tabs.push(Tabs { places, told });
    }

    /// Tells each tab what its sibling has stored; whether there was anything.
    fn tell_tabs(&mut self) -> bool {
        let mut is_busy = false;
        for tabs in &mut self.tabs {
            let [one, other] = tabs.places;
            for (side, (from, to)) in [(one, other), (other, one)].into_iter().enumerate() {
                let writes = &self.devices[from].writes;
                let new = writes[tabs.told[side]..].iter();
                let messages: Vec<_> = new.flat_map(WriteBatch::to_messages).collect();
                tabs.told[side] = writes.len();
                is_busy |= !messages.is_empty();
                for message in messages {
                    self.devices[to].engine.node_mut().absorb(message);
                }
            }
        }
        is_busy
    }

    pub(crate) fn connect(&mut self, index: usize) {
        self.is_connected[index] = true;
        self.server.connect(peer(index), PeerRole::Client);
        self.devices[index]
            .engine
            .node_mut()
            .connect(SERVER, PeerRole::Server);
        self.settle();
    }

    pub(crate) fn disconnect(&mut self, index: usize) {
        self.is_connected[index] = false;
        self.server.disconnect(peer(index));
        self.devices[index].engine.node_mut().disconnect(SERVER);
        self.devices[index].outbox.clear();
    }

    /// Lets time pass on all devices, in short steps.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.pass_in_steps(ms, 250);
    }

    /// Lets time pass on all devices, in steps of that length.
    pub(crate) fn pass_in_steps(&mut self, ms: u64, step_ms: u64) {
        for _ in 0..ms / step_ms {
            for device in &mut self.devices {
                device.now = device.now.plus_ms(step_ms - 5);
            }
            self.settle();
        }
    }

    /// Delivers messages until no device and not the server has anything to say.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1_000 {
            let mut is_busy = false;
            for index in 0..self.devices.len() {
                self.devices[index].settle();
                is_busy |= self.deliver_to_server(index);
            }
            is_busy |= self.tell_tabs();
            is_busy |= self.run_server();
            if !is_busy {
                return;
            }
        }
        panic!("the network never settles");
    }

    pub(crate) fn deliver_to_server(&mut self, index: usize) -> bool {
        let messages = std::mem::take(&mut self.devices[index].outbox);
        let is_busy = self.is_connected[index] && !messages.is_empty();
        for message in messages.into_iter().filter(|_| self.is_connected[index]) {
            self.server.receive(peer(index), message);
        }
        is_busy
    }

    pub(crate) fn run_server(&mut self) -> bool {
        let mut is_busy = false;
        self.server.flush(|_| None);
        while let Some(effect) = self.server.poll_effect() {
            is_busy = true;
            match effect {
                Effect::Load(id) => {
                    let stored = self.storage.borrow().get(&id).cloned();
                    self.server.loaded(&id, stored);
                }
                Effect::Store(batch) => {
                    keep(&self.storage, &batch);
                    self.server.stored(batch.id);
                }
                Effect::Send {
                    peer: PeerId(number),
                    message,
                } => {
                    let index = usize::try_from(number).unwrap();
                    if self.is_connected[index] {
                        self.devices[index]
                            .engine
                            .node_mut()
                            .receive(SERVER, message);
                    }
                }
                Effect::Changed(_) | Effect::Unavailable(_) => {}
                Effect::Read(_) | Effect::Pace(_) => panic!("it keeps everything"),
                Effect::Rejected { reason, .. } => panic!("the server refused: {reason:?}"),
            }
        }
        is_busy
    }
}

fn peer(index: usize) -> PeerId {
    PeerId(index as u64)
}
