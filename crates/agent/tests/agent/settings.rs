//! What an operator is told: help, a new account, and what cannot be used.

use cojson::json::Json;

use crate::process::{Place, command};

#[track_caller]
fn check_refused(place: &Place, words: &[&str]) {
    let output = place.command().output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for word in words {
        assert!(said.contains(word), "{word} in {said}");
    }
}

#[test]
fn r12_a_setting_that_cannot_be_used_is_told_with_its_variable() {
    let place = || Place::new(&[]);
    check_refused(
        &place().with("AGENT_MAIA_STORAGE", "postgres"),
        &[
            "AGENT_MAIA_STORAGE=postgres",
            "`in-memory`, `sqlite` or `pglite`",
        ],
    );
    check_refused(
        &place().with("AGENT_MAIA_DB_PATH", "/missing/folder/agent.db"),
        &["AGENT_MAIA_DB_PATH", "/missing/folder/agent.db"],
    );
    check_refused(
        &place().with("AGENT_MAIA_ACTORS", "none.json"),
        &["AGENT_MAIA_ACTORS=none.json"],
    );
    check_refused(
        &place().with("AGENT_MAIA_HTTP_ADDRESS", "192.0.2.1:80"),
        &["AGENT_MAIA_HTTP_ADDRESS=192.0.2.1:80", "a free address"],
    );
    let misspelt = Json::parse(r#"{"id": "a", "stat": {}}"#).unwrap();
    check_refused(&Place::new(&[misspelt]), &["actor", "stat"]);
    #[cfg(not(feature = "pglite"))]
    check_refused(
        &place().with("AGENT_MAIA_STORAGE", "pglite"),
        &["--features pglite"],
    );
}

#[test]
fn a_database_is_one_agent_s() {
    let place = Place::new(&[]);
    let _agent = place.start();
    check_refused(&place, &["AGENT_MAIA_DB_PATH", "locked"]);
}

#[test]
fn a_new_account_can_be_used_and_is_not_another_s() {
    let tell = || {
        let output = command().arg("account").output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let values: Vec<(String, String)> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(variable, value)| (variable.to_owned(), value.to_owned()))
            .collect();
        values
    };
    let (account, other) = (tell(), tell());
    let with = |place: Place, (variable, value): &(String, String)| place.with(variable, value);
    let place = with(with(Place::new(&[]), &account[0]), &account[1]);
    let agent = place.start();
    let id = agent.get("/profile").body;
    assert_eq!(
        id.get("accountId").and_then(Json::as_str),
        Some(account[0].1.as_str())
    );
    assert!(
        !agent.start_line.contains(&account[1].1),
        "a secret is never told"
    );
    let place = with(with(Place::new(&[]), &other[0]), &account[1]);
    check_refused(&place, &["AGENT_MAIA_AGENT_ACCOUNT_ID", &account[0].1]);
    let place = with(Place::new(&[]), &account[0]);
    check_refused(&place, &["AGENT_MAIA_AGENT_SECRET is not set"]);
}

#[test]
fn help_tells_every_setting_and_no_secret() {
    let help = command()
        .arg("--help")
        .env("AGENT_MAIA_HTTP_TOKEN", "hunter2hunter2hunter2")
        .output()
        .unwrap();
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).unwrap();
    for variable in [
        "AGENT_MAIA_AGENT_ACCOUNT_ID",
        "AGENT_MAIA_AGENT_SECRET",
        "AGENT_MAIA_STORAGE",
        "AGENT_MAIA_DB_PATH",
        "AGENT_MAIA_PROFILE_NAME",
        "AGENT_MAIA_SYNC_DOMAIN",
        "AGENT_MAIA_ACTORS",
        "AGENT_MAIA_HTTP_HOSTS",
    ] {
        assert!(help.contains(variable), "{variable}");
    }
    assert!(!help.contains("hunter2"));
}
