//! The page's own services: frames, uncaught errors.

use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// Hands what a listener threw to the page's handler of uncaught errors, so that it is seen where every other is.
pub(crate) fn report_error(thrown: &JsValue) {
    let report = Reflect::get(&js_sys::global(), &"reportError".into());
    if let Ok(report) = report.unwrap_or_default().dyn_into::<Function>() {
        let _ = report.call1(&JsValue::UNDEFINED, thrown);
    }
}

/// Whether nobody sees the page: then it gets no frames.
pub(crate) fn is_hidden() -> bool {
    let document = web_sys::window().and_then(|window| window.document());
    document.is_none_or(|document| document.hidden())
}
