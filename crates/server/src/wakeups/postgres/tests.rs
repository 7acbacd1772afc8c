//! The carrier against a real database: what is told is heard once, and a connection that is deaf is given up.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::NoTls;

use super::*;
use crate::storage::conformance::header;
use crate::wakeups::{News, Wakeups, pair};

#[path = "../../../../storage/tests/support/postgres_server.rs"]
mod postgres_server;
use postgres_server::PostgresServer;

/// Tables with which nothing can be compared but that are there.
const TABLES: &str = "CREATE TABLE pleione_values (id text); CREATE TABLE pleione_sessions (value text, count bigint)";

fn ids(count: usize) -> Vec<CoId> {
    (0..count)
        .map(|index| header(&index.to_string()).id())
        .collect()
}

/// A server's relay end, with its carrier running on this database.
fn join(server: &PostgresServer) -> (Wakeups, Refusals) {
    let (wakeups, link) = pair();
    let refusals = Refusals::default();
    let config = server.url().parse().unwrap();
    let hour = Duration::from_hours(1);
    let carrier = Carrier::new(config, NoTls, link, hour, refusals.clone());
    tokio::spawn(carrier.run());
    (wakeups, refusals)
}

/// The next ids that others told; a sweep's questions are answered with nothing.
async fn heard(wakeups: &mut Wakeups, wait: Duration) -> Vec<CoId> {
    let listen = async {
        loop {
            match wakeups.next().await {
                News::Written(ids) => return ids,
                News::Asked(question) => drop(question.answer.send(Vec::new())),
            }
        }
    };
    timeout(wait, listen).await.unwrap_or_default()
}

#[tokio::test]
async fn what_one_server_tells_every_other_hears_once_and_not_itself() {
    let server = PostgresServer::start();
    server.sql(TABLES);
    let (mut left, _) = join(&server);
    let (mut right, refusals) = join(&server);
    // More than fits in one payload, and each twice.
    let told = ids(1_000);
    let moment = Duration::from_millis(500);
    assert!(heard(&mut left, moment).await.is_empty());
    assert!(heard(&mut right, moment).await.is_empty());
    left.announcer().announce(told.clone());
    left.announcer().announce(told.clone());
    let mut all = Vec::new();
    while all.len() < told.len() {
        let more = heard(&mut right, Duration::from_secs(10)).await;
        assert!(!more.is_empty(), "{} of {} heard", all.len(), told.len());
        all.extend(more);
    }
    all.sort();
    let mut sorted = told;
    sorted.sort();
    assert_eq!(all, sorted);
    assert!(heard(&mut right, moment).await.is_empty());
    assert!(heard(&mut left, moment).await.is_empty(), "its own echo");
    assert!(refusals.counts().is_empty(), "{:?}", refusals.counts());
}

#[test]
fn payloads_are_short_enough_and_hold_every_id() {
    let told = ids(2_000);
    let payloads = payloads(&told);
    assert!(payloads.iter().all(|payload| payload.len() < 8_000));
    let found = payloads.iter().flat_map(|payload| payload.split(' '));
    let found: Vec<CoId> = found.filter_map(|id| CoId::parse(id).ok()).collect();
    assert_eq!(found, told);
    assert_eq!(super::payloads(&[]), [""], "silence is broken by nothing");
}
