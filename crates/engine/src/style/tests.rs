//! What a style becomes, what is refused, and when a sheet is shared.

use super::*;

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn css_of(style: &str) -> String {
    let sheet = Stylesheet::compile(None, Some(&json(style))).unwrap();
    sheet.css().to_owned()
}

fn check_has(style: &str, rules: &[&str]) {
    let css = css_of(style);
    for rule in rules {
        assert!(css.contains(rule), "no {rule:?} in\n{css}");
    }
}

fn check_refused(style: &str, path: &str, found: &str) {
    let error = Stylesheet::compile(None, Some(&json(style))).unwrap_err();
    assert_eq!(error.path, path, "{error}");
    assert!(error.found.contains(found), "{error}");
}

#[test]
fn an_empty_style_still_makes_a_container() {
    let sheet = Stylesheet::compile(None, None).unwrap();
    assert_eq!(
        sheet.css(),
        ":host {\n  --containers-xs: 240px;\n  --containers-sm: 360px;\n  --containers-md: 480px;\n  \
         --containers-lg: 640px;\n  --containers-xl: 768px;\n  --containers-2xl: 1024px;\n  \
         --containerName: actor;\n  container-type: inline-size;\n  container-name: actor;\n}\n"
    );
}

#[test]
fn components_nest_by_key() {
    check_has(
        r#"{"components":{"cardBody":{
            "paddingTop":1, "color":"red",
            ":hover":{"color":"blue","::before":{"content":"\"x\""}},
            "[open]":{"margin":0},
            "> li":{"gap":"1px"},
            "active":{"top":0},
            "@media (min-width: 1px)":{"left":0}
        }}}"#,
        &[
            ".card-body {\n  padding-top: 1;\n  color: red;\n}\n",
            ".card-body:hover {\n  color: blue;\n}\n",
            ".card-body:hover::before {\n  content: \"x\";\n}\n",
            ".card-body[open] {\n",
            ".card-body > li {\n",
            ".card-body[active] {\n",
            "@media (min-width: 1px) {\n  .card-body {\n    left: 0;\n  }\n}\n",
        ],
    );
}

#[test]
fn data_variants_compare_values_as_written() {
    check_has(
        r#"{"components":{"chip":{"data":{"viewMode":{
            "offOn":{"color":"red",":hover":{"color":"blue"},"data":{"size":{"XL":{"top":0}}}}
        }}}}}"#,
        &[
            ".chip[data-view-mode=\"offOn\"] {\n  color: red;\n}\n",
            ".chip[data-view-mode=\"offOn\"]:hover {\n",
            ".chip[data-view-mode=\"offOn\"][data-size=\"XL\"] {\n",
        ],
    );
}

#[test]
fn selectors_take_tokens_at_rules_and_states() {
    check_has(
        r#"{"tokens":{"gap":"4px"},"selectors":{
            ":host":{"display":"block",":hover":{"color":"red"}},
            ".cardBody a":{":hover":{"gap":"{gap}"}},
            "@container {containerName} (min-width: {containers.sm})":{
                ".cardBody":{"gap":"{gap}"},
                "@media print":{".x":{"top":0}}
            },
            "@keyframes turn":{"from":{"rotate":"0deg"},"to":{"rotate":"1turn"}}
        }}"#,
        &[
            "/* State-based selectors */\n:host {\n  display: block;\n}\n:host(:hover) {\n",
            ".card-body a:hover {\n  gap: 4px;\n}\n",
            "@container actor (min-width: 360px) {\n  .card-body {\n    gap: 4px;\n  }\n  @media print {\n    .x {\n",
            "@keyframes turn {\n  from {\n    rotate: 0deg;\n  }\n  to {\n",
        ],
    );
}

#[test]
fn tokens_become_custom_properties_and_may_name_each_other() {
    check_has(
        r##"{"tokens":{
            "colors":{"text":{"ink":"#222"},"primary":"{colors.text.ink}","none":null},
            "typography":{"fontFamily":{"body":["Inter","sans-serif"]}},
            "containerName":"mine"
        }}"##,
        &[
            "--colors-text-ink: #222;\n  --colors-primary: #222;\n  --typography-fontFamily-body: Inter,sans-serif;",
            "--containerName: actor;",
        ],
    );
}

#[test]
fn font_faces_come_first_and_apart() {
    let style = json(
        r#"{"tokens":{"typography":{"fontFaces":[{"fontFamily":"Inter","src":"url(/inter.woff2)"}]}}}"#,
    );
    let sheet = Stylesheet::compile(Some(&style), None).unwrap();
    let face = "@font-face {\n  font-family: Inter;\n  src: url(/inter.woff2);\n}\n";
    assert_eq!(sheet.font_faces(), face);
    assert!(sheet.css().starts_with(face));
    assert!(!sheet.css().contains("fontFaces"));
}

#[test]
fn raw_css_comes_last_from_both_documents() {
    let brand = json(r##"{"tokens":{"ink":"#222"},"rawCSS":".a{color:{ink}}"}"##);
    let style = json(r#"{"rawCSS":"/* mine */ .b{top:0}"}"#);
    let sheet = Stylesheet::compile(Some(&brand), Some(&style)).unwrap();
    let end = "}\n/* Raw CSS fallback */\n.a{color:#222}\n/* mine */ .b{top:0}\n";
    assert!(sheet.css().ends_with(end), "{}", sheet.css());
}

#[test]
fn r9_nothing_leaves_its_declaration_or_rule() {
    check_refused(
        r#"{"tokens":{"a":{"b":"red;} * {x:y"}}}"#,
        "tokens.a.b",
        "a semicolon",
    );
    check_refused(
        r#"{"components":{"a":{"color":"red}"}}}"#,
        "components.a.color",
        "a brace",
    );
    check_refused(
        r#"{"components":{"a{}":{}}}"#,
        r#"components["a{}"]"#,
        "a{}",
    );
    check_refused(
        r#"{"components":{"a":{"co lor":1}}}"#,
        r#"components.a["co lor"]"#,
        "co lor",
    );
    check_refused(
        r#"{"components":{"a":{":x{} b":{"top":0}}}}"#,
        r#"components.a[":x{} b"]"#,
        "a brace",
    );
    check_refused(r#"{"rawCSS":"} .x {"}"#, "rawCSS", "closes nothing");
    check_refused(
        r#"{"selectors":{"@import url(x)":{"top":0}}}"#,
        r#"selectors["@import url(x)"]"#,
        "@import",
    );
    // A token's quotes cannot open the declaration's own.
    check_refused(
        r#"{"tokens":{"t":"\";}\""},"components":{"a":{"content":"\"{t}\""}}}"#,
        "components.a.content",
        "",
    );
}

#[test]
fn r9_a_token_that_a_browser_might_run_is_emptied_with_a_warning() {
    let style = json(
        r#"{"tokens":{"bad":"url(javascript:alert(1))"},"components":{"a":{"background":"{bad}","top":0}}}"#,
    );
    let sheet = Stylesheet::compile(None, Some(&style)).unwrap();
    assert!(sheet.css().contains("--bad: ;"));
    assert!(sheet.css().contains(".a {\n  top: 0;\n}\n"));
    assert_eq!(sheet.warnings().len(), 1);
    assert_eq!(sheet.warnings()[0].path, "tokens.bad");
}

#[test]
fn r12_what_is_not_understood_is_refused_with_its_path() {
    check_refused(
        r#"{"components":{"a":{"color":"{colors.gone}"}}}"#,
        "components.a.color",
        "{colors.gone}",
    );
    check_refused(r#"{"tokens":{"a":"{b}","b":"{a}"}}"#, "tokens.a", "circle");
    check_refused(r#"{"tokens":{"a":[{}]}}"#, "tokens.a", "array");
    check_refused(r#"{"components":{"a":1}}"#, "components.a", "number");
    check_refused(r#"{"selectors":{".a":1}}"#, r#"selectors[".a"]"#, "number");
    check_refused(
        r#"{"components":{"a":{".b":{"top":0}}}}"#,
        r#"components.a[".b"]"#,
        ".b",
    );
    check_refused(
        r#"{"tokens":{"__proto__":{"a":1}}}"#,
        "tokens.__proto__",
        "__proto__",
    );
}

#[test]
fn r12_an_error_names_the_document_that_holds_it() {
    let brand = json(r#"{"components":{"a":{"color":"{gone}"}}}"#);
    let style = json(r#"{"components":{"b":{"color":"{gone}"}}}"#);
    let document = |brand, style| {
        let error = Stylesheet::compile(brand, style).unwrap_err();
        error.document.clone()
    };
    assert_eq!(document(Some(&brand), None), "brand");
    assert_eq!(document(None, Some(&style)), "style");
    assert_eq!(document(Some(&brand), Some(&style)), "brand");
}

#[test]
fn r8_equal_content_is_one_sheet_for_as_long_as_it_is_held() {
    let mut engine = StyleEngine::new();
    let text = r#"{"components":{"a":{"top":0}}}"#;
    let (first, second) = (json(text), json(text));
    let one = engine.sheet(Some(&first), None).unwrap();
    let two = engine.sheet(Some(&second), None).unwrap();
    assert_eq!(one, two);
    assert_eq!((engine.compilations(), engine.count()), (1, 1));
    assert!(!engine.release(one));
    assert!(engine.css(one).contains(".a {"));
    assert!(engine.release(two));
    assert_eq!(engine.count(), 0);
    assert_eq!(engine.css(one), "");
}

#[test]
fn r8_b10_a_live_edit_is_another_sheet() {
    let mut engine = StyleEngine::new();
    let old = json(r#"{"components":{"a":{"top":0}}}"#);
    let new = json(r#"{"components":{"a":{"top":1}}}"#);
    let old_sheet = engine.sheet(None, Some(&old)).unwrap();
    let new_sheet = engine.sheet(None, Some(&new)).unwrap();
    assert_ne!(old_sheet, new_sheet);
    assert!(engine.css(new_sheet).contains("top: 1;"));
    // The same rule in the other place, or in another order, is another style.
    assert_ne!(engine.sheet(Some(&old), None).unwrap(), old_sheet);
}

#[test]
fn deep_nesting_is_refused_not_overflowed() {
    let style = format!(
        "{{\"components\":{{\"a\":{}{{}}{}}}}}",
        "{\":x\":".repeat(50),
        "}".repeat(50)
    );
    let error = Stylesheet::compile(None, Some(&json(&style))).unwrap_err();
    assert!(error.expected.contains("nested"), "{error}");
}
