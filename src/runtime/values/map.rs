//! Maps as JavaScript sees them.

use std::rc::Rc;
use std::sync::Arc;

use cojson::header::ValueType;
use cojson::ids::CoId;
use cojson::json::Json;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::past::{key_edit, looks_back};
use super::{Deletion, Value, item};
use crate::bridge;
use crate::runtime::error::RuntimeError;
use crate::runtime::host::Host;

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
        let map = Self(Value::create(
            host,
            ValueType::CoMap,
            owner,
            Deletion::Free,
        )?);
        if entries.is_empty() {
            map.0.announce()?;
        } else {
            map.put(&entries)?;
        }
        Ok(map)
    }

    /// One that is loaded.
    pub(crate) fn of(host: Rc<Host>, id: CoId) -> Self {
        Self(Value::of(host, id))
    }

    /// Writes an object's members.
    pub(crate) fn set_all(&self, object: &JsValue) -> Result<(), RuntimeError> {
        self.put(&entries_of(object)?)
    }

    fn put(&self, entries: &[(Arc<str>, Json)]) -> Result<(), RuntimeError> {
        self.0
            .write(|node, id, stamp| node.map_set(id, entries, stamp))
    }
}

/// An object's members; none of `undefined`.
fn entries_of(object: &JsValue) -> Result<Vec<(Arc<str>, Json)>, RuntimeError> {
    if object.is_undefined() {
        return Ok(Vec::new());
    }
    match bridge::from_js(object, "The map")? {
        Json::Object(members) => Ok(Arc::unwrap_or_clone(members).into_iter().collect()),
        _ => Err(RuntimeError::kind("The map", "an object", object)),
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
        match key.as_string() {
            Some(key) => self.put(&[(key.into(), item(value)?)])?,
            None => self.set_all(key)?,
        }
        Ok(())
    }

    /// Writes keys at once, as the beginning that several devices make alike: of all beginnings of that name the first
    /// counts, and what the others wrote is not shown.
    #[wasm_bindgen(js_name = setFirst)]
    pub fn set_first(
        &self,
        name: &str,
        #[wasm_bindgen(unchecked_param_type = "Record<string, JsonValue>")] entries: &JsValue,
    ) -> Result<(), JsValue> {
        let entries = entries_of(entries)?;
        Ok(self
            .0
            .write(|node, id, stamp| node.map_set_first(id, name, &entries, stamp))?)
    }

    /// Deletes a key.
    pub fn delete(&self, key: &str) -> Result<(), JsValue> {
        Ok(self
            .0
            .write(|node, id, stamp| node.map_delete(id, key, stamp))?)
    }

    /// The writes to a key, oldest first.
    #[wasm_bindgen(js_name = editsBy, unchecked_return_type = "KeyEdit[]")]
    pub fn edits_by(&self, key: &str) -> Result<JsValue, JsValue> {
        let edits = self.0.read(|node, id| {
            let history = node.map(id).map(|map| map.history(key));
            let edits = history.into_iter().flatten().map(key_edit);
            Json::from(edits.collect::<Vec<_>>())
        })?;
        Ok(bridge::to_js(&edits))
    }

    /// All keys with their values.
    #[wasm_bindgen(js_name = toJSON, unchecked_return_type = "{ [key: string]: JsonValue }")]
    pub fn to_json(&self) -> Result<JsValue, JsValue> {
        Ok(self.0.to_json()?)
    }
}

looks_back!(CoMap, "{ [key: string]: JsonValue }");
