//! `docs/expressions.md`, run: each row of its tables is an expression and what it gives.

#![expect(clippy::unwrap_used, reason = "a test")]

use cojson::json::Json;
use engine::definition_error::Place;
use engine::expression::{Expression, Scope};

const PAGE: &str = include_str!("../../../docs/expressions.md");

/// When the page says that its steps are.
const NOW_MS: f64 = 1_795_776_245_678.0;

/// The JSON of the block that is marked with that word.
fn block(word: &str) -> Json {
    let (_, rest) = PAGE.split_once(&format!("```json {word}\n")).unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    Json::parse(text).unwrap()
}

/// What a row says: an expression, and a value or the word for none or an error.
fn row(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("| `")?.strip_suffix(" |")?;
    line.split_once("` | ")
}

#[test]
fn every_example_of_the_page_gives_what_it_says() {
    let (context, payload) = (block("context"), block("payload"));
    let event_type = "EDIT".into();
    let scope = Scope::new(&context).with_item(&payload);
    let scope = scope.at(NOW_MS).with_event_type(&event_type);
    let mut examples = 0;
    for (expression, told) in PAGE.lines().filter_map(row) {
        examples += 1;
        let json = Json::parse(expression).unwrap_or_else(|it| panic!("{it}: {expression}"));
        let compiled = Expression::compile_in_step(&json, &Place::root("state")).unwrap();
        let value = compiled.evaluate(&scope);
        if let Some(error) = told.strip_prefix("error: ") {
            assert_eq!(value.unwrap_err().to_string(), error, "{expression}");
            continue;
        }
        let told = told.trim_matches('`');
        let told = (told != "undefined").then(|| Json::parse(told).unwrap());
        assert_eq!(value.unwrap(), told, "{expression}");
    }
    assert!(examples > 50, "{examples} examples");
}

#[test]
fn the_page_has_an_example_of_every_operator() {
    let unknown = Json::parse(r#"{"$unknown":1}"#).unwrap();
    let error = Expression::compile(&unknown, &Place::root("state")).unwrap_err();
    let (_, operators) = error.expected.split_once("operators ").unwrap();
    let examples: Vec<&str> = PAGE.lines().filter_map(row).map(|row| row.0).collect();
    let mut named = 0;
    for operator in operators.split(['"', ',', ' ']) {
        if operator.starts_with('$') {
            named += 1;
            let written = format!("{{\"{operator}\":");
            let is_shown = examples.iter().any(|it| it.contains(&written));
            assert!(is_shown, "{operator} has no example");
        }
    }
    assert!(named > 30, "{named} operators");
}
