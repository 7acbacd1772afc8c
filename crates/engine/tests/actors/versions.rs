//! Definitions that change: what an older version stored is migrated once, what a newer one stored is refused (R3, R12).

use cojson::json::Json;

use super::device::{Device, Storage, mail_tool};
use super::fixtures::json;

/// The first version: no `version` at all.
fn first() -> Json {
    json(
        r#"{
        "id": "door", "context": {"name": "front", "count": 1, "old": true},
        "messageTypes": ["OPEN", "SEND", "SHUT"],
        "state": {"initial": "shut", "states": {
            "shut": {"on": {"OPEN": "open"}},
            "open": {
                "initial": "wide",
                "on": {"SHUT": "shut"},
                "states": {"wide": {
                    "after": {"60000": "ajar"},
                    "on": {"SEND": "sending"}
                }, "ajar": {}, "sending": {
                    "entry": {"tool": "@mail/send", "payload": {"to": "ada"}},
                    "on": {"SUCCESS": {"target": "wide", "actions": {"updateContext": {"count": "$$result.count"}}}}
                }}
            }
        }}
    }"#,
    )
}

/// The third: other names for states and keys.
fn third() -> Json {
    json(
        r#"{
        "id": "door", "version": 2, "context": {"title": "", "clicks": 0, "label": "", "fresh": "yes"},
        "messageTypes": ["OPEN", "SEND", "SHUT"],
        "migrate": {
            "0": {"keys": {"name": "title", "old": null, "count": "clicks"}, "states": {"open": "opened"}},
            "1": {
                "states": {"opened": "unlocked.open"},
                "updateContext": {"label": {"$join": [["door ", "$title"], ""]}}
            }
        },
        "state": {"initial": "locked", "states": {
            "locked": {"on": {"OPEN": "unlocked"}},
            "shut": {"on": {"OPEN": "unlocked"}},
            "unlocked": {
                "initial": "open",
                "on": {"SHUT": "shut"},
                "states": {"open": {
                    "initial": "wide",
                    "states": {"wide": {"after": {"60000": "ajar"}, "on": {"SEND": "sending"}}, "ajar": {}, "sending": {
                        "entry": {"tool": "@mail/send", "payload": {"to": "ada"}},
                        "on": {"SUCCESS": {"target": "wide", "actions": {"updateContext": {"clicks": "$$result.count"}}}}
                    }}
                }}
            }
        }}
    }"#,
    )
}

fn left_by(definition: &Json, events: &[&str]) -> Device {
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(true)]);
    let actor = device.create(definition);
    for event in events {
        device.send(&actor, event, "{}");
    }
    device
}

#[test]
fn r1_r3_what_an_older_version_stored_is_migrated_once_and_in_one_transaction() {
    let device = left_by(&first(), &["OPEN"]);
    let mut newer = device.restart(1, &[mail_tool(true)]);
    newer.writes.clear();
    let actor = newer.create(&third());
    assert_eq!(newer.state(&actor), r#"{"unlocked":{"open":"wide"}}"#);
    assert_eq!(
        newer.context(&actor),
        json(r#"{"title":"front","clicks":1,"label":"door front","fresh":"yes"}"#)
    );
    assert_eq!(newer.writes.len(), 1);
    assert_eq!(newer.take_transactions(), 1);
    assert!(newer.warnings.is_empty(), "{:?}", newer.warnings);

    let mut again = newer.restart(1, &[mail_tool(true)]);
    again.writes.clear();
    let actor = again.create(&third());
    assert_eq!(again.state(&actor), r#"{"unlocked":{"open":"wide"}}"#);
    assert_eq!(again.take_transactions(), 0);
}

#[test]
fn r3_timers_and_calls_under_way_go_on_under_the_new_names() {
    let device = left_by(&first(), &["OPEN"]);
    let mut newer = device.restart(1, &[mail_tool(true)]);
    let actor = newer.create(&third());
    newer.now = newer.now.plus_ms(61_000);
    newer.settle();
    assert_eq!(newer.state(&actor), r#"{"unlocked":{"open":"ajar"}}"#);

    let device = left_by(&first(), &["OPEN", "SEND"]);
    let mut newer = device.restart(1, &[mail_tool(true)]);
    let actor = newer.create(&third());
    assert_eq!(newer.state(&actor), r#"{"unlocked":{"open":"sending"}}"#);
    newer.answer(Ok(json(r#"{"count":9}"#)));
    assert_eq!(newer.state(&actor), r#"{"unlocked":{"open":"wide"}}"#);
    assert_eq!(newer.context(&actor).get("clicks"), Some(&9.into()));
}

#[test]
fn a_definition_that_changes_while_its_actor_runs_migrates_it() {
    let mut device = left_by(&first(), &["OPEN"]);
    let actor = device.create(&third());
    device.settle();
    assert_eq!(device.state(&actor), r#"{"unlocked":{"open":"wide"}}"#);
    assert_eq!(
        device.context(&actor).get("title").unwrap().as_str(),
        Some("front")
    );
    let restarted = &mut device.restart(1, &[mail_tool(true)]);
    let actor = restarted.create(&third());
    assert_eq!(
        restarted.context(&actor).get("title").unwrap().as_str(),
        Some("front")
    );

    // The older one is refused, and the actor goes on as it was.
    restarted.engine.create_actor(&first()).unwrap();
    restarted.settle();
    assert!(
        restarted.failures[0].contains("left by version 2"),
        "{:?}",
        restarted.failures
    );
    assert_eq!(restarted.state(&actor), r#"{"unlocked":{"open":"wide"}}"#);
}

#[test]
fn r12_what_a_newer_version_stored_is_refused_and_not_touched() {
    let device = left_by(&third(), &["OPEN"]);
    let mut older = device.restart(1, &[mail_tool(true)]);
    older.writes.clear();
    let actor = older.engine.create_actor(&first()).unwrap();
    older.settle();
    assert!(!older.engine.is_ready(&actor));
    assert_eq!(
        older.failures,
        [
            "the actor \"door\" cannot be restored: it was left by version 2 of its definition, and this is version 0: \
          load the newer definition"
        ]
    );
    assert!(older.writes.is_empty());
}

#[test]
fn r12_a_tab_of_the_older_version_ends_when_a_newer_one_takes_over() {
    let mut older = left_by(&first(), &["OPEN"]);
    let mut newer = Device::over(older.storage.clone(), 2, &[mail_tool(true)]);
    newer.now = older.now.plus_ms(10);
    newer.writes.clear();
    let actor = newer.create(&third());
    older.writes.clear();
    older.hear(&std::mem::take(&mut newer.writes));
    assert!(!older.engine.is_ready(&actor));
    assert!(
        older.failures[0].contains("load the newer definition"),
        "{:?}",
        older.failures
    );
    assert!(older.writes.is_empty());
    newer.send(&actor, "SHUT", "{}");
    assert_eq!(newer.state(&actor), "shut");
}

#[test]
fn r12_a_migration_that_fails_is_told_and_writes_nothing() {
    let device = left_by(&first(), &[]);
    let mut definition = third().to_string();
    definition = definition.replace(
        r#"{"$join":[["door ","$title"],""]}"#,
        r#"{"$add":["$title",1]}"#,
    );
    let mut newer = device.restart(1, &[mail_tool(true)]);
    newer.writes.clear();
    newer.engine.create_actor(&json(&definition)).unwrap();
    newer.settle();
    assert!(
        newer.failures[0].contains("version 1")
            && newer.failures[0].contains("migrate.1.updateContext.label.$add"),
        "{:?}",
        newer.failures
    );
    assert!(newer.writes.is_empty());
}

#[test]
fn r12_a_migration_that_cannot_be_meant_is_refused_with_its_place() {
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(true)]);
    for (from, to, place) in [
        (
            r#""version":2"#,
            r#""version":"2""#,
            "wrong at version: expected a whole number",
        ),
        (
            r#""1":{"#,
            r#""2":{"#,
            "wrong at migrate.2: expected a version before this one, 2",
        ),
        (
            r#""unlocked.open""#,
            r#""gone""#,
            "wrong at migrate.1.states.opened: expected the name of a state",
        ),
        (
            r#""old":null"#,
            r#""old":1"#,
            "wrong at migrate.0.keys.old: expected a context key",
        ),
        (
            r#""old":null"#,
            r#""_currentState":"a""#,
            "wrong at migrate.0.keys._currentState",
        ),
        (
            r#""label":{"$join""#,
            r#""_version":{"$join""#,
            "wrong at migrate.1.updateContext._version",
        ),
        (
            r#""updateContext":{"label""#,
            r#""update":{"label""#,
            "wrong at migrate.1: expected an object with",
        ),
    ] {
        let text = third().to_string();
        assert!(text.contains(from), "{from}");
        device.failures.clear();
        device
            .engine
            .create_actor(&json(&text.replace(from, to)))
            .unwrap();
        device.settle();
        assert!(device.failures[0].contains(place), "{:?}", device.failures);
    }
}
