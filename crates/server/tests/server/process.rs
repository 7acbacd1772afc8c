//! The server as a process: started on a free port with a database of its own, killed, stopped, started again.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::exposition::Scrape;

/// The variable that names another binary to be tested: the one that is to be delivered, a release
/// build for the long forms of tests.
pub(crate) const BINARY_VARIABLE: &str = "PLEIONE_SYNC_BIN";

/// The binary that is tested.
pub(crate) fn binary() -> PathBuf {
    let named = std::env::var_os(BINARY_VARIABLE);
    let named = named.unwrap_or_else(|| env!("CARGO_BIN_EXE_pleione-sync").into());
    std::fs::canonicalize(named).unwrap()
}

/// A command for the binary that inherits nothing from whoever runs the tests.
pub(crate) fn command() -> Command {
    let mut command = Command::new(binary());
    command.env_clear();
    command
}

/// What the server says on standard error when it does not start with these settings.
#[track_caller]
pub(crate) fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

/// The most memory that a running process had at once.
pub(crate) fn memory_bytes_most(id: u32) -> usize {
    memory_bytes(id, "VmHWM:")
}

fn memory_bytes(id: u32, what: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(what));
    let kilobytes = line
        .and_then(|line| line.split_whitespace().nth(1))
        .unwrap();
    kilobytes.parse::<usize>().unwrap() * 1_024
}

/// A running server. Dropping it kills it.
pub(crate) struct ServerProcess {
    child: Child,
    port: u16,
    /// Kept open: a server whose reader is gone is another test.
    stdout: BufReader<std::process::ChildStdout>,
    /// The line that told where it is.
    start_line: String,
}

impl ServerProcess {
    /// Starts the binary with these settings, and waits for its start line.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_with(command().stderr(Stdio::null()), settings)
    }

    /// As [`start`](Self::start), with a command that was prepared otherwise.
    pub(crate) fn start_with(command: &mut Command, settings: &[(&str, &str)]) -> Self {
        let mut child = command
            .envs([("PORT", "0"), ("BIND_ADDRESS", "127.0.0.1")])
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        // What storage says while it is opened the first time comes before.
        while !line.contains("://") {
            line.clear();
            let count = stdout.read_line(&mut line).unwrap();
            assert!(count > 0, "the server ended without an address");
        }
        let address = line
            .split("http")
            .nth(1)
            .and_then(|rest| rest.split('/').nth(2));
        let port = address.and_then(|address| address.rsplit(':').next());
        let port = port.unwrap().parse().unwrap();
        Self {
            child,
            port,
            stdout,
            start_line: line,
        }
    }

    /// A server that keeps nothing.
    pub(crate) fn in_memory() -> Self {
        Self::start(&[("SYNC_MAIA_STORAGE", "in-memory")])
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// All that it says until it ends.
    pub(crate) fn all_of_stdout(&mut self) -> String {
        let mut said = self.start_line.clone();
        self.stdout.read_to_string(&mut said).unwrap();
        said
    }

    /// What went wrong, by its own word, until it ends. Its command must have kept that stream.
    pub(crate) fn all_of_stderr(&mut self) -> String {
        let mut said = String::new();
        let mut stream = self.child.stderr.take().unwrap();
        stream.read_to_string(&mut said).unwrap();
        said
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that the process had at once.
    pub(crate) fn memory_bytes_most(&self) -> usize {
        memory_bytes_most(self.child.id())
    }

    /// The memory that the process has now.
    pub(crate) fn memory_bytes_now(&self) -> usize {
        memory_bytes(self.child.id(), "VmRSS:")
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end; `None` if it has not ended by then.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return Some(status),
                None if Instant::now() > end => return None,
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Sends these bytes as they are and returns the whole answer, head and body.
    pub(crate) fn request(&self, request: &str) -> String {
        self::request(self.port, request)
    }

    /// Asks for a path, with more header lines if wanted (each ends in `\r\n`).
    pub(crate) fn get(&self, path: &str, headers: &str) -> String {
        self::get(self.port, path, headers)
    }

    /// The metrics as they are now.
    pub(crate) fn scrape(&self) -> Scrape {
        let answer = self.get("/metrics", "");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let media_type = "content-type: text/plain; version=0.0.4; charset=utf-8";
        assert!(head.contains(media_type), "{head}");
        Scrape::read(body)
    }

    /// Waits until the metrics are as wanted.
    pub(crate) fn await_scrape(&self, is_wanted: impl Fn(&Scrape) -> bool) -> Scrape {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let scrape = self.scrape();
            if is_wanted(&scrape) {
                return scrape;
            }
            assert!(Instant::now() < end, "not as wanted: {scrape:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How often something was refused, by reason.
    pub(crate) fn all_refused(&self) -> BTreeMap<String, u64> {
        let answer = self.get("/health", "");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut health: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(health["status"], "ok");
        serde_json::from_value(health["refused"].take()).unwrap()
    }

    /// How often something was refused for this reason.
    pub(crate) fn refused(&self, code: &str) -> u64 {
        self.all_refused().get(code).copied().unwrap_or_default()
    }

    /// How many files and sockets it has open.
    pub(crate) fn open_files(&self) -> usize {
        let files = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(files).unwrap().count()
    }

    /// Waits until something was refused for this reason that often.
    pub(crate) fn await_refused(&self, code: &str, count: u64) {
        let end = Instant::now() + Duration::from_secs(10);
        while self.refused(code) < count {
            assert!(
                Instant::now() < end,
                "{code} was not counted: {}",
                self.get("/health", "")
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Sends these bytes to a port of this machine and returns the whole answer, head and body.
fn request(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Asks a port of this machine for a path.
pub(crate) fn get(port: u16, path: &str, headers: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close");
    request(port, &format!("{head}\r\n{headers}\r\n"))
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A place for a database.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.path().join("sync.db")
    }

    /// A server on the database of this place.
    pub(crate) fn server(&self) -> ServerProcess {
        ServerProcess::start(&[("DB_PATH", self.database().to_str().unwrap())])
    }
}
