//! The values that JavaScript makes and writes itself: a class for each kind, and what they have in common.
//!
//! A write is shown at once and durable a moment later (`runtime.settled()`). What a value is now is read from the node
//! each time; a store from `runtime.load` tells of changes.

mod binary;
mod branches;
mod list;
mod map;
mod past;
mod stream;
mod text;

use std::rc::Rc;

use cojson::header::ValueType;
use cojson::ids::CoId;
use cojson::json::Json;
use cojson::node::{NewValue, Node, Shown, Stamp, WriteError};
use js_sys::{Array, Reflect};
use wasm_bindgen::JsValue;

use super::error::RuntimeError;
use super::group::owner_of;
use super::host::Host;
use crate::bridge;
use crate::clock::now;

pub(crate) use binary::Arrival;
pub use binary::CoBinaryStream;
pub use list::CoList;
pub use map::CoMap;
pub use stream::CoStream;
pub use text::CoPlainText;

/// A value as its readers see it; `None` while it cannot be read.
pub(crate) fn shown(node: &mut Node, id: &CoId) -> Option<Json> {
    node.shown(id).map(Shown::to_json)
}

/// Whether a value can be read.
pub(crate) fn is_shown(node: &mut Node, id: &CoId) -> bool {
    node.shown(id).is_some()
}

/// Whether all bytes of a stream are here, or will never be: what is no stream of bytes has none.
pub(crate) fn is_finished(node: &mut Node, id: &CoId) -> bool {
    match node.shown(id) {
        Some(Shown::Binary(stream)) => stream.is_finished(),
        _ => true,
    }
}

/// A value of the application, as its handle holds it.
struct Value {
    host: Rc<Host>,
    id: CoId,
}

/// Who may delete items of a list or a text.
#[derive(Clone, Copy)]
enum Deletion {
    /// Whoever may write to it.
    Free,
    /// Only those who administer its group.
    Restricted,
}

impl Deletion {
    /// What the options of a new value say; free if they say nothing.
    fn read(options: &JsValue) -> Result<Self, RuntimeError> {
        let restricts = Reflect::get(options, &"restrictDeletion".into()).unwrap_or_default();
        match restricts.as_bool() {
            Some(true) => Ok(Self::Restricted),
            Some(false) => Ok(Self::Free),
            None if restricts.is_undefined() => Ok(Self::Free),
            None => Err(RuntimeError::kind(
                "restrictDeletion",
                "true or false",
                &restricts,
            )),
        }
    }
}

impl Value {
    /// Makes an empty one.
    fn create(
        host: &Rc<Host>,
        value_type: ValueType,
        owner: &JsValue,
        deletion: Deletion,
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
            match deletion {
                Deletion::Free => node.create(value, now()),
                Deletion::Restricted => node.create_with_restricted_deletion(value, now()),
            }
        })??;
        Ok(Self::of(Rc::clone(host), id))
    }

    /// One that is loaded.
    fn of(host: Rc<Host>, id: CoId) -> Self {
        Self { host, id }
    }

    /// Tells of a value that nothing was written to yet.
    fn announce(&self) -> Result<(), RuntimeError> {
        self.host.input(|engine| engine.changed(&self.id))
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

fn items_of(items: &Array) -> Result<Vec<Json>, RuntimeError> {
    items.iter().map(|value| item(&value)).collect()
}
