//! How long it takes to open a value of so many transactions from what storage kept of it: decrypted, judged, shown.
//!
//! `cargo run --release -p cojson --example opening [transactions]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement, not a library"
)]

use std::time::Instant;

use cojson::account::account_id;
use cojson::collections::SortedMap;
use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::header::{Header, ValueType};
use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::node::{NewValue, Node, NodeConfig, Stamp};
use cojson::sync::{Effect, ReplicaConfig, Segment, StoredLog};

const NOW: u64 = 1_795_334_513_735;

#[derive(Default)]
struct Storage(SortedMap<CoId, (Option<Header>, Vec<Segment>)>);

impl Storage {
    fn serve(&mut self, node: &mut Node) {
        node.flush();
        while let Some(effect) = node.poll_effect() {
            match effect {
                Effect::Load(id) => {
                    let stored = self.0.get(&id).and_then(|(header, segments)| {
                        Some(StoredLog {
                            header: header.clone()?,
                            segments: segments.clone(),
                        })
                    });
                    node.loaded(&id, stored);
                }
                Effect::Store(batch) => {
                    for write in batch.values {
                        let (header, segments) = self.0.get_or_default(write.id);
                        *header = write.header.or(header.take());
                        segments.extend(write.segments);
                    }
                    node.stored(batch.id);
                }
                _ => {}
            }
        }
    }
}

fn open(number: u8, storage: &mut Storage) -> Node {
    let secret = AgentSecret::generate(&mut Entropy::from_seed([7; 32]));
    let mut entropy = Entropy::from_seed([number; 32]);
    let mut node = Node::new(NodeConfig {
        session: SessionId::random_of_account(&account_id(&secret.agent_id()), &mut entropy),
        secret,
        entropy_seed: entropy.bytes(),
        limits: ReplicaConfig::default(),
    });
    node.load_own();
    storage.serve(&mut node);
    node.found_account().unwrap();
    storage.serve(&mut node);
    node
}

fn measure(name: &str, kind: ValueType, transactions: u64, write: impl Fn(&mut Node, &CoId, u64)) {
    let mut storage = Storage::default();
    let mut writer = open(1, &mut storage);
    let value = NewValue {
        value_type: kind,
        owner: writer.own_group(),
        uniqueness: writer.random_uniqueness(),
        meta: Json::Null,
    };
    let id = writer.create(value, Timestamp(NOW)).unwrap();
    let start = Instant::now();
    for number in 0..transactions {
        write(&mut writer, &id, number);
        if number % 1_000 == 0 {
            storage.serve(&mut writer);
        }
    }
    storage.serve(&mut writer);
    let written = start.elapsed();

    let mut times = Vec::new();
    for number in 2..5 {
        let mut reader = open(number, &mut storage);
        let start = Instant::now();
        reader.load(&id);
        storage.serve(&mut reader);
        let loaded = start.elapsed();
        assert!(reader.shown(&id).is_some());
        times.push((start.elapsed(), loaded));
    }
    let (shown, loaded) = times.into_iter().min().unwrap();
    println!(
        "{name}: {transactions} written in {written:.0?}, shown after {shown:.0?} ({loaded:.0?} until loaded)"
    );
}

fn main() {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok());
    let count = count.unwrap_or(100_000);
    let stamp = |number: u64| Stamp::Now(Timestamp(NOW + number));
    measure(
        "map, 1,000 keys",
        ValueType::CoMap,
        count,
        |node, id, number| {
            let key = format!("key {}", number % 1_000);
            let value = Json::from(format!("value {number}"));
            node.map_set(id, &[(key.into(), value)], stamp(number))
                .unwrap();
        },
    );
    measure("list", ValueType::CoList, count, |node, id, number| {
        let item = Json::from(format!("item {number}"));
        node.list_append(id, &[item], stamp(number)).unwrap();
    });
    measure("stream", ValueType::CoStream, count, |node, id, number| {
        let item = Json::from(format!("item {number}"));
        node.stream_push(id, item, stamp(number)).unwrap();
    });
}
