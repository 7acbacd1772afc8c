//! The same definitions give the same result here as in a browser: one table of cases for both.

use std::path::Path;

use cojson::json::Json;

use crate::process::{Agent, Place};

fn cases() -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/behaviour.json");
    let text = std::fs::read_to_string(path).unwrap();
    Json::parse(&text).unwrap().as_array().unwrap().to_vec()
}

/// Whether it was handled, or the code of its error.
fn send(agent: &Agent, actor: &str, event: &Json) -> Json {
    let payload = event.get("payload").cloned();
    let event_type = event.get("type").and_then(Json::as_str).unwrap();
    let answer = agent.trigger(
        actor,
        event_type,
        payload.unwrap_or_else(Json::empty_object),
    );
    let outcome = answer
        .body
        .get("handled")
        .or_else(|| answer.body.get("code"));
    outcome
        .cloned()
        .unwrap_or_else(|| panic!("{:?}", answer.body))
}

/// A value without the ids of a list's items.
fn without_ids(value: &Json) -> Json {
    let Some(items) = value.as_array() else {
        return value.clone();
    };
    let bare = |item: &Json| match item.as_object() {
        Some(members) => {
            let kept = members.iter().filter(|(key, _)| &***key != "id");
            Json::object(kept.map(|(key, value)| (key.clone(), value.clone())))
        }
        None => item.clone(),
    };
    items.iter().map(bare).collect::<Vec<_>>().into()
}

#[test]
fn an_actor_does_here_what_it_does_in_a_browser() {
    let cases = cases();
    let definitions: Vec<Json> = cases
        .iter()
        .map(|case| case.get("definition").unwrap().clone())
        .collect();
    let agent = Place::new(&definitions).start();
    for case in &cases {
        let of = |key: &str| case.get(key).unwrap();
        let name = of("name").as_str().unwrap();
        let actor = of("definition").get("id").and_then(Json::as_str).unwrap();
        let events = of("events").as_array().unwrap();
        let outcomes: Vec<Json> = events
            .iter()
            .map(|event| send(&agent, actor, event))
            .collect();
        assert_eq!(Json::from(outcomes), *of("outcomes"), "{name}");
        let shown = agent.get(&format!("/actors/{actor}")).body;
        assert_eq!(shown.get("state"), Some(of("state")), "{name}");
        for (key, expected) in of("context").as_object().unwrap() {
            let found = shown.get("context").and_then(|context| context.get(key));
            assert_eq!(
                found.map(without_ids).as_ref(),
                Some(expected),
                "{name}: {key}"
            );
        }
    }
}
