//! What an account has one of: a profile, which everyone may read, and a root, which it has for itself.

use std::rc::Rc;

use cojson::ids::CoId;
use cojson::node::{Node, WriteError};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::RuntimeError;
use super::host::Host;
use super::waiters::Wish;
use super::{CoMap, Runtime, StoreHandle};

#[wasm_bindgen(wasm_bindgen_futures = crate::futures)]
impl Runtime {
    /// Writes keys of the account's profile, which everyone may read; it is made the first time. Other programs of the
    /// format open an account only if it has one, and show its `name`.
    #[wasm_bindgen(js_name = setProfile)]
    pub async fn set_profile(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Record<string, JsonValue>")] entries: JsValue,
    ) -> Result<CoMap, JsValue> {
        let host = Rc::clone(&self.host);
        let profile = host.found(Node::found_profile).await?;
        let profile = CoMap::of(host, profile);
        profile.set(&entries, &JsValue::UNDEFINED)?;
        Ok(profile)
    }

    /// The profile of an account, by default of this one; `undefined` if it has none.
    #[wasm_bindgen(unchecked_return_type = "ReactiveStore<any> | undefined")]
    pub async fn profile(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "CoId")] account: Option<String>,
    ) -> Result<JsValue, JsValue> {
        let host = Rc::clone(&self.host);
        let account = match account {
            Some(account) => CoId::parse(&account).map_err(RuntimeError::from)?,
            None => host.engine(|engine| engine.node().account_id().clone())?,
        };
        host.wait_shown(account.clone()).await?;
        let Some(profile) = host.engine(|engine| engine.node_mut().profile_of(&account))? else {
            return Ok(JsValue::UNDEFINED);
        };
        host.wait_shown(profile.clone()).await?;
        Ok(StoreHandle::of_value(&host, profile).into())
    }

    /// The map where the account's own data begins, the same on all its devices; it is made the first time.
    pub async fn root(&self) -> Result<CoMap, JsValue> {
        let host = Rc::clone(&self.host);
        let root = host.found(Node::found_root).await?;
        Ok(CoMap::of(host, root))
    }
}

impl Host {
    /// Founds something of the account, once storage has said what it has of it.
    async fn found(
        self: &Rc<Self>,
        found: fn(&mut Node) -> Result<CoId, WriteError>,
    ) -> Result<CoId, JsValue> {
        loop {
            match self.input(|engine| found(engine.node_mut()))? {
                Err(WriteError::Loading { .. }) => self.wait(Wish::Answered).await?,
                founded => {
                    let id = founded.map_err(RuntimeError::from)?;
                    self.input(|engine| engine.changed(&id))?;
                    self.wait_shown(id.clone()).await?;
                    return Ok(id);
                }
            }
        }
    }
}
