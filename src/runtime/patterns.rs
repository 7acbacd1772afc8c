//! The regular expressions of JSON Schemas, matched by the browser's own engine.

use engine::schema::{Pattern, PatternCompiler};
use js_sys::{Array, Function, Reflect, RegExp};
use wasm_bindgen::JsCast;

use crate::error::describe;

/// Makes patterns of `RegExp`.
pub(crate) struct BrowserPatterns;

struct BrowserPattern(RegExp);

impl PatternCompiler for BrowserPatterns {
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String> {
        let constructor = Reflect::get(&js_sys::global(), &"RegExp".into()).unwrap_or_default();
        let arguments = Array::of2(&pattern.into(), &"u".into());
        let compiled = Reflect::construct(constructor.unchecked_ref::<Function>(), &arguments)
            .map_err(|thrown| describe(&thrown))?;
        Ok(Box::new(BrowserPattern(compiled.unchecked_into())))
    }
}

impl Pattern for BrowserPattern {
    fn is_match(&self, text: &str) -> bool {
        self.0.test(text)
    }
}
