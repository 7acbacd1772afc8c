//! What is sent waits in JavaScript until the engine is next spoken to: nobody can tell by what comes of it.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, reason = "tests")]

use js_sys::{JSON, Promise};
use pleione::Runtime;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(inline_js = r"
const note = (text) => ({ type: 'NOTE', payload: { text } });
const code = ({ value, reason }) => value?.handled ?? reason.code;
const codes = async (sent) => (await Promise.allSettled(sent)).map(code);
const nested = (depth) => (depth ? [nested(depth - 1)] : 0);
const ring = {};
ring.ring = ring;

const works = {
  order: async (runtime, one, other) => {
    const sent = [one.send(note(1)), other.send(note(2)), one.sendAll([note(3), note(4)]), other.tell('one', note(5)), one.send(note(6))];
    return [await codes(sent), one.context.value.notes, other.context.value.notes];
  },
  captured: async (runtime, one) => {
    const payload = { text: 'as it was' };
    const sent = one.send({ type: 'NOTE', payload });
    payload.text = 'later';
    const batch = [note('in a batch')];
    const all = one.sendAll(batch);
    batch[0].payload.text = 'later';
    return [await codes([sent, all]), one.context.value.notes];
  },
  wrong: async (runtime, one) => {
    const wrong = [{ type: 'GONE' }, { type: 7 }, 7, undefined, note(ring), note(nested(200)), note('x'.repeat(5 << 20)), { type: 'NOTE' }];
    const sent = wrong.flatMap((event) => [one.send(event), one.send(note('good'))]);
    const all = wrong.map((event) => one.sendAll([note('bad'), event]));
    return [await codes(sent), await codes([...all, one.sendAll({}), one.sendAll([])]), one.context.value.notes.length];
  },
  within: async (runtime, one) => {
    const sent = [];
    const toJSON = () => {
      sent.push(one.send(note('inner')));
      runtime.flush();
      sent.push(one.send(note('innermost')));
      return 'outer';
    };
    sent.push(one.send(note({ toJSON })));
    return [await codes(sent), one.context.value.notes];
  },
  flushed: async (runtime, one) => {
    one.send({ type: 'MOVE' });
    const before = one.state;
    runtime.flush();
    return [before, one.state, await codes([one.send({ type: 'MOVE' }), one.send({ type: 'MOVE' })])];
  },
  closed: async (runtime, one) => {
    const sent = one.send(note('last'));
    await runtime.close();
    return codes([sent, one.send(note('too late')), one.sendAll([])]);
  },
};

export const work = (name, runtime, one, other) => works[name](runtime, one, other).then(JSON.stringify);
")]
extern "C" {
    fn work(name: &str, runtime: JsValue, one: &JsValue, other: &JsValue) -> Promise;
}

const NOTES: &str = r#"{
  "id": "one",
  "context": { "notes": [] },
  "messageTypes": { "NOTE": { "type": "object", "required": ["text"] }, "MOVE": true },
  "state": { "initial": "a", "states": {
    "a": { "on": { "NOTE": { "actions": [{ "updateContext": { "notes": { "$concat": ["$notes", "$$text"] } } }] }, "MOVE": "b" } },
    "b": {}
  } }
}"#;

/// What a piece of work tells, done with two actors of a fresh runtime.
async fn told(name: &str) -> String {
    let options = JSON::parse(r#"{"storage": "memory"}"#).unwrap();
    let runtime = Runtime::open(options).await.unwrap();
    let one = runtime.actor(JSON::parse(NOTES).unwrap(), None);
    let one = one.await.unwrap();
    let other = JSON::parse(&NOTES.replace(r#""one""#, r#""other""#)).unwrap();
    let other = runtime.actor(other, None).await.unwrap();
    let told = work(name, runtime.into(), &one, &other);
    JsFuture::from(told).await.unwrap().as_string().unwrap()
}

#[wasm_bindgen_test]
async fn events_are_handled_in_the_order_in_which_they_are_sent_however_they_are() {
    let expected = "[[true,true,true,true,true],[1,3,4,6,5],[2]]";
    assert_eq!(told("order").await, expected);
}

#[wasm_bindgen_test]
async fn an_event_is_what_it_was_when_it_was_sent() {
    let expected = r#"[[true,true],["as it was","in a batch"]]"#;
    assert_eq!(told("captured").await, expected);
}

#[wasm_bindgen_test]
async fn what_is_wrong_fails_alone_r12() {
    let wrong = [
        "NOT_IN_CONTRACT",
        "OPTION",
        "OPTION",
        "NOT_JSON",
        "NOT_JSON",
        "VALUE_TOO_LARGE",
        "VALUE_TOO_LARGE",
        "INVALID_PAYLOAD",
    ];
    let among = wrong.map(|code| format!(r#""PLEIONE_E_{code}",true"#));
    let among = among.join(",");
    let batches = wrong.map(|code| format!(r#""PLEIONE_E_{code}""#));
    let batches = batches.join(",");
    // A batch is one value: `undefined` in an array is null, and so no event.
    let batches = batches.replacen("NOT_JSON", "OPTION", 1);
    let expected = format!(r#"[[{among}],[{batches},"PLEIONE_E_OPTION",true],8]"#);
    assert_eq!(told("wrong").await, expected);
}

#[wasm_bindgen_test]
async fn what_an_event_says_of_itself_may_send_too() {
    let expected = r#"[[true,true,true],["inner","innermost","outer"]]"#;
    assert_eq!(told("within").await, expected);
}

#[wasm_bindgen_test]
async fn what_was_sent_is_handled_at_a_flush() {
    assert_eq!(told("flushed").await, r#"["a","b",[false,false]]"#);
}

#[wasm_bindgen_test]
async fn what_was_sent_before_the_end_is_handled_and_what_comes_after_is_refused() {
    let expected = r#"[true,"PLEIONE_E_CLOSED","PLEIONE_E_CLOSED"]"#;
    assert_eq!(told("closed").await, expected);
}
