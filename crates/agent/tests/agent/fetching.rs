//! `@http/request` and `@http/get`: only hosts that are allowed, in bounded time and size, and what a crash does to them.

use cojson::json::Json;

use crate::fixtures::fetcher;
use crate::process::{Agent, Place};
use crate::web::{Web, answer};

/// What came of fetching with this payload, from an agent that may ask these hosts.
fn fetch(tool: &str, payload: &str, hosts: &str) -> Json {
    let place = Place::new(&[fetcher(tool, payload)]).with("AGENT_MAIA_HTTP_HOSTS", hosts);
    let place = place.with("AGENT_MAIA_HTTP_BYTES_MAX", "1000");
    let agent = place.start();
    begin(&agent);
    outcome(&agent)
}

pub(crate) fn begin(agent: &Agent) {
    let begun = agent.trigger("fetcher", "FETCH", Json::empty_object());
    assert_eq!(begun.status, 200);
}

pub(crate) fn outcome(agent: &Agent) -> Json {
    let is_there =
        |context: &Json, key: &str| context.get(key).is_some_and(|value| !value.is_null());
    agent.wait_for("fetcher", |context| {
        is_there(context, "answer") || is_there(context, "errors")
    })
}

fn error_type(context: &Json) -> String {
    let errors = context.get("errors").and_then(Json::as_array).unwrap();
    errors[0]
        .get("type")
        .and_then(Json::as_str)
        .unwrap()
        .to_owned()
}

#[test]
fn an_actor_gets_what_an_allowed_host_answers() {
    let web = Web::start(|_| {
        answer(
            "200 OK",
            "application/json; charset=utf-8",
            r#"{"title": "Milk"}"#,
        )
    });
    let url = web.url("/items?id=1");
    let payload = format!(
        r#"{{"url": "{url}", "method": "POST", "headers": {{"x-from": "agent"}}, "body": {{"a": 1}}, "match": "\"(mi\\w+)\""}}"#
    );
    let context = fetch("@http/request", &payload, &web.address.to_string());
    let found = context.get("answer").unwrap();
    assert_eq!(found.get("status").and_then(Json::as_number), Some(200.0));
    let title = found.get("body").and_then(|body| body.get("title"));
    assert_eq!(title.and_then(Json::as_str), Some("Milk"));
    let matched = found.get("match").and_then(Json::as_array).unwrap();
    assert_eq!(matched[1].as_str(), Some("Milk"));
    let asked = web.asked.recv().unwrap().to_ascii_lowercase();
    assert!(
        asked.starts_with("post /items?id=1 http/1.1\r\n"),
        "{asked}"
    );
    for part in [
        "x-from: agent\r\n",
        "content-type: application/json\r\n",
        "idempotency-key: ",
        "{\"a\":1}",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
}

#[test]
fn r11_what_is_not_allowed_too_long_too_late_or_refused_is_an_error_of_its_type() {
    let long = "x".repeat(1_001);
    let web = Web::start(move |asked| match asked.split(' ').nth(1) {
        Some("/long") => answer("200 OK", "text/plain", &long),
        Some("/refused") => answer("403 Forbidden", "text/plain", "not you"),
        Some("/torn") => answer("200 OK", "application/json", "{"),
        Some("/elsewhere") => {
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
                .into()
        }
        _ => String::new(),
    });
    let hosts = web.address.to_string();
    for (path, more, hosts, expected) in [
        ("/late", r#", "timeoutMs": 100"#, hosts.as_str(), "timeout"),
        ("/long", "", &hosts, "body"),
        ("/refused", "", &hosts, "status"),
        ("/torn", "", &hosts, "invalidAnswer"),
        ("/late", "", "example.org,*", "forbiddenHost"),
        ("/late", "", "", "forbiddenHost"),
        (
            "/late",
            r#", "headers": {"host": "another"}"#,
            &hosts,
            "headers",
        ),
        ("/late", r#", "method": "CONNECT""#, &hosts, "method"),
        ("/late", r#", "unknown": 1"#, &hosts, "schema"),
    ] {
        let payload = format!(r#"{{"url": "{}"{more}}}"#, web.url(path));
        let context = fetch("@http/request", &payload, hosts);
        assert_eq!(error_type(&context), expected, "{path} {more}: {context}");
    }
    let payload = format!(r#"{{"url": "{}"}}"#, web.url("/elsewhere"));
    let context = fetch("@http/get", &payload, &hosts);
    let status = context
        .get("answer")
        .and_then(|answer| answer.get("status"));
    assert_eq!(
        status.and_then(Json::as_number),
        Some(302.0),
        "a redirect is not followed"
    );
}

#[test]
fn r3_a_request_that_a_crash_cut_off_is_told_and_a_read_is_made_again_with_its_key() {
    for (tool, is_made_again) in [("@http/request", false), ("@http/get", true)] {
        let web = Web::start(|_| String::new());
        let payload = format!(r#"{{"url": "{}"}}"#, web.url("/"));
        let place = Place::new(&[fetcher(tool, &payload)]);
        let place = place.with("AGENT_MAIA_HTTP_HOSTS", &web.address.to_string());
        let agent = place.start();
        begin(&agent);
        let key = |asked: String| {
            let line = asked
                .lines()
                .find(|line| line.starts_with("idempotency-key"));
            line.unwrap().to_owned()
        };
        let first = key(web.asked.recv().unwrap());
        agent.kill();
        let agent = place.start();
        if is_made_again {
            assert_eq!(key(web.asked.recv().unwrap()), first);
        } else {
            assert_eq!(error_type(&outcome(&agent)), "interrupted");
            assert!(web.asked.try_recv().is_err(), "it was asked once");
        }
    }
}
