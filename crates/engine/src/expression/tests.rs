//! Each operator against JavaScript's answer, and the refusals.

use cojson::json::Json;

use super::*;
use crate::definition_error::{DefinitionError, Place};

const CONTEXT: &str = r#"{
    "a": {"b": 1}, "n": null, "zero": 0, "text": " hi ", "list": [1, 2, 3], "empty": "",
    "errors": [{"message": "no"}], "rows": [{"id": "x", "n": 1}, {"id": "y", "n": 0}],
    "names": {"x": "Ada"}, "constructors": 7, "existing": {"done": "context"}
}"#;
const ITEM: &str =
    r#"{"id": "x", "done": false, "nested": {"id": "y"}, "result": {"from": "item"}}"#;

fn compile(expression: &str) -> Result<Expression, DefinitionError> {
    Expression::compile(
        &Json::parse(expression).unwrap(),
        &Place::root("state").key("payload"),
    )
}

fn evaluate(expression: &str) -> Result<Option<Json>, EvaluationError> {
    let (context, item) = (Json::parse(CONTEXT).unwrap(), Json::parse(ITEM).unwrap());
    compile(expression)
        .unwrap()
        .evaluate(&Scope::new(&context).with_item(&item))
}

/// `undefined` stands for no value.
fn check(expression: &str, expected: &str) {
    let value = evaluate(expression).unwrap();
    let text = value.map_or_else(|| "undefined".to_owned(), |value| value.to_string());
    assert_eq!(text, expected, "{expression}");
}

/// Evaluates what fails, at an operator that is named.
fn check_error(wrong: &str, reason: &str) {
    let error = evaluate(wrong).unwrap_err();
    assert!(error.path().starts_with("payload.$"), "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

#[test]
fn paths_lead_to_what_javascript_would_find() {
    check(r#""$a.b""#, "1");
    check(r#"{"$context":"a.b"}"#, "1");
    check(r#""$a.c""#, "undefined");
    check(r#""$a.b.c""#, "undefined");
    check(r#""$n""#, "null");
    check(r#""$n.x""#, "undefined");
    check(r#""$errors.0.message""#, r#""no""#);
    check(r#""$list.00""#, "undefined");
    check(r#""$list.3""#, "undefined");
    check(r#""$list.length""#, "3");
    check(r#""$text.length""#, "4");
    check(r#""$$done""#, "false");
    check(r#"{"$item":"nested.id"}"#, r#""y""#);
    check(r#""$$gone""#, "undefined");
    check(r#""$constructors""#, "7");
    check(r#""$names.$$id""#, r#""Ada""#);
    check(r#""$names.$$nested.id""#, "undefined");
    check(r#""$list.$$gone""#, "undefined");
}

#[test]
fn arithmetic_is_of_numbers_and_gives_a_number() {
    check(r#"{"$add":["$a.b",{"$multiply":[2,3]}]}"#, "7");
    check(
        r#"{"$subtract":[{"$divide":[1,4]},{"$length":"$list"}]}"#,
        "-2.75",
    );
    for wrong in [
        r#"{"$add":["1",2]}"#,
        r#"{"$add":["$gone",2]}"#,
        r#"{"$divide":[1,"$zero"]}"#,
        r#"{"$multiply":[1e300,1e300]}"#,
    ] {
        check_error(wrong, "two numbers");
    }
    assert!(compile(r#"{"$add":[1]}"#).is_err());
    assert!(compile(r#"{"$add":[1,2],"b":1}"#).is_err());
}

#[test]
fn a_bare_shortcut_is_the_whole_value() {
    check(r#""$""#, &Json::parse(CONTEXT).unwrap().to_string());
    check(r#""$$""#, &Json::parse(ITEM).unwrap().to_string());
    check(
        r#"{"$map":{"array":"$list","as":"x","return":"$$x"}}"#,
        "[1,2,3]",
    );
}

#[test]
fn the_tools_result_comes_before_the_items() {
    check(r#""$$result.from""#, r#""item""#);
    let context = Json::empty_object();
    let (item, result) = (Json::parse(ITEM).unwrap(), Json::from("tool"));
    let scope = Scope::new(&context)
        .with_item(&item)
        .with_result(Some(&result));
    let value = |text: &str| compile(text).unwrap().evaluate(&scope).unwrap();
    assert_eq!(value(r#""$$result""#), Some(Json::from("tool")));
    assert_eq!(value(r#""$$result.from""#), None);
    assert_eq!(value(r#""$$resultFoo""#), None);
}

#[test]
fn existing_is_the_value_under_change_where_there_is_one() {
    check(r#"{"$not":"$existing.done"}"#, "false");
    let context = Json::parse(CONTEXT).unwrap();
    let existing = Json::parse(r#"{"done":false}"#).unwrap();
    let scope = Scope::new(&context).with_existing(&existing);
    let expression = compile(r#"{"$not":"$existing.done"}"#).unwrap();
    assert_eq!(expression.evaluate(&scope), Ok(Some(Json::Bool(true))));
    assert!(expression.dependencies().reads_existing());
}

#[test]
fn operators_answer_as_javascript_does() {
    check(r#"{"$eq":["$a.b",1]}"#, "true");
    check(r#"{"$eq":["$a.b","1"]}"#, "false");
    check(r#"{"$eq":["$gone",null]}"#, "false");
    check(r#"{"$eq":["$gone","$$gone"]}"#, "true");
    check(r#"{"$eq":["$list",[1,2,3]]}"#, "true");
    check(r#"{"$ne":["$zero",false]}"#, "true");
    check(r#"{"$gt":["10","9"]}"#, "false");
    check(r#"{"$gt":[10,"9"]}"#, "true");
    check(r#"{"$gt":["$gone",-1]}"#, "false");
    check(r#"{"$not":"$empty"}"#, "true");
    check(r#"{"$not":"$list"}"#, "false");
    check(r#"{"$and":[]}"#, "true");
    check(r#"{"$or":[]}"#, "false");
    check(r#"{"$and":[1,"$text"]}"#, "true");
    check(r#"{"$and":"$zero"}"#, "false");
    check(r#"{"$or":["$zero","$text"]}"#, "true");
    check(r#"{"$trim":"$text"}"#, r#""hi""#);
    check(r#"{"$trim":"$zero"}"#, "0");
    check(r#"{"$trim":"$gone"}"#, "undefined");
    check(r#"{"$length":"$list"}"#, "3");
    check(r#"{"$length":"😀"}"#, "2");
    check(r#"{"$length":"$a"}"#, "0");
    check(r#"{"$length":"$gone"}"#, "0");
    check(
        r#"{"$concat":["$list",null,"$gone",[[4]],5]}"#,
        "[1,2,3,[4],5]",
    );
    check(r#"{"$join":["$list","-"]}"#, r#""1-2-3""#);
    check(r#"{"$join":[["a",null,"$zero"]]}"#, r#""a,,0""#);
    check(r#"{"$join":["$gone","-"]}"#, r#""""#);
    check(
        r#"{"$if":{"condition":"$zero","then":1,"else":"$a.b"}}"#,
        "1",
    );
    check(r#"{"$if":{"condition":"$zero","then":1}}"#, "undefined");
    check(r#"{"$literal":{"$eq":["$5",1]}}"#, r#"{"$eq":["$5",1]}"#);
    check(r#"[{"$literal":"$5 off"}]"#, r#"["$5 off"]"#);
}

#[test]
fn order_is_javascripts() {
    for (left, right, gt, gte) in [
        ("1", "1", false, true),
        ("2", "1", true, true),
        ("1", "2", false, false),
        (r#""b""#, r#""a""#, true, true),
        (r#""10""#, "9", true, true),
        ("null", "0", false, true),
        (r#""$gone""#, "0", false, false),
        ("0", r#""$gone""#, false, false),
        (r#""$gone""#, r#""$gone""#, false, false),
        (r#""nan""#, "0", false, false),
    ] {
        let all = [("$gt", left, right, gt), ("$gte", left, right, gte)];
        let turned = [("$lt", right, left, gt), ("$lte", right, left, gte)];
        for (operator, left, right, expected) in all.into_iter().chain(turned) {
            let expression = format!(r#"{{"{operator}":[{left},{right}]}}"#);
            check(&expression, &expected.to_string());
        }
    }
    check(r#"{"$neq":["$a.b",1]}"#, "false");
    check(r#"{"$neq":["$gone",null]}"#, "true");
}

#[test]
fn a_switch_gives_the_case_of_the_values_text() {
    let switch = |on: &str| {
        format!(
            r#"{{"$switch":{{"on":{on},"cases":{{"x":"$a.b","0":"zero","true":"yes"}},"default":"$text"}}}}"#
        )
    };
    check(&switch(r#""$$id""#), "1");
    check(&switch(r#""$zero""#), r#""zero""#);
    check(&switch(r#"{"$not":"$empty"}"#), r#""yes""#);
    check(&switch(r#""$gone""#), r#"" hi ""#);
    check(&switch(r#""y""#), r#"" hi ""#);
    check(
        r#"{"$switch":{"on":1,"cases":{"2":{"$add":["never",1]}}}}"#,
        "undefined",
    );
}

#[test]
fn texts_change_their_case_as_unicode_says() {
    check(r#"{"$toLowerCase":"ÀΣΑΣ İ"}"#, "\"àσας i\u{307}\"");
    check(r#"{"$toUpperCase":"straße ﬁ"}"#, r#""STRASSE FI""#);
    check_error(
        r#"{"$toUpperCase":"$zero"}"#,
        "takes a text and found the number 0",
    );
    check_error(
        r#"{"$toLowerCase":"$gone"}"#,
        "takes a text and found nothing",
    );
}

#[test]
fn includes_looks_for_an_item_or_a_part() {
    check(r#"{"$includes":["$list",2]}"#, "true");
    check(r#"{"$includes":["$list","2"]}"#, "false");
    check(
        r#"{"$includes":["$rows",{"id":"x","n":{"$length":"a"}}]}"#,
        "true",
    );
    check(r#"{"$includes":["$list","$gone"]}"#, "false");
    check(r#"{"$includes":["$text","hi"]}"#, "true");
    check(r#"{"$includes":["$text",""]}"#, "true");
    check(r#"{"$includes":["$gone",1]}"#, "false");
    check_error(r#"{"$includes":["$a",1]}"#, "an array and an item");
    check_error(r#"{"$includes":["$text",1]}"#, "two texts");
}

#[test]
fn a_filter_keeps_what_fits_in_order() {
    check(
        r#"{"$filter":{"array":"$list","as":"n","where":{"$neq":["$$n",2]}}}"#,
        "[1,3]",
    );
    check(
        r#"{"$filter":{"items":"$rows","where":{"$gte":["$$n",0]},"return":"$$id"}}"#,
        r#"["x","y"]"#,
    );
    check(r#"{"$filter":{"array":"$a","where":true}}"#, "[]");
    check(
        r#"{"$length":{"$filter":{"array":"$rows","where":false}}}"#,
        "0",
    );
}

#[test]
fn the_time_is_the_steps_and_its_text_is_the_same_everywhere() {
    let place = Place::root("state");
    let expression = |text: &str| {
        let json = Json::parse(text).unwrap();
        Expression::compile_in_step(&json, &place).unwrap()
    };
    let context = Json::empty_object();
    let scope = Scope::new(&context).at(1_795_776_245_678.0);
    let value = |text: &str| expression(text).evaluate(&scope).unwrap().unwrap();
    assert_eq!(value(r#"{"$now":null}"#), 1_795_776_245_678.0.into());
    assert_eq!(
        value(r#"{"$formatDate":{"$now":null}}"#),
        "2026-11-27T10:44:05.678Z".into()
    );
    assert_eq!(
        value(r#"{"$formatDate":[{"$subtract":[{"$now":null},86400000]},"DD.MM.YYYY"]}"#),
        "26.11.2026".into()
    );
    let error = expression(r#"{"$formatDate":"2026"}"#).evaluate(&scope);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("milliseconds since 1970"), "{error}");
    // Nothing evaluates a view again when time goes by, so only what a machine does may ask.
    assert!(compile(r#"{"$eventType":null}"#).is_err());
    let error = compile(r#"{"$now":null}"#).unwrap_err();
    assert!(error.expected.contains("no step"), "{error}");
}

#[test]
fn a_map_keeps_falsy_results() {
    check(
        r#"{"$map":{"array":"$rows","as":"row","return":"$$row.n"}}"#,
        "[1,0]",
    );
    check(
        r#"{"$map":{"items":"$rows","as":"row","do":""}}"#,
        r#"["",""]"#,
    );
    check(
        r#"{"$map":{"array":"$rows","as":"row","return":"$$row.gone"}}"#,
        "[null,null]",
    );
    check(r#"{"$map":{"array":"$a","as":"row","return":1}}"#, "[]");
}

#[test]
fn a_map_without_a_name_has_the_item_as_item() {
    check(
        r#"{"$map":{"array":"$rows","return":{"i":"$$id","all":"$$item.n"}}}"#,
        r#"[{"i":"x","all":1},{"i":"y","all":0}]"#,
    );
}

#[test]
fn maps_inside_maps_see_both_names_and_the_item() {
    check(
        r#"{"$map":{"array":"$rows","as":"r","return":{"$map":{"array":["p","q"],"as":"s",
            "return":{"$join":[["$$r.id","$$s","$$id"],""]}}}}}"#,
        r#"[["xpx","xqx"],["ypx","yqx"]]"#,
    );
}

#[test]
fn find_gives_the_first_that_fits() {
    check(
        r#"{"$find":{"array":"$rows","as":"r","where":{"$eq":["$$r.id","y"]}}}"#,
        r#"{"id":"y","n":0}"#,
    );
    check(
        r#"{"$find":{"items":"$rows","as":"r","where":{"$eq":["$$r.id","y"]},"return":"$$r.n"}}"#,
        "0",
    );
    check(
        r#"{"$find":{"items":"$rows","where":{"$eq":["$$id","x"]},"return":"$$gone"}}"#,
        "undefined",
    );
    check(
        r#"{"$find":{"items":"$rows","as":"r","where":false}}"#,
        "undefined",
    );
    check(
        r#"{"$find":{"items":"$a","as":"r","where":true}}"#,
        "undefined",
    );
}

#[test]
fn templates_are_evaluated_at_every_depth() {
    check(
        r#"{"x":[{"y":"$a.b"},"$$id",{"$not":"$zero"}],"gone":"$gone","items":["$gone"]}"#,
        r#"{"x":[{"y":1},"x",true],"items":[null]}"#,
    );
}

#[test]
fn b13_a_lookup_object_takes_its_names_from_the_item() {
    check(r#"{"$$id":true}"#, r#"{"x":true}"#);
    check(
        r#"{"a":1,"$$nested.id":"$a.b","$zero":2}"#,
        r#"{"a":1,"y":1,"0":2}"#,
    );
    check(r#"{"$a.b":"one"}"#, r#"{"1":"one"}"#);
    check(r#"{"$$gone":true}"#, "{}");
    let error = evaluate(r#"{"$$nested":true}"#).unwrap_err();
    assert_eq!(error.path(), "payload.$$nested");
}

#[test]
fn b04_what_a_user_typed_is_not_evaluated_again() {
    let context = Json::parse(r#"{"addButtonText":"Add"}"#).unwrap();
    for typed in [
        "$addButtonText",
        "$$value",
        "why? because: x",
        "$5 off",
        "@inputValue",
    ] {
        let item = Json::object([("value", Json::from(typed)), ("key", Json::from(typed))]);
        let scope = Scope::new(&context).with_item(&item);
        let expression = compile(r#"{"text":{"$trim":"$$value"},"$$key":1}"#).unwrap();
        let expected = Json::object([("text", Json::from(typed)), (typed, Json::from(1))]);
        assert_eq!(expression.evaluate(&scope), Ok(Some(expected)));
    }
}

#[test]
fn r9_a_name_from_a_user_cannot_reach_a_prototype() {
    let context = Json::empty_object();
    let item = Json::object([("id", Json::from("__proto__"))]);
    let error = compile(r#"{"$$id":1}"#)
        .unwrap()
        .evaluate(&Scope::new(&context).with_item(&item));
    assert!(matches!(error, Err(EvaluationError::ForbiddenName { .. })));
}

#[test]
fn markers_are_data() {
    let payload = Json::parse(r#"{"value":"@inputValue","mail":"@example"}"#).unwrap();
    let place = Place::root("view");
    let expression = Expression::compile_with_markers(&payload, &place, &["@inputValue"]).unwrap();
    let context = Json::parse(r#"{"a":1}"#).unwrap();
    let markers = [("@inputValue", Json::from("$a"))];
    let value = expression.evaluate(&Scope::new(&context).with_markers(&markers));
    let expected = Json::parse(r#"{"value":"$a","mail":"@example"}"#).unwrap();
    assert_eq!(value, Ok(Some(expected)));
    assert!(expression.dependencies().reads_markers());
}

#[test]
fn dependencies_name_every_context_key_read() {
    let expression = compile(
        r#"{"$if":{"condition":{"$eq":["$a.b","$$x"]},"then":["$c","$existing.d"],"else":{"$$id":"$names.$$id"}}}"#,
    )
    .unwrap();
    let keys: Vec<&str> = expression
        .dependencies()
        .context_keys()
        .unwrap()
        .iter()
        .map(|k| &**k)
        .collect();
    assert_eq!(keys, ["a", "c", "existing", "names"]);
    assert!(expression.dependencies().reads_item());
    assert!(
        compile(r#"["$"]"#)
            .unwrap()
            .dependencies()
            .context_keys()
            .is_none()
    );
    assert!(
        !compile(r#"{"a":["$$x"]}"#)
            .unwrap()
            .dependencies()
            .reads_context()
    );
    assert!(compile(r#"{"a":[1,{"b":"c"}]}"#).unwrap().is_literal());
}

#[test]
fn r12_a_bad_expression_is_refused_with_its_place() {
    for (expression, path, expected) in [
        (r#"{"x":{"$equals":[1,1]}}"#, "payload.x.$equals", "$eq"),
        (r#"{"$sum":[1,1]}"#, "payload.$sum", "one of the operators"),
        (r#"{"$lte":[1]}"#, "payload.$lte", "two expressions"),
        (
            r#"{"$filter":{"array":"$a"}}"#,
            "payload.$filter",
            "\"where\"",
        ),
        (r#"{"$switch":{"on":1}}"#, "payload.$switch", "\"cases\""),
        (
            r#"{"$switch":{"on":1,"cases":[]}}"#,
            "payload.$switch.cases",
            "an object",
        ),
        (
            r#"{"$switch":{"on":1,"cases":{"a":{"$gone":1}}}}"#,
            "payload.$switch.cases.a.$gone",
            "one of",
        ),
        (
            r#"{"$formatDate":[0,"D. M."]}"#,
            "payload.$formatDate[1]",
            "YYYY",
        ),
        (
            r#"{"$formatDate":[0,"$pattern.x",1]}"#,
            "payload.$formatDate",
            "a pattern",
        ),
        (r#"{"$eq":[1]}"#, "payload.$eq", "two expressions"),
        (r#"{"$eq":1}"#, "payload.$eq", "two expressions"),
        (r#"{"$eq":[1,1],"$ne":[1,1]}"#, "payload.$eq", "alone"),
        (r#"{"$eq":[1,1],"b":2}"#, "payload.$eq", "alone"),
        (r#"[1,{"$concat":"$a"}]"#, "payload[1].$concat", "an array"),
        (
            r#"{"$map":{"array":"$a"}}"#,
            "payload.$map",
            "\"return\" or \"do\"",
        ),
        (
            r#"{"$map":{"return":"$a"}}"#,
            "payload.$map",
            "\"array\" or \"items\"",
        ),
        (
            r#"{"$map":{"array":"$a","as":"a.b","return":1}}"#,
            "payload.$map.as",
            "a name",
        ),
        (r#"{"$find":{"array":"$a"}}"#, "payload.$find", "\"where\""),
        (
            r#"{"$if":{"condition":1,"them":2}}"#,
            "payload.$if",
            "\"then\"",
        ),
        (r#"{"$if":{"then":2}}"#, "payload.$if", "\"condition\""),
        (r#"{"$context":["a"]}"#, "payload.$context", "a path"),
        (r#"{"$join":"$a"}"#, "payload.$join", "an array"),
        (r#""$a..b""#, "payload", "$literal"),
        (r#""$a.""#, "payload", "$literal"),
        (r#""$a.__proto__.b""#, "payload", "prototypes"),
        (r#""$$constructor""#, "payload", "prototypes"),
        (r#"{"$item":"a.prototype"}"#, "payload.$item", "prototypes"),
        (r#"{"__proto__":1}"#, "payload.__proto__", "prototypes"),
        (r#"{"$$__proto__":1}"#, "payload.$$__proto__", "prototypes"),
    ] {
        let error = compile(expression).unwrap_err();
        assert_eq!(error.path, path, "{expression}");
        assert!(error.expected.contains(expected), "{expression}: {error}");
    }
}

fn nested_nots(count: usize) -> String {
    format!("{}1{}", r#"{"$not":"#.repeat(count), "}".repeat(count))
}

#[test]
fn nesting_is_bounded_when_compiled() {
    check(&nested_nots(50), "true");
    let error = compile(&nested_nots(51)).unwrap_err();
    assert!(error.expected.contains("at most 50"), "{error}");
    let error = compile(&format!("{}1{}", "[".repeat(51), "]".repeat(51))).unwrap_err();
    assert!(error.expected.contains("at most 50"), "{error}");
}

#[test]
fn work_is_bounded_when_evaluated() {
    let numbers: Vec<Json> = (0..101).map(Json::from).collect();
    let context = Json::object([("list", Json::from(numbers))]);
    let map = |inner: &str| format!(r#"{{"$map":{{"array":"$list","as":"x","return":{inner}}}}}"#);
    let all = r#"{"$join":[{"$concat":["$list","$list","$list"]}]}"#;
    let joins = map(&map(all));
    let filters = map(&map(r#"{"$filter":{"array":"$list","where":true}}"#));
    for (endless, inner) in [
        (
            &map(&map(&map("1"))),
            "payload.$map.return.$map.return.$map",
        ),
        (&filters, "payload.$map.return.$map.return.$filter"),
        (&joins, "payload.$map.return.$map"),
    ] {
        let expression = compile(endless).unwrap();
        let error = expression.evaluate(&Scope::new(&context)).unwrap_err();
        assert!(matches!(error, EvaluationError::TooManySteps { .. }));
        assert_eq!(error.path(), inner);
        assert!(error.to_string().contains("1000000 steps"), "{error}");
    }
    assert!(
        compile(&map(&map("1")))
            .unwrap()
            .evaluate(&Scope::new(&context))
            .is_ok()
    );
}
