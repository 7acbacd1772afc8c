//! A start does not read the data: with many values in the file the server is up at once, and so is the first of them.
//!
//! `npm test` runs it with 20,000 values. The whole measure, a million, takes a release build and some minutes
//! (`npm run bench:start`); `PLEIONE_START_VALUES` says how many.

use std::path::Path;
use std::time::{Duration, Instant};

use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::header::{CreatedAt, Header, Ruleset, Uniqueness, ValueType};
use cojson::ids::{SessionId, Timestamp};
use cojson::json::Json;
use cojson::session_log::SessionLog;
use cojson::sync::{Segment, SyncMessage, ValueWrite, WriteBatch, WriteId};
use cojson::transaction::Transaction;
use pleione_sync::storage::Storage;
use pleione_sync::storage::sqlite::SqliteStorage;

use crate::peer::Peer;
use crate::process::Place;

const VALUES_PER_BATCH: usize = 5_000;

fn header(number: usize) -> Header {
    Header {
        value_type: ValueType::CoMap,
        ruleset: Ruleset::UnsafeAllowAll,
        meta: Json::Null,
        uniqueness: Uniqueness::Text(format!("value {number}").into()),
        created_at: CreatedAt::At("2026-01-01T00:00:00.000Z".into()),
    }
}

/// Writes so many values, each with a signed transaction.
fn fill(path: &Path, values: usize) {
    let mut storage = SqliteStorage::open(path).unwrap();
    let mut entropy = Entropy::from_seed([1; 32]);
    let secret = AgentSecret::generate(&mut entropy);
    let session = SessionId::random_of_agent(&secret.agent_id(), &mut entropy);
    let value = |number: usize| {
        let header = header(number);
        let mut log = SessionLog::new(session.clone());
        log.append_local(Transaction::Trusting {
            made_at: Timestamp(1_700_000_000_000),
            changes: format!("[{{\"op\":\"set\",\"key\":\"number\",\"value\":{number}}}]").into(),
            meta: None,
        });
        let segments = log.sign(&secret.signer).into_iter().map(|content| Segment {
            session: session.clone(),
            content,
        });
        ValueWrite {
            id: header.id(),
            header: Some(header),
            erases: false,
            segments: segments.collect(),
        }
    };
    for first in (0..values).step_by(VALUES_PER_BATCH) {
        let numbers = first..values.min(first + VALUES_PER_BATCH);
        let batch = WriteBatch {
            id: WriteId(1),
            values: numbers.map(value).collect(),
        };
        assert_eq!(storage.write(&[batch]), [Ok(())]);
    }
}

/// How long the start took, and each of the first values.
fn measure(values: usize) -> (Duration, Vec<Duration>) {
    let place = Place::new();
    fill(&place.database(), values);
    let started = Instant::now();
    let server = place.server();
    let start = started.elapsed();
    let mut peer = Peer::connect(server.port());
    let picks = [values / 2, 0, values - 1, values / 3, 7 % values];
    let first = picks.map(|number| {
        let asked = Instant::now();
        let answer = peer.ask(&header(number).id());
        let took = asked.elapsed();
        let SyncMessage::Content(content) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(content.new.len(), 1);
        took
    });
    (start, first.to_vec())
}

#[test]
fn a_start_does_not_read_the_data() {
    let (few, _) = measure(10);
    let (many, first) = measure(20_000);
    // 20,000 values read at start would take a second and more here.
    assert!(
        many < few + Duration::from_millis(400),
        "{many:?}, with ten values {few:?}"
    );
    assert!(first[0] < Duration::from_millis(300), "{first:?}");
}

#[test]
#[ignore = "a million values: `npm run bench:start`"]
fn a_store_of_a_million_values_starts_at_once_and_serves_the_first() {
    let values = std::env::var("PLEIONE_START_VALUES");
    let values = values.map_or(1_000_000, |text| text.parse().unwrap());
    let (start, first) = measure(values);
    println!("{values} values: up after {start:?}, the first five served in {first:?}");
    assert!(start < Duration::from_secs(2), "{start:?}");
    assert!(first[0] < Duration::from_millis(10), "{first:?}");
}
