//! Web Locks: held by a tab until it lets go or dies.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::deferred::{Deferred, forget};

// Declared here because web-sys keeps them behind a compiler flag.
#[wasm_bindgen]
extern "C" {
    type LockManager;

    #[wasm_bindgen(method, js_name = request)]
    fn request(this: &LockManager, name: &str, callback: &JsValue) -> Promise;

    #[wasm_bindgen(method, js_name = request)]
    fn request_with(
        this: &LockManager,
        name: &str,
        options: &JsValue,
        callback: &JsValue,
    ) -> Promise;

    #[wasm_bindgen(method)]
    fn query(this: &LockManager) -> Promise;
}

/// Whether this page has locks: only securely served pages have.
pub fn supported() -> bool {
    manager().is_some()
}

fn manager() -> Option<LockManager> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    (!locks.is_undefined()).then(|| locks.unchecked_into())
}

/// A lock that is held; dropping it lets go.
pub struct Held {
    release: Function,
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.release.call0(&JsValue::UNDEFINED);
    }
}

/// Takes the lock if nobody holds it.
pub async fn try_hold(name: &str) -> Option<Held> {
    let manager = manager()?;
    let options = Object::new();
    let _ = Reflect::set(&options, &"ifAvailable".into(), &true.into());
    let answer = Deferred::default();
    let answered = answer.resolver();
    let granted = Closure::once_into_js(move |lock: JsValue| {
        let until = Deferred::default();
        if lock.is_null() {
            until.resolve(&JsValue::UNDEFINED);
        }
        let release = if lock.is_null() {
            lock
        } else {
            until.resolver().into()
        };
        let _ = answered.call1(&JsValue::UNDEFINED, &release);
        until.promise()
    });
    forget(manager.request_with(name, &options, &granted));
    let release = JsFuture::from(answer.promise()).await.ok()?;
    let release = release.dyn_into::<Function>().ok()?;
    Some(Held { release })
}

/// A wish for a lock: granted when whoever holds it lets go or dies. Dropping it withdraws it, or lets go.
pub struct LockWish(Rc<RefCell<Wish>>);

enum Wish {
    Waiting,
    Granted(#[expect(dead_code, reason = "held by being kept")] Held),
    Withdrawn,
}

impl LockWish {
    /// Asks for the lock; calls `granted` when it is held. Without locks it never is.
    pub fn new(name: &str, granted: impl FnOnce() + 'static) -> Self {
        let wish = Rc::new(RefCell::new(Wish::Waiting));
        let seen = Rc::clone(&wish);
        let callback = Closure::once_into_js(move |_: JsValue| {
            let until = Deferred::default();
            let held = Held {
                release: until.resolver(),
            };
            if matches!(*seen.borrow(), Wish::Withdrawn) {
                drop(held);
            } else {
                seen.replace(Wish::Granted(held));
                granted();
            }
            until.promise()
        });
        if let Some(manager) = manager() {
            forget(manager.request(name, &callback));
        }
        Self(wish)
    }

    /// Whether the lock is held.
    pub fn is_granted(&self) -> bool {
        matches!(*self.0.borrow(), Wish::Granted(_))
    }
}

impl Drop for LockWish {
    fn drop(&mut self) {
        drop(self.0.replace(Wish::Withdrawn));
    }
}

/// The names of all locks that are held now, by any tab of this origin.
pub async fn live() -> Vec<String> {
    let Some(manager) = manager() else {
        return Vec::new();
    };
    let Ok(snapshot) = JsFuture::from(manager.query()).await else {
        return Vec::new();
    };
    let held = Reflect::get(&snapshot, &"held".into()).unwrap_or_default();
    let name = |lock: JsValue| Reflect::get(&lock, &"name".into()).ok()?.as_string();
    Array::from(&held).iter().filter_map(name).collect()
}
