//! Futures that JavaScript runs, each boxed before anything is built around it: a task, a promise and what settles it are
//! then compiled once, not for every future anew (half of what the promises of this package took).
//!
//! `#[wasm_bindgen(wasm_bindgen_futures = crate::futures)]` lets the exported `async` methods of a block use it.

use std::pin::Pin;

use js_sys::Promise;
use wasm_bindgen::JsValue;

type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// Runs a future, beginning at the end of this task.
pub(crate) fn spawn_local(future: impl Future<Output = ()> + 'static) {
    let future: Boxed<()> = Box::pin(future);
    wasm_bindgen_futures::spawn_local(future);
}

/// Runs a future, and promises what it comes to.
pub(crate) fn future_to_promise(
    future: impl Future<Output = Result<JsValue, JsValue>> + 'static,
) -> Promise {
    let future: Boxed<_> = Box::pin(future);
    wasm_bindgen_futures::future_to_promise(future)
}
