//! A runtime as JavaScript uses it: values, promises, stores, errors, over a real database.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::float_cmp, reason = "counts, which doubles hold exactly")]

use std::cell::Cell;
use std::rc::Rc;

use pleione::runtime::{CoMap, CoStream};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

#[path = "support/js.rs"]
mod js;
#[path = "support/browser.rs"]
mod support;
use js::*;
use support::{delete_database, fresh_name, now_ms, wait_for};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn what_was_settled_is_there_after_reopening() {
    let name = fresh_name("runtime");
    let runtime = open_local(&name).await;
    let account = runtime.account_id().unwrap();
    let list = runtime
        .create_list(
            Some(json(r#"["a"]"#).unchecked_into()),
            &JsValue::UNDEFINED,
            &JsValue::UNDEFINED,
        )
        .unwrap();
    list.append(&json(r#"["b", "c"]"#).unchecked_into())
        .unwrap();
    list.insert(1, &json(r#"[{"x": 1}]"#).unchecked_into())
        .unwrap();
    list.delete(0).unwrap();
    list.replace(2, &"C".into()).unwrap();
    list.prepend(&json("[0]").unchecked_into()).unwrap();
    let stream = runtime.create_stream(&JsValue::UNDEFINED).unwrap();
    stream.push(&json(r#"{"n": 1}"#)).unwrap();
    let map = map(&runtime, r#"{"a": 1, "b": [true, null]}"#);
    set(&map, "a", 2);
    map.set(&json(r#"{"c": "x", "d": "y"}"#), &JsValue::UNDEFINED)
        .unwrap();
    map.delete("d").unwrap();
    assert_eq!(map.get("a").unwrap(), 2);
    assert!(map.get("d").unwrap().is_undefined());
    runtime.close().await.unwrap();

    let runtime = open_local(&name).await;
    assert_eq!(runtime.account_id().unwrap(), account);
    for (id, expected) in [
        (map.id(), r#"{"a":2,"b":[true,null],"c":"x"}"#),
        (list.id(), r#"[0,{"x":1},"b","C"]"#),
    ] {
        assert_eq!(text(&load(&runtime, &id).await.value()), expected);
    }
    let stream: CoStream = made(runtime.load_stream(stream.id())).await;
    assert_eq!(text(&stream.items().unwrap()), r#"[{"n":1}]"#);
    let map: CoMap = made(runtime.load_map(map.id())).await;
    set(&map, "a", 3);
    runtime.settled().await.unwrap();
    runtime.close().await.unwrap();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn a_task_is_one_write_however_much_it_changes() {
    let name = fresh_name("one-write");
    let runtime = open_local(&name).await;
    runtime.settled().await.unwrap();
    let before = runtime.stats();
    let map = map(&runtime, "{}");
    let list = runtime
        .create_list(None, &JsValue::UNDEFINED, &JsValue::UNDEFINED)
        .unwrap();
    for number in 0..50 {
        set(&map, "n", number);
        list.append(&js_sys::Array::of1(&number.into())).unwrap();
    }
    runtime.settled().await.unwrap();
    let after = runtime.stats();
    let grown = |key| number(&after, key) - number(&before, key);
    assert_eq!(grown("storageWrites"), 1.0);
    assert_eq!(grown("transactions"), 100.0);
    // Two headers, two segments, two notes that the server has neither.
    assert_eq!(grown("storagePuts"), 6.0);
    runtime.close().await.unwrap();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn a_store_converts_once_and_survives_a_listener_that_writes_or_throws() {
    let runtime = open("stores", r#"{"storage": "memory"}"#).await.unwrap();
    let map = Rc::new(map(&runtime, r#"{"n": 0}"#));
    let store = load(&runtime, &map.id()).await;
    assert!(js_sys::Object::is(&store.value(), &store.value()));
    let quiet = support::silence_errors();
    let thrower = js_sys::Function::new_no_args("throw new Error('a listener failed')");
    let _ending = store.subscribe(&thrower);
    let writer = {
        let map = Rc::clone(&map);
        Closure::<dyn FnMut(JsValue)>::new(move |value| {
            let n = number(&value, "n");
            if n < 3.0 {
                set(&map, "n", n + 1.0);
            }
        })
    };
    let _ending = store.subscribe(&writer.into_js_value());
    let (told, unsubscribe) = listen(&store);
    wait_for("the last value", 1_000.0, || {
        told.borrow().last().unwrap() == r#"{"n":3}"#
    })
    .await;
    quiet.call0(&JsValue::UNDEFINED).unwrap();
    unsubscribe.call0(&JsValue::UNDEFINED).unwrap();
    set(&map, "n", 9);
    runtime.settled().await.unwrap();
    assert_eq!(told.borrow().last().unwrap(), r#"{"n":3}"#);
    assert_eq!(text(&store.value()), r#"{"n":9}"#);
    runtime.close().await.unwrap();
}

#[wasm_bindgen_test]
async fn a_full_disk_is_told_and_what_was_refused_is_written_later() {
    let name = fresh_name("runtime-full");
    let runtime = open_local(&name).await;
    runtime.settled().await.unwrap();
    let (problems, _ending) = listen(runtime.problems().unchecked_ref());
    let restore = support::break_put("QuotaExceededError", 0);
    let map = map(&runtime, r#"{"kept": "yes"}"#);
    let error = runtime.settled().await.unwrap_err();
    assert_eq!(code(&error), "PLEIONE_E_STORAGE_QUOTA");
    assert!(
        problems
            .borrow()
            .last()
            .unwrap()
            .contains("PLEIONE_E_STORAGE_QUOTA")
    );
    restore.call0(&JsValue::UNDEFINED).unwrap();
    set(&map, "more", 1);
    runtime.settled().await.unwrap();
    runtime.close().await.unwrap();
    let runtime = open_local(&name).await;
    let found = load(&runtime, &map.id()).await.value();
    assert_eq!(text(&found), r#"{"kept":"yes","more":1}"#);
    runtime.close().await.unwrap();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn what_cannot_be_opened_or_found_is_an_error_with_a_code() {
    let restore = support::break_open("SecurityError");
    let refused = open("refused", "{}").await.err().unwrap();
    restore.call0(&JsValue::UNDEFINED).unwrap();
    assert_eq!(code(&refused), "PLEIONE_E_STORAGE_UNAVAILABLE");
    for (options, expected) in [
        (r#"{"storage": "disk"}"#, "PLEIONE_E_OPTION"),
        (
            r#"{"storage": "memory", "sync": "localhost"}"#,
            "PLEIONE_E_SYNC_ADDRESS",
        ),
        (
            r#"{"storage": "memory", "secret": "x"}"#,
            "PLEIONE_E_SECRET",
        ),
        (r#"{"storage": 7}"#, "PLEIONE_E_OPTION"),
    ] {
        assert_eq!(code(&open("wrong", options).await.err().unwrap()), expected);
    }
    let runtime = open("missing", r#"{"storage": "memory"}"#).await.unwrap();
    let unknown = runtime
        .load("co_zAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned())
        .await
        .unwrap_err();
    assert_eq!(code(&unknown), "PLEIONE_E_UNAVAILABLE");
    assert_eq!(
        code(&runtime.load("x".to_owned()).await.unwrap_err()),
        "PLEIONE_E_ID"
    );
    assert_eq!(
        code(&runtime.synced().await.unwrap_err()),
        "PLEIONE_E_NO_SYNC"
    );
    runtime.close().await.unwrap();
    runtime.close().await.unwrap();
    assert_eq!(
        code(&runtime.settled().await.unwrap_err()),
        "PLEIONE_E_CLOSED"
    );
    assert_eq!(code(&runtime.account_id().unwrap_err()), "PLEIONE_E_CLOSED");
}

#[wasm_bindgen_test]
async fn members_of_a_group_have_roles() {
    let runtime = open("groups", r#"{"storage": "memory"}"#).await.unwrap();
    let group = runtime.create_group().unwrap();
    group
        .add_member("everyone".to_owned(), "reader".to_owned())
        .await
        .unwrap();
    assert_eq!(group.my_role().unwrap().unwrap(), "admin");
    assert!(text(&group.members().unwrap()).contains(r#""everyone":"reader""#));
    group.remove_member("everyone".to_owned()).await.unwrap();
    assert!(!text(&group.members().unwrap()).contains("everyone"));
    let error = group
        .add_member("everyone".to_owned(), "king".to_owned())
        .await
        .unwrap_err();
    assert_eq!(code(&error), "PLEIONE_E_OPTION");
    runtime.close().await.unwrap();
}

#[wasm_bindgen_test]
async fn a_thousand_values_are_read_in_few_transactions() {
    let name = fresh_name("thousand");
    let runtime = open_local(&name).await;
    let maps: Vec<String> = (0..1_000)
        .map(|n| map(&runtime, &format!(r#"{{"n":{n}}}"#)).id())
        .collect();
    runtime.close().await.unwrap();
    let runtime = Rc::new(open_local(&name).await);
    let before = number(&runtime.stats(), "storageReads");
    let start_ms = now_ms();
    let left = Rc::new(Cell::new(maps.len()));
    support::join_all(maps.into_iter().map(|id| {
        let (runtime, left) = (Rc::clone(&runtime), Rc::clone(&left));
        async move {
            runtime.load(id).await.unwrap();
            left.set(left.get() - 1);
        }
    }))
    .await;
    let took_ms = now_ms() - start_ms;
    assert_eq!(left.get(), 0);
    let reads = number(&runtime.stats(), "storageReads") - before;
    web_sys::console::log_1(
        &format!("1,000 values read in {took_ms:.0} ms, {reads} transactions").into(),
    );
    assert!(reads <= 2.0, "{reads}");
    runtime.close().await.unwrap();
    delete_database(&name).await;
}
