//! A local node: one account's replica with its keys and views. What an application reads and writes goes through here.
//!
//! It is a state machine like the [`Replica`] below it: inputs are handed in, [`Node::poll_effect`] says what is to be
//! done. Views are kept up to date incrementally; reading one costs nothing that grows with its history. It promises
//! that what it shows is what every other replica with the same logs and keys shows (R10), and that own writes are
//! shown at once. It never reads a clock: the host passes the time.
//!
//! ```
//! use cojson::access::Role;
//! use cojson::account::account_id;
//! use cojson::crypto::AgentSecret;
//! use cojson::entropy::Entropy;
//! use cojson::header::ValueType;
//! use cojson::ids::{SessionId, Timestamp};
//! use cojson::json::Json;
//! use cojson::node::{NewValue, Node, NodeConfig, Stamp};
//! use cojson::sync::{Effect, ReplicaConfig};
//!
//! let mut entropy = Entropy::from_seed([7; 32]); // 32 random bytes, from the host
//! let secret = AgentSecret::generate(&mut entropy);
//! let session = SessionId::random_of_account(&account_id(&secret.agent_id()), &mut entropy);
//! let limits = ReplicaConfig::default();
//! let mut node = Node::new(NodeConfig { secret, session, entropy_seed: entropy.bytes(), limits });
//!
//! // Storage is asked first what it has; this host has none.
//! node.load_own();
//! while let Some(effect) = node.poll_effect() {
//!     if let Effect::Load(id) = effect {
//!         node.loaded(&id, None);
//!     }
//! }
//! node.found_account()?;
//!
//! let now = Timestamp(1_795_334_513_735);
//! let todo = NewValue {
//!     value_type: ValueType::CoMap,
//!     owner: node.own_group(),
//!     uniqueness: node.random_uniqueness(),
//!     meta: Json::Null,
//! };
//! let todo = node.create(todo, now)?;
//! node.map_set(&todo, &[("text".into(), "milk".into())], Stamp::Now(now))?;
//!
//! let shown = node.map(&todo).and_then(|map| map.get("text"));
//! assert_eq!(shown.and_then(Json::as_str), Some("milk"));
//! assert_eq!(node.my_role(&node.own_group(), now), Some(Role::Admin));
//! # Ok::<(), cojson::node::WriteError>(())
//! ```

mod binary;
mod branches;
mod change;
mod content;
mod deletion;
mod edits;
mod error;
mod iso_time;
mod judge;
mod opening;
mod part;
mod passing;
mod past;
mod shown;
mod texts;
mod writing;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::access::{Access, GroupHistory, Identity, Logs, WriteKey};
use crate::collections::{SortedMap, SortedSet};
use crate::crypto::{AgentSecret, SignerSecret};
use crate::entropy::Entropy;
use crate::header::{Header, Ruleset};
use crate::ids::{CoId, SessionId};
use crate::sync::{AppendError, Effect, PeerId, Replica, ReplicaConfig};
use crate::transaction::Transaction;
use crate::value_log::ValueLog;
use crate::view::{BinaryView, ListView, MapView, StreamView, ValidTransaction};

pub use binary::BINARY_CHUNK_BYTES;
pub use branches::NewBranch;
pub use change::Change;
pub use error::WriteError;
pub(crate) use iso_time::iso_time;
pub use shown::Shown;
pub use writing::{NewValue, Stamp};

use content::{Content, Ruled, Sources};

/// What the host is to do: the replica's effects, and `Changed` also for values whose group changed.
pub type NodeEffect = Effect;

/// What a node starts with.
#[derive(Debug)]
pub struct NodeConfig {
    /// Who it is.
    pub secret: AgentSecret,
    /// The session it writes in, which no other running node may have. It is taken as one of the secret's account.
    pub session: SessionId,
    /// 32 random bytes, fresh each time.
    pub entropy_seed: [u8; 32],
    /// Limits on what peers can make it hold.
    pub limits: ReplicaConfig,
}

/// A local node.
pub struct Node {
    replica: Replica,
    upstreams: SortedSet<PeerId>,
    access: Access,
    /// Where we write, but for the account itself.
    session: SessionId,
    /// Where we write to the account itself.
    agent_session: SessionId,
    entropy: Entropy,
    /// The sessions of agents that a change was made as, and what signs them.
    guests: SortedMap<SessionId, SignerSecret>,
    contents: SortedMap<CoId, Content>,
    /// The values with content, by the group that their verdicts come from.
    ruled: SortedMap<CoId, SortedSet<CoId>>,
    effects: VecDeque<Effect>,
    /// The values whose change is among the effects.
    announced: SortedSet<CoId>,
}

impl Logs for Replica {
    fn log(&self, id: &CoId) -> Option<&ValueLog> {
        Self::log(self, id)
    }
}

impl Node {
    /// A node that holds nothing yet. Load the account and its own group, then call [`Node::found_account`].
    pub fn new(config: NodeConfig) -> Self {
        let identity = Identity::of_account(config.secret);
        let session_of = |author: &str| {
            let session = config.session.with_author(author);
            session.unwrap_or_else(|_| config.session.clone())
        };
        Self {
            replica: Replica::new(config.limits),
            upstreams: SortedSet::new(),
            session: session_of(&identity.member),
            agent_session: session_of(identity.agent.as_str()),
            access: Access::new(identity),
            entropy: Entropy::from_seed(config.entropy_seed),
            guests: SortedMap::new(),
            contents: SortedMap::new(),
            ruled: SortedMap::new(),
            effects: VecDeque::new(),
            announced: SortedSet::new(),
        }
    }

    /// Our account.
    pub fn account_id(&self) -> &CoId {
        &self.identity().account
    }

    /// Our secret.
    pub fn secret(&self) -> &AgentSecret {
        &self.identity().secret
    }

    /// The session we write in.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// The replica, to ask for its state.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The log of a value, if it is loaded.
    pub fn log(&self, id: &CoId) -> Option<&ValueLog> {
        self.replica.log(id)
    }

    /// Whether the value's log is in memory.
    pub fn is_loaded(&self, id: &CoId) -> bool {
        self.log(id).is_some()
    }

    /// What a value shows; `None` while it or its group is not loaded.
    pub fn shown(&mut self, id: &CoId) -> Option<&Shown> {
        Some(self.content(id)?.shown())
    }

    /// The view of a map, a group or an account; `None` while it or its group is not loaded, or if it is something else.
    pub fn map(&mut self, id: &CoId) -> Option<&MapView> {
        match self.shown(id)? {
            Shown::Map(view) => Some(view),
            _ => None,
        }
    }

    /// The view of a list or a text; `None` as for [`Node::map`].
    pub fn list(&mut self, id: &CoId) -> Option<&ListView> {
        match self.shown(id)? {
            Shown::List(view) | Shown::Text(view) => Some(view),
            _ => None,
        }
    }

    /// The view of a stream; `None` as for [`Node::map`].
    pub fn stream(&mut self, id: &CoId) -> Option<&StreamView> {
        match self.shown(id)? {
            Shown::Stream(view) => Some(view),
            _ => None,
        }
    }

    /// The view of a stream of bytes; `None` as for [`Node::map`].
    pub fn binary(&mut self, id: &CoId) -> Option<&BinaryView> {
        match self.shown(id)? {
            Shown::Binary(view) => Some(view),
            _ => None,
        }
    }

    /// Forgets the view of a value that nobody looks at any more. It is made again when it is asked for.
    pub fn close(&mut self, id: &CoId) {
        self.contents.remove(id);
        let mut next = Some(id.clone());
        while let Some(log) = next.and_then(|id| self.replica.log(&id)) {
            let source = log.header().branch_source();
            for noted in ruler_of(log).into_iter().chain(&source) {
                if let Some(values) = self.ruled.get_mut(noted) {
                    values.remove(id);
                }
            }
            next = source;
        }
    }

    /// Says that nobody needs to see the first transactions of a stream's sessions, which had one item each: its view is made
    /// without opening them, and forgets them if it has them. The log keeps them, and so do [`Node::edits`] and
    /// [`Node::shown_at`]. Nothing happens if the stream is not loaded.
    pub fn skip(&mut self, id: &CoId, counts: SortedMap<SessionId, u32>) {
        if let Some(log) = self.replica.log(id) {
            let content = self
                .contents
                .get_or_insert_with(id.clone(), || Content::new(log.header()));
            content.skip(counts);
        }
    }

    /// Shows all of a stream again.
    pub fn show_whole(&mut self, id: &CoId) {
        if self.contents.get(id).is_some_and(Content::has_skipped) {
            self.close(id);
        }
    }

    pub(crate) fn identity(&self) -> &Identity {
        self.access.identity()
    }

    pub(crate) fn entropy(&mut self) -> &mut Entropy {
        &mut self.entropy
    }

    pub(crate) fn access(&mut self) -> (&mut Access, &Replica) {
        (&mut self.access, &self.replica)
    }

    pub(crate) fn history(&mut self, group: &CoId) -> Option<&Arc<GroupHistory>> {
        self.access.history(&self.replica, group)
    }

    /// The session for writing to a value: an account itself is written to by its agent.
    pub(crate) fn session_for(&self, id: &CoId) -> &SessionId {
        if id == self.account_id() {
            &self.agent_session
        } else {
            &self.session
        }
    }

    /// Whether what is written in this session is written here.
    pub fn writes_in(&self, session: &SessionId) -> bool {
        [&self.session, &self.agent_session].contains(&session) || self.guests.contains_key(session)
    }

    /// Lets another agent make a change through this node, in a session that is never used again.
    pub(crate) fn act_as<T>(
        &mut self,
        secret: AgentSecret,
        change: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let guest = Identity::of_agent(secret);
        let session = SessionId::random_of_agent(&guest.agent, &mut self.entropy);
        self.guests
            .insert(session.clone(), guest.secret.signer.clone());
        let own_session = std::mem::replace(&mut self.session, session);
        let own_access = std::mem::replace(&mut self.access, Access::new(guest));
        let outcome = change(self);
        self.session = own_session;
        self.access = own_access;
        outcome
    }

    /// Makes a value with this header, unless it is there.
    pub(crate) fn make(&mut self, header: Header) -> CoId {
        let id = self.replica.create(header);
        self.drain();
        self.take_note_of(&id);
        id
    }

    /// Appends a transaction to an own session; it is up to the caller to have it shown.
    pub(crate) fn append(
        &mut self,
        id: &CoId,
        session: &SessionId,
        transaction: Transaction,
    ) -> Result<(), AppendError> {
        self.replica.append_local(id, session, transaction)?;
        Ok(())
    }

    fn show_own(&mut self, id: &CoId, transaction: ValidTransaction, key: Option<&WriteKey>) {
        if let Some(content) = self.contents.get_mut(id) {
            content.append_own(transaction, key);
        }
    }

    /// The up-to-date content of a value; `None` while it or its group is not loaded.
    fn content(&mut self, id: &CoId) -> Option<&Content> {
        if !self.contents.get(id).is_some_and(Content::is_fresh) {
            self.refresh(id)?;
        }
        self.contents.get(id)
    }

    fn refresh(&mut self, id: &CoId) -> Option<()> {
        let (mut sources, contents) = self.sources(id)?;
        let (log, _) = sources.lineage.first()?;
        let content = contents.get_or_insert_with(id.clone(), || Content::new(log.header()));
        content.refresh(&mut sources);
        Some(())
    }

    /// The logs that a value's content is read from, as far as they and their groups are here: its own, for a branch its
    /// source's, and so on; with what is needed to read them. The value is noted with all of them.
    fn sources(&mut self, id: &CoId) -> Option<(Sources<'_>, &mut SortedMap<CoId, Content>)> {
        let ids = self.lineage(id);
        let mut lineage: Vec<Ruled<'_>> = Vec::new();
        for log in ids.iter().map_while(|id| self.replica.log(id)) {
            let ruler = ruler_of(log);
            if let Some(ruler) = ruler {
                self.ruled.get_or_default(ruler.clone()).insert(id.clone());
            }
            let generation = match ruler {
                Some(group) => self.access.generation(&self.replica, group),
                None => Some(1),
            };
            let Some(generation) = generation else {
                break;
            };
            lineage.push((log, generation));
            if let Some(source) = log.header().branch_source() {
                self.ruled.get_or_default(source).insert(id.clone());
            }
        }
        let is_readable = !lineage.is_empty();
        let sources = Sources {
            lineage,
            access: &mut self.access,
            logs: &self.replica,
        };
        is_readable.then_some((sources, &mut self.contents))
    }

    /// The value, and what it is a branch of, and so on up; but nothing that was deleted, as others have no more of that.
    fn lineage(&mut self, id: &CoId) -> Vec<CoId> {
        let mut lineage = vec![id.clone()];
        while let Some(log) = lineage.last().and_then(|id| self.replica.log(id)) {
            let source = log.header().branch_source();
            let Some(source) = source.filter(|_| lineage.len() < BRANCH_DEPTH_MAX) else {
                break;
            };
            if self.replica.has_tombstone(&source) && self.is_deleted(&source) {
                break;
            }
            lineage.push(source);
        }
        lineage
    }

    /// Takes over the replica's effects, and what they mean for groups and views.
    fn drain(&mut self) {
        while let Some(effect) = self.replica.poll_effect() {
            if let Effect::Changed(id) = effect {
                self.announce(&id);
                self.take_note_of(&id);
            } else {
                self.effects.push_back(effect);
            }
        }
    }

    /// A value's log grew or appeared: its content is stale, and so may be that of its branches and of all that it rules.
    pub(crate) fn take_note_of(&mut self, id: &CoId) {
        self.mark_stale(id);
        let mut touched = self.access.refresh(&self.replica, id);
        let is_group = |log: &ValueLog| log.header().has_members();
        let is_group = self.log(id).is_some_and(is_group);
        if !is_group {
            touched.push(id.clone());
        }
        let mut tombstoned = SortedSet::from([id.clone()]);
        for source in touched {
            for value in self.ruled.get(&source).cloned().unwrap_or_default() {
                self.mark_stale(&value);
                if value != *id {
                    self.announce(&value);
                }
                if self.replica.has_tombstone(&value) {
                    tombstoned.insert(value);
                }
            }
        }
        for value in tombstoned {
            self.settle_deletion(&value);
        }
        if is_group {
            // Judged at once, so that the groups below a group are known when it changes.
            let _ = self.access.generation(&self.replica, id);
        }
    }

    fn mark_stale(&mut self, id: &CoId) {
        if let Some(content) = self.contents.get_mut(id) {
            content.mark_stale();
        }
    }

    fn announce(&mut self, id: &CoId) {
        if self.announced.insert(id.clone()) {
            self.effects.push_back(Effect::Changed(id.clone()));
        }
    }
}

/// How many branches of branches are read; what is further up is not shown.
const BRANCH_DEPTH_MAX: usize = 16;

/// Whose history decides what of a value is valid: its group's, or its own if it is one; `None` if anyone may write.
fn ruler_of(log: &ValueLog) -> Option<&CoId> {
    match &log.header().ruleset {
        Ruleset::Group { .. } => Some(log.id()),
        Ruleset::OwnedByGroup { group, .. } => Some(group),
        Ruleset::UnsafeAllowAll => None,
    }
}
