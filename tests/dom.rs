//! The screen in a real browser: what a person sees, does, and must not lose.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/page.rs"]
mod page;

use cojson::json::Json;
use engine::style::StyleEngine;
use page::*;
use pleione::dom::Surface;
use pleione::error::Told;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const FORM: &str = r#"{"content": {"tag": "form", "children": [
    {"tag": "h1", "text": "$title"},
    {"tag": "input", "attrs": {"id": "draft"}, "value": "$draft", "$on": {
        "input": {"send": "UPDATE_INPUT", "payload": {"value": "@inputValue"}},
        "keydown": {"key": "Enter", "send": "CREATE", "payload": {"value": "@inputValue"}},
        "focus": {"send": "ENTERED"},
        "blur": {"send": "LEFT", "payload": {"value": "@inputValue"}}}},
    {"tag": "button", "attrs": {"id": "add", "type": "button"}, "children": [{"tag": "b", "text": "Add"}],
     "$on": {"click": {"send": "CREATE", "payload": {"value": "@inputValue"}}}}
], "$on": {"submit": {"send": "SUBMIT"}}}}"#;

const ROWS: &str = r#"{"content": {"tag": "ul", "attrs": {"id": "list"}, "$each": {"items": "$list", "template": {
    "tag": "li", "attrs": {"id": "$$id"}, "children": [
        {"tag": "span", "text": "$$text"},
        {"tag": "input", "attrs": {"id": "$$field"}, "value": "$$text", "$on": {"blur": {"send": "LEFT", "payload": {"id": "$$id"}}}},
        {"tag": "i", "text": "x", "$on": {"click": {"send": "DELETE", "payload": {"id": "$$id"}}}}
    ], "$on": {"click": {"send": "OPEN", "payload": {"id": "$$id"}}}}}}}"#;

fn form() -> Page {
    Page::new(FORM, r#"{"title": "", "draft": ""}"#)
}

/// Rows of these letters, each an id.
fn list(letters: &str) -> String {
    let rows = letters
        .chars()
        .map(|id| format!(r#"{{"id": "{id}", "text": "{id}", "field": "{id}f"}}"#));
    format!("[{}]", rows.collect::<Vec<_>>().join(","))
}

fn rows(letters: &str) -> Page {
    Page::new(ROWS, &format!(r#"{{"list": {}}}"#, list(letters)))
}

#[wasm_bindgen_test]
fn r6_typing_keeps_focus_and_caret_while_the_view_renders() {
    let mut page = form();
    focus(&page.host, "input");
    let mut typed = String::new();
    for letter in ["b", "u", "y"] {
        type_text(&page.host, "input", letter);
        typed.push_str(letter);
        for event in page
            .sent()
            .iter()
            .filter(|event| &*event.event_type == "UPDATE_INPUT")
        {
            let value = event.payload.get("value").unwrap().clone();
            page.set("draft", &value.to_string());
            page.set("title", &value.to_string());
        }
        assert_eq!(get(&page.host, "input", "value"), typed);
        assert_eq!(
            (active(&page.host), texts(&page.host, "h1")),
            ("draft".into(), typed.clone())
        );
    }
    select(&page.host, "input", 1, 1);
    type_text(&page.host, "input", "X");
    let value = page.sent()[0].payload.get("value").unwrap().clone();
    page.set("draft", &value.to_string());
    assert_eq!(get(&page.host, "input", "value"), "bXuy");
    assert_eq!(selection(&page.host, "input"), "2-2");
    // The application's own will is shown, and the caret stays in its place.
    page.set("draft", "\"BXUY\"");
    assert_eq!(
        (
            get(&page.host, "input", "value"),
            selection(&page.host, "input")
        ),
        ("BXUY".into(), "2-2".into())
    );
    page.set("draft", "\"\"");
    assert_eq!(
        (get(&page.host, "input", "value"), active(&page.host)),
        (String::new(), "draft".into())
    );
}

#[wasm_bindgen_test]
fn r6_a_late_echo_does_not_clobber_a_focused_field() {
    let mut page = form();
    focus(&page.host, "input");
    type_text(&page.host, "input", "a");
    type_text(&page.host, "input", "b");
    page.sent();
    page.set("draft", "\"a\"");
    assert_eq!(get(&page.host, "input", "value"), "ab");
}

#[wasm_bindgen_test]
fn every_event_is_heard_also_those_that_do_not_bubble() {
    let mut page = form();
    focus(&page.host, "input");
    assert_eq!(page.sent_text(), "ENTERED{}");
    type_text(&page.host, "input", "milk");
    assert_eq!(page.sent_text(), r#"UPDATE_INPUT{"value":"milk"}"#);
    fire(&page.host, "input", "keydown", r#"{"key": "a"}"#);
    fire(
        &page.host,
        "input",
        "keydown",
        r#"{"key": "Enter", "isComposing": true}"#,
    );
    assert_eq!(page.sent_text(), "");
    fire(&page.host, "input", "keydown", r#"{"key": "Enter"}"#);
    assert_eq!(page.sent_text(), r#"CREATE{"value":"milk"}"#);
    blur(&page.host, "input");
    assert_eq!(page.sent_text(), r#"LEFT{"value":"milk"}"#);
    // From inside the button; the value is that of the form's field.
    click(&page.host, "b");
    assert_eq!(page.sent_text(), r#"CREATE{"value":"milk"}"#);
    assert!(
        fire(&page.host, "form", "submit", "{}"),
        "the page must stay"
    );
    assert_eq!(page.sent_text(), "SUBMIT{}");
}

#[wasm_bindgen_test]
fn an_event_reaches_the_handlers_from_the_inside_out() {
    let mut page = rows("ab");
    click(&page.host, "#b i");
    assert_eq!(page.sent_text(), r#"DELETE{"id":"b"} OPEN{"id":"b"}"#);
    let stop = ROWS.replace(
        r#""send": "DELETE", "payload": {"id": "$$id"}"#,
        r#""send": "STOP_PROPAGATION""#,
    );
    let mut page = Page::new(&stop, &format!(r#"{{"list": {}}}"#, list("a")));
    click(&page.host, "#a i");
    assert_eq!(page.sent_text(), "");
}

#[wasm_bindgen_test]
fn drop_targets_accept_what_is_dragged() {
    let view = r#"{"tag": "div", "attrs": {"data-column": "todo"}, "children": [{"tag": "p", "$on": {
        "dragover": {"send": "OVER"}, "drop": {"send": "DROP", "payload": {"column": "@dataColumn"}}}}]}"#;
    let mut page = Page::new(view, "{}");
    assert!(fire(&page.host, "p", "dragover", "{}"));
    assert!(fire(&page.host, "p", "drop", "{}"));
    assert!(!fire(&page.host, "p", "dragleave", "{}"));
    assert_eq!(page.sent_text(), r#"OVER{} DROP{"column":"todo"}"#);
}

#[wasm_bindgen_test]
fn check_boxes_and_selects_say_what_was_chosen() {
    let view = r#"{"children": [
        {"tag": "input", "attrs": {"type": "checkbox", "checked": "$done"}, "$on": {"change": {"send": "CHECK", "payload": {"done": "@checked"}}}},
        {"tag": "select", "value": "$kind", "$on": {"change": {"send": "KIND", "payload": {"kind": "@inputValue"}}},
         "$each": {"items": "$kinds", "template": {"tag": "option", "text": "$$", "value": "$$"}}},
        {"tag": "textarea", "value": "$note"}
    ]}"#;
    let mut page = Page::new(
        view,
        r#"{"done": true, "kind": "b", "kinds": ["a", "b", "c"], "note": "two\nlines"}"#,
    );
    assert_eq!(get(&page.host, "input", "checked"), "true");
    assert_eq!(get(&page.host, "select", "value"), "b");
    assert_eq!(get(&page.host, "textarea", "value"), "two\nlines");
    click(&page.host, "input");
    assert_eq!(page.sent_text(), r#"CHECK{"done":false}"#);
    page.set("done", "false");
    page.set("done", "true");
    assert_eq!(get(&page.host, "input", "checked"), "true");
    page.set("kind", "\"c\"");
    fire(&page.host, "select", "change", "{}");
    assert_eq!(page.sent_text(), r#"KIND{"kind":"c"}"#);
    page.set("kinds", r#"["c", "d"]"#);
    assert_eq!(get(&page.host, "select", "value"), "c");
}

fn check_reorder() {
    let mut page = rows("abcd");
    for id in ["#a", "#b", "#c", "#d"] {
        mark(&page.host, id, "known");
    }
    focus(&page.host, "#df");
    select(&page.host, "#df", 0, 1);
    page.sent();
    for order in ["dabc", "cbad", "dcba", "xdy", "yd"] {
        page.set("list", &list(order));
        let shown = texts(&page.host, "span").replace(' ', "");
        assert_eq!(shown, order);
        assert_eq!(active(&page.host), "df", "{order}");
        assert_eq!(selection(&page.host, "#df"), "0-1", "{order}");
        for id in order.chars().filter(|id| *id < 'x') {
            assert!(
                marked(&page.host, &format!("#{id}"), "known"),
                "{id} in {order}"
            );
        }
    }
    assert_eq!(page.sent_text(), "", "nobody left the field");
    assert!(!marked(&page.host, "#y", "known"));
}

#[wasm_bindgen_test]
fn r6_rows_keep_elements_focus_and_selection_when_they_move() {
    check_reorder();
    let restore = refuse_move_before();
    check_reorder();
    restore.call0(&wasm_bindgen::JsValue::NULL).unwrap();
}

#[wasm_bindgen_test]
fn the_blur_of_a_removed_row_is_nobodys_doing() {
    let mut page = rows("ab");
    focus(&page.host, "#bf");
    page.set("list", &list("a"));
    assert_eq!(page.sent_text(), "");
    click(&page.host, "#a i");
    assert_eq!(page.sent_text(), r#"DELETE{"id":"a"} OPEN{"id":"a"}"#);
}

#[wasm_bindgen_test]
fn a_slot_shows_the_child_it_names_and_no_other() {
    let view = r#"{"tag": "main", "attrs": {"id": "main"}, "$slot": "$view"}"#;
    let mut page = Page::new(view, r#"{"view": "@list"}"#);
    let list = find(&page.host, "main > #list").unwrap();
    page.set("view", "\"@soon\"");
    assert!(find(&page.host, "main > #soon").is_some());
    assert!(!list.is_connected() && find(&page.host, "#list").is_none());
    page.set("view", "null");
    assert_eq!(get(&page.host, "main", "childElementCount"), "0");
}

#[wasm_bindgen_test]
fn r8_actors_with_the_same_style_share_one_sheet_and_a_live_edit_replaces_it() {
    let mut engine = StyleEngine::new();
    let style = |color: &str| {
        Json::parse(&format!(
            r#"{{"selectors": {{"h1": {{"color": "{color}"}}}}}}"#
        ))
        .unwrap()
    };
    let page = form();
    let other = add_host();
    let second = Surface::attach(&page.screen, &other, 8, page.instance.view()).unwrap();
    let red = engine.sheet(None, Some(&style("rgb(255, 0, 0)"))).unwrap();
    for surface in [&page.surface, &second] {
        surface.style(red, engine.get(red).unwrap()).unwrap();
    }
    assert!(sheet(&page.host).is_object());
    assert!(js_sys::Object::is(&sheet(&page.host), &sheet(&other)));
    assert_eq!(page.screen.sheet_count(), 1);
    assert_eq!(style_of(&page.host, "h1", "color"), "rgb(255, 0, 0)");
    let blue = engine.sheet(None, Some(&style("rgb(0, 0, 255)"))).unwrap();
    for surface in [&page.surface, &second] {
        surface.style(blue, engine.get(blue).unwrap()).unwrap();
    }
    assert_eq!(style_of(&page.host, "h1", "color"), "rgb(0, 0, 255)");
    assert_eq!(page.screen.sheet_count(), 1);
    drop(second);
    assert_eq!(page.screen.sheet_count(), 1);
    drop(page.surface);
    assert_eq!(page.screen.sheet_count(), 0);
}

#[wasm_bindgen_test]
fn font_faces_are_the_documents_for_as_long_as_a_surface_has_them() {
    let mut engine = StyleEngine::new();
    let brand = Json::parse(r#"{"tokens": {"typography": {"fontFaces": [{"fontFamily": "Test", "src": "url(/test.woff2)"}]}}}"#).unwrap();
    let id = engine.sheet(Some(&brand), None).unwrap();
    let page = form();
    let before = document_sheet_count();
    page.surface.style(id, engine.get(id).unwrap()).unwrap();
    assert_eq!(document_sheet_count(), before + 1);
    drop(page.surface);
    assert_eq!(document_sheet_count(), before);
}

#[wasm_bindgen_test]
fn container_queries_and_variants_reach_the_shadow_root() {
    let mut engine = StyleEngine::new();
    let style = Json::parse(
        r#"{"components": {"pageTitle": {"color": "rgb(1, 1, 1)", "data": {"mode": {"offOn": {"marginTop": "3px"}}}}},
            "selectors": {"@container {containerName} (min-width: {containers.xs})": {".pageTitle": {"color": "rgb(2, 2, 2)"}}}}"#,
    )
    .unwrap();
    let id = engine.sheet(None, Some(&style)).unwrap();
    let page = Page::new(
        r#"{"tag": "p", "class": "page-title", "attrs": {"data": {"mode": "$mode"}}}"#,
        r#"{"mode": "offOn"}"#,
    );
    page.surface.style(id, engine.get(id).unwrap()).unwrap();
    page.host
        .set_attribute("style", "display: block; width: 500px")
        .unwrap();
    assert_eq!(style_of(&page.host, "p", "color"), "rgb(2, 2, 2)");
    page.host
        .set_attribute("style", "display: block; width: 100px")
        .unwrap();
    assert_eq!(style_of(&page.host, "p", "color"), "rgb(1, 1, 1)");
    assert_eq!(style_of(&page.host, "p", "marginTop"), "3px");
}

#[wasm_bindgen_test]
fn svg_and_flags_are_real() {
    let view = r#"{"children": [
        {"tag": "svg", "attrs": {"viewBox": "0 0 1 1"}, "children": [{"tag": "circle", "attrs": {"r": "$r"}}]},
        {"tag": "input", "attrs": {"readonly": "$locked", "disabled": "$off"}}
    ]}"#;
    let mut page = Page::new(view, r#"{"r": 1, "locked": true, "off": false}"#);
    assert_eq!(
        get(&page.host, "circle", "namespaceURI"),
        "http://www.w3.org/2000/svg"
    );
    assert_eq!(
        get(&page.host, "svg", "outerHTML"),
        r#"<svg viewBox="0 0 1 1"><circle r="1"></circle></svg>"#
    );
    assert_eq!(
        (
            get(&page.host, "input", "readOnly"),
            get(&page.host, "input", "disabled")
        ),
        ("true".into(), "false".into())
    );
    page.set("locked", "0");
    assert_eq!(get(&page.host, "input", "readOnly"), "false");
}

#[wasm_bindgen_test]
fn r6_scrolling_stays_where_it_is() {
    let mut page = rows("abcdefghij");
    let list_node = find(&page.host, "#list").unwrap();
    list_node
        .set_attribute(
            "style",
            "height: 40px; overflow: auto; overflow-anchor: none",
        )
        .unwrap();
    set_scroll(&page.host, "#list", 50.0);
    page.set("list", &list("abcdefghijk"));
    page.set("list", &list("kabcdefghij"));
    assert_eq!(get(&page.host, "#list", "scrollTop"), "50");
}

#[wasm_bindgen_test]
fn a_surface_that_is_dropped_leaves_an_empty_root_and_no_listener() {
    let page = rows("a");
    let Page {
        host,
        screen,
        surface,
        instance,
        ..
    } = page;
    let again = Surface::attach(&screen, &host, 7, instance.view()).unwrap();
    assert_eq!(html(&host), "", "a second surface takes the element over");
    let mut fresh = engine::view::ViewInstance::new(instance.view().clone());
    let mut patch = engine::view::Patch::new();
    fresh.patch(&page.context, &mut patch);
    again.apply(&patch).unwrap();
    drop(surface);
    assert_eq!(
        texts(&host, "span"),
        "a",
        "the first one is of no concern any more"
    );
    drop(again);
    assert_eq!(html(&host), "");
}

#[wasm_bindgen_test]
fn an_element_without_a_shadow_root_is_refused_with_a_code() {
    let page = form();
    let input = find(&page.host, "input").unwrap();
    let error = Surface::attach(&page.screen, &input, 9, page.instance.view())
        .err()
        .unwrap();
    assert_eq!(error.code(), "PLEIONE_E_ELEMENT");
    assert!(error.to_string().contains("NotSupportedError"), "{error}");
}

/// Prints what a thousand rows cost in this browser; run it in a release build.
#[wasm_bindgen_test]
#[ignore = "a measurement"]
fn a_thousand_rows_time() {
    let item = |id: u32, text: &str| {
        Json::object([
            ("id", Json::from(id)),
            ("text", text.into()),
            ("field", id.into()),
        ])
    };
    for count in [2, 1_000] {
        let list: Vec<Json> = (0..count).map(|id| item(id, "text")).collect();
        let mut page = rows("");
        let mut times = Vec::new();
        for (round, list) in [vec![], list.clone(), vec![], list.clone()]
            .into_iter()
            .enumerate()
        {
            let start = now();
            page.show(Json::object([("list", Json::from(list))]));
            times.push(format!("{round}: {:.2} ms", now() - start));
        }
        let start = now();
        for round in 0..100 {
            let mut list = list.clone();
            list[1] = item(1, &format!("text {round}"));
            page.show(Json::object([("list", Json::from(list))]));
        }
        let one = (now() - start) / 100.0;
        wasm_bindgen_test::console_log!(
            "{count} rows: {}, one changed {one:.3} ms",
            times.join(", ")
        );
    }
}
