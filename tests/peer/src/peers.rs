//! All nodes of the program, and the answers to lines.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use cojson::entropy::Entropy;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use crate::command::{Command, CommandError, Opening, Request};
use crate::host::Host;
use crate::link::{Link, LinkEvent};
use crate::{Input, groups, values};

/// The nodes by name.
pub(crate) struct Peers {
    hosts: BTreeMap<String, Host>,
    inputs: UnboundedSender<Input>,
}

impl Peers {
    /// No node yet; what happens on sockets is sent to `inputs`.
    pub(crate) fn new(inputs: UnboundedSender<Input>) -> Self {
        Self {
            hosts: BTreeMap::new(),
            inputs,
        }
    }

    /// Does what a line says; returns the answer's line.
    pub(crate) fn answer(&mut self, line: &str) -> Value {
        let (id, outcome) = match serde_json::from_str::<Request>(line) {
            Ok(request) => (Some(request.id), self.perform(request)),
            Err(error) => (None, Err(error.into())),
        };
        let sent = self.take_sent();
        match outcome {
            Ok(value) => json!({ "id": id, "ok": value, "sent": sent }),
            Err(error) => json!({ "id": id, "error": error.to_string(), "sent": sent }),
        }
    }

    /// Something happened on a node's WebSocket.
    pub(crate) fn hear(&mut self, node: &str, event: LinkEvent) {
        if let Some(host) = self.hosts.get_mut(node) {
            host.hear(event);
        }
    }

    fn take_sent(&mut self) -> Vec<(String, String, String)> {
        let hosts = self.hosts.iter_mut();
        hosts
            .flat_map(|(node, host)| {
                let sent = host.take_sent().into_iter();
                sent.map(|(link, frame)| (node.clone(), link, frame))
            })
            .collect()
    }

    fn perform(&mut self, request: Request) -> Result<Value, CommandError> {
        let node = request.node;
        match request.command {
            Command::Open(opening) => self.open(node, &opening),
            Command::Close => {
                self.hosts.remove(&node);
                Ok(Value::Null)
            }
            Command::Connect { link, url, serves } => self.connect(node, link, url, serves),
            command => {
                let host = self.host(&node)?;
                let answer = perform(host, command);
                host.settle();
                answer
            }
        }
    }

    fn host(&mut self, node: &str) -> Result<&mut Host, CommandError> {
        let host = self.hosts.get_mut(node);
        host.ok_or_else(|| CommandError::NoNode(node.to_owned()))
    }

    fn open(&mut self, node: String, opening: &Opening) -> Result<Value, CommandError> {
        let entropy = match &opening.seed {
            Some(seed) => Entropy::from_seed(fold(seed.as_bytes())),
            None => Entropy::from_seed(random_seed()),
        };
        let host = Host::open(opening, entropy)?;
        let answer = json!({
            "account": host.node.account_id().as_str(),
            "secret": *host.node.secret().to_text(),
            "session": host.node.session().as_str(),
            "ownGroup": host.node.own_group().as_str(),
        });
        self.hosts.insert(node, host);
        Ok(answer)
    }

    fn connect(
        &mut self,
        node: String,
        link: String,
        url: Option<String>,
        serves: bool,
    ) -> Result<Value, CommandError> {
        let inputs = self.inputs.clone();
        let host = self.host(&node)?;
        match url {
            None => host.add_wire(link, serves),
            Some(url) => {
                let names = (node, link.clone());
                host.add_socket(link, |end| Link::socket(end, url, inputs, names));
            }
        }
        host.settle();
        Ok(Value::Null)
    }
}

fn perform(host: &mut Host, command: Command) -> Result<Value, CommandError> {
    match command {
        Command::Restart => host.restart()?,
        Command::Clock { now } => host.set_clock(now),
        Command::Disconnect { link } => host.break_link(&link),
        Command::Deliver { link, frame } => host.deliver(&link, &frame)?,
        Command::Links => {
            return Ok(host
                .links()
                .map(|(name, open)| (name.clone(), json!(open)))
                .collect());
        }
        Command::Refused => return Ok(json!(host.refused())),
        Command::Synced => return Ok(host.node.is_synced().into()),
        command => {
            return match groups::perform(host, command) {
                Ok(answer) => answer,
                Err(command) => values::perform(host, command),
            };
        }
    }
    Ok(Value::Null)
}

/// 32 bytes that differ for any two seeds that tests use.
fn fold(text: &[u8]) -> [u8; 32] {
    let mut seed = [0_u8; 32];
    for (place, byte) in text.iter().enumerate() {
        if let Some(into) = seed.get_mut(place % 32) {
            *into = into.wrapping_mul(31).wrapping_add(*byte);
        }
    }
    seed
}

/// Good enough to tell nodes of tests apart: the standard library's hash keys are random.
fn random_seed() -> [u8; 32] {
    let mut seed = [0_u8; 32];
    for (place, bytes) in seed.chunks_exact_mut(8).enumerate() {
        bytes.copy_from_slice(&RandomState::new().hash_one(place).to_le_bytes());
    }
    seed
}
