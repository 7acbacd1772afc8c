//! Groups as JavaScript sees them: who may read and write what the group owns.

use std::rc::Rc;

use cojson::access::{AccessError, Inheritance, Role};
use cojson::group::{Invitation, Member};
use cojson::ids::{AgentId, CoId};
use cojson::json::Json;
use cojson::json::quoted;
use cojson::node::Node;
use js_sys::{Promise, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::attempts::Stop;
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
        None => Err(no_group(owner)),
    }
}

fn no_group(found: &JsValue) -> RuntimeError {
    RuntimeError::kind("The owner", "a group", found)
}

fn member_of(text: &str) -> Result<Member, RuntimeError> {
    match text {
        "everyone" => Ok(Member::Everyone),
        id => Ok(Member::Account(CoId::parse(id)?)),
    }
}

fn role_of(text: &str) -> Result<Role, RuntimeError> {
    Role::parse(text)
        .filter(|role| role.invitation().is_some())
        .ok_or_else(|| {
            RuntimeError::option(
                "The role",
                "admin, manager, writer, reader or writeOnly",
                quoted(text),
            )
        })
}

/// Each member's role, and no role for whoever is none.
fn inheritance_of(text: Option<&str>) -> Result<Inheritance, RuntimeError> {
    let text = text.unwrap_or("extend");
    Inheritance::parse(text)
        .filter(|inheritance| *inheritance != Inheritance::Revoked)
        .ok_or_else(|| {
            RuntimeError::option(
                "The role",
                "extend, admin, manager, writer or reader",
                quoted(text),
            )
        })
}

/// What is told of each of some things, as an object.
fn record<K: ToString>(told: impl IntoIterator<Item = (K, &'static str)>) -> JsValue {
    let members = told.into_iter();
    let members = members.map(|(key, word)| (key.to_string(), Json::from(word)));
    bridge::to_js(&Json::object(members))
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
    #[wasm_bindgen(js_name = addMember, unchecked_return_type = "Promise<void>")]
    pub fn add_member(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CoId | \"everyone\"")] member: String,
        #[wasm_bindgen(unchecked_param_type = "Role")] role: String,
    ) -> Promise {
        self.change(move |host, id| {
            let (member, role) = (member_of(&member)?, role_of(&role)?);
            host.change_group(id, &mut |node| node.add_member(id, &member, role, now()))
        })
    }

    /// Takes a member's role away, and changes the read key so that the member reads nothing new. Resolves when that is
    /// durable here.
    #[wasm_bindgen(js_name = removeMember, unchecked_return_type = "Promise<void>")]
    pub fn remove_member(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CoId | \"everyone\"")] member: String,
    ) -> Promise {
        self.change(move |host, id| {
            let member = member_of(&member)?;
            host.change_group(id, &mut |node| node.remove_member(id, &member, now()))
        })
    }

    /// The members that the group itself names, with their roles.
    #[wasm_bindgen(getter, unchecked_return_type = "Record<string, Role>")]
    pub fn members(&self) -> Result<JsValue, JsValue> {
        let members = self.read(Node::members)?;
        let members = members.unwrap_or_default().into_iter();
        Ok(record(members.map(|(name, role)| (name, role.as_str()))))
    }

    /// The role of an account, or of everyone: its own, or one from a group that this one extends; `undefined` if it has
    /// none.
    #[wasm_bindgen(js_name = roleOf, unchecked_return_type = "Role | undefined")]
    pub fn role_of(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CoId | \"everyone\"")] member: &str,
    ) -> Result<Option<String>, JsValue> {
        let member = member_of(member)?;
        let role = self.read(|node, id| node.role_of(id, &member, now()))?;
        Ok(role.map(|role| role.as_str().to_owned()))
    }

    /// Makes the members of another group members of this one, with the roles that they have there or with the given one.
    /// Resolves when that is durable here.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn extend(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Group | CoId")] parent: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "Inheritance")] role: Option<String>,
    ) -> Promise {
        self.change(move |host, id| {
            let inheritance = inheritance_of(role.as_deref())?;
            host.inherit(id, &parent, inheritance)
        })
    }

    /// Ends [`Group::extend`], and changes the read key. Resolves when that is durable here.
    #[wasm_bindgen(js_name = revokeExtend, unchecked_return_type = "Promise<void>")]
    pub fn revoke_extend(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Group | CoId")] parent: JsValue,
    ) -> Promise {
        self.change(move |host, id| host.inherit(id, &parent, Inheritance::Revoked))
    }

    /// The groups that this one extends, with what it takes over from each.
    #[wasm_bindgen(getter, unchecked_return_type = "Record<CoId, Inheritance>")]
    pub fn parents(&self) -> Result<JsValue, JsValue> {
        let parents = self.read(Node::parents)?;
        let parents = parents.unwrap_or_default().into_iter();
        Ok(record(
            parents.map(|(parent, taken)| (parent, taken.as_str())),
        ))
    }

    /// Makes an invitation: whoever has its text gives itself the role, with `runtime.acceptInvite`. The text can stand at
    /// the end of a link. Resolves when that is durable here.
    #[wasm_bindgen(js_name = createInvite, unchecked_return_type = "Promise<string>")]
    pub fn create_invite(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Role")] role: String,
    ) -> Promise {
        self.change(move |host, id| {
            let role = role_of(&role)?;
            let mut made = JsValue::UNDEFINED;
            host.change_group(id, &mut |node| {
                made = node.create_invite(id, role, now())?.to_string().into();
                Ok(())
            })?;
            Ok(made)
        })
    }

    /// The invitations that can be accepted, by their agents' ids, with the roles that they give.
    #[wasm_bindgen(getter, unchecked_return_type = "Record<string, Role>")]
    pub fn invites(&self) -> Result<JsValue, JsValue> {
        let invites = self.read(Node::invites)?;
        let invites = invites.unwrap_or_default().into_iter();
        Ok(record(invites.map(|(agent, role)| (agent, role.as_str()))))
    }

    /// Takes an invitation back, named by its text or its agent's id. Those who accepted it stay. Resolves when that is
    /// durable here.
    #[wasm_bindgen(js_name = revokeInvite, unchecked_return_type = "Promise<void>")]
    pub fn revoke_invite(&self, invitation: String) -> Promise {
        self.change(move |host, id| {
            let agent = match AgentId::parse(&invitation) {
                Ok(agent) => agent,
                Err(_) => Invitation::parse(&invitation)?.secret.agent().agent_id(),
            };
            host.change_group(id, &mut |node| node.revoke_invite(id, &agent, now()))
        })
    }

    /// This account's role; `undefined` if it has none.
    #[wasm_bindgen(getter, js_name = myRole, unchecked_return_type = "Role | undefined")]
    pub fn my_role(&self) -> Result<Option<String>, JsValue> {
        let role = self.read(|node, id| node.my_role(id, now()))?;
        Ok(role.map(|role| role.as_str().to_owned()))
    }
}

impl Group {
    fn read<T>(&self, read: impl FnOnce(&mut Node, &CoId) -> T) -> Result<T, RuntimeError> {
        self.host.engine(|engine| read(engine.node_mut(), &self.id))
    }

    /// Promises that a change is made and durable.
    fn change(
        &self,
        change: impl Fn(&Rc<Host>, &CoId) -> Result<JsValue, Stop> + 'static,
    ) -> Promise {
        let id = self.id.clone();
        self.host
            .attempt_until(Wish::Settled, move |host| change(host, &id))
    }
}

impl Host {
    /// Changes a group. The accounts that keys are sealed for are loaded where they are missing: then the change is tried
    /// again.
    pub(crate) fn change_group(
        self: &Rc<Self>,
        id: &CoId,
        change: &mut dyn FnMut(&mut Node) -> Result<(), AccessError>,
    ) -> Result<JsValue, Stop> {
        let outcome = self.input(|engine| {
            let outcome = change(engine.node_mut());
            engine.changed(id);
            outcome
        })?;
        if let Err(AccessError::AccountNotLoaded { account }) = outcome {
            self.want(&account)?;
            return Err(Wish::Shown(account).into());
        }
        outcome?;
        Ok(JsValue::UNDEFINED)
    }

    /// Lets a group have the members of another one, as long as it is not told otherwise.
    fn inherit(
        self: &Rc<Self>,
        id: &CoId,
        parent: &JsValue,
        inheritance: Inheritance,
    ) -> Result<JsValue, Stop> {
        let parent = owner_of(parent)?.ok_or_else(|| no_group(parent))?;
        self.want(&parent)?;
        self.change_group(id, &mut |node| {
            node.extend_group(id, &parent, inheritance, now())
        })
    }
}
