//! Fields and events: what a person types, and what is sent of it.

use cojson::json::Json;
use engine::view::{DomMarkers, NodeId};

use crate::screen::Shown;

const FORM: &str = r#"{"content": {"tag": "form", "children": [
    {"tag": "input", "value": "$draft", "$on": {
        "input": {"send": "UPDATE_INPUT", "payload": {"value": "@inputValue"}},
        "keydown": [
            {"key": "Enter", "send": "CREATE", "payload": {"value": "@inputValue", "by": "$user", "key": "@key"}},
            {"key": "Escape", "send": "STOP_PROPAGATION"}
        ],
        "blur": {"send": "LEFT"}
    }},
    {"tag": "input", "attrs": {"type": "checkbox", "checked": "$done"},
     "$on": {"change": {"send": "CHECK", "payload": {"done": "@checked", "column": "@dataColumn"}}}}
]}}"#;

/// Types into the field as a person would, and sends the event of it.
fn typed(shown: &mut Shown, text: &str) -> Json {
    let input = shown.screen.all("input")[0];
    shown.screen.nodes[input].value = Some(text.to_owned());
    shown.screen.focus = Some(input);
    let field = shown.screen.number(input);
    let markers = DomMarkers {
        input_value: Some(text.into()),
        field: Some(field),
        ..DomMarkers::default()
    };
    sent(shown, field, 0, &markers).unwrap().1
}

fn sent(
    shown: &mut Shown,
    node: NodeId,
    handler: u32,
    markers: &DomMarkers,
) -> Option<(String, Json)> {
    let event = shown.instance.event(node, handler, markers, &shown.context);
    event
        .unwrap()
        .map(|event| (event.event_type.to_string(), event.payload))
}

fn field_value(shown: &Shown) -> String {
    let input = shown.screen.all("input")[0];
    shown.screen.nodes[input].value.clone().unwrap_or_default()
}

fn form(draft: &str) -> Shown {
    Shown::new(
        FORM,
        &format!(r#"{{"draft": "{draft}", "user": "ada", "done": false}}"#),
    )
}

#[test]
fn what_the_context_says_is_shown_from_the_start() {
    let mut shown = form("milk");
    assert_eq!(field_value(&shown), "milk");
    shown.set("draft", "bread".into());
    assert_eq!(field_value(&shown), "bread");
    shown.set("draft", Json::Null);
    assert_eq!(field_value(&shown), "");
}

#[test]
fn r6_a_late_echo_does_not_clobber_what_was_typed_since() {
    let mut shown = form("");
    typed(&mut shown, "a");
    typed(&mut shown, "ab");
    shown.set("draft", "a".into());
    assert_eq!(field_value(&shown), "ab");
    shown.set("draft", "ab".into());
    assert_eq!(field_value(&shown), "ab");
    // Not an echo, but the application's own will: a submit clears the field.
    shown.set("draft", "".into());
    assert_eq!(field_value(&shown), "");
}

#[test]
fn a_late_echo_is_shown_once_the_field_has_lost_the_focus() {
    let mut shown = form("");
    typed(&mut shown, "a");
    typed(&mut shown, "ab");
    shown.screen.focus = None;
    shown.set("draft", "a".into());
    assert_eq!(field_value(&shown), "a");
}

#[test]
fn what_the_application_makes_of_the_text_is_shown_while_typing() {
    let mut shown = form("");
    typed(&mut shown, "a");
    shown.set("draft", "A".into());
    assert_eq!(field_value(&shown), "A");
}

#[test]
fn a_context_that_does_not_change_never_overwrites_what_was_typed() {
    let mut shown = form("");
    typed(&mut shown, "a");
    shown.set("user", "bob".into());
    assert_eq!(field_value(&shown), "a");
}

#[test]
fn b04_b05_b17_what_was_typed_is_sent_as_it_is() {
    let mut shown = form("");
    for text in [
        "$user",
        "$$id",
        "why? because: x",
        "[1,2]",
        r#"{"a":1}"#,
        " leading blank",
        "$5 off",
        "@key",
        "{\"$eq\":[1,1]}",
    ] {
        let payload = typed(&mut shown, text);
        assert_eq!(payload, Json::object([("value", Json::from(text))]));
    }
}

#[test]
fn b04_user_data_in_a_row_is_sent_and_shown_as_it_is() {
    let view = r#"{"$each": {"items": "$list", "template": {"tag": "p", "text": "$$text",
        "$on": {"click": {"send": "PICK", "payload": {"text": "$$text"}}}}}}"#;
    let mut shown = Shown::new(
        view,
        r#"{"secret": 1, "list": [{"text": "$secret <b>@key</b>"}]}"#,
    );
    let row = shown.screen.number(shown.screen.all("p")[0]);
    let (_, payload) = sent(&mut shown, row, 0, &DomMarkers::default()).unwrap();
    assert_eq!(payload.to_string(), r#"{"text":"$secret <b>@key</b>"}"#);
    assert!(shown.screen.html().contains("$secret <b>@key</b>"));
}

#[test]
fn payloads_take_the_context_of_now_and_every_marker() {
    let mut shown = form("");
    let inputs = shown.screen.all("input");
    let (field, check) = (
        shown.screen.number(inputs[0]),
        shown.screen.number(inputs[1]),
    );
    let markers = DomMarkers {
        input_value: Some("milk".into()),
        key: Some("Enter".into()),
        ..DomMarkers::default()
    };
    let (event_type, payload) = sent(&mut shown, field, 1, &markers).unwrap();
    assert_eq!(event_type, "CREATE");
    assert_eq!(
        payload.to_string(),
        r#"{"value":"milk","by":"ada","key":"Enter"}"#
    );
    assert_eq!(
        sent(&mut shown, field, 3, &markers).unwrap().1,
        Json::empty_object()
    );
    let markers = DomMarkers {
        checked: Some(true),
        data_column: Some("todo".into()),
        ..DomMarkers::default()
    };
    let (_, payload) = sent(&mut shown, check, 4, &markers).unwrap();
    assert_eq!(payload.to_string(), r#"{"done":true,"column":"todo"}"#);
}

#[test]
fn a_check_box_the_person_has_checked_is_not_checked_again() {
    let mut shown = form("");
    let check = shown.screen.number(shown.screen.all("input")[1]);
    let markers = DomMarkers {
        checked: Some(true),
        ..DomMarkers::default()
    };
    sent(&mut shown, check, 4, &markers).unwrap();
    shown.set("done", true.into());
    assert_eq!(shown.count, 0);
    shown.set("done", false.into());
    assert_eq!(shown.count, 1);
}

#[test]
fn an_event_of_a_row_that_is_gone_sends_nothing() {
    let view = r#"{"$each": {"items": "$list", "template": {"tag": "p", "$on": {"click": {"send": "PICK"}}}}}"#;
    let mut shown = Shown::new(view, r#"{"list": [{"id": "a"}]}"#);
    let row = shown.screen.number(shown.screen.all("p")[0]);
    shown.show_text(r#"{"list": []}"#);
    let none = DomMarkers::default();
    assert_eq!(sent(&mut shown, row, 0, &none), None);
    assert_eq!(
        sent(&mut shown, 1, 0, &none),
        None,
        "another template's node"
    );
    assert_eq!(sent(&mut shown, 9_999, 0, &none), None);
    assert_eq!(sent(&mut shown, row, 99, &none), None);
}

#[test]
fn what_was_sent_is_remembered_within_bounds() {
    let mut shown = form("");
    for round in 0..1_000 {
        typed(&mut shown, &format!("text {round}"));
    }
    // The oldest are forgotten, so this is the application's own will.
    shown.set("draft", "text 3".into());
    assert_eq!(field_value(&shown), "text 3");
}
