//! Texts as JavaScript sees them.
//!
//! Places are counted in graphemes: what people take for one character. Where one ends, the browser's `Intl.Segmenter` says.

use std::rc::Rc;

use cojson::header::ValueType;
use cojson::ids::CoId;
use cojson::node::{Node, Stamp, WriteError};
use cojson::view::ListView;
use js_sys::Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::past::looks_back;
use super::{Deletion, Value};
use crate::runtime::host::Host;

#[wasm_bindgen(module = "/src/browser.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn graphemes(text: &str) -> Result<Array, JsValue>;
}

/// A text that several can write to at once: what each of them types stays.
#[wasm_bindgen]
pub struct CoPlainText(Value);

impl CoPlainText {
    pub(crate) fn create(
        host: &Rc<Host>,
        init: Option<String>,
        owner: &JsValue,
        options: &JsValue,
    ) -> Result<Self, JsValue> {
        let deletion = Deletion::read(options)?;
        let value = Value::create(host, ValueType::CoPlainText, owner, deletion)?;
        let text = Self(value);
        text.0.announce()?;
        text.insert(0, &init.unwrap_or_default())?;
        Ok(text)
    }

    /// One that is loaded.
    pub(crate) fn of(host: Rc<Host>, id: CoId) -> Self {
        Self(Value::of(host, id))
    }

    fn write(
        &self,
        text: &str,
        write: impl FnOnce(&mut Node, &CoId, &[&str], Stamp) -> Result<(), WriteError>,
    ) -> Result<(), JsValue> {
        let graphemes = split(text)?;
        let graphemes: Vec<&str> = graphemes.iter().map(String::as_str).collect();
        Ok(self
            .0
            .write(|node, id, stamp| write(node, id, &graphemes, stamp))?)
    }
}

/// Plain ASCII needs no table, but for the one pair of characters that is one grapheme.
fn split(text: &str) -> Result<Vec<String>, JsValue> {
    if text.is_ascii() && !text.contains('\r') {
        return Ok(text.chars().map(String::from).collect());
    }
    Ok(graphemes(text)?
        .iter()
        .filter_map(|grapheme| grapheme.as_string())
        .collect())
}

#[wasm_bindgen]
impl CoPlainText {
    /// The value's id.
    #[wasm_bindgen(getter, unchecked_return_type = "CoId")]
    pub fn id(&self) -> String {
        self.0.id.to_string()
    }

    /// How many graphemes it has.
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> Result<usize, JsValue> {
        Ok(self
            .0
            .read(|node, id| node.list(id).map_or(0, ListView::len))?)
    }

    /// Inserts text before the grapheme at a place, counted from 0; at the text's length it comes last.
    pub fn insert(&self, index: u32, text: &str) -> Result<(), JsValue> {
        self.write(text, |node, id, new, stamp| {
            node.text_insert(id, index as usize, new, stamp)
        })
    }

    /// Deletes so many graphemes from a place on; one, if no number is given.
    pub fn delete(&self, index: u32, count: Option<u32>) -> Result<(), JsValue> {
        let (index, count) = (index as usize, count.unwrap_or(1) as usize);
        Ok(self
            .0
            .write(|node, id, stamp| node.text_delete(id, index, count, stamp))?)
    }

    /// Makes it another text: what a field holds after somebody typed into it. What both have stays, so that what others
    /// type meanwhile stays where they typed it.
    pub fn replace(&self, text: &str) -> Result<(), JsValue> {
        self.write(text, |node, id, new, stamp| {
            node.text_replace(id, new, stamp)
        })
    }

    /// The text.
    #[wasm_bindgen(js_name = toString)]
    pub fn to_text(&self) -> Result<String, JsValue> {
        Ok(self
            .0
            .read(|node, id| node.list(id).map(ListView::to_text).unwrap_or_default())?)
    }

    /// The text.
    #[wasm_bindgen(js_name = toJSON)]
    pub fn to_json(&self) -> Result<String, JsValue> {
        self.to_text()
    }
}

looks_back!(CoPlainText, "string");
