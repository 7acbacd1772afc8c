//! What JavaScript sees: a runtime, its actors and its values.
//!
//! [`Runtime`] is the handle; [`host::Host`] is what it holds: the engine and the things that do what it asks. The engine
//! runs in one place only, [`driver`], at the end of each task that had an input. What is told to JavaScript is told
//! with nothing borrowed, so that any listener may call any method.

mod actors;
mod attempts;
mod driver;
mod error;
mod group;
mod host;
mod invitations;
mod machine_actor;
mod neighbours;
mod open;
mod options;
mod outbox;
mod page;
mod patterns;
mod profile;
mod reads;
mod stage;
mod status;
mod store;
mod tools;
mod types;
mod values;
mod waiters;
mod wire;
mod writes;

use std::rc::Rc;

use cojson::ids::CoId;
use cojson::json::Json;
use cojson::node::NewBranch;
use engine::actor::ActorId;
use engine::machine::CallId;
use js_sys::{Array, Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Element;

pub use actors::Actor;
pub use group::Group;
pub use store::StoreHandle;
use values::Arrival;
pub use values::{CoBinaryStream, CoList, CoMap, CoPlainText, CoStream};

use crate::{bridge, clock};
use error::Failure;
use host::Host;
use options::Options;
use waiters::Wish;

/// Actors, the values they are made of, and their way to disk, to other tabs and to the server.
#[wasm_bindgen]
pub struct Runtime {
    host: Rc<Host>,
    status: JsValue,
    problems: JsValue,
    dead_letters: JsValue,
}

#[wasm_bindgen(wasm_bindgen_futures = crate::futures)]
impl Runtime {
    /// Opens the database of that name and starts to sync.
    pub async fn open(
        #[wasm_bindgen(unchecked_optional_param_type = "RuntimeOptions")] options: JsValue,
    ) -> Result<Runtime, JsValue> {
        let host = open::open(Options::read(&options)?).await?;
        let status = StoreHandle::of(host.status.clone()).into();
        let problems = StoreHandle::of(host.problems.clone()).into();
        let letters = host.engine(|engine| engine.dead_letters())?;
        let dead_letters = StoreHandle::of(letters).into();
        Ok(Self {
            host,
            status,
            problems,
            dead_letters,
        })
    }

    /// The account's id: what others add to their groups.
    #[wasm_bindgen(getter, js_name = accountId, unchecked_return_type = "CoId")]
    pub fn account_id(&self) -> Result<String, JsValue> {
        Ok(self
            .host
            .engine(|engine| engine.node().account_id().to_string())?)
    }

    /// The agent's secret: whoever has it is this account, on any device.
    #[wasm_bindgen(getter)]
    pub fn secret(&self) -> Result<String, JsValue> {
        Ok(self
            .host
            .engine(|engine| engine.node().secret().to_text().to_string())?)
    }

    /// How far this device and the server agree.
    #[wasm_bindgen(getter, js_name = syncStatus, unchecked_return_type = "ReactiveStore<SyncStatus>")]
    pub fn sync_status(&self) -> JsValue {
        self.status.clone()
    }

    /// The newest thing that went wrong and had no caller to be told.
    #[wasm_bindgen(getter, unchecked_return_type = "ReactiveStore<Problem | null>")]
    pub fn problems(&self) -> JsValue {
        self.problems.clone()
    }

    /// The messages that nobody may or can handle, of the actors that run here. They are kept until they are discarded.
    #[wasm_bindgen(getter, js_name = deadLetters, unchecked_return_type = "ReactiveStore<DeadLetter[]>")]
    pub fn dead_letters(&self) -> JsValue {
        self.dead_letters.clone()
    }

    /// Forgets a dead letter, which the application has dealt with.
    #[wasm_bindgen(js_name = discardDeadLetter)]
    pub fn discard_dead_letter(&self, actor: &str, id: &str) -> Result<(), JsValue> {
        let (actor, id) = (ActorId::new(actor), CallId::new(id));
        Ok(self
            .host
            .input(|engine| engine.discard_dead_letter(&actor, &id))?)
    }

    /// Counters since this runtime was opened.
    #[wasm_bindgen(getter, unchecked_return_type = "RuntimeStats")]
    pub fn stats(&self) -> JsValue {
        let stored = self.host.storage.stats();
        let counts = self.host.counts.borrow();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let number = |count: usize| Json::from(count as f64);
        let rejections = counts.rejections.iter();
        bridge::to_js(&Json::object([
            ("transactions", number(counts.transactions)),
            ("storageWrites", stored.writes.into()),
            ("storagePuts", stored.puts.into()),
            ("storageReads", stored.reads.into()),
            ("renders", number(counts.renders)),
            ("messages", number(counts.messages)),
            (
                "rejections",
                Json::object(rejections.map(|(reason, count)| (*reason, (*count).into()))),
            ),
        ]))
    }

    /// Adds a tool that machines may call, or replaces the one of that name.
    #[wasm_bindgen(js_name = registerTool)]
    pub fn register_tool(
        &self,
        name: &str,
        #[wasm_bindgen(unchecked_param_type = "Tool<any>")] tool: &JsValue,
    ) -> Result<(), JsValue> {
        Ok(self.host.register_tool(name, tool)?)
    }

    /// The registered tools in the form that language models take.
    #[wasm_bindgen(unchecked_return_type = "ModelTool[]")]
    pub fn tools(&self) -> Result<JsValue, JsValue> {
        Ok(bridge::to_js(&self.host.engine(|engine| engine.tools())?))
    }

    /// Creates an actor, or restores it by its definition's `id`, and shows it in the element, if there is one. Called
    /// again with another definition of that id, it is a live edit. The id of a published definition does as well, and is
    /// then live.
    #[wasm_bindgen(unchecked_return_type = "Promise<Actor>")]
    pub fn actor(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Definition | CoId")] definition: JsValue,
        element: Option<Element>,
    ) -> Promise {
        let mut started = None;
        self.host.attempt(move |host| {
            let Some(id) = &started else {
                let id = Actor::start(host, &definition)?;
                started = Some(id.clone());
                return Err(Wish::Started(id).into());
            };
            let actor = Actor::of(host, id)?;
            if let Some(element) = &element {
                actor.show(element)?;
            }
            Ok(actor.into())
        })
    }

    /// Writes a definition to a value of its own, or what differs from what was published before. Resolves to the value's
    /// id, the same each time and on every device.
    #[wasm_bindgen(unchecked_return_type = "Promise<CoId>")]
    pub fn publish(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Definition")] definition: JsValue,
    ) -> Promise {
        let mut prepared = None;
        self.host.attempt(move |host| {
            // Once: what is asked for again is not settled again, so that no attempt would be the last.
            let (definition, values) = if let Some(prepared) = &prepared {
                prepared
            } else {
                let definition = bridge::from_js(&definition, "The definition")?;
                let values = host.input(|it| it.prepare_publishing(&definition))??;
                prepared.insert((definition, values))
            };
            for id in values {
                if !host.engine(|engine| engine.is_settled(id))? {
                    return Err(Wish::Known(id.clone()).into());
                }
            }
            let id = host.input(|engine| engine.publish(definition, clock::now()))??;
            Ok(id.as_str().into())
        })
    }

    /// A new group, with this account as its admin.
    #[wasm_bindgen(js_name = createGroup)]
    pub fn create_group(&self) -> Result<Group, JsValue> {
        Ok(Group::create(&self.host)?)
    }

    /// Joins the group that an invitation, or a link that ends in one, is for. Resolves when that is durable here. Who has
    /// as high a role there already keeps it.
    #[wasm_bindgen(js_name = acceptInvite, unchecked_return_type = "Promise<Group>")]
    pub fn accept_invite(&self, invitation: String) -> Promise {
        let mut patience = None;
        self.host.attempt_until(Wish::Settled, move |host| {
            let group = host.accept_invite(&invitation, &mut patience)?;
            Ok(Group::of(Rc::clone(host), group).into())
        })
    }

    /// A new map with these keys, owned by the group or else by the account's own one.
    #[wasm_bindgen(js_name = createMap)]
    pub fn create_map(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "Record<string, JsonValue>")] init: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "Group")] group: &JsValue,
    ) -> Result<CoMap, JsValue> {
        Ok(CoMap::create(&self.host, init, group)?)
    }

    /// A new list with these items, owned by the group or else by the account's own one.
    #[wasm_bindgen(js_name = createList)]
    pub fn create_list(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "JsonValue[]")] init: Option<Array>,
        #[wasm_bindgen(unchecked_optional_param_type = "Group")] group: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "ItemOptions")] options: &JsValue,
    ) -> Result<CoList, JsValue> {
        Ok(CoList::create(&self.host, init, group, options)?)
    }

    /// A new stream, owned by the group or else by the account's own one.
    #[wasm_bindgen(js_name = createStream)]
    pub fn create_stream(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "Group")] group: &JsValue,
    ) -> Result<CoStream, JsValue> {
        Ok(CoStream::create(&self.host, group)?)
    }

    /// A new text, owned by the group or else by the account's own one.
    #[wasm_bindgen(js_name = createPlainText)]
    pub fn create_plain_text(
        &self,
        init: Option<String>,
        #[wasm_bindgen(unchecked_optional_param_type = "Group")] group: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "ItemOptions")] options: &JsValue,
    ) -> Result<CoPlainText, JsValue> {
        CoPlainText::create(&self.host, init, group, options)
    }

    /// A new stream of all these bytes, in chunks. Resolves when the last is written.
    #[wasm_bindgen(js_name = createBinaryStream)]
    pub async fn create_binary_stream(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Blob | ArrayBuffer | ArrayBufferView")]
        source: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "BinaryOptions")] options: JsValue,
    ) -> Result<CoBinaryStream, JsValue> {
        CoBinaryStream::create(Rc::clone(&self.host), source, options).await
    }

    /// A store of any value. Resolves when the value can be read; fails if neither this device nor its server has it.
    #[wasm_bindgen(unchecked_return_type = "Promise<ReactiveStore<any>>")]
    pub fn load(&self, #[wasm_bindgen(unchecked_param_type = "CoId")] id: String) -> Promise {
        self.opened(id, |host, id| StoreHandle::of_value(&host, id).into())
    }

    /// A loaded group, to change its members.
    #[wasm_bindgen(js_name = loadGroup, unchecked_return_type = "Promise<Group>")]
    pub fn load_group(&self, #[wasm_bindgen(unchecked_param_type = "CoId")] id: String) -> Promise {
        self.opened(id, |host, id| Group::of(host, id).into())
    }

    /// A loaded map, to write to it.
    #[wasm_bindgen(js_name = loadMap, unchecked_return_type = "Promise<CoMap>")]
    pub fn load_map(&self, #[wasm_bindgen(unchecked_param_type = "CoId")] id: String) -> Promise {
        self.opened(id, |host, id| CoMap::of(host, id).into())
    }

    /// A loaded list, to write to it.
    #[wasm_bindgen(js_name = loadList, unchecked_return_type = "Promise<CoList>")]
    pub fn load_list(&self, #[wasm_bindgen(unchecked_param_type = "CoId")] id: String) -> Promise {
        self.opened(id, |host, id| CoList::of(host, id).into())
    }

    /// A loaded stream, to write to it.
    #[wasm_bindgen(js_name = loadStream, unchecked_return_type = "Promise<CoStream>")]
    pub fn load_stream(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CoId")] id: String,
    ) -> Promise {
        self.opened(id, |host, id| CoStream::of(host, id).into())
    }

    /// A loaded text, to write to it.
    #[wasm_bindgen(js_name = loadPlainText, unchecked_return_type = "Promise<CoPlainText>")]
    pub fn load_plain_text(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CoId")] id: String,
    ) -> Promise {
        self.opened(id, |host, id| CoPlainText::of(host, id).into())
    }

    /// A loaded stream of bytes. Resolves when all of them are here; meanwhile the listener is told how many are.
    #[wasm_bindgen(js_name = loadBinaryStream, unchecked_return_type = "Promise<CoBinaryStream>")]
    pub fn load_binary_stream(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CoId")] id: String,
        #[wasm_bindgen(unchecked_optional_param_type = "(progress: Progress) => void")]
        on_progress: Option<Function>,
    ) -> Promise {
        let mut arrival = Arrival::new(on_progress);
        self.host.attempt(move |host| {
            let id = host.shown(&id)?;
            arrival.wait(host, &id)?;
            Ok(CoBinaryStream::of(Rc::clone(host), id).into())
        })
    }

    /// Begins a branch of a value, or finds the one of that name: a value of its own that shows what its source showed then,
    /// and its own changes. Owned by the group or else by the source's.
    #[wasm_bindgen(unchecked_return_type = "Promise<CoId>")]
    pub fn branch(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CoId")] source: String,
        name: String,
        #[wasm_bindgen(unchecked_optional_param_type = "Group")] group: JsValue,
    ) -> Promise {
        let mut is_asked = false;
        self.host.attempt(move |host| {
            let branch = NewBranch {
                source: host.shown(&source)?,
                name: name.clone(),
                owner: group::owner_of(&group)?,
            };
            let id = host.branch(&branch, &mut is_asked)?;
            Ok(id.as_str().into())
        })
    }

    /// Takes what a branch has and its source does not into the source, whose id it resolves to.
    #[wasm_bindgen(unchecked_return_type = "Promise<CoId>")]
    pub fn merge(&self, #[wasm_bindgen(unchecked_param_type = "CoId")] branch: String) -> Promise {
        self.host.attempt(move |host| {
            let branch = host.shown(&branch)?;
            Ok(host.merge(&branch)?.as_str().into())
        })
    }

    /// Deletes a value, for ever and for everyone. An admin of its group may.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn delete(&self, #[wasm_bindgen(unchecked_param_type = "CoId")] id: String) -> Promise {
        self.host.attempt(move |host| {
            let id = host.shown(&id)?;
            host.delete(&id)?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Resolves when every local change is durable here; fails if it cannot be stored.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn settled(&self) -> Promise {
        let nothing = |_: &Rc<Host>| Ok(JsValue::UNDEFINED);
        self.host.attempt_until(Wish::Settled, nothing)
    }

    /// Resolves when every local change is durable here and the server has it.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn synced(&self) -> Promise {
        self.host.attempt_until(Wish::Synced, |host| {
            if host.has_sync {
                Ok(JsValue::UNDEFINED)
            } else {
                Err(Failure::NoSync.into())
            }
        })
    }

    /// Handles what is queued and patches the screen, now.
    pub fn flush(&self) {
        self.host.pump();
        self.host.render_now();
    }

    /// Ends everything, after what was changed is durable. Fails if it cannot be stored; it is closed all the same.
    pub async fn close(&self) -> Result<(), JsValue> {
        let host = Rc::clone(&self.host);
        if host.is_closed() {
            return Ok(());
        }
        let settled = host.wait(Wish::Settled).await;
        host.take_back_notes().await;
        host.dismantle();
        settled
    }
}

impl Runtime {
    /// Promises what is made of a value, once it can be read.
    fn opened(&self, id: String, make: fn(Rc<Host>, CoId) -> JsValue) -> Promise {
        self.host.attempt(move |host| {
            let id = host.shown(&id)?;
            Ok(make(Rc::clone(host), id))
        })
    }
}
