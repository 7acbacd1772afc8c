//! The recorded session of the reference implementation, and nodes with its people's secrets to replay it into.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file takes what it needs"
)]

use cojson::account::account_id;
use cojson::crypto::AgentSecret;
use cojson::ids::{CoId, SessionId};
use cojson::json::Json;
use cojson::node::{Node, NodeConfig};
use cojson::sync::{
    Effect, FrameLimits, PeerId, PeerRole, Rejection, ReplicaConfig, SyncMessage, decode_frame,
};

const FRAMES: &str = include_str!("frames.jsonl");
const SECRETS: &str = include_str!("secrets.json");
pub const SERVER: PeerId = PeerId(1);

pub fn secrets() -> Json {
    Json::parse(SECRETS).unwrap()
}

pub fn text<'a>(json: &'a Json, path: &[&str]) -> &'a str {
    let found = path.iter().try_fold(json, |json, key| json.get(key));
    found.and_then(Json::as_str).unwrap()
}

pub fn value_id(name: &str) -> CoId {
    CoId::parse(text(&secrets(), &["ids", name])).unwrap()
}

pub fn account(person: &str) -> CoId {
    CoId::parse(text(&secrets(), &[person, "accountID"])).unwrap()
}

/// A node of one of the recorded people, in a session that was not recorded.
pub fn node_of(person: &str) -> Node {
    let secret = AgentSecret::parse(text(&secrets(), &[person, "secret"])).unwrap();
    let account = account_id(&secret.agent_id());
    let mut node = Node::new(NodeConfig {
        session: SessionId::parse(&format!("{account}_session_zFresh")).unwrap(),
        secret,
        entropy_seed: [1; 32],
        limits: ReplicaConfig::default(),
    });
    node.connect(SERVER, PeerRole::Server);
    settle(&mut node);
    node
}

/// A host with a storage that is empty, but never fails.
pub fn settle(node: &mut Node) {
    while let Some(effect) = node.poll_effect() {
        match effect {
            Effect::Load(id) => node.loaded(&id, None),
            Effect::Store(batch) => node.stored(batch.id),
            // A message that overtook its author's account: the peer is asked for it again. Or one that the value's deletion
            // overtook.
            Effect::Rejected {
                reason: Rejection::UnknownAuthor { .. } | Rejection::Deleted,
                ..
            } => {}
            Effect::Rejected { reason, .. } => panic!("a genuine message was refused: {reason}"),
            _ => {}
        }
    }
}

pub fn content_messages(line: &Json) -> Vec<SyncMessage> {
    let Some(raw) = line.get("raw").and_then(Json::as_str) else {
        return Vec::new();
    };
    let messages = decode_frame(raw, &FrameLimits::default());
    messages
        .into_iter()
        .map(Result::unwrap)
        .filter(|message| matches!(message, SyncMessage::Content(_)))
        .collect()
}

pub fn lines() -> impl Iterator<Item = Json> {
    FRAMES.lines().map(|line| Json::parse(line).unwrap())
}

/// Replays the recording into a node, until a note that starts so.
pub fn replay_until(node: &mut Node, end: &str) {
    for line in lines() {
        let text = line.get("note").and_then(Json::as_str);
        if text.is_some_and(|text| !end.is_empty() && text.starts_with(end)) {
            return;
        }
        for message in content_messages(&line) {
            node.receive(SERVER, message);
            node.flush();
            settle(node);
        }
    }
    assert!(end.is_empty(), "no note starts with {end:?}");
}
