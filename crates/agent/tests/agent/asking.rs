//! What the agent answers by HTTP, and to whom.

use std::time::Duration;

use cojson::json::Json;

use crate::fixtures::{counter, numbers, tally};
use crate::process::{Agent, Place, TOKEN, ask};

#[test]
fn health_is_for_everybody_and_the_rest_for_who_shows_the_token() {
    let agent = Place::new(&[counter()]).start();
    let address = agent.address();
    let health = ask(address, "GET", "/health", None, "").unwrap();
    assert_eq!(health.status, 200);
    assert_eq!(
        health.body.to_string(),
        r#"{"status":"ok","actors":1,"sync":"off","pending":0}"#
    );
    for token in [
        None,
        Some(""),
        Some("another-token-entirely"),
        Some(&TOKEN[1..]),
    ] {
        for (method, path) in [
            ("GET", "/profile"),
            ("GET", "/actors/counter"),
            ("GET", "/actors/counter/history"),
            ("POST", "/trigger"),
            ("POST", "/ask"),
        ] {
            let answer = ask(address, method, path, token, "{}").unwrap();
            assert_eq!(answer.status, 401, "{token:?} {path}");
        }
    }
    assert_eq!(agent.get("/profile").status, 200);
}

#[test]
fn an_actor_is_found_whatever_its_id_is_made_of() {
    let id = "zähler / 1%";
    let named = counter()
        .to_string()
        .replacen(r#""counter""#, &Json::from(id).to_string(), 1);
    let agent = Place::new(&[Json::parse(&named).unwrap()]).start();
    let path = "/actors/z%C3%A4hler%20%2F%201%25";
    let found = agent.get(path);
    assert_eq!(found.status, 200, "{}", found.body);
    assert!(found.body.get("state").is_some());
    let history = agent.get(&format!("{path}/history"));
    assert!(history.body.to_string().contains(id), "{}", history.body);
    assert_eq!(agent.get("/actors/%C3").status, 400);
}

#[test]
fn without_a_token_in_its_settings_nobody_is_let_in() {
    let place = Place::new(&[]).with("AGENT_MAIA_HTTP_TOKEN", "");
    let agent = place.start();
    let answer = ask(agent.address(), "GET", "/profile", Some(""), "").unwrap();
    assert_eq!(answer.status, 403);
    let said = answer.body.get("error").and_then(Json::as_str).unwrap();
    assert!(said.contains("AGENT_MAIA_HTTP_TOKEN"), "{said}");
}

#[test]
fn a_trigger_is_answered_with_what_became_of_it() {
    let agent = Place::new(&[counter(), tally()]).start();
    let with = |n: Json| Json::object([("n", n)]);
    let handled = agent.trigger("counter", "COUNT", with(7.into()));
    assert_eq!(
        (handled.status, handled.body.to_string().as_str()),
        (200, r#"{"handled":true}"#)
    );
    let ignored = agent.trigger("tally", "UNHEARD", Json::empty_object());
    assert_eq!(
        (ignored.status, ignored.body.to_string().as_str()),
        (200, r#"{"handled":false}"#)
    );
    assert_eq!(
        agent.trigger("counter", "COUNT", with("x".into())).status,
        422
    );
    assert_eq!(
        agent.trigger("counter", "OTHER", with(1.into())).status,
        422
    );
    assert_eq!(agent.trigger("nobody", "COUNT", with(1.into())).status, 404);
    for body in [
        "",
        "[]",
        "{\"actor\": \"counter\"}",
        "{\"actor\": 1, \"type\": \"COUNT\"}",
    ] {
        let answer = ask(agent.address(), "POST", "/trigger", Some(TOKEN), body).unwrap();
        assert_eq!(answer.status, 400, "{body}");
    }
    let long = "x".repeat(2 << 20);
    if let Ok(answer) = ask(agent.address(), "POST", "/trigger", Some(TOKEN), &long) {
        assert_eq!(answer.status, 413);
    }
    assert_eq!(agent.get("/nothing").status, 404);
}

#[test]
fn r4_a_trigger_that_comes_again_under_its_key_is_handled_once_also_after_a_crash() {
    let place = Place::new(&[counter(), tally()]);
    let agent = place.start();
    let with = |n: u32| Json::object([("n", n.into())]);
    for _ in 0..3 {
        let answer = agent.trigger_once("first", "counter", "COUNT", with(1));
        assert_eq!(answer.body.to_string(), r#"{"handled":true}"#);
    }
    let ignored = agent.trigger_once("other", "counter", "COUNT", "x".into());
    assert_eq!(ignored.status, 422, "what the contract refuses has no key");
    agent.kill();
    let agent = place.start();
    agent.trigger_once("first", "counter", "COUNT", with(1));
    agent.trigger_once("second", "counter", "COUNT", with(2));
    assert_eq!(numbers(&agent.context("counter"), "items"), [1, 2]);
    let unheard = agent.trigger_once("first", "tally", "UNHEARD", Json::empty_object());
    assert_eq!(
        unheard.body.to_string(),
        r#"{"handled":false}"#,
        "keys are an actor's own"
    );
    let long = "k".repeat(129);
    assert_eq!(
        agent
            .trigger_once(&long, "counter", "COUNT", with(3))
            .status,
        400
    );
}

#[test]
fn a_question_from_outside_is_answered_by_the_actor_or_refused_with_the_reason() {
    let shop = Json::parse(
        r#"{"id":"shop","history":true,"interface":{"PRICE":{"type":"object","required":["of"]},"CLOSE":true,"SLOW":true},
        "state":{"initial":"open","states":{"closed":{},"open":{"on":{
            "PRICE":{"actions":{"tool":"@core/tell","payload":{"target":"$$replyTo","payload":{"of":"$$of","price":7}}}},
            "SLOW":{"actions":{"updateContext":{"asked":true}}},
            "CLOSE":"closed"}}}}}"#,
    );
    let agent = Place::new(&[shop.unwrap()]).start();
    let of = |what: &str| Json::object([("of", what.into())]);
    let answer = agent.question("shop", "PRICE", of("tea"));
    assert_eq!(
        (answer.status, answer.body.to_string().as_str()),
        (200, r#"{"answer":{"of":"tea","price":7}}"#)
    );
    let refused = agent.question("shop", "PRICE", Json::empty_object());
    assert_eq!(refused.status, 422, "{:?}", refused.body);
    assert_eq!(
        refused.body.get("code").and_then(Json::as_str),
        Some("PLEIONE_E_UNANSWERED")
    );
    let soon = r#"{"actor":"shop","type":"SLOW","timeout":50}"#;
    let late = ask(agent.address(), "POST", "/ask", Some(TOKEN), soon).unwrap();
    assert_eq!(late.status, 504, "{:?}", late.body);
    assert_eq!(agent.question("nobody", "PRICE", of("tea")).status, 404);
    agent.trigger("shop", "CLOSE", Json::empty_object());
    assert_eq!(agent.question("shop", "PRICE", of("tea")).status, 409);
    let history = agent.get("/actors/shop/history").body;
    let history = history.get("history").and_then(Json::as_array).unwrap();
    let mut types = history.iter().map(|it| it.get("to").unwrap().to_string());
    assert_eq!(types.next_back().as_deref(), Some(r#""closed""#));
}

/// The profile once its name is read, which is after the start.
fn named_profile(agent: &Agent) -> Json {
    for _ in 0..500 {
        let profile = agent.get("/profile").body;
        if profile.get("name").is_some_and(|name| !name.is_null()) {
            return profile;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the profile has no name");
}

#[test]
fn the_profile_tells_who_it_is_with_the_name_of_the_settings() {
    let place = Place::new(&[counter()]).with("AGENT_MAIA_PROFILE_NAME", "Helper");
    let of = |answer: &Json, key: &str| answer.get(key).unwrap().to_string();
    let agent = place.start();
    let first = named_profile(&agent);
    assert_eq!(of(&first, "actors"), r#"["counter"]"#);
    assert_eq!(of(&first, "account"), r#""created-offline""#);
    assert_eq!(of(&first, "name"), r#""Helper""#);
    agent.terminate();
    agent.wait();
    let agent = place.with("AGENT_MAIA_PROFILE_NAME", "").start();
    let again = named_profile(&agent);
    assert_eq!(of(&again, "accountId"), of(&first, "accountId"));
    assert_eq!(of(&again, "account"), r#""loaded-from-storage""#);
    assert_eq!(of(&again, "name"), r#""Helper""#);
}
