//! A wrong setting stops the server at start, with a line that says which and what it may be.

use std::net::TcpListener;

use crate::process::{Place, command, refusal};

#[track_caller]
fn check_refused(settings: &[(&str, &str)], words: &[&str]) {
    let defaults = [("SYNC_MAIA_STORAGE", "in-memory"), ("PORT", "0")];
    let settings = settings.iter().copied();
    let line = refusal(command().envs(defaults).envs(settings));
    assert_eq!(line.lines().count(), 1, "{line}");
    for word in words {
        assert!(line.contains(word), "{word} is not in {line}");
    }
}

#[test]
fn r12_a_wrong_setting_is_named_with_what_it_may_be() {
    for (settings, words) in [
        (
            &[("SYNC_MAIA_STORAGE", "oracle")][..],
            &["SYNC_MAIA_STORAGE=oracle", "`in-memory`", "`sqlite`"][..],
        ),
        (&[("PORT", "70000")], &["PORT=70000", "65535"]),
        (
            &[("BIND_ADDRESS", "here")],
            &["BIND_ADDRESS=here", "127.0.0.1"],
        ),
        (
            &[("FRAME_BYTES_MAX", "1")],
            &["FRAME_BYTES_MAX=1", "4194304"],
        ),
        (
            &[
                ("SYNC_MAIA_STORAGE", "sqlite"),
                ("DB_PATH", "/missing/folder/sync.db"),
            ],
            &["DB_PATH", "/missing/folder/sync.db"],
        ),
        (&[("LOG", "xml")], &["LOG=xml", "`text` or `json`"]),
        (&[("LOG_LEVEL", "loud")], &["LOG_LEVEL=loud", "`warn`"]),
        (
            &[("WWW_DIR", "/missing/www")],
            &["WWW_DIR=/missing/www", "a folder"],
        ),
        (
            &[("WWW_DIR", "/"), ("PKG_DIR", "/missing/pkg")],
            &["PKG_DIR=/missing/pkg", "a folder"],
        ),
    ] {
        check_refused(settings, words);
    }
}

#[cfg(not(feature = "pglite"))]
#[test]
fn r12_a_back_end_that_was_left_out_is_told_with_the_cure() {
    let settings = [("SYNC_MAIA_STORAGE", "pglite")];
    check_refused(
        &settings,
        &["SYNC_MAIA_STORAGE=pglite", "--features pglite"],
    );
}

#[test]
fn help_names_the_back_ends_that_this_build_has_and_no_other() {
    for arguments in [&["--help"][..], &["backup", "--help"]] {
        let help = command().args(arguments).output().unwrap().stdout;
        let help = String::from_utf8(help).unwrap();
        for name in ["sqlite", "postgres", "in-memory"] {
            assert!(help.contains(name), "{name}: {help}");
        }
        let has_pglite = help.to_lowercase().contains("pglite");
        assert_eq!(has_pglite, cfg!(feature = "pglite"), "{help}");
    }
}

#[test]
fn r12_a_port_that_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let settings = [("BIND_ADDRESS", "127.0.0.1"), ("PORT", &port)];
    check_refused(&settings, &[&format!("PORT={port}"), "free"]);
}

#[test]
fn r12_a_database_that_another_server_has_open_is_told() {
    let place = Place::new();
    let _server = place.server();
    let path = place.database();
    let path = path.to_str().unwrap();
    let settings = [("SYNC_MAIA_STORAGE", "sqlite"), ("DB_PATH", path)];
    check_refused(&settings, &["DB_PATH", path, "locked"]);
}

#[test]
fn a_flag_goes_before_its_variable_and_an_empty_variable_is_not_set() {
    let run = |port: &str, flags: &[&str]| {
        let output = command().env("PORT", port).args(flags).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let line = run("variable", &["--port", "flag"]);
    assert!(line.contains("PORT=flag"), "{line}");
    // What is complained of is the other setting: the empty one was not read.
    let line = run("", &["--bind-address", "here"]);
    assert!(line.contains("BIND_ADDRESS=here"), "{line}");
}

#[test]
fn help_tells_every_variable_and_no_secret() {
    let secret = "postgres://maia:hush@db/sync";
    let mut help = command();
    let output = help.env("SYNC_MAIA_DB_URL", secret).arg("--help").output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for variable in ["SYNC_MAIA_STORAGE", "SYNC_MAIA_DB_URL", "DB_PATH", "PORT"] {
        assert!(text.contains(&format!("[env: {variable}]")), "{text}");
    }
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn r12_a_command_line_that_is_none_ends_the_start() {
    for arguments in [["--prot", "1"], ["sevre", "--port"]] {
        let line = refusal(command().args(arguments));
        assert!(line.contains(arguments[0]), "{line}");
    }
}
