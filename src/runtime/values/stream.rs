//! Streams as JavaScript sees them.

use std::rc::Rc;

use cojson::header::ValueType;
use cojson::ids::CoId;
use cojson::json::Json;
use js_sys::{Array, Object};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::past::looks_back;
use super::{Deletion, Value, item};
use crate::bridge;
use crate::runtime::error::RuntimeError;
use crate::runtime::host::Host;

/// A stream: items that are only ever added, of every session in its order.
#[wasm_bindgen]
pub struct CoStream(Value);

impl CoStream {
    pub(crate) fn create(host: &Rc<Host>, owner: &JsValue) -> Result<Self, RuntimeError> {
        let stream = Self(Value::create(
            host,
            ValueType::CoStream,
            owner,
            Deletion::Free,
        )?);
        stream.0.announce()?;
        Ok(stream)
    }

    /// One that is loaded.
    pub(crate) fn of(host: Rc<Host>, id: CoId) -> Self {
        let _ = host.engine(|engine| engine.show_whole(&id));
        Self(Value::of(host, id))
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

looks_back!(CoStream, "{ [session: string]: JsonValue[] }");
