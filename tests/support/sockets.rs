//! A WebSocket whose other end is the test: no server is needed to let one fail, fall silent or fill up.
#![allow(dead_code, reason = "every test file takes what it needs")]

use wasm_bindgen::prelude::*;

#[wasm_bindgen(inline_js = r"
let original;
export const sockets = [];
export function fake_sockets() {
  original ??= globalThis.WebSocket;
  sockets.length = 0;
  globalThis.WebSocket = class extends EventTarget {
    constructor(url) { super(); this.url = url; this.sent = []; this.bufferedAmount = 0; this.closed = false; sockets.push(this); }
    send(frame) { this.sent.push(frame); }
    close() { this.closed = true; }
  };
}
export function real_sockets() { globalThis.WebSocket = original; }
export function count() { return sockets.length; }
export function open(nth) { sockets[nth].onopen(new Event('open')); }
export function end(nth) { sockets[nth].onclose?.(new Event('close')); }
export function arrive(nth, data) { sockets[nth].onmessage(new MessageEvent('message', { data })); }
export function address(nth) { return sockets[nth].url; }
export function sent(nth) { return sockets[nth].sent; }
export function buffer(nth, bytes) { sockets[nth].bufferedAmount = bytes; }
export function is_closed(nth) { return sockets[nth].closed; }
export function go_online() { dispatchEvent(new Event('online')); }
export function skip_time(ms) { const now = Date.now; Date.now = () => now() + ms; return () => { Date.now = now; }; }
")]
extern "C" {
    pub(crate) fn fake_sockets();
    pub(crate) fn real_sockets();
    pub(crate) fn count() -> usize;
    pub(crate) fn open(nth: usize);
    pub(crate) fn end(nth: usize);
    pub(crate) fn arrive(nth: usize, data: &str);
    pub(crate) fn address(nth: usize) -> String;
    pub(crate) fn sent(nth: usize) -> Vec<String>;
    pub(crate) fn buffer(nth: usize, bytes: u32);
    pub(crate) fn is_closed(nth: usize) -> bool;
    pub(crate) fn go_online();
    pub(crate) fn skip_time(ms: u32) -> js_sys::Function;
}
