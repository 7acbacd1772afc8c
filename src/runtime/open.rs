//! How a runtime comes to be: storage, identity, a session, the account, the wire.

use std::rc::Rc;

use cojson::account::account_id;
use cojson::entropy::Entropy;
use cojson::ids::SessionId;
use cojson::node::{Node, NodeConfig};
use cojson::sync::ReplicaConfig;
use engine::actor::{ActorEngine, EngineConfig};
use wasm_bindgen::JsValue;

use super::error::RuntimeError;
use super::host::{Host, Parts};
use super::options::{Identity, Options};
use super::patterns::BrowserPatterns;
use super::waiters::Wish;
use crate::clock::entropy_seed;
use crate::passkey::secret_of;
use crate::storage::{Storage, ask_for_persistence};
use crate::tabs::{claim_session, kept_secret};

/// Opens a runtime.
pub(crate) async fn open(options: Options) -> Result<Rc<Host>, JsValue> {
    let host = assemble(&options).await?;
    match start(&host, &options).await {
        Ok(()) => {
            host.keep();
            Ok(host)
        }
        Err(error) => {
            host.dismantle();
            Err(error)
        }
    }
}

async fn assemble(options: &Options) -> Result<Rc<Host>, RuntimeError> {
    let mut entropy = Entropy::from_seed(entropy_seed()?);
    let storage = if options.is_persistent {
        ask_for_persistence();
        Storage::open(&options.name).await?
    } else {
        Storage::memory()
    };
    let secret = match &options.identity {
        Identity::Kept => kept_secret(&storage, None, &mut entropy).await?,
        Identity::Secret(secret) => kept_secret(&storage, Some(secret), &mut entropy).await?,
        Identity::Passkey(passkey) => secret_of(passkey).await?,
    };
    let agent = secret.agent_id();
    let account = account_id(&agent);
    let fresh = SessionId::random_of_account(&account, &mut entropy);
    let claim = claim_session(&storage, &options.name, &account, || fresh).await?;
    let as_agent = claim.session.with_author(agent.as_str())?;
    let node = Node::new(NodeConfig {
        secret,
        session: claim.session.clone(),
        entropy_seed: entropy.bytes(),
        limits: ReplicaConfig::default(),
    });
    let engine = ActorEngine::new(EngineConfig {
        node,
        patterns: Rc::new(BrowserPatterns),
        awaits_sync: options.sync.is_some(),
    });
    Ok(Host::new(Parts {
        name: options.name.clone(),
        storage,
        engine,
        claim: claim.held,
        own_sessions: [claim.session, as_agent],
        has_sync: options.sync.is_some(),
    }))
}

async fn start(host: &Rc<Host>, options: &Options) -> Result<(), JsValue> {
    host.join_tabs();
    host.input(|engine| engine.node_mut().load_own())?;
    host.wait(Wish::Answered).await?;
    host.input(|engine| {
        let node = engine.node_mut();
        node.found_account()?;
        let own = [node.account_id().clone(), node.own_group()];
        for id in &own {
            engine.changed(id);
        }
        Ok::<_, RuntimeError>(())
    })??;
    host.load_unsynced().await.map_err(RuntimeError::from)?;
    if let Some(address) = &options.sync {
        host.connect(address.clone()).map_err(RuntimeError::from)?;
    }
    host.schedule();
    Ok(())
}
