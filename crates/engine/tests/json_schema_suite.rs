//! The official JSON Schema test suite: every required test of draft 2020-12.
//!
//! What would be lost: the verdict of another implementation on the same message, tool payload, guard or data.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use cojson::json::Json;
use engine::schema::{Pattern, PatternCompiler, Schema};

/// ECMAScript patterns with the flag `u`, as a browser has them.
struct Regress;

struct Regex(regress::Regex);

impl PatternCompiler for Regress {
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String> {
        let regex = regress::Regex::with_flags(pattern, "u").map_err(|error| error.to_string())?;
        Ok(Box::new(Regex(regex)))
    }
}

impl Pattern for Regex {
    fn is_match(&self, text: &str) -> bool {
        self.0.find(text).is_some()
    }
}

fn suite() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/json_schema_suite")
}

fn read(file: &Path) -> Json {
    let text = fs::read_to_string(file).unwrap();
    Json::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every JSON file below a folder, sorted.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The documents below a folder, each with the URI it has below `base`.
fn documents(folder: &str, base: &str) -> Vec<(String, Json)> {
    let folder = suite().join(folder);
    let uri = |file: &Path| format!("{base}{}", file.strip_prefix(&folder).unwrap().display());
    files_below(&folder)
        .iter()
        .map(|file| (uri(file), read(file)))
        .collect()
}

fn texts(json: &Json, key: &str) -> String {
    json.get(key)
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn items<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).and_then(Json::as_array).unwrap_or_default()
}

/// The tests of one group that fail, as lines.
fn failures_of(group: &Json, documents: &[(&str, &Json)]) -> Vec<String> {
    let name = texts(group, "description");
    let schema = group.get("schema").unwrap();
    let schema = match Schema::compile_with(schema, documents, &Regress) {
        Ok(schema) => schema,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let fails = |test: &&Json| {
        let data = test.get("data").unwrap();
        let expected = test.get("valid").and_then(Json::as_bool).unwrap();
        let told = schema.validate(data).map_err(|violations| violations.len());
        schema.is_valid(data) != expected || told.is_ok() != expected || told == Err(0)
    };
    let failing = items(group, "tests").iter().filter(fails);
    failing
        .map(|test| format!("{name}: {}", texts(test, "description")))
        .collect()
}

#[test]
fn every_required_test_of_the_official_suite_passes() {
    let mut owned = documents("remotes", "http://localhost:1234/draft2020-12/");
    owned.extend(
        documents("metaschema", "https://json-schema.org/draft/2020-12/")
            .into_iter()
            .map(|(uri, document)| (uri.trim_end_matches(".json").to_owned(), document)),
    );
    let documents: Vec<(&str, &Json)> = owned
        .iter()
        .map(|(uri, document)| (uri.as_str(), document))
        .collect();
    let mut failures = Vec::new();
    let mut count = 0;
    for file in files_below(&suite().join("tests")) {
        let groups = read(&file);
        for group in groups.as_array().unwrap() {
            count += items(group, "tests").len();
            let file = file.file_stem().unwrap().to_string_lossy().into_owned();
            let failing = failures_of(group, &documents);
            failures.extend(
                failing
                    .into_iter()
                    .map(|failure| format!("{file}: {failure}")),
            );
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {count} fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(count > 1_200, "only {count} tests were found");
}
