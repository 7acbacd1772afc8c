//! What servers that share a database cost: processor time of servers and database for a transaction and for a new value,
//! latency, idle connections, the sweep. The figures of `docs/scaling.md` come from here (`npm run bench:several`).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use cojson::ids::CoId;
use cojson::known_state::KnownState;
use cojson::sync::SyncMessage;

use crate::peer::{Heard, Peer};
use crate::postgres_server::PostgresServer;
use crate::process::ServerProcess;
use crate::several::await_count;
use crate::writer::Writer;

/// The kernel counts processor time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// How many messages of one writer are unacknowledged at once.
const WINDOW: usize = 64;

/// How often servers compare what they know with the database here.
const SWEEP_SECONDS: u32 = 1;

/// How many new values a writer makes.
const VALUES: u32 = 500;

fn new_value(seed: u8, index: u32) -> Writer {
    Writer::new(&format!("new {seed} {index}"), seed)
}

struct Site {
    postgres: PostgresServer,
    servers: Vec<ServerProcess>,
}

/// Processor time so far, in seconds.
#[derive(Clone, Copy)]
struct Used {
    servers: f64,
    database: f64,
}

impl Site {
    fn of(count: usize) -> Self {
        let postgres = PostgresServer::start();
        let url = postgres.url();
        let server = |_| {
            ServerProcess::start(&[
                ("SYNC_MAIA_STORAGE", "postgres"),
                ("SYNC_MAIA_DB_URL", &url),
                ("SWEEP_SECONDS", &SWEEP_SECONDS.to_string()),
                ("CONNECTIONS_PER_ADDRESS_MAX", "10000"),
                ("ACCOUNT_VALUES_PER_HOUR_MAX", "1000000"),
            ])
        };
        let servers = (0..count).map(server).collect();
        Self { postgres, servers }
    }

    fn used(&self) -> Used {
        let servers = self.servers.iter().map(|server| seconds_of(server.id()));
        let database = self.postgres.process_ids();
        Used {
            servers: servers.sum(),
            database: database.into_iter().map(seconds_of).sum(),
        }
    }
}

/// What a process used, its ended children included.
fn seconds_of(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let (_, fields) = stat.rsplit_once(") ").unwrap_or_default();
    let times = fields.split(' ').skip(11).take(4);
    let ticks: f64 = times.filter_map(|text| text.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

/// What one connection has to say, signed before anything is measured, and what acknowledges each message.
struct Script(VecDeque<(SyncMessage, Writer)>);

impl Script {
    /// So many transactions of one session.
    fn of_session(name: &str, seed: u8, count: u32) -> Self {
        let mut writer = Writer::new(name, seed);
        let text = format!("[\"{}\"]", "x".repeat(120));
        let messages = (0..count).map(|_| (writer.write(&text), Writer::new(name, seed)));
        Self(messages.collect())
    }

    /// New values with one transaction each.
    fn of_values(seed: u8) -> Self {
        let messages = (0..VALUES).map(|index| {
            let mut writer = new_value(seed, index);
            (writer.write("[\"first\"]"), writer)
        });
        Self(messages.collect())
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    /// Says it, a window ahead of what is acknowledged.
    fn play(mut self, port: u16) {
        let mut peer = Peer::connect(port);
        let total: u64 = self.0.len() as u64;
        let (mut said, mut acknowledged) = (0, 0);
        let mut counts = std::collections::BTreeMap::new();
        while acknowledged < total {
            while said - acknowledged < WINDOW as u64
                && let Some((message, _)) = self.0.pop_front()
            {
                peer.say(&message);
                said += 1;
            }
            match peer.hear(Duration::from_mins(1)) {
                Heard::Message(SyncMessage::Known(known)) => {
                    let count = known.state.transaction_count();
                    let before = counts.insert(known.state.id, count).unwrap_or_default();
                    acknowledged += count - before;
                }
                Heard::Message(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Plays scripts side by side, each on the next server, and prints what a message cost.
fn measure(site: &Site, what: &str, scripts: Vec<Script>) {
    let count: usize = scripts.iter().map(Script::len).sum();
    let before = site.used();
    let begun = Instant::now();
    let ports = site.servers.iter().map(ServerProcess::port).cycle();
    let players: Vec<_> = scripts
        .into_iter()
        .zip(ports)
        .map(|(script, port)| std::thread::spawn(move || script.play(port)))
        .collect();
    for player in players {
        player.join().unwrap();
    }
    let seconds = begun.elapsed().as_secs_f64();
    let after = site.used();
    let count = f64::from(u32::try_from(count).unwrap());
    println!(
        "{what}: {count} in {seconds:.1} s ({:.0}/s), servers {:.0} µs each, database {:.0} µs each",
        count / seconds,
        (after.servers - before.servers) * 1e6 / count,
        (after.database - before.database) * 1e6 / count,
    );
}

fn sessions(writers: u8, count: u32, round: &str) -> Vec<Script> {
    let script = |seed| Script::of_session(&format!("{round} {seed}"), seed, count);
    (1..=writers).map(script).collect()
}

/// What a write takes until it is seen over the same server and over another.
fn measure_latency(site: &Site) {
    let ports = [0, 0, 1].map(|index: usize| site.servers[index].port());
    let mut writer = Writer::new("latency", 1);
    let [mut hand, mut near, mut far] = ports.map(Peer::connect);
    hand.say(&writer.write("[0]"));
    hand.await_known(&writer.id(), &writer.session, 1);
    for reader in [&mut near, &mut far] {
        reader.say(&SyncMessage::Load(KnownState::empty(writer.id())));
        await_count(reader, &writer);
    }
    let mut seen_ms = [Vec::new(), Vec::new()];
    for _ in 0..300 {
        let told = Instant::now();
        hand.say(&writer.write("[1]"));
        for (reader, seen_ms) in [&mut near, &mut far].into_iter().zip(&mut seen_ms) {
            await_count(reader, &writer);
            seen_ms.push(told.elapsed().as_secs_f64() * 1_000.0);
        }
    }
    for (where_, seen_ms) in ["the same server", "another server"]
        .iter()
        .zip(&mut seen_ms)
    {
        seen_ms.sort_by(f64::total_cmp);
        println!(
            "seen over {where_}: p50 {:.1} ms, p99 {:.1} ms",
            seen_ms[150], seen_ms[297]
        );
    }
}

fn measure_idle_connections(site: &Site) {
    const CONNECTIONS: usize = 1_000;
    let server = &site.servers[0];
    let before = server.memory_bytes_now();
    let idle: Vec<Peer> = (0..CONNECTIONS)
        .map(|_| Peer::connect(server.port()))
        .collect();
    std::thread::sleep(Duration::from_secs(2));
    let each = server.memory_bytes_now().saturating_sub(before) / CONNECTIONS;
    println!("an idle connection: {each} bytes of {}", idle.len());
}

/// What a short value takes in the memory of a server once a client follows it. Every third server made it.
fn measure_followed(site: &Site) {
    let server = &site.servers[1];
    let seeds = (1..=12).filter(|seed| seed % 3 != 2);
    let values: Vec<CoId> = seeds
        .flat_map(|seed| (0..VALUES).map(move |index| new_value(seed, index).id()))
        .collect();
    let mut peer = Peer::connect(server.port());
    let before = server.memory_bytes_now();
    for id in &values {
        let answer = peer.ask(id);
        assert!(matches!(answer, SyncMessage::Content(_)), "{answer:?}");
    }
    let each = server.memory_bytes_now().saturating_sub(before) / values.len();
    println!("a followed value: {each} bytes of {}", values.len());
}

/// What the sweep costs the database for each value that a server has in memory.
fn measure_sweep(site: &Site) {
    let values = |server: &ServerProcess| server.scrape().value("pleione_sync_cache_values", &[]);
    let values: f64 = site.servers.iter().map(values).sum();
    let rounds = 20 / SWEEP_SECONDS;
    let before = site.used();
    std::thread::sleep(Duration::from_secs(20));
    let used = site.used().database - before.database;
    let each = used * 1e6 / (values * f64::from(rounds));
    println!("the sweep: {each:.1} µs of the database for each of {values} values");
}

/// What a value and a session take on disk, indices included, without transactions: 100,000 of each in random order.
fn measure_rows(site: &Site) {
    let fill = "TRUNCATE pleione_values, pleione_sessions, pleione_segments;
        INSERT INTO pleione_values SELECT 'co_z' || left(md5(n::text) || md5(n::text), 26),
          '{\"createdAt\":\"2026-01-01T00:00:00.000Z\",\"meta\":null,\"ruleset\":{\"group\":\"co_z' ||
          left(md5((n / 100)::text), 26) || '\",\"type\":\"ownedByGroup\"},\"type\":\"comap\",\"uniqueness\":\"z' ||
          left(md5(n::text), 16) || '\"}' FROM generate_series(1, 100000) AS n;
        INSERT INTO pleione_sessions SELECT id, 'co_z' || left(md5(id), 26) || '_session_z' || left(md5(id), 12),
          ('x' || left(md5(id), 16))::bit(64)::int8, 10, 5000, 5000, 'signature_z' || left(md5(id) || md5(id) || md5(id), 88)
          FROM pleione_values";
    site.postgres.sql(fill);
    for table in ["pleione_values", "pleione_sessions"] {
        let each = format!("SELECT pg_total_relation_size('{table}') / 100000");
        println!("{table}: {} bytes each", site.postgres.sql(&each));
    }
}

#[test]
#[ignore = "measures: `npm run bench:several`"]
fn what_several_servers_cost() {
    let site = Site::of(1);
    measure(&site, "one server, warming up", sessions(6, 500, "warm"));
    measure(&site, "one server", sessions(18, 1_500, "one"));
    drop(site);
    let site = Site::of(3);
    measure(&site, "three servers, warming up", sessions(6, 500, "warm"));
    measure(&site, "three servers", sessions(18, 1_500, "three"));
    measure(
        &site,
        "new values",
        (1..=12).map(Script::of_values).collect(),
    );
    measure_followed(&site);
    measure_latency(&site);
    measure_idle_connections(&site);
    measure_sweep(&site);
    measure_rows(&site);
}
