//! A path and a comparison allocate nothing: what they read is shared, and what they give is a truth value.

#![expect(clippy::unwrap_used, reason = "a test")]

use cojson::json::Json;
use engine::definition_error::Place;
use engine::expression::{Expression, Scope};

const CONTEXT: &str = r#"{
    "user": {"name": "Ada", "mails": [{"at": "home"}], "age": 36}, "list": [1, 2, 3], "names": {"x": "Ex"},
    "copy": [1, 2, 3], "numeral": " 36 "
}"#;

/// How many blocks of memory one evaluation takes; what it gives is freed afterwards.
fn allocations(expression: &str) -> u64 {
    let (context, item) = (
        Json::parse(CONTEXT).unwrap(),
        Json::parse(r#"{"id":"x","n":2.5}"#).unwrap(),
    );
    let json = Json::parse(expression).unwrap();
    let compiled = Expression::compile_in_step(&json, &Place::root("state")).unwrap();
    let scope = Scope::new(&context).with_item(&item).at(1.0);
    let mut value = None;
    let info = allocation_counter::measure(|| value = Some(compiled.evaluate(&scope)));
    assert!(value.unwrap().is_ok());
    info.count_total
}

#[test]
fn a_path_or_a_comparison_allocates_nothing() {
    for expression in [
        r#""$user.name""#,
        r#""$user.mails.0.at""#,
        r#""$list.length""#,
        r#""$""#,
        r#""$$n""#,
        r#""$names.$$id""#,
        r#""$gone.and.gone""#,
        r#"{"$eq":["$user.name","Ada"]}"#,
        r#"{"$eq":["$list","$copy"]}"#,
        r#"{"$neq":["$user","$list"]}"#,
        r#"{"$gt":["$user.age","$$n"]}"#,
        r#"{"$lte":["$user.name","Bob"]}"#,
        r#"{"$gte":["$user.age","$numeral"]}"#,
        r#"{"$not":{"$and":["$user.age",{"$or":["$gone",{"$length":"$list"}]}]}}"#,
        r#"{"$if":{"condition":{"$and":[{"$ne":["$user.name",""]},{"$gt":[{"$length":"$list"},2]}]},"then":"$user","else":"$list"}}"#,
        r#"{"$includes":["$list",2]}"#,
        r#"{"$find":{"array":"$list","as":"n","where":{"$gt":["$$n",1]}}}"#,
        r#"{"$switch":{"on":"$user.name","cases":{"Bob":1,"Ada":"$list"}}}"#,
        r#"{"$add":["$user.age",{"$now":null}]}"#,
    ] {
        assert_eq!(allocations(expression), 0, "{expression}");
    }
    // The count is one: what has to be made is seen.
    assert!(allocations(r#"{"a":"$user.name"}"#) > 0);
}
