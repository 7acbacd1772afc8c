//! What people are told, what is refused, and the bounds. The verdicts are the official suite's, in `tests/`.

use cojson::json::Json;

use super::*;

/// Patterns that are plain texts to be found, and `(` is wrong.
struct Contains;

struct Text(String);

impl PatternCompiler for Contains {
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String> {
        match pattern {
            "(" => Err("not closed".to_owned()),
            text => Ok(Box::new(Text(text.to_owned()))),
        }
    }
}

impl Pattern for Text {
    fn is_match(&self, text: &str) -> bool {
        text.contains(&self.0)
    }
}

fn compile(schema: &str) -> Result<Schema, SchemaError> {
    Schema::compile(&Json::parse(schema).unwrap(), &Contains)
}

/// The violations, one per line; empty if there is none.
fn violations(schema: &str, value: &str) -> String {
    let told = compile(schema)
        .unwrap()
        .validate(&Json::parse(value).unwrap());
    let lines: Vec<String> = told
        .err()
        .unwrap_or_default()
        .iter()
        .map(Violation::to_string)
        .collect();
    lines.join("\n")
}

#[test]
fn r12_every_violation_is_told_with_its_path() {
    let todo = r#"{"type":"object","required":["text","done"],"additionalProperties":false,"properties":{
        "text":{"type":"string","minLength":1,"pattern":"x"},
        "tags":{"items":{"type":["string","null"]},"uniqueItems":true},
        "n":{"minimum":3,"multipleOf":2}}}"#;
    for (value, expected) in [
        (r#"{"text":"x","done":true}"#, "done must not be there"),
        (
            r#"{"text":"","tags":["a",1],"n":1}"#,
            "the value must have the member \"done\"\n\
             text must have at least 1 characters\ntext must match x\n\
             tags[1] must be of type \"null\" or \"string\"\n\
             n must be at least 3\nn must be a multiple of 2",
        ),
        ("[]", "the value must be of type \"object\""),
    ] {
        assert_eq!(violations(todo, value), expected, "{value}");
    }
    let nested = r#"{"properties":{"a.b":{"items":{"enum":[1,2]}}}}"#;
    assert_eq!(
        violations(nested, r#"{"a.b":[3]}"#),
        r#"["a.b"][0] must be one of 1, 2"#
    );
    let choice = r#"{"oneOf":[{"type":"string"},{"const":1},{"minimum":0}]}"#;
    let expected = "the value must fit one of its alternatives, and fits 2";
    assert_eq!(violations(choice, "1"), expected);
}

#[test]
fn violations_are_bounded() {
    let value = format!("[{}1]", "1,".repeat(1_000));
    let lines = violations(r#"{"items":{"type":"string"}}"#, &value);
    assert_eq!(lines.lines().count(), 20);
}

#[test]
fn lengths_count_code_points() {
    assert_eq!(text_length("aé😀"), 3);
    assert_eq!(violations(r#"{"maxLength":1}"#, r#""😀""#), "");
}

#[test]
fn r12_a_malformed_schema_is_refused_with_its_path() {
    for (schema, path, expected) in [
        ("1", "", "a schema"),
        (
            r#"{"properties":{"a":{"type":"text"}}}"#,
            "properties.a.type",
            "\"integer\"",
        ),
        (r#"{"properties":{"a":7}}"#, "properties.a", "a schema"),
        (r#"{"properties":[]}"#, "properties", "an object"),
        (r#"{"allOf":{}}"#, "allOf", "an array of schemas"),
        (r#"{"anyOf":[true,1]}"#, "anyOf[1]", "a schema"),
        (r#"{"minLength":-1}"#, "minLength", "at least 0"),
        (
            r#"{"items":{"maxItems":1.5}}"#,
            "items.maxItems",
            "an integer",
        ),
        (r#"{"multipleOf":0}"#, "multipleOf", "greater than 0"),
        (r#"{"required":[1]}"#, "required", "names"),
        (
            r#"{"dependentRequired":{"a":"b"}}"#,
            "dependentRequired",
            "names",
        ),
        (r#"{"enum":1}"#, "enum", "values"),
        (r#"{"uniqueItems":1}"#, "uniqueItems", "a boolean"),
        (r#"{"pattern":"("}"#, "pattern", "regular expression"),
        (
            r#"{"patternProperties":{"(":true}}"#,
            "patternProperties",
            "regular expression",
        ),
        (
            r##"{"$ref":"#/$defs/gone"}"##,
            "$ref",
            "a reference to a schema",
        ),
        (
            r#"{"$ref":"https://example.com/gone"}"#,
            "$ref",
            "a reference to a schema",
        ),
        (
            r##"{"$ref":"#/$defs/a","$defs":{"a":{"type":1}}}"##,
            "$defs.a.type",
            "\"string\"",
        ),
    ] {
        let error = compile(schema).unwrap_err();
        assert_eq!(error.path, path, "{schema}: {error}");
        assert!(error.expected.contains(expected), "{schema}: {error}");
    }
}

#[test]
fn an_error_becomes_one_of_the_document_that_has_the_schema() {
    let place = Place::root("actor").key("messages");
    let error = compile(r#"{"minimum":"1"}"#).unwrap_err().at(&place);
    assert_eq!(
        (error.document.as_str(), error.path.as_str()),
        ("actor", "messages.minimum")
    );
    assert_eq!(compile("1").unwrap_err().at(&place).path, "messages");
}

#[test]
fn a_schema_that_refers_to_itself_without_end_is_given_up() {
    for schema in [
        r##"{"$ref":"#"}"##,
        r##"{"allOf":[{"$ref":"#"}]}"##,
        r##"{"not":{"$ref":"#"}}"##,
        r##"{"anyOf":[{"$ref":"#"},true]}"##,
        r##"{"if":{"$ref":"#"},"else":true}"##,
    ] {
        assert_eq!(
            violations(schema, "1"),
            "the value is nested too deeply to be checked",
            "{schema}"
        );
        assert!(!compile(schema).unwrap().is_valid(&Json::Null), "{schema}");
    }
}

#[test]
fn work_is_bounded_however_schemas_multiply() {
    let schema = r##"{"anyOf":[{"properties":{"a":{"$ref":"#"}},"required":["b"]},
        {"properties":{"a":{"$ref":"#"}},"required":["c"]},{"properties":{"a":{"$ref":"#"}},"required":["d"]}]}"##;
    let value = format!("{}1{}", r#"{"a":"#.repeat(60), "}".repeat(60));
    assert_eq!(violations(schema, &value).lines().count(), 1);
}

#[test]
fn schemas_are_bounded_in_depth() {
    let nested =
        |depth: usize| (0..depth).fold(Json::Bool(true), |inner, _| Json::object([("not", inner)]));
    assert!(Schema::compile(&nested(100), &Contains).is_ok());
    let error = Schema::compile(&nested(1_000), &Contains).unwrap_err();
    assert!(error.expected.contains("at most 128 deep"), "{error}");
}

#[test]
fn a_recursive_schema_checks_a_value_of_any_depth_that_can_be_read() {
    let schema = r##"{"properties":{"child":{"$ref":"#"},"n":{"type":"number"}},"unevaluatedProperties":false}"##;
    let tree = |leaf: &str| format!("{}{leaf}{}", r#"{"child":"#.repeat(120), "}".repeat(120));
    assert_eq!(violations(schema, &tree(r#"{"n":1}"#)), "");
    assert!(violations(schema, &tree(r#"{"x":1}"#)).ends_with("child.x must not be there"));
}

#[test]
fn a_metaschema_that_requires_the_unknown_is_refused() {
    let metaschema = Json::parse(
        r#"{"$id":"https://example.com/meta","$vocabulary":{"https://example.com/vocab":true}}"#,
    )
    .unwrap();
    let schema = Json::parse(r#"{"$schema":"https://example.com/meta","minimum":1}"#).unwrap();
    let documents = [("https://example.com/meta", &metaschema)];
    let error = Schema::compile_with(&schema, &documents, &Contains).unwrap_err();
    assert_eq!(error.path, "$schema");
}
