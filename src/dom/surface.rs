//! One actor on the screen.

use std::cell::Cell;
use std::sync::Arc;

use engine::style::{SheetId, Stylesheet};
use engine::view::{CompiledView, NodeId, Patch};
use wasm_bindgen::JsValue;
use web_sys::Element;

use super::interpreter::JsSurface;
use super::screen::Screen;
use crate::error::{Told, describe};

/// Something that the browser refused to show.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScreenError {
    /// The element takes no shadow root, or has a closed one.
    #[error("an actor cannot be shown in this element, because it takes no shadow root: {}", describe(.0))]
    NoShadowRoot(JsValue),
    /// A patch could not be carried out; the surface shows part of it. Show the view anew.
    #[error("a change could not be shown: {}", describe(.0))]
    Patch(JsValue),
    /// The browser takes no constructed style sheet.
    #[error("a style could not be made into a sheet: {}", describe(.0))]
    Sheet(JsValue),
}

impl Told for ScreenError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoShadowRoot(_) => "PLEIONE_E_ELEMENT",
            Self::Patch(_) => "PLEIONE_E_PATCH",
            Self::Sheet(_) => "PLEIONE_E_SHEET",
        }
    }

    fn cause(&self) -> Option<JsValue> {
        match self {
            Self::NoShadowRoot(thrown) | Self::Patch(thrown) | Self::Sheet(thrown) => {
                Some(thrown.clone())
            }
        }
    }
}

/// An actor's shadow root. Dropping it empties the root and ends its events; the element stays.
pub struct Surface {
    screen: Screen,
    root: JsSurface,
    sheet: Cell<Option<SheetId>>,
}

impl Surface {
    /// A surface in that element, which gets a shadow root unless it has one, for the actor of that number.
    pub fn attach(
        screen: &Screen,
        element: &Element,
        actor: u32,
        view: &Arc<CompiledView>,
    ) -> Result<Self, ScreenError> {
        let listener = screen.shared.listener.as_ref();
        let catch_up = screen.shared.catch_up.as_ref();
        let surface = JsSurface::new(element, actor, listener, catch_up)
            .map_err(ScreenError::NoShadowRoot)?;
        surface.show(&screen.define(view));
        Ok(Self {
            screen: screen.clone(),
            root: surface,
            sheet: Cell::new(None),
        })
    }

    /// Empties the surface for another view, or the same one anew; patches of a new instance must follow.
    pub fn show_view(&self, view: &Arc<CompiledView>) {
        self.root.show(&self.screen.define(view));
    }

    /// Carries out a patch. Its slots are the caller's: [`mount`](Self::mount) the children afterwards.
    pub fn apply(&self, patch: &Patch) -> Result<(), ScreenError> {
        if patch.operations().is_empty() {
            return Ok(());
        }
        self.root
            .apply(patch.operations(), patch.text())
            .map_err(ScreenError::Patch)
    }

    /// Shows a child's element inside a node, and takes the former child's out.
    pub fn mount(&self, node: NodeId, child: Option<&Element>) -> Result<(), ScreenError> {
        self.root.mount(node, child).map_err(ScreenError::Patch)
    }

    /// Shows a style, in place of the one before.
    pub fn style(&self, id: SheetId, style: &Stylesheet) -> Result<(), ScreenError> {
        let mut sheets = self.screen.shared.sheets.borrow_mut();
        let sheet = sheets.hold(id, style).map_err(ScreenError::Sheet)?;
        self.root.adopt(&js_sys::Array::of1(&sheet));
        if let Some(former) = self.sheet.replace(Some(id)) {
            sheets.release(former);
        }
        Ok(())
    }
}

impl Drop for Surface {
    fn drop(&mut self) {
        self.root.clear();
        if let Some(sheet) = self.sheet.take() {
            self.root.adopt(&js_sys::Array::new());
            self.screen.shared.sheets.borrow_mut().release(sheet);
        }
    }
}
