//! The values that JavaScript makes and writes itself: maps, lists, streams.
//!
//! A write is shown at once and durable a moment later (`runtime.settled()`). What a value is now is read from the node
//! each time; a store from `runtime.load` tells of changes.

use std::rc::Rc;
use std::sync::Arc;

use cojson::header::ValueType;
use cojson::ids::CoId;
use cojson::json::Json;
use cojson::node::{NewValue, Node, Shown, Stamp, WriteError};
use js_sys::{Array, Object};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::error::RuntimeError;
use super::group::owner_of;
use super::host::Host;
use crate::bridge;
use crate::clock::now;

/// A value as its readers see it; `None` while it cannot be read.
pub(crate) fn shown(node: &mut Node, id: &CoId) -> Option<Json> {
    node.shown(id).map(Shown::to_json)
}

/// Whether a value can be read.
pub(crate) fn is_shown(node: &mut Node, id: &CoId) -> bool {
    node.shown(id).is_some()
}

/// A value of the application, as its handle holds it.
struct Value {
    host: Rc<Host>,
    id: CoId,
}

impl Value {
    /// Makes an empty one.
    fn create(
        host: &Rc<Host>,
        value_type: ValueType,
        owner: &JsValue,
    ) -> Result<Self, RuntimeError> {
        let owner = owner_of(owner)?;
        let id = host.engine(|engine| {
            let node = engine.node_mut();
            let value = NewValue {
                value_type,
                owner: owner.unwrap_or_else(|| node.own_group()),
                uniqueness: node.random_uniqueness(),
                meta: Json::Null,
            };
            node.create(value, now())
        })??;
        let host = Rc::clone(host);
        Ok(Self { host, id })
    }

    fn write<T>(
        &self,
        write: impl FnOnce(&mut Node, &CoId, Stamp) -> Result<T, WriteError>,
    ) -> Result<(), RuntimeError> {
        self.host.input(|engine| {
            write(engine.node_mut(), &self.id, Stamp::Now(now()))?;
            engine.changed(&self.id);
            Ok(())
        })?
    }

    fn read<T>(&self, read: impl FnOnce(&mut Node, &CoId) -> T) -> Result<T, RuntimeError> {
        self.host.engine(|engine| read(engine.node_mut(), &self.id))
    }

    fn to_json(&self) -> Result<JsValue, RuntimeError> {
        let shown = self.read(shown)?;
        Ok(bridge::option_to_js(shown.as_ref()))
    }
}

fn item(value: &JsValue) -> Result<Json, RuntimeError> {
    Ok(bridge::from_js(value, "The value")?)
}

/// A map: keys with values. The last write of a key wins.
#[wasm_bindgen]
pub struct CoMap(Value);

impl CoMap {
    pub(crate) fn create(
        host: &Rc<Host>,
        init: &JsValue,
        owner: &JsValue,
    ) -> Result<Self, RuntimeError> {
        let entries = entries_of(init)?;
        let map = Self(Value::create(host, ValueType::CoMap, owner)?);
        if entries.is_empty() {
            map.0.host.input(|engine| engine.changed(&map.0.id))?;
        } else {
            map.0
                .write(|node, id, stamp| node.map_set(id, &entries, stamp))?;
        }
        Ok(map)
    }

    /// One that is loaded.
    pub(crate) fn of(host: Rc<Host>, id: CoId) -> Self {
        Self(Value { host, id })
    }
}

/// An object's members; none of `undefined`.
fn entries_of(object: &JsValue) -> Result<Vec<(Arc<str>, Json)>, RuntimeError> {
    if object.is_undefined() {
        return Ok(Vec::new());
    }
    match bridge::from_js(object, "The map")? {
        Json::Object(members) => Ok(Arc::unwrap_or_clone(members).into_iter().collect()),
        _ => Err(RuntimeError::Option {
            what: "The map",
            expected: "an object",
            found: object.js_typeof().as_string().unwrap_or_default(),
        }),
    }
}

#[wasm_bindgen]
impl CoMap {
    /// The value's id.
    #[wasm_bindgen(getter, unchecked_return_type = "CoId")]
    pub fn id(&self) -> String {
        self.0.id.to_string()
    }

    /// The value of a key; `undefined` if it has none.
    #[wasm_bindgen(unchecked_return_type = "JsonValue | undefined")]
    pub fn get(&self, key: &str) -> Result<JsValue, JsValue> {
        let found = self.0.read(|node, id| node.map(id)?.get(key).cloned())?;
        Ok(bridge::option_to_js(found.as_ref()))
    }

    /// Writes one key, or several at once: `set("a", 1)`, `set({ a: 1, b: 2 })`. One transaction.
    pub fn set(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string | Record<string, JsonValue>")] key: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "JsonValue")] value: &JsValue,
    ) -> Result<(), JsValue> {
        let entries = match key.as_string() {
            Some(key) => vec![(key.into(), item(value)?)],
            None => entries_of(key)?,
        };
        Ok(self
            .0
            .write(|node, id, stamp| node.map_set(id, &entries, stamp))?)
    }

    /// Deletes a key.
    pub fn delete(&self, key: &str) -> Result<(), JsValue> {
        Ok(self
            .0
            .write(|node, id, stamp| node.map_delete(id, key, stamp))?)
    }

    /// All keys with their values.
    #[wasm_bindgen(js_name = toJSON, unchecked_return_type = "{ [key: string]: JsonValue }")]
    pub fn to_json(&self) -> Result<JsValue, JsValue> {
        Ok(self.0.to_json()?)
    }
}

/// A list. What several write at one place at once all stays.
#[wasm_bindgen]
pub struct CoList(Value);

impl CoList {
    pub(crate) fn create(
        host: &Rc<Host>,
        init: Option<Array>,
        owner: &JsValue,
    ) -> Result<Self, RuntimeError> {
        let items = items_of(&init.unwrap_or_default())?;
        let list = Self(Value::create(host, ValueType::CoList, owner)?);
        if items.is_empty() {
            list.0.host.input(|engine| engine.changed(&list.0.id))?;
        } else {
            list.0
                .write(|node, id, stamp| node.list_append(id, &items, stamp))?;
        }
        Ok(list)
    }

    /// One that is loaded.
    pub(crate) fn of(host: Rc<Host>, id: CoId) -> Self {
        Self(Value { host, id })
    }
}

fn items_of(items: &Array) -> Result<Vec<Json>, RuntimeError> {
    items.iter().map(|value| item(&value)).collect()
}

#[wasm_bindgen]
impl CoList {
    /// The value's id.
    #[wasm_bindgen(getter, unchecked_return_type = "CoId")]
    pub fn id(&self) -> String {
        self.0.id.to_string()
    }

    /// Adds items at the end, in one transaction.
    #[wasm_bindgen(variadic)]
    pub fn append(
        &self,
        #[wasm_bindgen(unchecked_param_type = "JsonValue[]")] items: &Array,
    ) -> Result<(), JsValue> {
        let items = items_of(items)?;
        Ok(self
            .0
            .write(|node, id, stamp| node.list_append(id, &items, stamp))?)
    }

    /// Adds items at the beginning, in one transaction.
    #[wasm_bindgen(variadic)]
    pub fn prepend(
        &self,
        #[wasm_bindgen(unchecked_param_type = "JsonValue[]")] items: &Array,
    ) -> Result<(), JsValue> {
        let items = items_of(items)?;
        Ok(self
            .0
            .write(|node, id, stamp| node.list_prepend(id, &items, stamp))?)
    }

    /// Adds items so that the first of them is at that place, counted from 0.
    #[wasm_bindgen(variadic)]
    pub fn insert(
        &self,
        index: u32,
        #[wasm_bindgen(unchecked_param_type = "JsonValue[]")] items: &Array,
    ) -> Result<(), JsValue> {
        let (items, index) = (items_of(items)?, index as usize);
        Ok(self
            .0
            .write(|node, id, stamp| node.list_insert(id, index, &items, stamp))?)
    }

    /// Deletes the item at a place.
    pub fn delete(&self, index: u32) -> Result<(), JsValue> {
        Ok(self
            .0
            .write(|node, id, stamp| node.list_delete(id, index as usize, stamp))?)
    }

    /// Puts another item in the place of one.
    pub fn replace(
        &self,
        index: u32,
        #[wasm_bindgen(unchecked_param_type = "JsonValue")] value: &JsValue,
    ) -> Result<(), JsValue> {
        let value = item(value)?;
        Ok(self
            .0
            .write(|node, id, stamp| node.list_replace(id, index as usize, value, stamp))?)
    }

    /// The items in order.
    #[wasm_bindgen(js_name = toJSON, unchecked_return_type = "JsonValue[]")]
    pub fn to_json(&self) -> Result<JsValue, JsValue> {
        Ok(self.0.to_json()?)
    }
}

/// A stream: items that are only ever added, of every session in its order.
#[wasm_bindgen]
pub struct CoStream(Value);

impl CoStream {
    pub(crate) fn create(host: &Rc<Host>, owner: &JsValue) -> Result<Self, RuntimeError> {
        let stream = Self(Value::create(host, ValueType::CoStream, owner)?);
        stream.0.host.input(|engine| engine.changed(&stream.0.id))?;
        Ok(stream)
    }

    /// One that is loaded.
    pub(crate) fn of(host: Rc<Host>, id: CoId) -> Self {
        Self(Value { host, id })
    }
}

#[wasm_bindgen]
impl CoStream {
    /// The value's id.
    #[wasm_bindgen(getter, unchecked_return_type = "CoId")]
    pub fn id(&self) -> String {
        self.0.id.to_string()
    }

    /// Adds an item.
    pub fn push(
        &self,
        #[wasm_bindgen(unchecked_param_type = "JsonValue")] value: &JsValue,
    ) -> Result<(), JsValue> {
        let value = item(value)?;
        Ok(self
            .0
            .write(|node, id, stamp| node.stream_push(id, value, stamp))?)
    }

    /// Every item of every session, by the time at which it was pushed.
    #[wasm_bindgen(getter, unchecked_return_type = "JsonValue[]")]
    pub fn items(&self) -> Result<JsValue, JsValue> {
        let items = self.0.read(|node, id| {
            let stream = node.stream(id)?;
            let items = stream.by_time().into_iter().map(|item| item.value.clone());
            Some(Json::from(items.collect::<Vec<_>>()))
        })?;
        Ok(items.map_or_else(
            || Array::new().unchecked_into::<Object>().into(),
            |items| bridge::to_js(&items),
        ))
    }

    /// The items by session.
    #[wasm_bindgen(js_name = toJSON, unchecked_return_type = "{ [session: string]: JsonValue[] }")]
    pub fn to_json(&self) -> Result<JsValue, JsValue> {
        Ok(self.0.to_json()?)
    }
}
