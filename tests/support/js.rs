//! A runtime as JavaScript uses it: stores, errors, values as text.
#![allow(dead_code, reason = "every test file takes what it needs")]

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Promise, Reflect};
use pleione::Runtime;
use pleione::runtime::CoMap;
use wasm_bindgen::convert::TryFromJsValue;
use wasm_bindgen::prelude::*;

// A store as JavaScript has it.
#[wasm_bindgen]
extern "C" {
    pub(crate) type Store;

    #[wasm_bindgen(method, getter, structural)]
    pub(crate) fn value(this: &Store) -> JsValue;

    #[wasm_bindgen(method, structural)]
    pub(crate) fn subscribe(this: &Store, listener: &JsValue) -> Function;
}

pub(crate) fn json(text: &str) -> JsValue {
    js_sys::JSON::parse(text).unwrap()
}

pub(crate) fn text(value: &JsValue) -> String {
    js_sys::JSON::stringify(value).unwrap().into()
}

pub(crate) fn code(error: &JsValue) -> String {
    Reflect::get(error, &"code".into())
        .unwrap()
        .as_string()
        .unwrap_or_else(|| format!("{error:?}"))
}

pub(crate) fn number(object: &JsValue, key: &str) -> f64 {
    Reflect::get(object, &key.into()).unwrap().as_f64().unwrap()
}

pub(crate) async fn open(name: &str, options: &str) -> Result<Runtime, JsValue> {
    let options = json(options);
    Reflect::set(&options, &"name".into(), &name.into()).unwrap();
    Runtime::open(options).await
}

pub(crate) async fn open_local(name: &str) -> Runtime {
    open(name, "{}").await.unwrap()
}

pub(crate) fn map(runtime: &Runtime, init: &str) -> CoMap {
    runtime
        .create_map(&json(init), &JsValue::UNDEFINED)
        .unwrap()
}

pub(crate) fn set(map: &CoMap, key: &str, value: impl Into<JsValue>) {
    map.set(&key.into(), &value.into()).unwrap();
}

/// Subscribes; what was told is collected as text.
pub(crate) fn listen(store: &Store) -> (Rc<RefCell<Vec<String>>>, Function) {
    let told = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&told);
    let listener =
        Closure::<dyn FnMut(JsValue)>::new(move |value| sink.borrow_mut().push(text(&value)));
    let unsubscribe = store.subscribe(&listener.into_js_value());
    (told, unsubscribe)
}

pub(crate) async fn load(runtime: &Runtime, id: &str) -> Store {
    runtime.load(id.to_owned()).await.unwrap().unchecked_into()
}

/// What a call promised, as the class that it is of.
pub(crate) async fn made<T: TryFromJsValue>(promise: Promise) -> T {
    let made = promise.await.unwrap();
    T::try_from_js_value(made).ok().unwrap()
}
