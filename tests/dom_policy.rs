//! The strictest policies a page can have, and what user data can do without any: nothing (B6, R9).
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/page.rs"]
mod page;

use cojson::json::Json;
use engine::style::StyleEngine;
use page::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(inline_js = r#"
const reports = [];
export function enforce_policy() {
  document.addEventListener('securitypolicyviolation', (event) => reports.push(event.violatedDirective));
  const meta = document.createElement('meta');
  meta.httpEquiv = 'Content-Security-Policy';
  meta.content = "script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; require-trusted-types-for 'script'";
  document.head.appendChild(meta);
}
export function markup_is_refused() {
  try { document.createElement('div').innerHTML = '<b></b>'; return false; } catch { return true; }
}
export async function violations() {
  await new Promise((resolve) => setTimeout(resolve, 50));
  return reports.join(' ');
}
export function attacked() { return globalThis.attacked === true; }
export async function a_while() { await new Promise((resolve) => setTimeout(resolve, 50)); }
"#)]
extern "C" {
    fn enforce_policy();
    fn markup_is_refused() -> bool;
    async fn violations() -> JsValue;
    fn attacked() -> bool;
    async fn a_while();
}

const VIEW: &str = r#"{"children": [
    {"tag": "p", "class": "$text", "text": "$text", "attrs": {"title": "$text", "data": {"x": "$text"}}},
    {"tag": "a", "attrs": {"href": "$text"}, "text": "link"},
    {"tag": "img", "attrs": {"src": "$text", "alt": "$text"}},
    {"tag": "input", "value": "$text", "$on": {"input": {"send": "INPUT", "payload": {"value": "@inputValue"}}}},
    {"tag": "ul", "$each": {"items": "$list", "template": {"tag": "li", "text": "$$"}}}
]}"#;

const ATTACKS: [&str; 5] = [
    "<img src=x onerror=\"globalThis.attacked=true\">",
    "javascript:globalThis.attacked=true",
    "\" onclick=\"globalThis.attacked=true",
    "</style><script>globalThis.attacked=true</script>",
    "data:text/html,<script>globalThis.attacked=true</script>",
];

#[wasm_bindgen_test]
async fn b06_user_data_runs_nothing_even_without_a_policy() {
    for attack in ATTACKS {
        let context = Json::object([
            ("text", Json::from(attack)),
            ("list", vec![Json::from(attack)].into()),
        ]);
        let page = Page::new(VIEW, &context.to_string());
        assert_eq!(texts(&page.host, "p"), attack);
        assert_eq!(texts(&page.host, "li"), attack);
        assert_eq!(get(&page.host, "input", "value"), attack);
        assert!(find(&page.host, "script, [onerror], [onclick], p *, li *").is_none());
        // Not clicked: the page would be left. A scheme that runs code is not there to be followed.
        let href = find(&page.host, "a")
            .and_then(|link| link.get_attribute("href"))
            .unwrap();
        assert!(
            !href.starts_with("javascript:") && !href.starts_with("data:"),
            "{href}"
        );
        a_while().await;
        assert!(!attacked(), "{attack}");
    }
    let page = Page::new(VIEW, r#"{"text": "javascript:globalThis.attacked=true"}"#);
    assert!(!get(&page.host, "a", "href").contains("javascript"));
}

#[wasm_bindgen_test]
async fn a_strict_policy_with_trusted_types_is_never_violated() {
    enforce_policy();
    assert!(markup_is_refused(), "the policy is in force");
    let before = violations().await.as_string().unwrap();
    let mut page = Page::new(VIEW, r#"{"text": "", "list": ["a"]}"#);
    page.set("list", r#"["b", "a"]"#);
    type_text(&page.host, "input", "x");
    assert_eq!(page.sent_text(), r#"INPUT{"value":"x"}"#);
    let mut engine = StyleEngine::new();
    let style = Json::parse(r#"{"selectors": {"p": {"color": "rgb(1, 2, 3)"}}}"#).unwrap();
    let id = engine.sheet(None, Some(&style)).unwrap();
    page.surface.style(id, engine.get(id).unwrap()).unwrap();
    assert_eq!(style_of(&page.host, "p", "color"), "rgb(1, 2, 3)");
    assert_eq!(texts(&page.host, "li"), "b a");
    assert_eq!(violations().await.as_string().unwrap(), before);
}
