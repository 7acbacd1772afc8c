//! The agent as a process: started on a free port in a folder of its own, killed, stopped, started again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use cojson::json::Json;
use tempfile::TempDir;

pub(crate) const TOKEN: &str = "a-token-of-the-tests";

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command for the binary that inherits nothing from whoever runs the tests.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pleione-agent"));
    command.env_clear();
    command
}

/// A folder with definitions and a database.
pub(crate) struct Place {
    folder: TempDir,
    actors: Vec<PathBuf>,
    settings: Vec<(String, String)>,
}

impl Place {
    pub(crate) fn new(definitions: &[Json]) -> Self {
        let folder = TempDir::new().unwrap();
        let write = |(index, definition): (usize, &Json)| {
            let path = folder.path().join(format!("actor{index}.json"));
            std::fs::write(&path, definition.to_string()).unwrap();
            path
        };
        let actors = definitions.iter().enumerate().map(write).collect();
        Self {
            folder,
            actors,
            settings: Vec::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The same place with one more setting.
    pub(crate) fn with(mut self, variable: &str, value: &str) -> Self {
        self.settings.push((variable.into(), value.into()));
        self
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = self.command_without_actors();
        for actor in &self.actors {
            command.arg("--actor").arg(actor);
        }
        command
    }

    pub(crate) fn command_without_actors(&self) -> Command {
        let mut command = command();
        command
            .current_dir(self.path())
            .env("AGENT_MAIA_DB_PATH", self.path().join("agent.db"))
            .env("AGENT_MAIA_HTTP_ADDRESS", "127.0.0.1:0")
            .env("AGENT_MAIA_HTTP_TOKEN", TOKEN)
            .envs(self.settings.iter().cloned());
        command
    }

    pub(crate) fn start(&self) -> Agent {
        Agent::start(&mut self.command())
    }
}

/// A running agent. Dropping it kills it.
pub(crate) struct Agent {
    child: Child,
    address: String,
    pub(crate) start_line: String,
    /// Kept open: an agent whose reader is gone is another test.
    _stdout: BufReader<ChildStdout>,
}

/// What a request was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Json,
}

impl Agent {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut start_line = String::new();
        while !start_line.contains("answers at http://") {
            start_line.clear();
            let read = stdout.read_line(&mut start_line).unwrap();
            assert_ne!(read, 0, "the agent ended before it was up");
        }
        let address = start_line.split("answers at http://").nth(1).unwrap();
        let address = address.split('/').next().unwrap().to_owned();
        Self {
            child,
            address,
            start_line,
            _stdout: stdout,
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        ask(&self.address, "GET", path, Some(TOKEN), "").unwrap()
    }

    pub(crate) fn trigger(&self, actor: &str, event: &str, payload: Json) -> Answer {
        trigger(&self.address, actor, event, payload).unwrap()
    }

    /// The same under a key, under which it may come again.
    pub(crate) fn trigger_once(
        &self,
        key: &str,
        actor: &str,
        event: &str,
        payload: Json,
    ) -> Answer {
        let head = format!("idempotency-key: {key}\r\n");
        let body = message(actor, event, payload);
        ask_with(&self.address, "POST", "/trigger", Some(TOKEN), &head, &body).unwrap()
    }

    /// Asks an actor something.
    pub(crate) fn question(&self, actor: &str, event: &str, payload: Json) -> Answer {
        let body = message(actor, event, payload);
        ask(&self.address, "POST", "/ask", Some(TOKEN), &body).unwrap()
    }

    /// What an actor knows.
    pub(crate) fn context(&self, actor: &str) -> Json {
        let answer = self.get(&format!("/actors/{actor}"));
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.body.get("context").unwrap().clone()
    }

    /// Waits until an actor's context is as it should be.
    #[track_caller]
    pub(crate) fn wait_for(&self, actor: &str, is_so: impl Fn(&Json) -> bool) -> Json {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let context = self.context(actor);
            if is_so(&context) {
                return context;
            }
            assert!(Instant::now() < deadline, "{actor} is still {context}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn trigger(
    address: &str,
    actor: &str,
    event: &str,
    payload: Json,
) -> std::io::Result<Answer> {
    let body = message(actor, event, payload);
    ask(address, "POST", "/trigger", Some(TOKEN), &body)
}

fn message(actor: &str, event: &str, payload: Json) -> String {
    let body = Json::object([
        ("actor", Json::from(actor)),
        ("type", event.into()),
        ("payload", payload),
    ]);
    body.to_string()
}

/// One request on a connection of its own.
pub(crate) fn ask(
    address: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> std::io::Result<Answer> {
    ask_with(address, method, path, token, "", body)
}

/// The same with more lines in its head, each ended.
pub(crate) fn ask_with(
    address: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    head: &str,
    body: &str,
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let shown = token.map_or_else(String::new, |token| {
        format!("authorization: Bearer {token}\r\n")
    });
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: agent\r\nconnection: close\r\n{shown}{head}content-length: {length}\r\n\r\n{body}"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let torn = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(torn)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok(Answer {
        status: status.ok_or_else(torn)?,
        body: Json::parse(body).map_err(|_| torn())?,
    })
}
