//! A promise that is settled later, from Rust.

use crate::futures::spawn_local;
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// A promise and what settles it. Dropped unsettled, it stays pending for ever.
pub(crate) struct Deferred {
    promise: Promise,
    resolve: Function,
    reject: Function,
}

impl Default for Deferred {
    fn default() -> Self {
        let mut settlers = None;
        let promise = Promise::new(&mut |resolve, reject| settlers = Some((resolve, reject)));
        // The executor has run when the constructor returns.
        let (resolve, reject) = settlers.unwrap_or_default();
        Self {
            promise,
            resolve,
            reject,
        }
    }
}

impl Deferred {
    pub(crate) fn promise(&self) -> Promise {
        self.promise.clone()
    }

    pub(crate) fn resolve(&self, value: &JsValue) {
        let _ = self.resolve.call1(&JsValue::UNDEFINED, value);
    }

    pub(crate) fn reject(&self, error: &JsValue) {
        let _ = self.reject.call1(&JsValue::UNDEFINED, error);
    }

    /// What resolves it, for a listener.
    pub(crate) fn resolver(&self) -> Function {
        self.resolve.clone()
    }
}

/// Lets a promise settle unheard: its failure is nobody's news.
pub(crate) fn forget(promise: Promise) {
    spawn_local(async move { drop(JsFuture::from(promise).await) });
}
