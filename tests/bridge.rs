//! Values across the border, both ways.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use cojson::json::Json;
use pleione::bridge::{VALUE_BYTES_MAX, from_js, to_js};
use pleione::error::{self, Told};
use pleione::storage::StorageError;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn eval(source: &str) -> JsValue {
    js_sys::eval(&format!("({source})")).unwrap()
}

#[wasm_bindgen_test]
fn a_value_crosses_both_ways_unchanged() {
    for text in [
        "null",
        "true",
        "-1.5",
        r#""a\nü😀""#,
        "[]",
        r#"{"b":[1,{"a":null}],"a":"","":0}"#,
        "9007199254740991",
    ] {
        let json = Json::parse(text).unwrap();
        let there = to_js(&json);
        let text_there = String::from(js_sys::JSON::stringify(&there).unwrap());
        assert_eq!(text_there, text);
        assert_eq!(from_js(&there, "It").unwrap(), json);
    }
}

#[wasm_bindgen_test]
fn what_json_cannot_say_is_as_json_stringify_has_it() {
    for (source, expected) in [
        (
            "{a: undefined, b: () => 1, c: [undefined]}",
            r#"{"c":[null]}"#,
        ),
        ("new Date(0)", r#""1970-01-01T00:00:00.000Z""#),
        ("NaN", "null"),
        ("[Infinity]", "[null]"),
    ] {
        assert_eq!(from_js(&eval(source), "It").unwrap().to_string(), expected);
    }
}

#[wasm_bindgen_test]
fn what_is_no_value_is_refused_with_a_code() {
    let too_long = JsValue::from(vec![JsValue::from("x".repeat(VALUE_BYTES_MAX))]);
    for (value, code) in [
        (JsValue::UNDEFINED, "PLEIONE_E_NOT_JSON"),
        (eval("() => 1"), "PLEIONE_E_NOT_JSON"),
        (eval("1n"), "PLEIONE_E_NOT_JSON"),
        (
            eval("(() => { const a = {}; a.a = a; return a; })()"),
            "PLEIONE_E_NOT_JSON",
        ),
        (
            eval("(() => { let a = []; for (let i = 0; i < 200; i++) a = [a]; return a; })()"),
            "PLEIONE_E_VALUE_TOO_LARGE",
        ),
        (too_long, "PLEIONE_E_VALUE_TOO_LARGE"),
    ] {
        assert_eq!(from_js(&value, "It").unwrap_err().code(), code);
    }
}

#[wasm_bindgen_test]
fn an_error_is_a_real_error_with_code_and_cause() {
    let cause = JsValue::from(js_sys::Error::new("below"));
    let told = StorageError::Quota {
        cause: cause.clone(),
    };
    let error: js_sys::Error = error::to_js(&told).dyn_into().unwrap();
    let property = |key: &str| js_sys::Reflect::get(&error, &key.into()).unwrap();
    assert_eq!(
        property("code").as_string().unwrap(),
        "PLEIONE_E_STORAGE_QUOTA"
    );
    assert_eq!(property("cause"), cause);
    assert!(String::from(error.message()).contains("Error: below"));
    assert!(property("place").is_undefined());
}
