//! The screen: each actor's shadow root, the style sheets they share, and the events that come back.
//!
//! A [`Screen`] belongs to a document, a [`Surface`] to an actor shown in an element. Patches and views come from
//! [`engine::view`], sheets from [`engine::style`]; a small interpreter in JavaScript (`dom/patch.js`) carries them out
//! with `createElement` and text only, so the strictest content security policy holds.
//!
//! Promises: one call into JavaScript per patch, one call back per event that is sent; events that a patch itself sets
//! off (the blur of a removed row) are not reported; a sheet is made once per document and content (R8).

mod interpreter;
mod screen;
mod sheets;
mod surface;

pub use screen::{DomEvent, Screen};
pub use surface::{ScreenError, Surface};
