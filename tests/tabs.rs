//! Locks, sessions and the channel between tabs. Two openings in one page stand for two tabs: locks and channels do not
//! tell them apart.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use cojson::entropy::Entropy;
use cojson::ids::{CoId, SessionId};
use pleione::error::Told;
use pleione::storage::Storage;
use pleione::tabs::{
    Channel, Claim, LockWish, claim_session, kept_secret, live_sessions, try_hold,
};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

#[path = "support/browser.rs"]
mod support;
use support::{delete_database, fresh_name, sleep_ms, wait_for};

wasm_bindgen_test_configure!(run_in_browser);

fn account(name: &str) -> CoId {
    CoId::parse(&format!("co_z{name}")).unwrap()
}

async fn claim(storage: &Storage, name: &str, account: &CoId, fresh: &str) -> Claim {
    let session = SessionId::parse(&format!("{account}_session_z{fresh}")).unwrap();
    claim_session(storage, name, account, || session)
        .await
        .unwrap()
}

#[wasm_bindgen_test]
async fn no_two_tabs_write_one_session_and_a_free_one_is_taken_up_again() {
    let name = fresh_name("claims");
    let storage = Storage::open(&name).await.unwrap();
    let alice = account("Ace");
    let first = claim(&storage, &name, &alice, "1").await;
    let second = claim(&storage, &name, &alice, "2").await;
    assert_ne!(first.session, second.session);
    assert_eq!(live_sessions(&name).await.len(), 2);

    let freed = first.session.clone();
    drop(first);
    sleep_ms(10).await;
    assert_eq!(
        live_sessions(&name).await,
        std::slice::from_ref(&second.session)
    );
    let other = claim(&storage, &name, &account("Bob"), "3").await;
    assert_eq!(
        other.session.author(),
        "co_zBob",
        "another account's session is not taken"
    );
    let third = claim(&storage, &name, &alice, "4").await;
    assert_eq!(third.session, freed);
    storage.close();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn a_node_in_memory_takes_a_fresh_session_each_time_r2() {
    let storage = Storage::memory();
    let alice = account("Ace");
    let first = claim(&storage, "memory", &alice, "1").await;
    drop(first);
    let second = claim(&storage, "memory", &alice, "2").await;
    assert_eq!(second.session.as_str(), "co_zAce_session_z2");
}

#[wasm_bindgen_test]
async fn an_actors_lock_passes_on_when_its_driver_goes() {
    let name = fresh_name("actor");
    let granted = Rc::new(Cell::new(false));
    let first = LockWish::new(&name, || {});
    wait_for("the first wish", 1_000.0, || first.is_granted()).await;
    let tell = Rc::clone(&granted);
    let second = LockWish::new(&name, move || tell.set(true));
    let withdrawn = LockWish::new(&name, || panic!("it was withdrawn"));
    sleep_ms(20).await;
    assert!(!granted.get() && !second.is_granted());
    drop(withdrawn);
    drop(first);
    wait_for("the second wish", 1_000.0, || granted.get()).await;
    assert!(try_hold(&name).await.is_none());
    drop(second);
    sleep_ms(10).await;
    assert!(try_hold(&name).await.is_some());
}

#[wasm_bindgen_test]
async fn tabs_hear_each_other_and_not_themselves() {
    let name = fresh_name("channel");
    let heard = Rc::new(RefCell::new(Vec::new()));
    let listen = |tab: &'static str| {
        let heard = Rc::clone(&heard);
        Channel::join(&name, move |frame| heard.borrow_mut().push((tab, frame))).unwrap()
    };
    let (one, _two) = (listen("one"), listen("two"));
    let gone = listen("three");
    drop(gone);
    one.post("hello");
    wait_for("the other tab", 100.0, || !heard.borrow().is_empty()).await;
    sleep_ms(10).await;
    assert_eq!(*heard.borrow(), [("two", "hello".to_owned())]);
}

#[wasm_bindgen_test]
async fn a_secret_is_made_once_and_a_given_one_is_kept_if_there_was_none() {
    let mut entropy = Entropy::from_seed([7; 32]);
    let storage = Storage::memory();
    let made = kept_secret(&storage, None, &mut entropy).await.unwrap();
    let again = kept_secret(&storage, None, &mut entropy).await.unwrap();
    assert_eq!(made.agent_id(), again.agent_id());

    let elsewhere = Storage::memory();
    let text = made.to_text();
    let given = kept_secret(&elsewhere, Some(&text), &mut entropy)
        .await
        .unwrap();
    let kept = kept_secret(&elsewhere, None, &mut entropy).await.unwrap();
    assert_eq!(given.agent_id(), kept.agent_id());

    let error = kept_secret(&storage, Some("no secret"), &mut entropy)
        .await
        .err()
        .unwrap();
    assert_eq!(error.code(), "PLEIONE_E_SECRET");
}
