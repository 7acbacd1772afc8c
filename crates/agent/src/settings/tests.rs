//! Settings are read from flags, and what is wrong is told with the variable and what it may say.

use service::setting::SettingError;

use super::*;

fn read(arguments: &[&str]) -> Result<Command, CliError> {
    Command::from_arguments([&["pleione-agent"], arguments].concat(), false)
}

fn settings(arguments: &[&str]) -> Settings {
    match read(arguments).unwrap() {
        Command::Run(settings) => *settings,
        Command::Account => panic!("no command was given"),
    }
}

#[test]
fn what_is_not_said_has_its_default() {
    let settings = settings(&[]);
    let path = PathBuf::from("./local-agent.db");
    assert_eq!(settings.storage, StorageSettings::Sqlite(path));
    assert_eq!(settings.sync, None);
    assert_eq!(settings.actors, []);
    assert_eq!(settings.http_address.to_string(), "127.0.0.1:4204");
    assert_eq!(settings.http_tool.hosts, []);
}

#[test]
fn what_is_said_counts() {
    let settings = settings(&[
        "--storage",
        "in-memory",
        "--sync-domain",
        "localhost:4203",
        "--http-hosts",
        "a.example.org,localhost:80",
        "--profile-name",
        "Helper",
    ]);
    assert_eq!(settings.storage, StorageSettings::InMemory);
    assert_eq!(
        settings.sync,
        SyncAddress::parse("ws://localhost:4203/sync")
    );
    assert_eq!(settings.http_tool.hosts.len(), 2);
    assert_eq!(settings.profile_name.as_deref(), Some("Helper"));
}

#[test]
fn r12_a_wrong_setting_is_told_with_its_variable_and_what_it_may_say() {
    for (flag, text, variable, allowed) in [
        (
            "--storage",
            "postgres",
            "AGENT_MAIA_STORAGE",
            "`in-memory`, `sqlite` or `pglite`",
        ),
        (
            "--account-id",
            "co_x",
            "AGENT_MAIA_AGENT_ACCOUNT_ID",
            "an account's id",
        ),
        (
            "--agent-secret",
            "hunter2",
            "AGENT_MAIA_AGENT_SECRET",
            "an agent's secret",
        ),
        (
            "--sync-domain",
            "http://there",
            "AGENT_MAIA_SYNC_DOMAIN",
            "a domain",
        ),
        (
            "--http-address",
            "4204",
            "AGENT_MAIA_HTTP_ADDRESS",
            "an IP address and a port",
        ),
        (
            "--http-token",
            "hunter2",
            "AGENT_MAIA_HTTP_TOKEN",
            "at least 16",
        ),
        (
            "--http-hosts",
            "http://there",
            "AGENT_MAIA_HTTP_HOSTS",
            "hosts",
        ),
        (
            "--http-seconds-max",
            "0",
            "AGENT_MAIA_HTTP_SECONDS_MAX",
            "from 1 to 600",
        ),
    ] {
        let error = read(&[flag, text]).unwrap_err();
        let CliError::Setting(SettingError {
            variable: named,
            found,
            allowed: told,
        }) = error
        else {
            panic!("{flag} {text}")
        };
        assert_eq!(named, variable);
        assert!(told.contains(allowed), "{told}");
        assert!(!found.contains("hunter2"), "{found}");
    }
}
