//! Partitions in networks of the kernel's own (`npm run partition`; it takes root): three servers and their database, each
//! in a network namespace, joined by cables. The story: all write and read; again and again the cable of some servers to
//! the database is pulled, or the database's answers are lost on it; clients go to other servers meanwhile. When all is
//! plugged in again every reader has every transaction, and the database has each once.

use std::io::Write;
use std::net::SocketAddrV4;
use std::process::Stdio;
use std::time::Duration;

use crate::cluster::Servers;
use crate::namespace::{Cable, Namespace};
use crate::noise::{Noise, told};
use crate::postgres_server::PostgresServer;
use crate::process::{ServerProcess, binary};
use crate::proxy::Proxy;
use crate::several::Company;

const SERVERS: usize = 3;
/// How long a partition lasts beyond what is written in it.
const PARTED_MAX_MS: u64 = 8_000;

/// A server in a namespace of its own.
struct Node {
    _server: ServerProcess,
    /// By which clients get in, who are in no namespace: it never fails here.
    door: Proxy,
    /// To the database.
    cable: Cable,
    /// Gone last: cables are in it.
    _namespace: Namespace,
}

impl Node {
    fn new(database: &PostgresServer, network: &Namespace) -> Self {
        let namespace = Namespace::new();
        let way_in = Cable::between(None, &namespace);
        let cable = Cable::between(Some(&namespace), network);
        let host = way_in.far_address();
        let url = format!(
            "postgres://pleione@{}:{}/postgres",
            cable.far_address(),
            database.port()
        );
        let settings = [
            ("SYNC_MAIA_STORAGE", "postgres"),
            ("SYNC_MAIA_DB_URL", &*url),
            ("BIND_ADDRESS", &host.to_string()),
            ("SWEEP_SECONDS", "1"),
        ];
        let mut command = namespace.command(&binary());
        let server = ServerProcess::start_with(command.stderr(Stdio::null()), &settings);
        let door = Proxy::to_address(SocketAddrV4::new(host, server.port()));
        Self {
            _server: server,
            door,
            cable,
            _namespace: namespace,
        }
    }
}

/// Servers and their database, each in its namespace.
struct Wired {
    nodes: Vec<Node>,
    database: PostgresServer,
    _network: Namespace,
}

impl Wired {
    fn new() -> Self {
        let network = Namespace::new();
        let database = PostgresServer::start_in(Some(network.name().to_owned()), |data| {
            let rules = data.join("pg_hba.conf");
            let rules = std::fs::File::options().append(true).open(rules);
            writeln!(rules.unwrap(), "host all all 198.18.0.0/15 trust").unwrap();
        });
        let node = |_| Node::new(&database, &network);
        Self {
            nodes: (0..SERVERS).map(node).collect(),
            database,
            _network: network,
        }
    }
}

impl Servers for Wired {
    fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.door.port()).collect()
    }

    fn database(&self) -> &PostgresServer {
        &self.database
    }
}

#[test]
#[ignore = "it takes root: npm run partition"]
fn r2_servers_whose_cables_to_the_database_fail_lose_and_double_nothing() {
    let rounds = told("PARTITION_ROUNDS", 20);
    let seed = told("PARTITION_SEED", 0xcab1e);
    println!("PARTITION_SEED={seed} for {rounds} rounds");
    let mut noise = Noise::new(seed);
    let wired = Wired::new();
    let mut company = Company::new();
    company.write(&wired, 10);
    for round in 0..rounds {
        // One server or more, and now and then all.
        let parted: Vec<&Node> = loop {
            let nodes = wired.nodes.iter();
            let parted: Vec<_> = nodes.filter(|_| noise.below(2) == 0).collect();
            if !parted.is_empty() {
                break parted;
            }
        };
        let is_pulled = noise.below(2) == 0;
        let how = if is_pulled { "pulled" } else { "muted" };
        println!("round {round}: {} of {SERVERS} {how}", parted.len());
        for node in &parted {
            if is_pulled {
                node.cable.pull();
            } else {
                node.cable.mute();
            }
        }
        company.write(&wired, 15);
        std::thread::sleep(Duration::from_millis(noise.next() % PARTED_MAX_MS));
        company.leave();
        company.write(&wired, 15);
        for node in &parted {
            if is_pulled {
                node.cable.plug();
            } else {
                node.cable.unmute();
            }
        }
        company.assert_well(&wired);
    }
    println!(
        "{rounds} partitions: all of {} transactions are there once",
        company.written()
    );
}
