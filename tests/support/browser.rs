//! What the browser tests share: databases of their own, waiting, and a browser that fails on purpose.
#![allow(dead_code, reason = "every test file takes what it needs")]

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

#[wasm_bindgen(inline_js = r"
export function delete_database(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
}
export function open_at_version(name, version) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, version);
    request.onsuccess = () => { request.result.close(); resolve(); };
    request.onerror = () => reject(request.error);
  });
}
export function break_open(error) {
  const open = IDBFactory.prototype.open;
  IDBFactory.prototype.open = function () { throw new DOMException('refused', error); };
  return () => { IDBFactory.prototype.open = open; };
}
export function break_put(error, nth) {
  const put = IDBObjectStore.prototype.put;
  let count = 0;
  IDBObjectStore.prototype.put = function (...args) {
    count += 1;
    if (nth === 0 || count === nth) throw new DOMException('no room', error);
    return put.apply(this, args);
  };
  return () => { IDBObjectStore.prototype.put = put; };
}
export function hold_commits() {
  // The storage listens with oncomplete; what it hangs there is called when the test lets go.
  const property = Object.getOwnPropertyDescriptor(IDBTransaction.prototype, 'oncomplete');
  const held = [];
  let isHeld = true;
  Object.defineProperty(IDBTransaction.prototype, 'oncomplete', {
    configurable: true,
    get() { return property.get.call(this); },
    set(listener) {
      const late = listener && ((event) => (isHeld ? held.push(() => listener(event)) : listener(event)));
      property.set.call(this, late);
    },
  });
  return () => {
    isHeld = false;
    Object.defineProperty(IDBTransaction.prototype, 'oncomplete', property);
    for (const tell of held) tell();
  };
}
export function silence_errors() {
  const quiet = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };
  addEventListener('error', quiet, { capture: true });
  return () => removeEventListener('error', quiet, { capture: true });
}
export function now_ms() { return performance.now(); }
export function sleep(ms) { return new Promise((resolve) => setTimeout(resolve, ms)); }
")]
extern "C" {
    #[wasm_bindgen(js_name = delete_database)]
    fn delete_database_js(name: &str) -> Promise;
    #[wasm_bindgen(js_name = open_at_version)]
    fn open_at_version_js(name: &str, version: u32) -> Promise;
    /// Opening any database throws that, until the returned function is called.
    pub(crate) fn break_open(error: &str) -> Function;
    /// The nth put (0: every one) throws that, until the returned function is called.
    pub(crate) fn break_put(error: &str, nth: u32) -> Function;
    /// Transactions complete, but nobody hears of it until the returned function is called.
    pub(crate) fn hold_commits() -> Function;
    /// Uncaught errors are not reported until the returned function is called.
    pub(crate) fn silence_errors() -> Function;
    pub(crate) fn now_ms() -> f64;
    fn sleep(ms: u32) -> Promise;
}

/// A name that no other test has.
pub(crate) fn fresh_name(what: &str) -> String {
    format!("test-{what}-{}", js_sys::Math::random())
}

pub(crate) async fn delete_database(name: &str) {
    JsFuture::from(delete_database_js(name)).await.unwrap();
}

pub(crate) async fn open_at_version(name: &str, version: u32) {
    JsFuture::from(open_at_version_js(name, version))
        .await
        .unwrap();
}

pub(crate) async fn sleep_ms(ms: u32) {
    JsFuture::from(sleep(ms)).await.unwrap();
}

/// Waits until it holds, at most so long; tells how long it took.
pub(crate) async fn wait_for(what: &str, ms_max: f64, mut holds: impl FnMut() -> bool) -> f64 {
    let start = now_ms();
    while !holds() {
        assert!(now_ms() - start < ms_max, "{what}: not within {ms_max} ms");
        sleep_ms(1).await;
    }
    now_ms() - start
}

/// Runs them all at once; their outcomes in order.
pub(crate) async fn join_all<T: 'static, F: Future<Output = T> + 'static>(
    futures: impl IntoIterator<Item = F>,
) -> Vec<T> {
    let outcomes: Vec<Rc<RefCell<Option<T>>>> = futures
        .into_iter()
        .map(|future| {
            let outcome = Rc::new(RefCell::new(None));
            let slot = Rc::clone(&outcome);
            spawn_local(async move { *slot.borrow_mut() = Some(future.await) });
            outcome
        })
        .collect();
    while outcomes.iter().any(|outcome| outcome.borrow().is_none()) {
        sleep_ms(1).await;
    }
    outcomes
        .iter()
        .map(|outcome| outcome.take().unwrap())
        .collect()
}
