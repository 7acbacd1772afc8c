//! What an account has one of: a profile, which everyone may read, and a root, which it has for itself.

use std::rc::Rc;

use cojson::ids::CoId;
use cojson::node::{Node, WriteError};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::attempts::Stop;
use super::host::Host;
use super::waiters::Wish;
use super::{CoMap, Runtime, StoreHandle};

#[wasm_bindgen]
impl Runtime {
    /// Writes keys of the account's profile, which everyone may read; it is made the first time. Other programs of the
    /// format open an account only if it has one, and show its `name`.
    #[wasm_bindgen(js_name = setProfile, unchecked_return_type = "Promise<CoMap>")]
    pub fn set_profile(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Record<string, JsonValue>")] entries: JsValue,
    ) -> Promise {
        self.host.attempt(move |host| {
            let profile = host.found(Node::found_profile)?;
            profile.set_all(&entries)?;
            Ok(profile.into())
        })
    }

    /// The profile of an account, by default of this one; `undefined` if it has none.
    #[wasm_bindgen(unchecked_return_type = "Promise<ReactiveStore<any> | undefined>")]
    pub fn profile(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "CoId")] account: Option<String>,
    ) -> Promise {
        self.host.attempt(move |host| {
            let account = match &account {
                Some(account) => CoId::parse(account)?,
                None => host.engine(|engine| engine.node().account_id().clone())?,
            };
            host.want(&account)?;
            let profile = host.engine(|engine| engine.node_mut().profile_of(&account))?;
            let Some(profile) = profile else {
                return Ok(JsValue::UNDEFINED);
            };
            host.want(&profile)?;
            Ok(StoreHandle::of_value(host, profile).into())
        })
    }

    /// The map where the account's own data begins, the same on all its devices; it is made the first time.
    #[wasm_bindgen(unchecked_return_type = "Promise<CoMap>")]
    pub fn root(&self) -> Promise {
        self.host
            .attempt(|host| Ok(host.found(Node::found_root)?.into()))
    }
}

impl Host {
    /// Founds something of the account, once storage has said what it has of it.
    fn found(
        self: &Rc<Self>,
        found: fn(&mut Node) -> Result<CoId, WriteError>,
    ) -> Result<CoMap, Stop> {
        let founded = self.input(|engine| found(engine.node_mut()))?;
        if let Err(WriteError::Loading { .. }) = founded {
            return Err(Wish::Answered.into());
        }
        let id = founded?;
        self.input(|engine| engine.changed(&id))?;
        self.want(&id)?;
        Ok(CoMap::of(Rc::clone(self), id))
    }
}
