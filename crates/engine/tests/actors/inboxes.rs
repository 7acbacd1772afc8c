//! Inboxes that have grown long: what is handled costs nothing any more, and is there for who looks for it.

use std::rc::Rc;
use std::time::Instant;

use cojson::header::{Uniqueness, ValueType};
use cojson::ids::CoId;
use cojson::json::Json;
use cojson::node::{Change, NewValue, Stamp};
use cojson::sync::WriteBatch;
use engine::actor::ActorId;

use super::device::Device;
use super::fixtures::json;

fn counter() -> Json {
    json(
        r#"{"id":"counter","context":{"count":0},"state":{"initial":"idle","states":{"idle":{"on":{
        "COUNT":{"actions":{"updateContext":{"count":{"$add":["$count",1]}}}}}}}}}"#,
    )
}

/// A device whose counter was told something so many times by another tab, which ended.
struct Long {
    device: Device,
    inbox: CoId,
    actor: ActorId,
}

fn inbox_of(device: &Device) -> CoId {
    let node = device.engine.node();
    node.named_id(&NewValue {
        value_type: ValueType::CoStream,
        owner: node.own_group(),
        uniqueness: Uniqueness::named([("actor", "counter"), ("part", "inbox")]),
        meta: Json::Null,
    })
}

fn message() -> Json {
    json(r#"{"type":"COUNT","payload":{}}"#)
}

impl Long {
    fn new(messages: u32) -> Self {
        let mut device = Device::new(1);
        let actor = device.create(&counter());
        let inbox = inbox_of(&device);
        let mut long = Self {
            device,
            inbox,
            actor,
        };
        long.tell(2, messages, 1);
        long
    }

    /// Another session tells it something, with so many messages in each transaction.
    fn tell(&mut self, session: u8, transactions: u32, each: usize) {
        let written = self.write(session, transactions, each);
        self.device.hear(&written);
    }

    /// The same, of which the device has not heard yet.
    fn write(&mut self, session: u8, transactions: u32, each: usize) -> Vec<WriteBatch> {
        let mut other = Device::over(Rc::clone(&self.device.storage), session, &[]);
        other.engine.node_mut().load(&self.inbox);
        other.settle();
        other.writes.clear();
        let changes: Vec<Change> = (0..each).map(|_| Change::Item(message())).collect();
        for _ in 0..transactions {
            let stamp = Stamp::Now(other.now);
            let node = other.engine.node_mut();
            node.transact(&self.inbox, &changes, stamp).unwrap();
        }
        other.settle();
        other.writes
    }

    fn restart(&mut self) {
        self.device = self.device.restart(1, &[]);
        self.device.create(&counter());
    }

    fn count(&mut self) -> u32 {
        let context = self.device.context(&self.actor);
        context.get("count").unwrap().to_string().parse().unwrap()
    }

    /// How many of its messages are open in memory.
    fn open(&mut self) -> usize {
        let node = self.device.engine.node_mut();
        node.stream(&self.inbox).unwrap().len()
    }
}

#[test]
fn what_is_handled_is_let_go_of_and_not_opened_again_at_a_start() {
    let mut long = Long::new(1_000);
    assert_eq!(long.count(), 1_000);
    assert_eq!(long.open(), 0, "all handled in one task");
    long.tell(3, 100, 1);
    assert!(long.open() <= 100);
    long.restart();
    assert_eq!(long.open(), 0);
    long.tell(2, 10, 1);
    long.tell(4, 10, 1);
    assert_eq!(long.count(), 1_120);
}

#[test]
fn whoever_looks_for_what_was_handled_finds_it() {
    let mut long = Long::new(300);
    long.restart();
    assert_eq!(long.open(), 0);
    let node = long.device.engine.node_mut();
    assert_eq!(node.edits(&long.inbox).unwrap().len(), 300);
    let store = long.device.engine.open_store(&long.inbox);
    let items = store
        .value()
        .as_object()
        .unwrap()
        .iter()
        .next()
        .unwrap()
        .1
        .clone();
    assert_eq!(items.as_array().unwrap().len(), 300);
    // And nothing is handled again for that, nor is it let go of while somebody looks.
    long.tell(2, 300, 1);
    assert_eq!(long.count(), 600);
    assert_eq!(long.open(), 600);
}

#[test]
fn r4_messages_that_came_together_in_one_transaction_are_counted_each_over_starts() {
    let mut long = Long::new(2);
    long.tell(3, 200, 3);
    assert_eq!(long.count(), 602);
    long.restart();
    long.tell(3, 1, 2);
    long.tell(2, 1, 1);
    assert_eq!(long.count(), 605);
    long.restart();
    assert_eq!(long.count(), 605);
}

#[test]
fn r4_what_was_let_go_of_is_handled_again_if_its_cursor_was_lost_in_a_crash() {
    let mut long = Long::new(10);
    let written = long.write(3, 400, 1);
    long.device.refuses_writes = true;
    for message in written.iter().flat_map(WriteBatch::to_messages) {
        long.device.engine.node_mut().absorb(message);
    }
    for _ in 0..3 {
        long.device.turn();
    }
    assert_eq!((long.count(), long.open()), (410, 0));
    long.restart();
    assert_eq!(long.count(), 410, "handled again");
    long.restart();
    assert_eq!((long.count(), long.open()), (410, 0));
}

/// `INBOX_MESSAGES=100000 cargo nextest run -p engine --no-capture -E 'test(long_inbox)'` measures.
#[test]
fn a_long_inbox_opens_in_a_fraction_of_what_reading_it_takes() {
    let messages = std::env::var("INBOX_MESSAGES").map_or(2_000, |text| text.parse().unwrap());
    let mut long = Long::new(0);
    for session in 2..12 {
        long.tell(session, messages / 10, 1);
    }
    let mut again = None;
    let begun = Instant::now();
    let opened = allocation_counter::measure(|| {
        let mut device = long.device.restart(1, &[]);
        device.create(&counter());
        again = Some(device);
    });
    let took = begun.elapsed();
    long.device = again.unwrap();
    let begun = Instant::now();
    let read = allocation_counter::measure(|| {
        long.device.engine.node_mut().show_whole(&long.inbox);
        assert_eq!(long.open(), messages as usize);
    });
    let reading = begun.elapsed();
    println!(
        "{messages} handled: open in {took:?} with {} allocations, {} kB kept; their view takes {reading:?}, {} allocations, {} kB",
        opened.count_total,
        opened.bytes_current / 1_000,
        read.count_total,
        read.bytes_current / 1_000
    );
    assert!(read.count_total > u64::from(messages), "it opens each");
    assert_eq!(long.count(), messages);
}
