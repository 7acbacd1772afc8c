//! Actors as JavaScript uses them: on the screen, over reloads and tabs, with tools.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::float_cmp, reason = "counts, which doubles hold exactly")]

use js_sys::{Function, Promise, Reflect};
use pleione::Runtime;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::Element;

#[path = "support/browser.rs"]
mod support;
use support::{delete_database, fresh_name, sleep_ms, wait_for};

wasm_bindgen_test_configure!(run_in_browser);

// An actor and a store as JavaScript has them.
#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type Actor;

    #[wasm_bindgen(method, getter, structural)]
    fn state(this: &Actor) -> JsValue;

    #[wasm_bindgen(method, getter, structural)]
    fn context(this: &Actor) -> Store;

    #[wasm_bindgen(method, structural, catch)]
    fn send(this: &Actor, event: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, structural)]
    fn destroy(this: &Actor);

    type Store;

    #[wasm_bindgen(method, getter, structural)]
    fn value(this: &Store) -> JsValue;

    #[wasm_bindgen(method, structural)]
    fn subscribe(this: &Store, listener: &JsValue) -> Function;
}

const COUNTER: &str = r#"{
  "id": "counter",
  "context": { "count": "", "name": "" },
  "messageTypes": { "ADD": { "type": "object", "properties": { "by": { "type": "string" } }, "required": ["by"] }, "NAME": true, "LATER": true },
  "state": {
    "initial": "idle",
    "states": {
      "idle": { "on": {
        "ADD": { "target": "idle", "actions": [{ "updateContext": { "count": { "$join": [["$count", "$$by"], ""] } } }] },
        "NAME": { "target": "named", "actions": [{ "updateContext": { "name": "$$name" } }] }
      } },
      "named": { "on": { "ADD": "idle" } }
    }
  },
  "view": { "content": { "tag": "div", "children": [
    { "tag": "button", "class": "add", "text": "$count", "$on": { "click": { "send": "ADD", "payload": { "by": "x" } } } },
    { "tag": "input", "class": "name", "value": "$name", "$on": { "input": { "send": "NAME", "payload": { "name": "@inputValue" } } } }
  ] } },
  "style": { "components": { "add": { "color": "rgb(1, 2, 3)" } } }
}"#;

fn json(text: &str) -> JsValue {
    js_sys::JSON::parse(text).unwrap()
}

fn text(value: &JsValue) -> String {
    js_sys::JSON::stringify(value).unwrap().into()
}

fn member(object: &JsValue, key: &str) -> String {
    Reflect::get(object, &key.into())
        .unwrap()
        .as_string()
        .unwrap_or_default()
}

fn number(object: &JsValue, key: &str) -> f64 {
    Reflect::get(object, &key.into()).unwrap().as_f64().unwrap()
}

async fn open(name: &str) -> Runtime {
    let options = json("{}");
    Reflect::set(&options, &"name".into(), &name.into()).unwrap();
    Runtime::open(options).await.unwrap()
}

async fn open_memory() -> Runtime {
    Runtime::open(json(r#"{"storage": "memory"}"#))
        .await
        .unwrap()
}

async fn actor(runtime: &Runtime, definition: &str, element: Option<&Element>) -> Actor {
    let actor = runtime.actor(json(definition), element.cloned()).await;
    actor.unwrap().unchecked_into()
}

async fn send(actor: &Actor, event: &str) -> Result<String, JsValue> {
    let sent = actor.send(&json(event))?;
    Ok(text(&JsFuture::from(sent).await?))
}

fn stage() -> Element {
    let document = web_sys::window().unwrap().document().unwrap();
    let element = document.create_element("div").unwrap();
    document.body().unwrap().append_child(&element).unwrap();
    element
}

fn find(element: &Element, selector: &str) -> web_sys::HtmlElement {
    let root = element.shadow_root().unwrap();
    root.query_selector(selector)
        .unwrap()
        .unwrap()
        .unchecked_into()
}

#[wasm_bindgen_test]
async fn an_actor_is_restored_in_the_state_it_was_in_r3() {
    let name = fresh_name("restored");
    let runtime = open(&name).await;
    let counter = actor(&runtime, COUNTER, None).await;
    assert_eq!(counter.state(), "idle");
    let outcome = send(&counter, r#"{"type": "ADD", "payload": {"by": "xxxxx"}}"#).await;
    assert_eq!(outcome.unwrap(), r#"{"handled":true}"#);
    send(&counter, r#"{"type": "NAME", "payload": {"name": "five"}}"#)
        .await
        .unwrap();
    // No close: a tab that dies right after `await send` must have kept it.
    let again = open(&name).await;
    let restored = actor(&again, COUNTER, None).await;
    assert_eq!(restored.state(), "named");
    let context = restored.context().value();
    assert_eq!(member(&context, "count"), "xxxxx");
    assert_eq!(member(&context, "name"), "five");
    runtime.close().await.unwrap();
    again.close().await.unwrap();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn clicks_of_one_tick_are_all_counted_and_shown_by_one_patch_r6() {
    let runtime = open_memory().await;
    let element = stage();
    let counter = actor(&runtime, COUNTER, Some(&element)).await;
    let button = find(&element, ".add");
    assert_eq!(
        button.text_content().unwrap(),
        "",
        "shown when the promise resolves"
    );
    let before = number(&runtime.stats(), "renders");
    for _ in 0..5 {
        button.click();
    }
    wait_for("the count", 1_000.0, || {
        button.text_content().unwrap() == "xxxxx"
    })
    .await;
    assert_eq!(number(&runtime.stats(), "renders") - before, 1.0);
    assert_eq!(member(&counter.context().value(), "count"), "xxxxx");

    button.click();
    runtime.flush();
    assert_eq!(
        button.text_content().unwrap(),
        "xxxxxx",
        "flush shows it now"
    );
    let colour = web_sys::window()
        .unwrap()
        .get_computed_style(&button)
        .unwrap()
        .unwrap();
    assert_eq!(colour.get_property_value("color").unwrap(), "rgb(1, 2, 3)");
    counter.destroy();
    assert!(
        element
            .shadow_root()
            .unwrap()
            .query_selector(".add")
            .unwrap()
            .is_none()
    );
    runtime.close().await.unwrap();
    element.remove();
}

#[wasm_bindgen_test]
async fn what_is_wrong_is_told_with_code_and_place_r12() {
    let runtime = open_memory().await;
    let wrong = COUNTER.replace(r#""ADD": "idle""#, r#""ADD": "nowhere""#);
    let error = runtime.actor(json(&wrong), None).await.unwrap_err();
    assert_eq!(member(&error, "code"), "PLEIONE_E_DEFINITION");
    assert!(
        member(&error, "place").contains("states.named.on.ADD"),
        "{}",
        member(&error, "place")
    );

    let counter = actor(&runtime, COUNTER, None).await;
    for (event, code) in [
        (r#"{"type": "OTHER"}"#, "PLEIONE_E_NOT_IN_CONTRACT"),
        (
            r#"{"type": "ADD", "payload": {"by": 7}}"#,
            "PLEIONE_E_INVALID_PAYLOAD",
        ),
        ("7", "PLEIONE_E_OPTION"),
    ] {
        assert_eq!(
            member(&send(&counter, event).await.unwrap_err(), "code"),
            code
        );
    }
    assert_eq!(
        send(&counter, r#"{"type": "LATER"}"#).await.unwrap(),
        r#"{"handled":false}"#
    );
    counter.destroy();
    runtime.close().await.unwrap();
}

const CALLER: &str = r#"{
  "id": "caller",
  "context": { "answer": "" },
  "state": { "initial": "idle", "states": {
    "idle": { "on": { "ASK": "asking" } },
    "asking": {
      "entry": { "tool": "@test/ask", "payload": { "question": "$$question" } },
      "on": {
        "SUCCESS": { "target": "idle", "actions": [{ "updateContext": { "answer": "$$result" } }] },
        "ERROR": { "target": "idle", "actions": [{ "updateContext": { "answer": "$$errors.0.message" } }] }
      }
    }
  } }
}"#;

#[wasm_bindgen_test]
async fn a_tools_answer_or_failure_reaches_the_machine() {
    let runtime = open_memory().await;
    let tool = js_sys::eval(
        "({ parameters: { type: 'object', required: ['question'] },
            async execute({ question }, actor) {
              if (question === 'bad') throw new Error('no answer');
              return `${question} asked by ${actor.id}`;
            } })",
    );
    runtime.register_tool("@test/ask", &tool.unwrap()).unwrap();
    let caller = actor(&runtime, CALLER, None).await;
    let answer = || member(&caller.context().value(), "answer");
    send(
        &caller,
        r#"{"type": "ASK", "payload": {"question": "good"}}"#,
    )
    .await
    .unwrap();
    wait_for("the answer", 1_000.0, || answer() == "good asked by caller").await;
    send(
        &caller,
        r#"{"type": "ASK", "payload": {"question": "bad"}}"#,
    )
    .await
    .unwrap();
    wait_for("the failure", 1_000.0, || answer() == "no answer").await;
    runtime.close().await.unwrap();
}

#[wasm_bindgen_test]
async fn an_actor_in_two_tabs_shows_the_same_and_handles_each_event_once_r4() {
    let name = fresh_name("two-actors");
    let (one, two) = (open(&name).await, open(&name).await);
    let first = actor(&one, COUNTER, None).await;
    send(&first, r#"{"type": "ADD", "payload": {"by": "x"}}"#)
        .await
        .unwrap();
    let second = actor(&two, COUNTER, None).await;
    for _ in 0..10 {
        send(&first, r#"{"type": "ADD", "payload": {"by": "x"}}"#)
            .await
            .unwrap();
        wait_for("the other tab", 100.0, || {
            text(&first.context().value()) == text(&second.context().value())
        })
        .await;
        send(&second, r#"{"type": "ADD", "payload": {"by": "x"}}"#)
            .await
            .unwrap();
        wait_for("the one tab", 100.0, || {
            text(&first.context().value()) == text(&second.context().value())
        })
        .await;
    }
    assert_eq!(member(&first.context().value(), "count").len(), 21);
    one.close().await.unwrap();
    two.close().await.unwrap();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn a_listener_may_send_and_an_edited_definition_goes_on() {
    let runtime = open_memory().await;
    let element = stage();
    let counter = actor(&runtime, COUNTER, Some(&element)).await;
    let listener = {
        let counter = counter.clone();
        Closure::<dyn FnMut(JsValue)>::new(move |context| {
            if member(&context, "count").len() < 4 {
                drop(
                    counter
                        .send(&json(r#"{"type": "ADD", "payload": {"by": "x"}}"#))
                        .unwrap(),
                );
            }
        })
    };
    let _ending = counter.context().subscribe(&listener.into_js_value());
    wait_for("the count", 1_000.0, || {
        find(&element, ".add").text_content().unwrap() == "xxxx"
    })
    .await;

    let edited = COUNTER.replace(r#""tag": "button""#, r#""tag": "strong""#);
    actor(&runtime, &edited, None).await;
    wait_for("the edited view", 1_000.0, || {
        find(&element, ".add").tag_name() == "STRONG"
    })
    .await;
    assert_eq!(find(&element, ".add").text_content().unwrap(), "xxxx");
    sleep_ms(0).await;
    runtime.close().await.unwrap();
    element.remove();
}
