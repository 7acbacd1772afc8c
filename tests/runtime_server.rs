//! A runtime and its server: what is sent, and when.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::float_cmp, reason = "counts, which doubles hold exactly")]

use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

#[path = "support/js.rs"]
mod js;
#[path = "support/sockets.rs"]
mod sockets;
#[path = "support/browser.rs"]
mod support;
use js::*;
use support::{delete_database, fresh_name, sleep_ms, wait_for};

wasm_bindgen_test_configure!(run_in_browser);

/// The frames that a socket was handed, one message each.
fn messages(socket: usize) -> Vec<String> {
    let frames = sockets::sent(socket);
    frames
        .iter()
        .flat_map(|frame| frame.split('\n'))
        .map(str::to_owned)
        .collect()
}

#[wasm_bindgen_test]
async fn nothing_is_sent_before_it_is_durable_r2() {
    let name = fresh_name("durable-first");
    sockets::fake_sockets();
    let runtime = open(&name, r#"{"sync": "ws://test"}"#).await.unwrap();
    wait_for("a socket", 1_000.0, || sockets::count() == 1).await;
    sockets::open(0);
    runtime.settled().await.unwrap();
    let map = map(&runtime, "{}");
    let id = map.id();
    let is_sent = || {
        messages(0)
            .iter()
            .any(|message| message.contains("content") && message.contains(&id))
    };

    let restore = support::break_put("QuotaExceededError", 0);
    set(&map, "n", 1);
    runtime.settled().await.unwrap_err();
    sleep_ms(50).await;
    assert!(!is_sent(), "the write was refused");
    restore.call0(&JsValue::UNDEFINED).unwrap();

    // Every write is held back for a while after the database has taken it.
    let release = support::hold_commits();
    set(&map, "n", 2);
    sleep_ms(50).await;
    assert!(!is_sent(), "the write is not complete");
    assert_eq!(text(&map.get("n").unwrap()), "2", "it is shown at once");
    release.call0(&JsValue::UNDEFINED).unwrap();
    wait_for("the content", 1_000.0, is_sent).await;
    runtime.close().await.unwrap();
    sockets::real_sockets();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn what_was_changed_offline_is_sent_by_a_later_run_that_never_looks_at_it() {
    let name = fresh_name("offline");
    let runtime = open_local(&name).await;
    let map = map(&runtime, r#"{"offline": true}"#);
    runtime.close().await.unwrap();

    sockets::fake_sockets();
    let runtime = open(&name, r#"{"sync": "ws://test"}"#).await.unwrap();
    let pending = || {
        let status = runtime.sync_status().unchecked_into::<Store>().value();
        (
            Reflect::get(&status, &"state".into())
                .unwrap()
                .as_string()
                .unwrap(),
            number(&status, "pending"),
        )
    };
    wait_for("a socket", 1_000.0, || sockets::count() == 1).await;
    wait_for("the count", 1_000.0, || pending().1 > 0.0).await;
    assert_eq!(pending().0, "connecting");
    sockets::open(0);
    let is_told = |message: &String| message.contains(&map.id());
    wait_for("the value", 1_000.0, || messages(0).iter().any(is_told)).await;
    assert_eq!(pending().0, "syncing");
    runtime.close().await.unwrap();
    sockets::real_sockets();
    delete_database(&name).await;
}
