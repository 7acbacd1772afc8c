//! Styles: the JSON documents `brand` and `style` to one CSS text, compiled once per content (R8).
//!
//! A sheet's content decides its identity: actors with the same documents share a [`SheetId`], and the container's
//! name, which could differ per actor, is the constant [`CONTAINER_NAME`]. A live edit is another content, hence
//! another sheet; the one that nobody holds any more is dropped.
//!
//! Every value is checked to stay inside its declaration, every selector to stay a selector (R9), and what is not
//! understood is refused with document and path (R12). Nothing here touches a document; the host makes sheets of
//! the text.

mod compile;
mod name;
mod rules;
mod safety;
mod selector;
mod sources;
#[cfg(test)]
mod tests;
mod tokens;

use cojson::collections::SortedMap;
use cojson::json::Json;

use crate::definition_error::DefinitionError;

/// The name of every actor's container, for `@container {containerName} (…)`.
pub const CONTAINER_NAME: &str = "actor";

/// A compiled sheet; equal content has the same id for as long as somebody holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SheetId(u32);

impl SheetId {
    /// The number behind it, for the border to JavaScript.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// A sheet's text.
#[derive(Clone, Debug, PartialEq)]
pub struct Stylesheet {
    css: String,
    font_faces_bytes: usize,
    warnings: Vec<DefinitionError>,
}

impl Stylesheet {
    /// Compiles a brand and a style, without any cache.
    ///
    /// ```
    /// use cojson::json::Json;
    /// use engine::style::Stylesheet;
    /// let style = Json::parse(r##"{"tokens":{"ink":"#222"},"components":{"todoTitle":{"color":"{ink}"}}}"##)?;
    /// let sheet = Stylesheet::compile(None, Some(&style))?;
    /// assert!(sheet.css().contains(".todo-title {\n  color: #222;\n}\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compile(brand: Option<&Json>, style: Option<&Json>) -> Result<Self, DefinitionError> {
        compile::compile(brand, style)
    }

    /// The whole text.
    pub fn css(&self) -> &str {
        &self.css
    }

    /// The `@font-face` rules at its head. Browsers honour them only in a document's own sheets, not in a shadow
    /// root's, so the host adopts them there as well.
    pub fn font_faces(&self) -> &str {
        self.css.get(..self.font_faces_bytes).unwrap_or_default()
    }

    /// Tokens that were emptied because a browser might run them.
    pub fn warnings(&self) -> &[DefinitionError] {
        &self.warnings
    }
}

/// The sheets in use, by content.
#[derive(Debug, Default)]
pub struct StyleEngine {
    sheets: SortedMap<SheetId, Entry>,
    by_source: SortedMap<String, SheetId>,
    next: u32,
    compilations: u64,
}

#[derive(Debug)]
struct Entry {
    sheet: Stylesheet,
    brand: Option<Json>,
    style: Option<Json>,
    source: String,
    holders: usize,
}

impl StyleEngine {
    /// An engine without sheets.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sheet of these documents, compiled if nobody holds it yet. Give it back with [`release`](Self::release).
    pub fn sheet(
        &mut self,
        brand: Option<&Json>,
        style: Option<&Json>,
    ) -> Result<SheetId, DefinitionError> {
        let id = match self.find(brand, style) {
            Some(id) => id,
            None => self.compile(brand, style)?,
        };
        if let Some(entry) = self.sheets.get_mut(&id) {
            entry.holders += 1;
        }
        Ok(id)
    }

    /// One holder less; the last one's sheet is dropped. Says whether it was.
    pub fn release(&mut self, id: SheetId) -> bool {
        let Some(entry) = self.sheets.get_mut(&id) else {
            return false;
        };
        entry.holders = entry.holders.saturating_sub(1);
        if entry.holders > 0 {
            return false;
        }
        if let Some(entry) = self.sheets.remove(&id) {
            self.by_source.remove(&entry.source);
        }
        true
    }

    /// A sheet that somebody holds.
    pub fn get(&self, id: SheetId) -> Option<&Stylesheet> {
        self.sheets.get(&id).map(|entry| &entry.sheet)
    }

    /// A held sheet's text; empty if nobody holds it.
    pub fn css(&self, id: SheetId) -> &str {
        self.get(id).map_or("", Stylesheet::css)
    }

    /// How many sheets are held.
    pub fn count(&self) -> usize {
        self.sheets.len()
    }

    /// How often something was compiled.
    pub fn compilations(&self) -> u64 {
        self.compilations
    }

    /// By the very same documents, which costs nothing, else by their text.
    fn find(&self, brand: Option<&Json>, style: Option<&Json>) -> Option<SheetId> {
        let same = self.sheets.iter().find(|(_, entry)| {
            is_same(entry.brand.as_ref(), brand) && is_same(entry.style.as_ref(), style)
        });
        match same {
            Some((id, _)) => Some(*id),
            None => self.by_source.get(&source_text(brand, style)).copied(),
        }
    }

    fn compile(
        &mut self,
        brand: Option<&Json>,
        style: Option<&Json>,
    ) -> Result<SheetId, DefinitionError> {
        let sheet = Stylesheet::compile(brand, style)?;
        self.compilations += 1;
        self.next += 1;
        let id = SheetId(self.next);
        let source = source_text(brand, style);
        self.by_source.insert(source.clone(), id);
        let entry = Entry {
            sheet,
            brand: brand.cloned(),
            style: style.cloned(),
            source,
            holders: 0,
        };
        self.sheets.insert(id, entry);
        Ok(id)
    }
}

fn is_same(left: Option<&Json>, right: Option<&Json>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => left.is_same(right),
        _ => false,
    }
}

/// What decides a sheet's identity. The order of members counts, as it does in CSS.
fn source_text(brand: Option<&Json>, style: Option<&Json>) -> String {
    let text = |document: Option<&Json>| document.map(Json::to_string).unwrap_or_default();
    format!("{}\n{}", text(brand), text(style))
}
