//! What views show, and how little is done to show it.

use crate::screen::{Handle, Shown};
use cojson::json::Json;
use engine::view::{DomMarkers, Patch, ViewInstance};

const TODOS: &str = r#"{"content": {"class": "stack", "children": [
    {"tag": "h2", "text": "Daily"},
    {"tag": "input", "attrs": {"type": "text", "placeholder": "$hint"}, "value": "$draft",
     "$on": {"input": {"send": "UPDATE_INPUT", "payload": {"value": "@inputValue"}}}},
    {"tag": "ul", "$each": {"items": "$list", "template": {
        "tag": "li", "attrs": {"data": {"done": "$$done"}}, "children": [
            {"tag": "span", "text": "$$text"},
            {"tag": "button", "text": "$label", "$on": {"click": {"send": "TOGGLE", "payload": {"id": "$$id"}}}}
        ]}}},
    {"tag": "main", "$slot": "$view"}
]}}"#;

fn todo(id: usize) -> Json {
    Json::object([
        ("id", Json::from(format!("co_{id}"))),
        ("text", Json::from(format!("todo {id}"))),
        ("done", Json::Bool(false)),
    ])
}

fn with_todos(count: usize) -> Shown {
    let mut shown = Shown::new(
        TODOS,
        r#"{"hint": "what?", "draft": "", "label": "ok", "list": [], "view": "@list"}"#,
    );
    shown.set("list", (0..count).map(todo).collect::<Vec<Json>>().into());
    shown
}

fn items(shown: &Shown) -> Vec<Json> {
    shown
        .context
        .get("list")
        .unwrap()
        .as_array()
        .unwrap()
        .to_vec()
}

fn with_member(item: &Json, key: &str, value: Json) -> Json {
    let mut members = item.as_object().unwrap().clone();
    members.insert(key.into(), value);
    members.into()
}

/// The ids of the rows on the screen, and the elements that show them.
fn rows(shown: &Shown) -> Vec<(String, Handle)> {
    let texts = shown.screen.all("span").into_iter().map(|span| {
        let text = shown.screen.nodes[span].children[0];
        shown.screen.nodes[text].data.clone().unwrap()
    });
    texts.zip(shown.screen.all("li")).collect()
}

#[test]
fn the_first_patch_shows_everything() {
    assert_eq!(
        with_todos(2).screen.html(),
        "<div class=\"stack\"><h2>Daily</h2><input placeholder=\"what?\" type=\"text\"></input><ul>\
         <li data-done=\"false\"><span>todo 0</span><button>ok</button></li>\
         <li data-done=\"false\"><span>todo 1</span><button>ok</button></li>\
         </ul><main @list></main></div>"
    );
}

#[test]
fn r6_toggling_one_of_a_thousand_rows_is_one_operation() {
    let mut shown = with_todos(1_000);
    let mut list = items(&shown);
    list[500] = with_member(&list[500], "done", true.into());
    shown.set("list", list.into());
    assert_eq!(shown.count, 1);
    assert!(
        shown
            .screen
            .html()
            .contains("<li data-done=\"true\"><span>todo 500</span>")
    );
}

#[test]
fn r6_a_context_that_is_equal_but_not_the_same_changes_nothing() {
    let mut shown = with_todos(20);
    shown.show_text(&shown.context.to_string());
    assert_eq!(shown.count, 0);
}

#[test]
fn a_context_key_that_rows_read_reaches_every_row() {
    let mut shown = with_todos(3);
    shown.set("label", "done".into());
    assert_eq!(shown.count, 3);
    shown.set("hint", "else".into());
    assert_eq!(shown.count, 1);
}

#[test]
fn r6_rows_keep_their_elements_when_they_are_inserted_removed_and_moved() {
    let mut shown = with_todos(6);
    let before = rows(&shown);
    let mut list = items(&shown);
    list.remove(1);
    shown.set("list", list.clone().into());
    assert_eq!(shown.count, 1, "one row is removed");
    list.insert(3, todo(9));
    shown.set("list", list.clone().into());
    // Clone, attribute, two texts, insert.
    assert_eq!(shown.count, 5, "one row is inserted");
    list.rotate_left(1);
    shown.set("list", list.clone().into());
    assert_eq!(shown.count, 1, "one row is moved");
    list.reverse();
    shown.set("list", list.into());
    assert_eq!(shown.count, 5, "all but one of the rows are moved");
    for (text, handle) in rows(&shown) {
        let known = before.iter().find(|(known, _)| *known == text);
        assert!(known.is_none_or(|(_, known)| *known == handle), "{text}");
    }
    assert_eq!(
        rows(&shown)
            .iter()
            .map(|(text, _)| &**text)
            .collect::<Vec<_>>(),
        ["todo 0", "todo 5", "todo 4", "todo 9", "todo 3", "todo 2"]
    );
}

#[test]
fn the_numbers_of_removed_rows_are_used_again() {
    let mut shown = with_todos(50);
    let (count, highest) = (shown.screen.number_count(), shown.screen.highest_number());
    for round in 0..20 {
        shown.set("list", Json::from(Vec::new()));
        let list: Vec<Json> = (0..50).map(|id| todo(id + round * 50)).collect();
        shown.set("list", list.into());
    }
    assert_eq!(
        (shown.screen.number_count(), shown.screen.highest_number()),
        (count, highest)
    );
    assert_eq!(shown.instance.block_count(), 51);
}

#[test]
fn duplicate_and_missing_keys_still_show_every_row() {
    let view = r#"{"content": {"tag": "ul", "$each": {"items": "$list", "key": "$$kind", "template": {"tag": "li", "text": "$$text"}}}}"#;
    let mut shown = Shown::new(
        view,
        r#"{"list": [{"kind": 1, "text": "a"}, {"kind": 1, "text": "b"}, {"text": "c"}]}"#,
    );
    assert_eq!(
        shown.screen.html(),
        "<ul><li>a</li><li>b</li><li>c</li></ul>"
    );
    let handles = shown.screen.all("li");
    shown.show_text(r#"{"list": [{"text": "x"}, {"kind": 1, "text": "y"}, {"kind": 1, "text": "z"}, {"kind": 1, "text": "w"}]}"#);
    assert_eq!(
        shown.screen.html(),
        "<ul><li>x</li><li>y</li><li>z</li><li>w</li></ul>"
    );
    let now = shown.screen.all("li");
    assert_eq!(now[..3], [handles[2], handles[0], handles[1]]);
}

#[test]
fn rows_inside_rows_see_the_rows_around_them() {
    let view = r#"{"content": {"$each": {"items": "$groups", "as": "group", "template": {
        "tag": "section", "$each": {"items": "$$members", "template": {
            "tag": "p", "text": {"$join": [["$$group.name", "$$", "$mark"], "-"]},
            "$on": {"click": {"send": "PICK", "payload": {"group": "$$group.id", "member": "$$"}}}
        }}}}}}"#;
    let mut shown = Shown::new(
        view,
        r#"{"mark": "!", "groups": [{"id": 1, "name": "g", "members": ["a", "b"]}, {"id": 2, "name": "h", "members": ["c"]}]}"#,
    );
    assert_eq!(
        shown.screen.html(),
        "<div><section><p>g-a-!</p><p>g-b-!</p></section><section><p>h-c-!</p></section></div>"
    );
    shown.show_text(
        r#"{"mark": "!", "groups": [{"id": 2, "name": "k", "members": ["c"]}, {"id": 1, "name": "g", "members": ["b"]}]}"#,
    );
    assert_eq!(
        shown.screen.html(),
        "<div><section><p>k-c-!</p></section><section><p>g-b-!</p></section></div>"
    );
    let paragraph = shown.screen.number(shown.screen.all("p")[1]);
    let context = shown.context.clone();
    let event = shown
        .instance
        .event(paragraph, 0, &DomMarkers::default(), &context)
        .unwrap()
        .unwrap();
    assert_eq!(event.payload.to_string(), r#"{"group":1,"member":"b"}"#);
}

#[test]
fn b15_zero_and_false_are_shown_and_nothing_is_empty() {
    for (value, html) in [
        ("0", "<p>0</p>"),
        ("false", "<p>false</p>"),
        ("null", "<p></p>"),
        ("\"\"", "<p></p>"),
        ("[1,{\"a\":null}]", "<p>[1,{\"a\":null}]</p>"),
        ("\"$x\"", "<p>$x</p>"),
    ] {
        let shown = Shown::new(
            r#"{"tag": "p", "text": "$value"}"#,
            &format!("{{\"value\": {value}}}"),
        );
        assert_eq!(shown.screen.html(), html);
    }
    assert_eq!(
        Shown::new(r#"{"tag": "p", "text": 0}"#, "{}").screen.html(),
        "<p>0</p>"
    );
    assert_eq!(
        Shown::new(r#"{"tag": "p", "text": "$gone"}"#, "{}")
            .screen
            .html(),
        "<p></p>"
    );
}

#[test]
fn attributes_come_and_go() {
    let view = r#"{"tag": "input", "class": "$class", "attrs": {
        "disabled": "$off", "hidden": "$hidden", "title": "$title", "aria-hidden": "$off",
        "readonly": true, "data": {"viewMode": "$mode", "label": "$names.$$id"}, "data-raw": "offOn"}}"#;
    let mut shown = Shown::new(
        view,
        r#"{"class": "a b", "off": true, "hidden": true, "title": "t", "mode": "offOn"}"#,
    );
    assert_eq!(
        shown.screen.html(),
        "<input aria-hidden=\"true\" class=\"a b\" data-raw=\"offOn\" data-view-mode=\"offOn\" disabled hidden readonly title=\"t\"></input>"
    );
    shown.show_text(r#"{"class": "a", "off": false, "hidden": false, "mode": 0}"#);
    assert_eq!(
        shown.screen.html(),
        "<input aria-hidden=\"false\" class=\"a\" data-raw=\"offOn\" data-view-mode=\"0\" readonly></input>"
    );
}

#[test]
fn a_data_attribute_may_be_looked_up_by_the_rows_id_or_named_by_its_path() {
    let view = r#"{"$each": {"items": "$list", "template": {"tag": "p", "attrs": {"data": {"kind": "$kinds.$$id"}}, "children": [
        {"tag": "i", "attrs": {"data": "$$isOpen"}}]}}}"#;
    let shown = Shown::new(
        view,
        r#"{"kinds": {"a": "offOn"}, "list": [{"id": "a", "isOpen": true}, {"id": "b"}]}"#,
    );
    assert_eq!(
        shown.screen.html(),
        "<div><p data-kind=\"offOn\"><i data-is-open=\"true\"></i></p><p><i></i></p></div>"
    );
}

#[test]
fn a_slot_names_its_child_and_frees_it_with_its_row() {
    let mut shown = with_todos(0);
    shown.set("view", "@soon".into());
    assert_eq!(shown.screen.slots.values().collect::<Vec<_>>(), ["soon"]);
    for nothing in [Json::Null, "list".into(), 1.into()] {
        shown.set("view", nothing);
        assert!(shown.screen.slots.is_empty());
    }
    let view = r#"{"$each": {"items": "$list", "template": {"$each": {"items": "$$", "template": {"$slot": "$$"}}}}}"#;
    let mut shown = Shown::new(view, r#"{"list": [["@a", "@b"], ["@c"]]}"#);
    assert_eq!(shown.screen.slots.len(), 3);
    shown.show_text(r#"{"list": [["@c"]]}"#);
    assert_eq!(shown.screen.slots.values().collect::<Vec<_>>(), ["c"]);
}

#[test]
fn a_select_shows_its_value_once_it_has_the_option() {
    let view = r#"{"tag": "select", "value": "$chosen", "$each": {"items": "$options", "template": {"tag": "option", "text": "$$", "value": "$$"}}}"#;
    let mut shown = Shown::new(view, r#"{"chosen": "b", "options": ["a"]}"#);
    let select = shown.screen.all("select")[0];
    // As a browser does when the option is not there.
    shown.screen.nodes[select].value = None;
    shown.show_text(r#"{"chosen": "b", "options": ["a", "b"]}"#);
    assert_eq!(shown.screen.nodes[select].value.as_deref(), Some("b"));
}

/// Prints what patches cost: `cargo test -p engine --release --test view -- --nocapture --ignored`.
#[test]
#[ignore = "a measurement"]
fn patch_time() {
    for count in [2, 300, 1_000] {
        let mut shown = with_todos(count);
        let list = items(&shown);
        let rounds = 1_000;
        let (mut patch, mut spent) = (Patch::new(), std::time::Duration::ZERO);
        for round in 0..rounds {
            let mut list = list.clone();
            list[count / 2] = with_member(&list[count / 2], "done", (round % 2 == 0).into());
            let mut members = shown.context.as_object().cloned().unwrap();
            members.insert("list".into(), list.into());
            let context = Json::from(members);
            patch.clear();
            let start = std::time::Instant::now();
            shown.instance.patch(&context, &mut patch);
            spent += start.elapsed();
        }
        let mut fresh = ViewInstance::new(shown.instance.view().clone());
        let mut first = Patch::new();
        let start = std::time::Instant::now();
        fresh.patch(&shown.context, &mut first);
        println!(
            "{count} rows: toggle {:?}, first {:?}",
            spent / rounds,
            start.elapsed()
        );
    }
}
