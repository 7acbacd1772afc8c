//! The client that is measured: a node whose storage is memory and answers at once, and the work that it is given. The same for
//! the native program and for WebAssembly; who measures owns the clock and the socket.

#[cfg(target_arch = "wasm32")]
mod exports;

use std::collections::BTreeMap;
use std::sync::Arc;

use cojson::account::account_id;
use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::header::ValueType;
use cojson::ids::{CoId, IdError, SessionId, Timestamp};
use cojson::json::Json;
use cojson::node::{NewValue, Node, NodeConfig, Stamp, WriteError};
use cojson::sync::{
    ContentMessage, Effect, FrameLimits, PeerId, PeerRole, ReplicaConfig, Segment, StoredLog,
    SyncMessage, WriteBatch, decode_frame, encode_frame,
};

/// The one server.
const SERVER: PeerId = PeerId(1);

/// Signatures are where a log is cut; as long as storage keeps it.
const PIECE_BYTES_MAX: usize = 100 << 10;

/// Why a measurement cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A value cannot be written to.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// An id is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// There is no such work.
    #[error("there is no work of that name")]
    NoSuchWork,
}

/// A client with an account.
pub struct Client {
    node: Node,
    stored: BTreeMap<CoId, StoredLog>,
    outgoing: Vec<String>,
    now: Timestamp,
}

impl Client {
    /// A client of its own account.
    pub fn new(seed: u8, now_ms: u64) -> Result<Self, Failure> {
        let mut entropy = Entropy::from_seed([seed; 32]);
        let secret = AgentSecret::generate(&mut entropy);
        let account = account_id(&secret.agent_id());
        let node = Node::new(NodeConfig {
            session: SessionId::random_of_account(&account, &mut entropy),
            secret,
            entropy_seed: entropy.bytes(),
            limits: ReplicaConfig::default(),
        });
        let mut client = Self {
            node,
            stored: BTreeMap::new(),
            outgoing: Vec::new(),
            now: Timestamp(now_ms),
        };
        client.node.load_own();
        client.settle();
        client.node.found_account()?;
        client.settle();
        Ok(client)
    }

    /// The server is there.
    pub fn connect(&mut self) {
        self.node.connect(SERVER, PeerRole::Server);
        self.settle();
    }

    /// Makes a value in a group that everyone reads.
    pub fn create(&mut self, value_type: &str) -> Result<String, Failure> {
        let group = self.node.create_group(self.now);
        let everyone = cojson::group::Member::Everyone;
        self.node
            .add_member(&group, &everyone, cojson::access::Role::Reader, self.now)
            .map_err(WriteError::from)?;
        let id = self.create_in(&group, value_type)?;
        Ok(id.as_str().to_owned())
    }

    fn create_in(&mut self, owner: &CoId, value_type: &str) -> Result<CoId, Failure> {
        let value = NewValue {
            value_type: ValueType::from_word(value_type),
            owner: owner.clone(),
            uniqueness: self.node.random_uniqueness(),
            meta: Json::Null,
        };
        Ok(self.node.create(value, self.now)?)
    }

    /// Does the work of that name on a value, a transaction each time: `distinct` and `same` set keys of a map, `push` adds
    /// to a stream, `append` to a list.
    pub fn work(&mut self, work: &str, value: &str, count: usize) -> Result<(), Failure> {
        let (id, now) = (CoId::parse(value)?, Stamp::Now(self.now));
        for index in 0..count {
            let item = Json::from(format!("value {index}"));
            match work {
                "distinct" => self.set(&id, format!("key {index}"), item)?,
                "same" => self.set(&id, "key".to_owned(), item)?,
                "push" => drop(self.node.stream_push(&id, item, now)?),
                "append" => drop(self.node.list_append(&id, &[item], now)?),
                _ => return Err(Failure::NoSuchWork),
            }
        }
        Ok(())
    }

    fn set(&mut self, id: &CoId, key: String, item: Json) -> Result<(), Failure> {
        let entry: (Arc<str>, Json) = (key.into(), item);
        self.node.map_set(id, &[entry], Stamp::Now(self.now))?;
        Ok(())
    }

    /// Sets one key of a map.
    pub fn set_text(&mut self, value: &str, key: &str, text: &str) -> Result<(), Failure> {
        self.set(&CoId::parse(value)?, key.to_owned(), Json::from(text))
    }

    /// Makes maps with a key each in the own group.
    pub fn create_maps(&mut self, count: usize) -> Result<(), Failure> {
        let group = self.node.own_group();
        for index in 0..count {
            let id = self.create_in(&group, "comap")?;
            self.set(&id, "key".to_owned(), Json::from(format!("value {index}")))?;
        }
        Ok(())
    }

    /// Signs and stores what is new, and carries out all that follows; frames for the server are in [`Client::take_outgoing`].
    pub fn settle(&mut self) {
        loop {
            self.node.flush();
            let mut is_idle = true;
            while let Some(effect) = self.node.poll_effect() {
                is_idle = false;
                self.carry_out(effect);
            }
            if is_idle {
                return;
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Load(id) => {
                let stored = self.stored.remove(&id);
                self.node.loaded(&id, stored);
            }
            Effect::Store(WriteBatch { id, .. }) => self.node.stored(id),
            Effect::Send { message, .. } => self.outgoing.push(encode_frame([&message])),
            _ => {}
        }
    }

    /// The frames that are to be sent.
    pub fn take_outgoing(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outgoing)
    }

    /// A frame came from the server. What it brought is shown at once; [`Client::settle`] stores and acknowledges it.
    pub fn receive(&mut self, frame: &str) {
        let messages = decode_frame(frame, &FrameLimits::default());
        for message in messages.into_iter().flatten() {
            self.node.receive(SERVER, message);
        }
    }

    /// Whether everything is acknowledged by the server.
    pub fn is_synced(&self) -> bool {
        self.node.is_synced()
    }

    /// Wants a value.
    pub fn load(&mut self, value: &str) -> Result<(), Failure> {
        self.node.load(&CoId::parse(value)?);
        self.settle();
        Ok(())
    }

    /// How many entries or items a value shows.
    pub fn shown(&mut self, value: &str) -> Result<usize, Failure> {
        let id = CoId::parse(value)?;
        if let Some(map) = self.node.map(&id) {
            return Ok(map.len());
        }
        if let Some(list) = self.node.list(&id) {
            return Ok(list.len());
        }
        Ok(self
            .node
            .stream(&id)
            .map_or(0, cojson::view::StreamView::len))
    }

    /// What one key of a map shows.
    pub fn get(&mut self, value: &str, key: &str) -> Result<Option<String>, Failure> {
        let map = self.node.map(&CoId::parse(value)?);
        let shown = map.and_then(|map| map.get(key)).and_then(Json::as_str);
        Ok(shown.map(str::to_owned))
    }

    /// All that is kept of values, a message each line, to be put back with [`Client::put_stored`].
    pub fn stored_text(&self, values: &[&str]) -> Result<String, Failure> {
        let mut messages = Vec::new();
        for value in values {
            let Some(log) = self.node.log(&CoId::parse(value)?) else {
                continue;
            };
            for session in log.sessions() {
                for content in session.content_since(0, PIECE_BYTES_MAX) {
                    messages.push(SyncMessage::Content(ContentMessage {
                        id: log.id().clone(),
                        header: Some(log.header().clone()),
                        priority: 3,
                        new: [(session.session().clone(), content)].into_iter().collect(),
                        expect_content_until: None,
                    }));
                }
            }
        }
        Ok(encode_frame(&messages))
    }

    /// Has storage hold what was kept; it is read when it is loaded.
    pub fn put_stored(&mut self, text: &str) {
        let limits = FrameLimits {
            frame_bytes_max: usize::MAX,
            message_bytes_max: usize::MAX,
            frame_messages_max: usize::MAX,
        };
        for message in decode_frame(text, &limits).into_iter().flatten() {
            let SyncMessage::Content(content) = message else {
                continue;
            };
            let Some(header) = content.header else {
                continue;
            };
            let stored = self.stored.entry(content.id).or_insert(StoredLog {
                header,
                segments: Vec::new(),
            });
            let pieces = content.new.into_iter();
            stored
                .segments
                .extend(pieces.map(|(session, content)| Segment { session, content }));
        }
    }

    /// The group of a value.
    pub fn owner(&self, value: &str) -> Result<String, Failure> {
        let log = self.node.log(&CoId::parse(value)?);
        let owner = log.and_then(|log| log.header().owner());
        Ok(owner.map_or_else(String::new, |owner| owner.as_str().to_owned()))
    }

    /// The own account.
    pub fn account(&self) -> String {
        self.node.account_id().as_str().to_owned()
    }
}
