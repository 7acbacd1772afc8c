//! Lists as JavaScript sees them.

use std::rc::Rc;

use cojson::header::ValueType;
use cojson::ids::CoId;
use js_sys::Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::past::looks_back;
use super::{Deletion, Value, item, items_of};
use crate::runtime::error::RuntimeError;
use crate::runtime::host::Host;

/// A list. What several write at one place at once all stays.
#[wasm_bindgen]
pub struct CoList(Value);

impl CoList {
    pub(crate) fn create(
        host: &Rc<Host>,
        init: Option<Array>,
        owner: &JsValue,
        options: &JsValue,
    ) -> Result<Self, RuntimeError> {
        let items = items_of(&init.unwrap_or_default())?;
        let deletion = Deletion::read(options)?;
        let list = Self(Value::create(host, ValueType::CoList, owner, deletion)?);
        if items.is_empty() {
            list.0.announce()?;
        } else {
            list.0
                .write(|node, id, stamp| node.list_append(id, &items, stamp))?;
        }
        Ok(list)
    }

    /// One that is loaded.
    pub(crate) fn of(host: Rc<Host>, id: CoId) -> Self {
        Self(Value::of(host, id))
    }
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

looks_back!(CoList, "JsonValue[]");
