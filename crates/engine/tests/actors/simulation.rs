//! Seeded lives of several devices of one account, one of them with two tabs over one storage: messages, timers and calls, while
//! tabs and devices crash and start again, wires break, clocks are set, storages take their time and tools answer when they
//! like. In the end everything is connected, and what was told has led to exactly what it should: no message lost, none
//! handled twice, no timer lost, no call under two keys, no step cut short (R1, R3, R4).
//!
//! `npm run sim` runs 10,000 of them; `SIM_RUNS` and `SIM_SEED` say how many, and from which seed on.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use cojson::ids::{CoId, SessionId};
use cojson::json::Json;
use engine::actor::ActorId;

use super::device::{Device, Storage, mail_tool};
use super::fixtures::json;
use super::network::Network;

/// Makes an item for each KEEP at once, for each REMIND later, for each MAIL when the tool answered. What it keeps it notes, in
/// the same step, which leaves its state.
fn keeper() -> Json {
    json(
        &r#"{"id":"keeper","context":{"list":{"schema":"kept"},"notes":{"schema":"noted"}},"messageTypes":["KEEP","REMIND","MAIL","LATER"],
        "state":{"type":"parallel","states":{
            "keeping":{"initial":"ready","states":{"ready":{"on":{
                "KEEP":{"target":"ready","actions":[{"if":"$$n","then":[CREATE_kept,CREATE_noted],"else":CREATE_kept}]},
                "REMIND":{"actions":{"raise":{"type":"LATER","payload":{"n":"$$n"},"delay":3000}}},
                "LATER":{"target":"ready","actions":[CREATE_kept,CREATE_noted]}}}}},
            "mailing":{"initial":"open","states":{"open":{"on":{
                "MAIL":{"actions":[{"if":{"in":"open"},"then":{"tool":"@mail/send","payload":{"n":"$$n"}}},CREATE_kept]}}}}}}}}"#
            .replace("CREATE_kept", &create("kept"))
            .replace("CREATE_noted", &create("noted")),
    )
}

fn create(schema: &str) -> String {
    format!(
        r#"{{"tool":"@db","payload":{{"op":"create","schema":"{schema}","data":{{"n":"$$n"}}}}}}"#
    )
}

fn teller() -> Json {
    json(
        r#"{"id":"teller","state":{"initial":"idle","states":{"idle":{"on":{"TELL":{"actions":[
            {"tool":"@core/tell","payload":{"type":"$$type","target":"keeper","payload":{"n":"$$n"}}}]}}}}}}"#,
    )
}

/// The device that tells; the others run the keeper.
const TELLER: usize = 2;
/// Two tabs of one device: one storage, one lock for the keeper, a session each.
const TABS: [usize; 2] = [0, 3];
const DEVICES: usize = 4;
const STEPS: usize = 30;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn device(&mut self) -> usize {
        usize::try_from(self.below(DEVICES as u64)).unwrap()
    }
}

struct Life {
    seed: u64,
    random: Random,
    network: Network,
    is_connected: [bool; DEVICES],
    /// How often each device was started; each start may have another session.
    starts: [u8; DEVICES],
    /// Which of the two tabs holds the keeper's lock.
    holder: usize,
    told: u32,
    mails: BTreeSet<u32>,
    /// The keys under which each mail was sent.
    keys: BTreeMap<String, BTreeSet<String>>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let shared = Storage::default();
        let device = |index: usize| {
            let is_tab = TABS.contains(&index);
            let storage = if is_tab {
                Rc::clone(&shared)
            } else {
                Storage::default()
            };
            start(storage, index, [0; DEVICES])
        };
        let mut life = Self {
            seed,
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            network: Network::new((0..DEVICES).map(device).collect()),
            holder: TABS[0],
            is_connected: [true; DEVICES],
            starts: [0; DEVICES],
            told: 0,
            mails: BTreeSet::new(),
            keys: BTreeMap::new(),
        };
        life.network.join_tabs(TABS);
        life.settle_locks();
        for index in 0..DEVICES {
            life.network.connect(index);
            life.create(index);
            life.network.settle();
        }
        life
    }

    /// Each tab is told which other lives, and whether it holds the lock.
    fn settle_locks(&mut self) {
        let keeper = ActorId::new("keeper");
        for (index, other) in [(TABS[0], TABS[1]), (TABS[1], TABS[0])] {
            let live = self.network.devices[other].engine.node().session().clone();
            let holds = self.holder == index;
            let device = &mut self.network.devices[index];
            device
                .engine
                .set_live_sessions([live].into_iter().collect());
            device.grants_claims = holds;
            device.engine.set_driver(&keeper, holds);
        }
    }

    fn create(&mut self, index: usize) {
        let definition = if index == TELLER { teller() } else { keeper() };
        self.network.devices[index].create(&definition);
    }

    fn step(&mut self) {
        self.answer_storages();
        match self.random.below(11) {
            0..=3 => self.tell(),
            4 => self.crash(),
            5 => self.turn_wire(),
            6 => self.set_clock(),
            7 => self.answer(),
            8 => self.slow_down(),
            _ => {
                let ms = 250 * (1 + self.random.below(12));
                self.network.pass(ms);
            }
        }
    }

    fn tell(&mut self) {
        self.told += 1;
        let kind = match self.random.below(3) {
            0 => "KEEP",
            1 => "REMIND",
            _ => {
                self.mails.insert(self.told);
                "MAIL"
            }
        };
        let payload = format!(r#"{{"type":"{kind}","n":{}}}"#, self.told);
        let teller = ActorId::new("teller");
        let device = &mut self.network.devices[TELLER];
        // It waits until that is durable, as a program does that wants to be sure.
        assert!(device.send(&teller, "TELL", &payload), "seed {}", self.seed);
        if self.random.below(2) == 0 {
            self.network.settle();
        } else {
            self.deliver_some();
        }
    }

    /// Some messages are under way and no further when the next thing happens.
    fn deliver_some(&mut self) {
        let index = self.random.device();
        self.network.deliver_to_server(index);
        self.network.run_server();
        let index = self.random.device();
        self.network.devices[index].settle();
    }

    /// A device dies with all that was not stored, and starts again: as the session it was, or as another tab's.
    fn crash(&mut self) {
        let index = self.random.device();
        let was_connected = self.is_connected[index];
        if was_connected {
            self.network.disconnect(index);
        }
        self.note_keys();
        let dead = &self.network.devices[index];
        let (storage, now) = (Rc::clone(&dead.storage), dead.now);
        if self.random.below(3) == 0 {
            self.starts[index] += 1;
        }
        if self.holder == index {
            // Its sibling is given the lock before it is there again.
            self.holder = TABS[usize::from(index == TABS[0])];
        }
        let mut device = start(storage, index, self.starts);
        device.now = now.plus_ms(self.random.below(5_000));
        self.network.devices[index] = device;
        if TABS.contains(&index) {
            self.network.join_tabs(TABS);
            self.settle_locks();
        }
        self.create(index);
        if was_connected {
            self.network.connect(index);
        } else {
            let device = &mut self.network.devices[index];
            device.engine.stop_awaiting_sync();
            device.settle();
        }
    }

    fn turn_wire(&mut self) {
        let index = self.random.device();
        if self.is_connected[index] {
            self.network.disconnect(index);
        } else {
            self.network.connect(index);
        }
        self.is_connected[index] ^= true;
    }

    fn set_clock(&mut self) {
        let index = self.random.device();
        let forward_ms = i64::try_from(self.random.below(7_200_000)).unwrap() - 3_600_000;
        // Tabs have one clock.
        let indexes = if TABS.contains(&index) {
            &TABS[..]
        } else {
            &[index]
        };
        for index in indexes {
            let device = &mut self.network.devices[*index];
            device.now.0 = device.now.0.checked_add_signed(forward_ms).unwrap();
            device.engine.clock_was_set(forward_ms);
            device.settle();
        }
    }

    /// A storage takes its time from now on. The teller's does not: it waits for it.
    fn slow_down(&mut self) {
        let index = self.random.device();
        if index != TELLER {
            self.network.devices[index].is_slow = true;
        }
    }

    /// Some of what storages were asked is answered.
    fn answer_storages(&mut self) {
        for index in 0..DEVICES {
            if self.network.devices[index].is_slow && self.random.below(3) == 0 {
                self.network.devices[index].answer_loads();
            }
        }
    }

    fn note_keys(&mut self) {
        for device in &self.network.devices {
            for call in &device.calls {
                let mail = call.payload.get("n").unwrap().to_string();
                let keys = self.keys.entry(mail).or_default();
                keys.insert(call.call.to_string());
            }
        }
    }

    fn answer(&mut self) {
        self.note_keys();
        let index = self.random.device();
        if !self.network.devices[index].calls.is_empty() {
            self.network.devices[index].answer(Ok(Json::Null));
        }
    }

    /// Everything is connected, and all tools answer.
    fn end(&mut self) {
        for index in 0..DEVICES {
            self.network.devices[index].answer_loads();
            if !std::mem::replace(&mut self.is_connected[index], true) {
                self.network.connect(index);
            }
        }
        for _ in 0..20 {
            self.network.pass(2_500);
            self.note_keys();
            for index in 0..DEVICES {
                while !self.network.devices[index].calls.is_empty() {
                    self.network.devices[index].answer(Ok(Json::Null));
                }
            }
            self.network.settle();
        }
    }

    fn check(&mut self) {
        let expected: Vec<u32> = (1..=self.told).collect();
        let is_noted = |told: &&u32| !self.mails.contains(told);
        let noted: Vec<u32> = expected.iter().filter(is_noted).copied().collect();
        for index in (0..DEVICES).filter(|index| *index != TELLER) {
            let device = &mut self.network.devices[index];
            let context = device.context(&ActorId::new("keeper"));
            let seed = self.seed;
            assert_eq!(
                numbers(&context, "list"),
                expected,
                "seed {seed}, device {index}"
            );
            assert_eq!(
                numbers(&context, "notes"),
                noted,
                "seed {seed}, device {index}"
            );
            let dead = device.engine.dead_letters().value();
            assert!(
                dead.as_array().unwrap().is_empty(),
                "seed {}: {dead}",
                self.seed
            );
        }
        for mail in &self.mails {
            let keys = self.keys.get(&mail.to_string());
            assert_eq!(
                keys.map(BTreeSet::len),
                Some(1),
                "seed {}, mail {mail}: {keys:?}",
                self.seed
            );
        }
    }
}

/// The numbers of the items in a list that a context shows, in order.
fn numbers(context: &Json, list: &str) -> Vec<u32> {
    let number = |item: &Json| item.get("n").unwrap().to_string().parse().unwrap();
    let list = context.get(list).unwrap().as_array().unwrap();
    let mut numbers: Vec<u32> = list.iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// A device over its storage, which knows the sessions that it had before, and has what they may not have sent.
fn start(storage: Storage, index: usize, starts: [u8; DEVICES]) -> Device {
    let stored: Vec<CoId> = storage.borrow().keys().cloned().collect();
    let number = |index: usize, starts: u8| 10 * u8::try_from(index + 1).unwrap() + starts % 10;
    let mut device = Device::with_server(storage, number(index, starts[index]), &[mail_tool(true)]);
    let tabs = if TABS.contains(&index) {
        &TABS[..]
    } else {
        &[index]
    };
    let numbers = tabs
        .iter()
        .flat_map(|tab| (0..=starts[*tab]).map(|starts| number(*tab, starts)));
    let sessions = numbers.map(super::device::own_session);
    device
        .engine
        .set_device_sessions(sessions.collect::<cojson::collections::SortedSet<SessionId>>());
    for id in &stored {
        device.engine.node_mut().load(id);
    }
    device.settle();
    device
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// How many tests share the lives, to be run beside each other.
const PARTS: u64 = 4;

fn live(part: u64) {
    let first = variable("SIM_SEED", 1);
    let runs = variable("SIM_RUNS", 200);
    for seed in (first..first + runs).filter(|seed| seed % PARTS == part) {
        let mut life = Life::new(seed);
        for _ in 0..STEPS {
            life.step();
        }
        life.end();
        life.check();
    }
}

#[test]
fn r1_r3_r4_nothing_is_lost_or_done_twice_whatever_breaks() {
    live(0);
}

#[test]
fn r1_r3_r4_nothing_is_lost_or_done_twice_whatever_breaks_in_other_lives() {
    live(1);
}

#[test]
fn r1_r3_r4_nothing_is_lost_or_done_twice_whatever_breaks_in_more_lives() {
    live(2);
}

#[test]
fn r1_r3_r4_nothing_is_lost_or_done_twice_whatever_breaks_in_the_rest_of_lives() {
    live(3);
}
