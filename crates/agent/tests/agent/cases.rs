//! The same definitions give the same result here as in a browser: one table of cases for both.

use std::path::Path;

use cojson::json::Json;

use crate::process::{Agent, Place};

fn cases() -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/behaviour.json");
    let text = std::fs::read_to_string(path).unwrap();
    Json::parse(&text).unwrap().as_array().unwrap().to_vec()
}

/// What became of an event: whether it was handled, what a question was answered, or the code of its error.
fn outcome(agent: &Agent, actor: &str, event: &Json) -> Json {
    if let Some(expected) = event.get("wait").and_then(Json::as_object) {
        let mut members = expected.iter();
        agent.wait_for(actor, |context| {
            members
                .clone()
                .all(|(key, value)| context.get(key) == Some(value))
        });
        return members.next().is_some().into();
    }
    let Some(question) = event.get("ask") else {
        return send(agent, actor, event);
    };
    let event_type = question.get("type").and_then(Json::as_str).unwrap();
    let payload = question.get("payload").cloned();
    let payload = payload.unwrap_or_else(Json::empty_object);
    let told = agent.question(actor, event_type, payload).body;
    let outcome = told.get("answer").or_else(|| told.get("code"));
    outcome.cloned().unwrap_or_else(|| panic!("{told}"))
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

fn check_history(agent: &Agent, actor: &str, expected: Option<&Json>) {
    let Some(expected) = expected.and_then(Json::as_array) else {
        return;
    };
    let told = agent.get(&format!("/actors/{actor}/history")).body;
    let told = told.get("history").and_then(Json::as_array).unwrap();
    assert_eq!(told.len(), expected.len(), "{actor}");
    for (told, expected) in told.iter().zip(expected) {
        for (key, value) in expected.as_object().unwrap() {
            let found = told.get(key).cloned().unwrap_or_default();
            assert_eq!(found, *value, "{actor}: {key}");
        }
    }
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
            .map(|event| outcome(&agent, actor, event))
            .collect();
        assert_eq!(Json::from(outcomes), *of("outcomes"), "{name}");
        check_history(&agent, actor, case.get("history"));
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
