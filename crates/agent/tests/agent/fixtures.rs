//! The actors of the tests.

use cojson::json::Json;

fn parse(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// Counts, writes an item for each, and tells the tally.
pub(crate) fn counter() -> Json {
    parse(
        r#"{
      "id": "counter",
      "context": {"count": 0, "items": {"schema": "items"}},
      "messageTypes": {"COUNT": {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}},
      "state": {"initial": "idle", "states": {
        "idle": {"on": {"COUNT": {"target": "counting", "actions": [{"updateContext": {"count": {"$add": ["$count", 1]}}}]}}},
        "counting": {
          "entry": [
            {"tool": "@db", "payload": {"op": "create", "schema": "items", "data": {"n": "$$n"}}},
            {"tool": "@core/publishMessage", "payload": {"target": "tally", "type": "TALLY", "payload": {"n": "$$n"}}}
          ],
          "on": {
            "SUCCESS": "idle",
            "ERROR": "failed",
            "COUNT": {"target": "counting", "actions": [{"updateContext": {"count": {"$add": ["$count", 1]}}}]}
          }
        },
        "failed": {}
      }}
    }"#,
    )
}

/// Writes an item for each message that it gets by its inbox.
pub(crate) fn tally() -> Json {
    parse(
        r#"{
      "id": "tally",
      "context": {"count": 0, "tallied": {"schema": "tallied"}},
      "state": {"initial": "idle", "states": {
        "idle": {"on": {"TALLY": {"target": "writing", "actions": [{"updateContext": {"count": {"$add": ["$count", 1]}}}]}}},
        "writing": {
          "entry": {"tool": "@db", "payload": {"op": "create", "schema": "tallied", "data": {"n": "$$n"}}},
          "on": {
            "SUCCESS": "idle",
            "ERROR": "failed",
            "TALLY": {"target": "writing", "actions": [{"updateContext": {"count": {"$add": ["$count", 1]}}}]}
          }
        },
        "failed": {}
      }}
    }"#,
    )
}

/// Asks a tool something when it is told to, and keeps what came of it.
pub(crate) fn fetcher(tool: &str, payload: &str) -> Json {
    parse(&format!(
        r#"{{
      "id": "fetcher",
      "context": {{"answer": null, "errors": null}},
      "state": {{"initial": "idle", "states": {{
        "idle": {{"on": {{"FETCH": "fetching"}}}},
        "fetching": {{
          "entry": {{"tool": "{tool}", "payload": {payload}}},
          "on": {{
            "SUCCESS": {{"target": "idle", "actions": [{{"updateContext": {{"answer": "$$result"}}}}]}},
            "ERROR": {{"target": "idle", "actions": [{{"updateContext": {{"errors": "$$errors"}}}}]}}
          }}
        }}
      }}}}
    }}"#
    ))
}

/// Rings a while after it was wound.
pub(crate) fn clock(after_ms: u32) -> Json {
    parse(&format!(
        r#"{{
      "id": "clock",
      "context": {{"rings": 0}},
      "state": {{"initial": "idle", "states": {{
        "idle": {{"on": {{"WIND": "wound"}}}},
        "wound": {{"after": {{"{after_ms}": {{"target": "idle", "actions": [{{"updateContext": {{"rings": {{"$add": ["$rings", 1]}}}}}}]}}}}}}
      }}}}
    }}"#
    ))
}

/// The numbers of a context's items, in order of size.
pub(crate) fn numbers(context: &Json, key: &str) -> Vec<u32> {
    let items = context.get(key).and_then(Json::as_array).unwrap();
    let number = |item: &Json| item.get("n").and_then(Json::as_number).unwrap();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the tests' own small numbers"
    )]
    let mut numbers: Vec<u32> = items.iter().map(|item| number(item) as u32).collect();
    numbers.sort_unstable();
    numbers
}
