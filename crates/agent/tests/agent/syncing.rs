//! With a sync server: what one agent did is there for another of the same account, and what was not sent goes later.

use std::ffi::OsStr;
use std::net::SocketAddr;

use clap::Parser;
use cojson::json::Json;
use pleione_sync::server::Server;
use pleione_sync::settings::{RawSettings, Settings};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::fixtures::{counter, numbers, tally};
use crate::process::{Agent, Place, command};

/// The real server, in this process.
pub(crate) struct SyncServer {
    runtime: Runtime,
    server: Server,
    pub(crate) address: SocketAddr,
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    settings: RawSettings,
}

impl SyncServer {
    fn start(folder: &TempDir, port: u16) -> Self {
        Self::start_with(folder, port, &[])
    }

    /// The same with more flags.
    pub(crate) fn start_with(folder: &TempDir, port: u16, more: &[&OsStr]) -> Self {
        let database = folder.path().join("sync.db");
        let port = port.to_string();
        let flags = [
            "server",
            "--port",
            &port,
            "--bind-address",
            "127.0.0.1",
            "--db-path",
        ];
        let flags = flags
            .into_iter()
            .map(OsStr::new)
            .chain([database.as_os_str()]);
        let flags = Flags::parse_from(flags.chain(more.iter().copied()));
        let settings = Settings::try_from(flags.settings).unwrap();
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(Server::start(&settings)).unwrap();
        let address = server.address();
        Self {
            runtime,
            server,
            address,
        }
    }

    pub(crate) fn stop(self) -> u16 {
        self.runtime.block_on(self.server.stop()).unwrap();
        self.address.port()
    }
}

/// A place of an account, whose agent syncs with that server.
fn place(secret: &str, port: u16) -> Place {
    Place::new(&[counter(), tally()])
        .with("AGENT_MAIA_AGENT_SECRET", secret)
        .with("AGENT_MAIA_SYNC_DOMAIN", &format!("127.0.0.1:{port}"))
}

pub(crate) fn new_secret() -> String {
    let output = command().arg("account").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let secret = text
        .lines()
        .find_map(|line| line.strip_prefix("AGENT_MAIA_AGENT_SECRET="));
    secret.unwrap().to_owned()
}

pub(crate) fn count(agent: &Agent, n: u32) {
    let answer = agent.trigger("counter", "COUNT", Json::object([("n", n.into())]));
    assert_eq!(answer.status, 200, "{:?}", answer.body);
}

pub(crate) fn wait_synced(agent: &Agent) {
    for _ in 0..500 {
        let health = agent.get("/health").body;
        if health.get("sync").and_then(Json::as_str) == Some("synced") {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("never synced: {}", agent.get("/health").body);
}

pub(crate) fn outcome(agent: &Agent) -> String {
    let profile = agent.get("/profile").body;
    profile
        .get("account")
        .and_then(Json::as_str)
        .unwrap()
        .to_owned()
}

#[test]
fn what_an_agent_did_is_there_for_another_of_its_account() {
    let folder = TempDir::new().unwrap();
    let server = SyncServer::start(&folder, 0);
    let (secret, port) = (new_secret(), server.address.port());
    let first = place(&secret, port).start();
    assert_eq!(outcome(&first), "created");
    count(&first, 1);
    count(&first, 2);
    wait_synced(&first);
    first.kill();
    let second = place(&secret, port).start();
    assert_eq!(outcome(&second), "loaded-from-server");
    let context = second.wait_for("counter", |context| numbers(context, "items").len() == 2);
    assert_eq!(numbers(&context, "items"), [1, 2]);
    count(&second, 3);
    assert_eq!(numbers(&second.context("counter"), "items"), [1, 2, 3]);
    second.kill();
    server.stop();
}

#[test]
fn r2_what_was_done_while_the_server_was_away_is_sent_when_it_is_back_also_after_a_crash() {
    let folder = TempDir::new().unwrap();
    let port = SyncServer::start(&folder, 0).stop();
    let secret = new_secret();
    let lonely = place(&secret, port);
    let agent = lonely.start();
    assert_eq!(outcome(&agent), "created-offline");
    count(&agent, 1);
    agent.kill();
    // Started again without the actors: what is to be sent is known from the notes alone.
    let server = SyncServer::start(&folder, port);
    let agent = Agent::start(&mut lonely.command_without_actors());
    wait_synced(&agent);
    agent.kill();
    let other = place(&secret, port).start();
    let context = other.wait_for("counter", |context| numbers(context, "items").len() == 1);
    assert_eq!(numbers(&context, "items"), [1]);
    other.kill();
    server.stop();
}
