//! The wire: pauses between attempts, frames on their way out, and a socket that is kept up.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Function;
use pleione::error::Told;
use pleione::transport::{
    Address, BACKOFF_MS_MAX, BACKOFF_MS_MIN, Backoff, FRAME_BYTES_TARGET, Outbox, Transport,
    TransportEvent,
};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

#[path = "support/sockets.rs"]
mod sockets;
#[path = "support/browser.rs"]
mod support;
use sockets::{
    address, arrive, buffer, count, end, fake_sockets, go_online, is_closed, open, real_sockets,
    sent, skip_time,
};
use support::{sleep_ms, wait_for};

wasm_bindgen_test_configure!(run_in_browser);

struct Wire {
    transport: Transport,
    events: Rc<RefCell<Vec<String>>>,
}

fn wire() -> Wire {
    wire_to(Address::Fixed("ws://test".into()))
}

fn wire_to(address: Address) -> Wire {
    fake_sockets();
    let events = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&events);
    let transport = Transport::open(address, move |event| {
        seen.borrow_mut().push(match event {
            TransportEvent::NoAddress(error) => error.to_string(),
            TransportEvent::Connecting => "?".to_owned(),
            TransportEvent::Connected => "up".to_owned(),
            TransportEvent::Frame(frame) => frame,
            TransportEvent::Disconnected => "down".to_owned(),
        });
    })
    .unwrap();
    Wire { transport, events }
}

async fn connected() -> Wire {
    let wire = wire();
    wait_for("a socket", 1_000.0, || count() == 1).await;
    open(0);
    wire
}

#[wasm_bindgen_test]
fn pauses_double_up_to_a_cap_and_are_spread() {
    let mut longest = Backoff::default();
    let pauses: Vec<u32> = (0..8).map(|_| longest.next_pause_ms(1.0)).collect();
    assert_eq!(pauses, [300, 600, 1200, 2400, 4800, 9600, 10_000, 10_000]);
    let mut shortest = Backoff::default();
    assert_eq!(shortest.next_pause_ms(0.0), BACKOFF_MS_MIN / 2);
    let mut worn = Backoff::default();
    assert!((0..10_000).all(|_| worn.next_pause_ms(0.7) <= BACKOFF_MS_MAX));
}

#[wasm_bindgen_test]
fn messages_of_one_task_leave_in_few_frames_and_in_order() {
    let mut outbox = Outbox::default();
    for length in [10, 20, FRAME_BYTES_TARGET, 30] {
        assert!(outbox.push("x".repeat(length)));
    }
    let frames = RefCell::new(Vec::new());
    let buffered = Cell::new(1 << 20);
    let send = |frame: &str| -> Result<(), ()> {
        frames
            .borrow_mut()
            .push(frame.split('\n').map(str::len).collect::<Vec<_>>());
        Ok(())
    };
    outbox.drain(|| buffered.get(), send).unwrap();
    assert!(frames.borrow().is_empty(), "the browser's buffer is full");
    buffered.set(0);
    outbox.drain(|| buffered.get(), send).unwrap();
    assert_eq!(
        *frames.borrow(),
        [vec![10, 20], vec![FRAME_BYTES_TARGET], vec![30]]
    );
}

#[wasm_bindgen_test]
fn what_does_not_keep_up_is_given_up() {
    let mut outbox = Outbox::default();
    let megabyte = "x".repeat(1 << 20);
    assert!((0..64).all(|_| outbox.push(megabyte.clone())));
    assert!(!outbox.push(megabyte));
}

#[wasm_bindgen_test]
async fn messages_of_one_task_are_one_frame_and_arrivals_are_told() {
    let wire = connected().await;
    wire.transport.send("a".to_owned());
    wire.transport.send("b".to_owned());
    wait_for("the frame", 1_000.0, || !sent(0).is_empty()).await;
    assert_eq!(sent(0), ["a\nb"]);
    arrive(0, "c");
    assert_eq!(*wire.events.borrow(), ["?", "up", "c"]);
    wire.transport.close();
    assert!(is_closed(0));
    real_sockets();
}

#[wasm_bindgen_test]
async fn a_full_buffer_holds_messages_back_until_it_drains() {
    let wire = connected().await;
    buffer(0, 10 << 20);
    wire.transport.send("a".to_owned());
    sleep_ms(50).await;
    assert!(sent(0).is_empty());
    buffer(0, 0);
    wait_for("the frame", 1_000.0, || sent(0) == ["a"]).await;
    drop(wire);
    real_sockets();
}

#[wasm_bindgen_test]
async fn a_lost_connection_comes_back_after_a_pause_and_old_messages_are_dropped() {
    let wire = connected().await;
    buffer(0, 10 << 20);
    wire.transport.send("unsent".to_owned());
    sleep_ms(1).await;
    end(0);
    let pause_ms = wait_for("another socket", 1_000.0, || count() == 2).await;
    assert!(pause_ms >= 140.0, "{pause_ms}");
    assert!(!wire.transport.is_connected());
    open(1);
    wire.transport.send("new".to_owned());
    wait_for("the frame", 1_000.0, || sent(1) == ["new"]).await;
    assert_eq!(*wire.events.borrow(), ["?", "up", "down", "?", "up"]);
    drop(wire);
    real_sockets();
}

#[wasm_bindgen_test]
async fn coming_online_reconnects_at_once() {
    let wire = wire();
    wait_for("a socket", 1_000.0, || count() == 1).await;
    for nth in 0..4 {
        end(nth);
        go_online();
        wait_for("another socket", 100.0, || count() == nth + 2).await;
    }
    drop(wire);
    go_online();
    sleep_ms(20).await;
    assert_eq!(count(), 5, "a dropped transport does not come back");
    real_sockets();
}

#[wasm_bindgen_test]
async fn a_silent_connection_is_dropped() {
    let wire = connected().await;
    arrive(0, "ping");
    let restore = skip_time(8_000);
    sleep_ms(1_100).await;
    assert!(!is_closed(0), "nine seconds are not ten");
    restore.call0(&JsValue::UNDEFINED).unwrap();
    let restore = skip_time(10_500);
    wait_for("the drop", 2_000.0, || is_closed(0)).await;
    restore.call0(&JsValue::UNDEFINED).unwrap();
    wait_for("the news", 1_000.0, || wire.events.borrow().len() == 4).await;
    assert_eq!(*wire.events.borrow(), ["?", "up", "ping", "down"]);
    drop(wire);
    real_sockets();
}

#[wasm_bindgen_test]
fn an_address_that_is_none_is_told_without_its_token() {
    let address = Address::Fixed("http://localhost/sync?token=secret#secret".into());
    let error = Transport::open(address, |_| {}).err().unwrap();
    assert_eq!(error.code(), "PLEIONE_E_SYNC_ADDRESS");
    let told = error.to_string();
    assert!(told.starts_with("\"http://localhost/sync\" "), "{told}");
}

#[wasm_bindgen_test]
async fn a_function_is_asked_for_the_address_of_each_connection() {
    let body =
        "globalThis.asks = (globalThis.asks ?? 0) + 1; const url = `ws://test/?${globalThis.asks}`;
        return globalThis.asks % 2 ? url : Promise.resolve(url);";
    let wire = wire_to(Address::Asked(Function::new_no_args(body)));
    for nth in 0..3 {
        wait_for("a socket", 2_000.0, || count() == nth + 1).await;
        assert_eq!(address(nth), format!("ws://test/?{}", nth + 1));
        end(nth);
    }
    drop(wire);
    real_sockets();
}

#[wasm_bindgen_test]
async fn a_function_that_gives_no_address_is_told_and_asked_again() {
    let body = "globalThis.tries = (globalThis.tries ?? 0) + 1;
        if (globalThis.tries === 1) throw new Error('secret');
        if (globalThis.tries === 2) return Promise.reject(new Error('secret'));
        return globalThis.tries === 3 ? 7 : 'ws://test';";
    let wire = wire_to(Address::Asked(Function::new_no_args(body)));
    wait_for("a socket", 10_000.0, || count() == 1).await;
    let told = wire.events.borrow().clone();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(
        told[..3]
            .iter()
            .all(|told| told.contains("ws://localhost:4203/sync")),
        "{told:?}"
    );
    assert!(!told.concat().contains("secret"), "{told:?}");
    drop(wire);
    real_sockets();
}
