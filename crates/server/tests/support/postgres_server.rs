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
    process: Option<Child>,
}

impl PostgresServer {
    /// Makes a database cluster and starts it.
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// The same, with a change to the data folder before the start.
    pub(crate) fn start_with(prepare: impl FnOnce(&Path)) -> Self {
        let folder = TempDir::new().unwrap();
        give_away(folder.path());
        let mut server = Self {
            folder,
            programs: programs(),
            port: free_port(),
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
        server.restart();
        server
    }

    /// Starts it, if it is not running.
    pub(crate) fn restart(&mut self) {
        if self.process.is_some() {
            return;
        }
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let process = self
            .program("postgres")
            .arg("-D")
            .arg(self.data())
            .args([
                "-p",
                &self.port.to_string(),
                "-c",
                "listen_addresses=127.0.0.1",
            ])
            .args(["-c", "shared_buffers=16MB", "-k"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.process = Some(process.unwrap());
        let (programs, port) = (self.programs.clone(), self.port.to_string());
        wait_until(&self.folder.path().join("log"), || {
            let mut ready = Command::new(programs.join("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &port]);
            ready.status().unwrap().success()
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

    /// Runs a statement by the database's own client. Returns what it says.
    #[allow(dead_code, reason = "not every test program looks into the tables")]
    pub(crate) fn sql(&self, statement: &str) -> String {
        let mut client = Command::new(self.programs.join("psql"));
        client.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        ]);
        client.arg(self.url());
        let output = check(client.output().unwrap());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Ends it at once, as a crash would.
    #[allow(dead_code, reason = "not every test program crashes it")]
    pub(crate) fn crash(&mut self) {
        if let Some(mut process) = self.process.take() {
            let helpers = Command::new("pgrep")
                .args(["-P", &process.id().to_string()])
                .output()
                .unwrap();
            process.kill().unwrap();
            process.wait().unwrap();
            // Those that serve a connection would go on for a moment, and a new server must not start before all are gone.
            let helpers = String::from_utf8(helpers.stdout).unwrap();
            let helpers: Vec<&str> = helpers.split_whitespace().collect();
            let mut end = Command::new("kill");
            end.arg("-KILL").args(&helpers).stderr(Stdio::null());
            end.status().unwrap();
            let is_there = |id: &&str| Path::new("/proc").join(id).exists();
            wait_until(&self.folder.path().join("log"), || {
                !helpers.iter().any(is_there)
            });
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
        let path = self.programs.join(name);
        let Some(user) = other_user() else {
            return Command::new(path);
        };
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &user, "--regid", "nogroup", "--clear-groups"]);
        command.arg(path);
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
    }
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
    let found = std::env::split_paths(&path).chain(versions.into_iter().rev());
    let mut found = found
        .filter(|folder| folder.join("pg_isready").exists() && folder.join("postgres").exists());
    found
        .next()
        .expect("PostgreSQL's programs (Debian: apt-get install postgresql)")
}

/// Whom to run as, if we are root.
fn other_user() -> Option<String> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let is_root = id(&["-u"]).as_deref() == Some("0");
    let user = || {
        ["postgres", "nobody"]
            .into_iter()
            .find(|name| id(&["-u", name]).is_some())
    };
    is_root.then(|| user().unwrap_or("nobody").to_owned())
}

/// Makes a folder that of the user that the server runs as.
fn give_away(folder: &Path) {
    if let Some(user) = other_user() {
        let status = Command::new("chown").arg(user).arg(folder).status();
        assert!(status.unwrap().success());
    }
}
