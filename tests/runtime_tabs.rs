//! Two runtimes on one database, as two tabs are: neither page nor database tells them apart.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::float_cmp, reason = "counts, which doubles hold exactly")]

use pleione::runtime::CoList;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

#[path = "support/js.rs"]
mod js;
#[path = "support/browser.rs"]
mod support;
use js::*;
use support::{delete_database, fresh_name, sleep_ms, wait_for};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn two_tabs_see_each_others_changes_within_100_ms_and_lose_none() {
    let name = fresh_name("two-tabs");
    let (one, two) = (open_local(&name).await, open_local(&name).await);
    assert_eq!(one.account_id().unwrap(), two.account_id().unwrap());
    let list_one = one
        .create_list(None, &JsValue::UNDEFINED, &JsValue::UNDEFINED)
        .unwrap();
    one.settled().await.unwrap();
    let list_two: CoList = made(two.load_list(list_one.id())).await;
    let (told, _ending) = listen(&load(&two, &list_one.id()).await);
    list_one
        .append(&json(r#"["hello"]"#).unchecked_into())
        .unwrap();
    let took_ms = wait_for("the change", 100.0, || {
        told.borrow().last().unwrap().contains("hello")
    })
    .await;
    web_sys::console::log_1(&format!("seen by the other tab after {took_ms} ms").into());

    for number in 0..20 {
        list_one
            .append(&js_sys::Array::of1(&number.into()))
            .unwrap();
        list_two
            .append(&js_sys::Array::of1(&(100 + number).into()))
            .unwrap();
        if number % 3 == 0 {
            sleep_ms(1).await;
        }
    }
    one.settled().await.unwrap();
    two.settled().await.unwrap();
    let items = |list: &pleione::runtime::CoList| -> js_sys::Array {
        list.to_json().unwrap().unchecked_into()
    };
    wait_for("all items in both", 200.0, || {
        items(&list_one).length() == 41 && items(&list_two).length() == 41
    })
    .await;
    assert_eq!(text(&items(&list_one)), text(&items(&list_two)));
    one.close().await.unwrap();
    two.close().await.unwrap();
    let again = open_local(&name).await;
    let store = load(&again, &list_one.id()).await;
    assert_eq!(store.value().unchecked_into::<js_sys::Array>().length(), 41);
    again.close().await.unwrap();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn tabs_that_open_for_the_first_time_at_once_are_one_account() {
    let name = fresh_name("first-open");
    let accounts = support::join_all((0..4).map(|_| {
        let name = name.clone();
        async move {
            let runtime = open_local(&name).await;
            let account = runtime.account_id().unwrap();
            runtime.close().await.unwrap();
            account
        }
    }))
    .await;
    assert!(
        accounts.iter().all(|account| *account == accounts[0]),
        "{accounts:?}"
    );
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn on_a_full_disk_another_tab_still_opens_and_shows_what_is_there() {
    let name = fresh_name("full-tab");
    let one = open_local(&name).await;
    let shown = map(&one, r#"{"there": 1}"#);
    one.settled().await.unwrap();
    let restore = support::break_put("QuotaExceededError", 0);
    let two = open_local(&name).await;
    let found = load(&two, &shown.id()).await.value();
    assert_eq!(text(&found), r#"{"there":1}"#);
    set(&map(&two, "{}"), "more", 1);
    assert_eq!(
        code(&two.settled().await.unwrap_err()),
        "PLEIONE_E_STORAGE_QUOTA"
    );
    restore.call0(&JsValue::UNDEFINED).unwrap();
    two.settled().await.unwrap();
    one.close().await.unwrap();
    two.close().await.unwrap();
    delete_database(&name).await;
}
