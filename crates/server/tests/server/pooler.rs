//! A pooler between servers and the database that gives out another connection for each transaction: what a client of it
//! prepared is gone, and nothing can be listened to.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::cluster::{Cluster, Networks};
use crate::several::Company;

/// A running pgbouncer. Dropping it ends it.
pub(crate) struct Pooler {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Pooler {
    /// In front of the database on this port, with fewer connections to it than servers want.
    pub(crate) fn to(target: u16) -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = TempDir::new().unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={target} user=pleione\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = transaction\ndefault_pool_size = 3\n"
        );
        std::fs::write(&settings, text).unwrap();
        crate::postgres_server::give_away(folder.path());
        // Debian keeps it where not everyone's PATH leads.
        let debian = Path::new("/usr/sbin/pgbouncer");
        let program = if debian.exists() {
            debian
        } else {
            Path::new("pgbouncer")
        };
        let process = crate::postgres_server::as_other_user(program)
            .arg(settings)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pgbouncer (Debian: apt-get install pgbouncer)");
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "pgbouncer does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            process,
            port,
            _folder: folder,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The database through it.
    pub(crate) fn url(&self) -> String {
        let port = self.port;
        format!("postgres://pleione@127.0.0.1:{port}/postgres?pgbouncer=true")
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // The process is `setpriv`'s or its own: either way this one, as it replaces itself.
        let id = self.process.id().to_string();
        let _ = Command::new("kill").args(["-KILL", &id]).status();
        let _ = self.process.wait();
    }
}

#[test]
fn servers_behind_a_pooler_between_transactions_write_and_read_as_ever_and_hear_past_it() {
    // Only what is told can arrive in time: nobody compares for an hour.
    let settings = [("SWEEP_SECONDS", "3600")];
    let cluster = Cluster::on(Networks::DataThroughPooler, 3, &settings);
    let mut company = Company::new();
    company.write(&cluster, 30);
    company.assert_well(&cluster);
    for node in &cluster.nodes {
        assert_eq!(node.server().refused("wakeups_lost"), 0);
    }
}

#[test]
fn servers_that_hear_nothing_through_a_pooler_say_so_and_find_all_by_comparing() {
    let cluster = Cluster::on(Networks::AllThroughPooler, 2, &[]);
    let mut company = Company::new();
    company.write(&cluster, 10);
    company.assert_well(&cluster);
    for node in &cluster.nodes {
        node.await_refused("wakeups_lost");
    }
}
