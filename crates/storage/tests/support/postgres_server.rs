//! A `PostgreSQL` server for tests: made in a folder of its own, on a free port of this machine, ended by its process id.
//!
//! The programs are those on `PATH`, or the newest of Debian's. As root it runs as `postgres` or `nobody`, since it
//! refuses to run as root.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long starting or ending may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The server, running or crashed.
pub(crate) struct PostgresServer {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    /// The network namespace that it is in, if it has one of its own.
    namespace: Option<String>,
    process: Option<Child>,
}

impl PostgresServer {
    /// Makes a database cluster and starts it.
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// The same, with a change to the data folder before the start. What it writes there becomes the server's.
    pub(crate) fn start_with(prepare: impl FnOnce(&Path)) -> Self {
        Self::start_in(None, prepare)
    }

    /// The same in a network namespace, whose every address it has.
    pub(crate) fn start_in(namespace: Option<String>, prepare: impl FnOnce(&Path)) -> Self {
        let folder = TempDir::new().unwrap();
        give_away(folder.path());
        let mut server = Self {
            folder,
            programs: programs(),
            port: free_port(),
            namespace,
            process: None,
        };
        let data = server.data();
        let made = server
            .program("initdb")
            .args([
                "--auth=trust",
                "--username=pleione",
                "--encoding=UTF8",
                "--no-sync",
                "-D",
            ])
            .arg(&data)
            .output();
        check(made.unwrap());
        prepare(&data);
        give_away(&data);
        server.restart();
        server
    }

    /// Starts it, if it is not running.
    pub(crate) fn restart(&mut self) {
        if self.process.is_some() {
            return;
        }
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let addresses = self.namespace.as_ref().map_or("127.0.0.1", |_| "*");
        let process = self
            .program("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()])
            .args(["-c", &format!("listen_addresses={addresses}")])
            .args(["-c", "shared_buffers=16MB", "-k"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.process = Some(process.unwrap());
        wait_until(&self.folder.path().join("log"), || {
            let mut ready = self.client("pg_isready");
            ready.arg("-q").status().unwrap().success()
        });
    }

    /// Where it is, with the default database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://pleione@127.0.0.1:{}/postgres", self.port)
    }

    /// Where it is, with tables of its own under this name.
    #[allow(dead_code, reason = "not every test program needs more than one store")]
    pub(crate) fn url_of(&self, name: &str) -> String {
        self.sql(&format!("CREATE SCHEMA {name}"));
        format!("{}?options=-csearch_path%3D{name}", self.url())
    }

    #[allow(dead_code, reason = "not every test program needs it")]
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its processes: the one that was started, and those that it started.
    #[allow(dead_code, reason = "not every test program measures it")]
    pub(crate) fn process_ids(&self) -> Vec<u32> {
        let Some(process) = &self.process else {
            return Vec::new();
        };
        let children = said("pgrep", &["-P", &process.id().to_string()]);
        let children = children.lines().filter_map(|line| line.parse().ok());
        std::iter::once(process.id()).chain(children).collect()
    }

    /// Runs a statement by the database's own client. Returns what it says.
    #[allow(dead_code, reason = "not every test program looks into the tables")]
    pub(crate) fn sql(&self, statement: &str) -> String {
        let mut client = self.client("psql");
        client.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        client.args(["-c", statement, "postgres"]);
        let output = check(client.output().unwrap());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Ends it at once, as a crash would.
    #[allow(dead_code, reason = "not every test program crashes it")]
    pub(crate) fn crash(&mut self) {
        if let Some(mut process) = self.process.take() {
            let helpers = said("pgrep", &["-P", &process.id().to_string()]);
            process.kill().unwrap();
            process.wait().unwrap();
            // Its helpers notice by themselves; until then they serve who is connected, and no new server may start.
            let is_gone = |id: &str| {
                let state = said("ps", &["-o", "stat=", "-p", id]);
                state.is_empty() || state.starts_with('Z')
            };
            let log = self.folder.path().join("log");
            wait_until(&log, || helpers.lines().all(is_gone));
        }
    }

    /// Stops it; clients that are connected are told.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let id = process.id().to_string();
            let _ = Command::new("kill").args(["-INT", &id]).status();
            let until = Instant::now() + PATIENCE;
            while Instant::now() < until {
                if matches!(process.try_wait(), Ok(Some(_)) | Err(_)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = process.kill();
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let program = as_other_user(&self.programs.join(name));
        let mut command = match &self.namespace {
            Some(namespace) => {
                let mut within = Command::new("ip");
                within.args(["netns", "exec", namespace]);
                within.arg(program.get_program()).args(program.get_args());
                within
            }
            None => program,
        };
        command.current_dir(self.folder.path());
        command
    }

    /// One of the database's own clients, by the socket in its folder: whatever network it is in.
    fn client(&self, name: &str) -> Command {
        let mut client = Command::new(self.programs.join(name));
        client.arg("-h").arg(self.folder.path());
        client.args(["-p", &self.port.to_string(), "-U", "pleione"]);
        client
    }
}

/// A program that refuses to run as root, run as somebody else if we are.
pub(crate) fn as_other_user(program: &Path) -> Command {
    let Some(user) = other_user() else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &user, "--regid", "nogroup", "--clear-groups"]);
    command.arg(program);
    command
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a program says, whether it succeeds or not.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn wait_until(log: &Path, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        let told = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(
            Instant::now() < until,
            "PostgreSQL does not do as asked: {}",
            told()
        );
        std::thread::sleep(Duration::from_millis(30));
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn check(output: Output) -> Output {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    output
}

/// The folder with the server's programs.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let mut versions: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    versions.sort();
    let mut found = std::env::split_paths(&path).chain(versions.into_iter().rev());
    let found = found.find(|folder| {
        let mut programs = ["initdb", "postgres", "pg_isready", "psql"].iter();
        programs.all(|program| folder.join(program).exists())
    });
    found.expect("PostgreSQL's programs (Debian: apt-get install postgresql)")
}

/// Whom to run as, if we are root.
fn other_user() -> Option<String> {
    let is_root = said("id", &["-u"]) == "0";
    let user = || {
        ["postgres", "nobody"]
            .into_iter()
            .find(|name| !said("id", &["-u", name]).is_empty())
    };
    is_root.then(|| user().unwrap_or("nobody").to_owned())
}

/// Makes a folder that of the user that the server runs as.
pub(crate) fn give_away(folder: &Path) {
    if let Some(user) = other_user() {
        let status = Command::new("chown")
            .arg("-R")
            .arg(user)
            .arg(folder)
            .status();
        assert!(status.unwrap().success());
    }
}
