//! The constructed sheets of a document, by the id of the style they were made of.

use cojson::collections::SortedMap;
use engine::style::{SheetId, Stylesheet};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/browser.js")]
extern "C" {
    /// A sheet, with what the document adopted for it.
    type SharedSheet;

    #[wasm_bindgen(js_name = createSheet, catch)]
    fn create_sheet(css: &str, font_faces: &str) -> Result<SharedSheet, JsValue>;

    #[wasm_bindgen(js_name = dropSheet)]
    fn drop_sheet(shared: &SharedSheet);

    #[wasm_bindgen(js_name = sheetOf)]
    fn sheet_of(shared: &SharedSheet) -> JsValue;
}

/// Sheets with the number of surfaces that show each.
#[derive(Default)]
pub(super) struct Sheets {
    by_id: SortedMap<SheetId, (SharedSheet, usize)>,
}

impl Sheets {
    /// The sheet, made if no surface shows it yet. Give it back with [`release`](Self::release).
    pub(super) fn hold(&mut self, id: SheetId, style: &Stylesheet) -> Result<JsValue, JsValue> {
        if let Some((shared, holders)) = self.by_id.get_mut(&id) {
            *holders += 1;
            return Ok(sheet_of(shared));
        }
        let shared = create_sheet(style.css(), style.font_faces())?;
        let sheet = sheet_of(&shared);
        self.by_id.insert(id, (shared, 1));
        Ok(sheet)
    }

    /// One surface less.
    pub(super) fn release(&mut self, id: SheetId) {
        let Some((shared, holders)) = self.by_id.get_mut(&id) else {
            return;
        };
        *holders -= 1;
        if *holders == 0 {
            drop_sheet(shared);
            self.by_id.remove(&id);
        }
    }

    /// How many sheets there are.
    pub(super) fn count(&self) -> usize {
        self.by_id.len()
    }
}
