//! What a view must not do, and what is not understood.

use cojson::json::Json;
use engine::view::{CompiledView, ViewProblem};

use crate::screen::Shown;

fn check_refused(node: &str, path: &str) {
    let document = Json::parse(&format!(r#"{{"content": {{"children": [{node}]}}}}"#)).unwrap();
    let error = CompiledView::compile(&document).unwrap_err();
    assert_eq!(error.document, "view");
    assert_eq!(error.path, format!("content.children[0]{path}"), "{error}");
}

#[test]
fn b06_elements_that_run_code_or_load_documents_are_refused() {
    for tag in [
        "script",
        "SCRIPT",
        "iframe",
        "object",
        "embed",
        "base",
        "meta",
        "link",
        "style",
        "frame",
        "template",
        "foreignObject",
        "animate",
        "set",
    ] {
        check_refused(&format!(r#"{{"tag": "{tag}"}}"#), ".tag");
    }
    check_refused(
        r#"{"tag": "svg", "children": [{"tag": "script"}]}"#,
        ".children[0].tag",
    );
    check_refused(
        r#"{"$each": {"items": "$a", "template": {"tag": "script"}}}"#,
        ".$each.template.tag",
    );
}

#[test]
fn b06_attributes_that_run_code_are_refused() {
    for name in [
        "onclick", "ONERROR", "onfocus", "srcdoc", "style", "a b", "x>",
    ] {
        let document = Json::parse(&format!(r#"{{"attrs": {{"{name}": "$x"}}}}"#)).unwrap();
        let error = CompiledView::compile(&document).unwrap_err();
        assert!(error.path.starts_with("attrs"), "{error}");
    }
}

#[test]
fn b06_addresses_that_run_code_become_empty_and_are_told() {
    let view = r#"{"children": [
        {"tag": "a", "attrs": {"href": "$url"}},
        {"tag": "img", "attrs": {"src": "$url"}},
        {"tag": "form", "attrs": {"action": "$url"}},
        {"tag": "button", "attrs": {"formaction": "$url"}},
        {"tag": "svg", "children": [{"tag": "use", "attrs": {"xlink:href": "$url"}}]}
    ]}"#;
    let mut shown = Shown::new(view, r#"{"url": " jAvascript:alert(1)"}"#);
    assert!(!shown.screen.html().to_lowercase().contains("javascript"));
    assert_eq!(shown.instance.problem_count(), 5);
    assert!(matches!(
        &*shown.instance.take_problems(),
        [ViewProblem::UnsafeUrl { .. }, ..]
    ));
    shown.show_text(r#"{"url": "https://example.org/"}"#);
    assert_eq!(shown.instance.problem_count(), 5);
    assert!(
        shown
            .screen
            .html()
            .contains("href=\"https://example.org/\"")
    );
}

#[test]
fn b06_a_literal_address_that_runs_code_becomes_empty_with_a_warning() {
    let document =
        Json::parse(r#"{"tag": "a", "attrs": {"href": "javascript:alert(1)"}}"#).unwrap();
    let view = CompiledView::compile(&document).unwrap();
    assert!(!view.description().contains("javascript"));
    assert_eq!(view.warnings().len(), 1);
    assert_eq!(view.warnings()[0].path, "attrs.href");
}

#[test]
fn r12_what_is_not_understood_is_refused_with_its_path() {
    for (node, path) in [
        (r#"{"txt": "a"}"#, ".txt"),
        (r#"{"$if": {}}"#, ".$if"),
        (
            r#"{"text": {"$if": {"condition": true, "then": 1}}}"#,
            ".text",
        ),
        (r#"{"class": {"$eq": [1, 1]}}"#, ".class"),
        (
            r#"{"attrs": {"data": {"a": {"$not": "$b"}}}}"#,
            ".attrs.data.a",
        ),
        (r#"{"attrs": []}"#, ".attrs"),
        (r#"{"attrs": {"data": 1}}"#, ".attrs.data"),
        (r#"{"text": {"$nonsense": 1}}"#, ".text.$nonsense"),
        (r#"{"tag": 1}"#, ".tag"),
        (r#"{"children": {}}"#, ".children"),
        (r#"{"children": ["text"]}"#, ".children[0]"),
        (r#"{"$each": {"items": "$a"}}"#, ".$each"),
        (
            r#"{"$each": {"items": "$a", "template": {}, "by": 1}}"#,
            ".$each.by",
        ),
        (
            r#"{"$each": {"items": "$a", "template": {}, "as": "a.b"}}"#,
            ".$each.as",
        ),
        (r#"{"$on": {"click": {"payload": {}}}}"#, ".$on.click"),
        (r#"{"$on": {"click": {"send": ""}}}"#, ".$on.click.send"),
        (
            r#"{"$on": {"click": {"send": "A", "to": "b"}}}"#,
            ".$on.click.to",
        ),
        (
            r#"{"$on": {"click": [{"send": "A"}, {"send": 1}]}}"#,
            ".$on.click[1].send",
        ),
    ] {
        check_refused(node, path);
    }
    for document in ["1", "[]", r#"{"content": {}, "other": 1}"#] {
        assert!(
            CompiledView::compile(&Json::parse(document).unwrap()).is_err(),
            "{document}"
        );
    }
}

#[test]
fn a_view_that_is_too_deep_or_too_large_is_refused() {
    let mut deep = Json::empty_object();
    for _ in 0..100 {
        deep = Json::object([("children", Json::from(vec![deep]))]);
    }
    assert!(CompiledView::compile(&deep).is_err());
    let many = vec![Json::empty_object(); 30_000];
    assert!(CompiledView::compile(&Json::object([("children", Json::from(many))])).is_err());
}
