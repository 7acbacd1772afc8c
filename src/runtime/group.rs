//! Groups as JavaScript sees them: who may read and write what the group owns.

use std::rc::Rc;

use cojson::access::Role;
use cojson::group::Member;
use cojson::ids::CoId;
use cojson::json::Json;
use cojson::json::quoted;
use js_sys::Reflect;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::RuntimeError;
use super::host::Host;
use super::waiters::Wish;
use crate::bridge;
use crate::clock::now;

/// A group: its members may read and write what it owns, as their roles allow.
#[wasm_bindgen]
pub struct Group {
    host: Rc<Host>,
    id: CoId,
}

impl Group {
    pub(crate) fn create(host: &Rc<Host>) -> Result<Self, RuntimeError> {
        let id = host.input(|engine| {
            let id = engine.node_mut().create_group(now());
            engine.changed(&id);
            id
        })?;
        let host = Rc::clone(host);
        Ok(Self { host, id })
    }

    /// One that is loaded.
    pub(crate) fn of(host: Rc<Host>, id: CoId) -> Self {
        Self { host, id }
    }
}

/// The id of the group that is given as an owner: a group, or its id; `None` if nothing is given.
pub(crate) fn owner_of(owner: &JsValue) -> Result<Option<CoId>, RuntimeError> {
    if owner.is_undefined() || owner.is_null() {
        return Ok(None);
    }
    let id = Reflect::get(owner, &"id".into()).unwrap_or_default();
    match owner.as_string().or_else(|| id.as_string()) {
        Some(id) => Ok(Some(CoId::parse(&id)?)),
        None => Err(RuntimeError::Option {
            what: "The owner",
            expected: "a group",
            found: owner.js_typeof().as_string().unwrap_or_default(),
        }),
    }
}

fn member_of(text: &str) -> Result<Member, RuntimeError> {
    match text {
        "everyone" => Ok(Member::Everyone),
        id => Ok(Member::Account(CoId::parse(id)?)),
    }
}

fn role_of(text: &str) -> Result<Role, RuntimeError> {
    let is_given = |role: &Role| {
        use Role::{Admin, Manager, Reader, WriteOnly, Writer};
        matches!(role, Admin | Manager | Writer | Reader | WriteOnly)
    };
    Role::parse(text)
        .filter(is_given)
        .ok_or_else(|| RuntimeError::Option {
            what: "The role",
            expected: "admin, manager, writer, reader or writeOnly",
            found: quoted(text),
        })
}

#[wasm_bindgen]
impl Group {
    /// The group's id.
    #[wasm_bindgen(getter, unchecked_return_type = "CoId")]
    pub fn id(&self) -> String {
        self.id.to_string()
    }

    /// Gives an account, or everyone, a role. Resolves when that is durable here. The account must be known to this
    /// device or its server.
    #[wasm_bindgen(js_name = addMember)]
    pub async fn add_member(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CoId | \"everyone\"")] member: String,
        #[wasm_bindgen(unchecked_param_type = "Role")] role: String,
    ) -> Result<(), JsValue> {
        let (member, role) = (member_of(&member)?, role_of(&role)?);
        let (host, id) = (Rc::clone(&self.host), self.id.clone());
        if let Member::Account(account) = &member {
            host.wait_shown(account.clone()).await?;
        }
        host.input(|engine| {
            engine.node_mut().add_member(&id, &member, role, now())?;
            engine.changed(&id);
            Ok::<_, RuntimeError>(())
        })??;
        host.wait(Wish::Settled).await
    }

    /// Takes a member's role away, and changes the read key so that the member reads nothing new. Resolves when that is
    /// durable here.
    #[wasm_bindgen(js_name = removeMember)]
    pub async fn remove_member(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CoId | \"everyone\"")] member: String,
    ) -> Result<(), JsValue> {
        let member = member_of(&member)?;
        let (host, id) = (Rc::clone(&self.host), self.id.clone());
        host.input(|engine| {
            engine.node_mut().remove_member(&id, &member, now())?;
            engine.changed(&id);
            Ok::<_, RuntimeError>(())
        })??;
        host.wait(Wish::Settled).await
    }

    /// The members with their roles.
    #[wasm_bindgen(getter, unchecked_return_type = "Record<string, Role>")]
    pub fn members(&self) -> Result<JsValue, JsValue> {
        let members = self
            .host
            .engine(|engine| engine.node_mut().members(&self.id))?;
        let members = members.unwrap_or_default().into_iter();
        let members = members.map(|(member, role)| (member, Json::from(role.as_str())));
        Ok(bridge::to_js(&Json::object(members)))
    }

    /// This account's role; `undefined` if it has none.
    #[wasm_bindgen(getter, js_name = myRole, unchecked_return_type = "Role | undefined")]
    pub fn my_role(&self) -> Result<Option<String>, JsValue> {
        let role = self
            .host
            .engine(|engine| engine.node_mut().my_role(&self.id, now()))?;
        Ok(role.map(|role| role.as_str().to_owned()))
    }
}
