//! How a host comes to be: storage, identity, a session, the engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::node::{Node, NodeConfig};
use cojson::sync::ReplicaConfig;
use engine::actor::{ActorEngine, EngineConfig};
use engine::definition_error::DefinitionError;
use storage::memory::MemoryStorage;
use storage::sqlite::{self, SqliteStorage};
use storage::{LoadError, Notes};

use super::founding::{Founding, Wanted};
use super::{Host, SERVER, notes};
use crate::account::{AccountError, Identity, account_of, identify};
use crate::clock::{ClockWatch, NoEntropy, entropy_seed};
use crate::definitions::{DefinitionSource, FileError, read_file};
use crate::net::Net;
use crate::patterns::NativePatterns;
use crate::settings::{Settings, StorageSettings};
use crate::store::Store;
use crate::tools::Tools;

/// Why a host does not come to be. Each names the setting that is to be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be used.
    #[error(
        "AGENT_MAIA_DB_PATH: expected an SQLite file, or a place for one, for this process alone: {0}"
    )]
    Sqlite(#[from] sqlite::OpenError),
    /// The folder cannot be used.
    #[cfg(feature = "pglite")]
    #[error("AGENT_MAIA_DB_PATH={0}")]
    Pglite(#[from] storage::pglite::OpenError),
    /// This binary was built without the back end.
    #[cfg(not(feature = "pglite"))]
    #[error(
        "AGENT_MAIA_STORAGE=pglite: expected a back end that this binary was built with; build it with `--features pglite`"
    )]
    NotBuilt,
    /// A definition's file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no account to go on with.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Storage cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// No key can be made.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// A tool of this host cannot be registered.
    #[error(transparent)]
    Tool(#[from] DefinitionError),
    /// The system gives no thread.
    #[error("the system gives no thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl Host {
    /// Opens storage and makes an engine on it. It waits for storage, so it is not for a future.
    ///
    /// # Errors
    /// When a setting names something that cannot be used.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        let wanted = wanted(&settings.actors)?;
        let mut storage = open_storage(&settings.storage)?;
        let mut entropy = Entropy::from_seed(entropy_seed()?);
        let given = settings.agent_secret.as_ref();
        // The settings took it for one already.
        let given = given.and_then(|secret| AgentSecret::parse(secret.reveal()).ok());
        let named = settings.account_id.as_ref();
        let Identity { secret, session } =
            identify(given.as_ref(), named, storage.as_mut(), &mut entropy)?;
        let marked = notes::unsynced(storage.as_mut())?;
        let account = account_of(&secret);
        let agent = secret.agent_id();
        let as_agent = session.with_author(agent.as_str());
        let own_sessions = [
            session.clone(),
            as_agent.unwrap_or_else(|_| session.clone()),
        ];
        let node = Node::new(NodeConfig {
            secret,
            session,
            entropy_seed: entropy.bytes(),
            limits: ReplicaConfig::default(),
        });
        let mut engine = ActorEngine::new(EngineConfig {
            node,
            patterns: Rc::new(NativePatterns),
            awaits_sync: settings.sync.is_some(),
        });
        let net = Net::default();
        let tools = Tools::new(net.clone(), settings.http_tool.clone());
        for declaration in Tools::declarations() {
            engine.register_tool(&declaration)?;
        }
        if settings.sync.is_some() {
            let node = engine.node_mut();
            node.remember_upstream(SERVER);
            for id in &marked {
                node.load(id);
            }
        }
        let (sender, inputs) = tokio::sync::mpsc::unbounded_channel();
        Ok(Self {
            engine,
            store: Some(Store::spawn(storage, sender.clone())?),
            inputs,
            sender,
            wire: None,
            net,
            sync: settings.sync.clone(),
            line: None,
            tools,
            calls: BTreeMap::new(),
            attempts_made: 0,
            clock_watch: ClockWatch::default(),
            founding: Founding::new(account, settings.sync.is_some(), wanted),
            profile_name: settings.profile_name.clone(),
            own_sessions,
            is_persistent: settings.storage != StorageSettings::InMemory,
            marked,
            sent: BTreeMap::new(),
            asked: BTreeMap::new(),
            patient_until: None,
            retry_at: None,
            unread: Vec::new(),
            refused: None,
            failure: None,
        })
    }
}

fn wanted(sources: &[DefinitionSource]) -> Result<Wanted, FileError> {
    if sources.is_empty() {
        return Ok(Wanted::AllPublished);
    }
    let (mut definitions, mut published) = (Vec::new(), Vec::new());
    for source in sources {
        match source {
            DefinitionSource::File(path) => definitions.push(read_file(path)?),
            DefinitionSource::Published(id) => published.push(id.clone()),
        }
    }
    Ok(Wanted::Named {
        definitions,
        published,
    })
}

fn open_storage(settings: &StorageSettings) -> Result<Box<dyn Notes>, OpenError> {
    Ok(match settings {
        StorageSettings::InMemory => Box::<MemoryStorage>::default(),
        StorageSettings::Sqlite(path) => Box::new(SqliteStorage::open(path)?),
        StorageSettings::Pglite(path) => open_pglite(path)?,
    })
}

#[cfg(feature = "pglite")]
fn open_pglite(path: &Path) -> Result<Box<dyn Notes>, OpenError> {
    Ok(Box::new(storage::pglite::PgliteStorage::open(path)?))
}

#[cfg(not(feature = "pglite"))]
fn open_pglite(_path: &Path) -> Result<Box<dyn Notes>, OpenError> {
    Err(OpenError::NotBuilt)
}
