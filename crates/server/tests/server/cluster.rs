//! Several servers that share one `PostgreSQL`, each with a network of its own to the database, and another for wake-ups:
//! what a partition is made of.

use std::time::Duration;

use crate::pooler::Pooler;
use crate::postgres_server::PostgresServer;
use crate::process::ServerProcess;
use crate::proxy::Proxy;

/// How often servers compare what they know with the database, at least.
const SWEEP_SECONDS: &str = "1";

/// One server, or the place of one that was killed, and its networks.
pub(crate) struct Node {
    server: Option<ServerProcess>,
    settings: Vec<(&'static str, &'static str)>,
    networks: Networks,
    pub(crate) data: Proxy,
    pub(crate) wakeups: Proxy,
}

pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    /// Ended before the database is.
    _pooler: Option<Pooler>,
    pub(crate) postgres: PostgresServer,
}

/// How servers reach the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Networks {
    Direct,
    /// Wake-ups go past the pooler.
    DataThroughPooler,
    AllThroughPooler,
}

impl Cluster {
    /// So many servers on a new database.
    pub(crate) fn of(count: usize) -> Self {
        Self::on(Networks::Direct, count, &[])
    }

    /// The same on such networks, with more settings.
    pub(crate) fn on(
        networks: Networks,
        count: usize,
        settings: &[(&'static str, &'static str)],
    ) -> Self {
        let postgres = PostgresServer::start();
        let port = postgres.port();
        let pooler = (networks != Networks::Direct).then(|| Pooler::to(port));
        let data_port = pooler.as_ref().map_or(port, Pooler::port);
        let wakeups_port = match networks {
            Networks::AllThroughPooler => data_port,
            Networks::Direct | Networks::DataThroughPooler => port,
        };
        let node = |_| {
            let mut node = Node {
                server: None,
                settings: settings.to_vec(),
                networks,
                data: Proxy::to(data_port),
                wakeups: Proxy::to(wakeups_port),
            };
            node.start();
            node
        };
        Self {
            nodes: (0..count).map(node).collect(),
            _pooler: pooler,
            postgres,
        }
    }
}

/// Servers that share a database, whatever lies between them.
pub(crate) trait Servers {
    /// The ports at which those that run are reached.
    fn ports(&self) -> Vec<u16>;

    fn database(&self) -> &PostgresServer;

    /// What the database says of its tables: how many transactions there are, and how many would be if some were kept
    /// twice or with gaps.
    fn assert_each_kept_once(&self, count: u32) {
        let database = self.database();
        let kept = database.sql("SELECT coalesce(sum(count), 0) FROM pleione_sessions");
        assert_eq!(kept, count.to_string());
        let rows = "SELECT session, start, count, lead(start) OVER (PARTITION BY session ORDER BY start) AS next,
            sum(count) OVER (PARTITION BY session ORDER BY start) AS end FROM pleione_segments";
        let torn = format!(
            "SELECT count(*) FROM ({rows}) AS row WHERE row.end <> row.start + row.count OR row.next <> row.start + row.count"
        );
        assert_eq!(database.sql(&torn), "0");
    }
}

impl Servers for Cluster {
    fn ports(&self) -> Vec<u16> {
        self.nodes.iter().filter_map(Node::port).collect()
    }

    fn database(&self) -> &PostgresServer {
        &self.postgres
    }
}

impl Node {
    /// Starts a server here, if none runs.
    pub(crate) fn start(&mut self) {
        let is_pooled = self.networks != Networks::Direct;
        let [data, wakeups] = [&self.data, &self.wakeups].map(|network| {
            let port = network.port();
            format!("postgres://pleione@127.0.0.1:{port}/postgres?pgbouncer={is_pooled}")
        });
        let of_all = [
            ("SYNC_MAIA_STORAGE", "postgres"),
            ("SYNC_MAIA_DB_URL", &data),
            ("SYNC_MAIA_DB_DIRECT_URL", &wakeups),
            ("SWEEP_SECONDS", SWEEP_SECONDS),
        ];
        if self.server.is_none() {
            let settings = [&of_all, &*self.settings].concat();
            self.server = Some(ServerProcess::start(&settings));
        }
    }

    /// Ends the server at once.
    pub(crate) fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.server.as_ref().map(ServerProcess::port)
    }

    pub(crate) fn server(&self) -> &ServerProcess {
        self.server.as_ref().unwrap()
    }

    /// Waits until its server refused something for this reason.
    pub(crate) fn await_refused(&self, code: &str) {
        self.server().await_refused(code, 1);
    }

    /// Whether its server refused something for this reason.
    pub(crate) fn has_refused(&self, code: &str) -> bool {
        self.server().refused(code) > 0
    }

    /// Cuts the server off from the database, with a word or without.
    pub(crate) fn part(&self, is_silent: bool) {
        for network in [&self.data, &self.wakeups] {
            if is_silent {
                network.silence();
            } else {
                network.cut();
            }
        }
    }

    /// Lets the server reach the database again.
    pub(crate) fn heal(&self) {
        self.data.heal();
        self.wakeups.heal();
    }

    /// Makes all that goes between the server and the database late.
    pub(crate) fn slow_down(&self, delay: Duration) {
        self.data.slow_down(delay);
        self.wakeups.slow_down(delay);
    }
}
