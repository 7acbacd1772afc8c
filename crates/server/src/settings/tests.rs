use std::ffi::OsString;
use std::path::PathBuf;

use super::*;
use crate::cli::{CliError, Command};

fn raw(flags: &[&str]) -> Result<RawSettings, CliError> {
    let name = std::iter::once("pleione-sync");
    let arguments = name.chain(flags.iter().copied()).map(OsString::from);
    match Command::from_arguments(arguments.collect(), false)? {
        Command::Serve(raw) => Ok(*raw),
        other => panic!("{other:?}"),
    }
}

fn settings(flags: &[&str]) -> Result<Settings, CliError> {
    Ok(raw(flags)?.try_into()?)
}

fn sqlite(path: &str) -> StorageSettings {
    let path = path.into();
    StorageSettings::Sqlite { path }
}

#[test]
fn with_nothing_set_logs_are_kept_in_a_file() {
    let settings = settings(&[]).unwrap();
    assert_eq!(settings.listen.to_string(), "0.0.0.0:4203");
    assert_eq!(settings.storage, sqlite("./local-sync.db"));
    assert_eq!(settings.pages, None);
    assert_eq!(settings.limits.frame_bytes_max, 32 << 20);
}

#[test]
fn every_setting_is_taken_as_written_with_the_command_named_or_not() {
    let flags = [
        "--storage=sqlite",
        "--db-path=/data/sync.db",
        "--bind-address=::1",
        "--port=0",
        "--www-dir=/srv/www",
        "--pkg-dir=/srv/build",
        "--frame-bytes-max=8388608",
    ];
    let settings_given = settings(&flags).unwrap();
    assert_eq!(settings_given.listen.to_string(), "[::1]:0");
    assert_eq!(settings_given.storage, sqlite("/data/sync.db"));
    let pages = settings_given.pages.as_ref().unwrap();
    assert_eq!(pages.pkg, PathBuf::from("/srv/build"));
    assert!(pages.pkg_is_named);
    assert_eq!(settings_given.limits.frame_bytes_max, 8 << 20);
    let named = [&["serve"][..], &flags].concat();
    assert_eq!(settings(&named).unwrap(), settings_given);
}

#[test]
fn a_command_that_moves_logs_has_a_file_and_the_store_that_a_server_would_have() {
    let command = |flags: &[&str]| {
        let name = std::iter::once("pleione-sync");
        let arguments = name.chain(flags.iter().copied()).map(OsString::from);
        Command::from_arguments(arguments.collect(), false).unwrap()
    };
    let Command::Export(raw) = command(&["export", "-"]) else {
        panic!("export")
    };
    let export = TransferSettings::try_from(*raw).unwrap();
    assert_eq!(export.file, PathBuf::from("-"));
    assert_eq!(export.storage, sqlite("./local-sync.db"));
    let Command::Restore(raw) = command(&["restore", "a.db", "--merge", "--db-path=b.db"]) else {
        panic!("restore")
    };
    let restore = RestoreSettings::try_from(*raw).unwrap();
    assert_eq!(restore.backup.transfer.storage, sqlite("b.db"));
    assert!(restore.merges);
}

#[test]
fn each_back_end_is_chosen_by_its_name() {
    let url = "postgres://maia:hush@db/sync";
    let path = PathBuf::from("./local-sync.db");
    for (flags, expected) in [
        (&["--storage=in-memory"][..], StorageSettings::InMemory),
        (&["--storage=pglite"], StorageSettings::Pglite { path }),
        (
            &["--storage=postgres", "--db-url", url],
            StorageSettings::Postgres {
                root_certificate: None,
                url: Secret::new(url),
            },
        ),
    ] {
        assert_eq!(settings(flags).unwrap().storage, expected);
    }
}

#[test]
fn the_package_is_looked_for_beside_the_pages() {
    for (www, pkg) in [
        ("/srv/www", "/srv/pkg"),
        ("www", "pkg"),
        ("www/", "pkg"),
        ("..", "../../pkg"),
        ("/", "/../pkg"),
    ] {
        let pages = settings(&["--www-dir", www]).unwrap().pages.unwrap();
        assert_eq!(pages.pkg, PathBuf::from(pkg), "{www}");
    }
}

#[test]
fn a_wrong_setting_is_named_with_what_it_may_be() {
    for (flag, variable, text, allowed) in [
        (
            "--storage",
            "SYNC_MAIA_STORAGE",
            "oracle",
            "`in-memory`, `sqlite`",
        ),
        (
            "--storage",
            "SYNC_MAIA_STORAGE",
            "SQLite",
            "`in-memory`, `sqlite`",
        ),
        ("--write", "SYNC_MAIA_WRITE", "all", "`open` or `members`"),
        ("--port", "PORT", "65536", "from 0 to 65535"),
        ("--port", "PORT", "http", "from 0 to 65535"),
        (
            "--bind-address",
            "BIND_ADDRESS",
            "localhost",
            "an IP address",
        ),
        (
            "--frame-bytes-max",
            "FRAME_BYTES_MAX",
            "1024",
            "from 4194304 to 1073741824",
        ),
    ] {
        let Err(CliError::Setting(error)) = settings(&[flag, text]) else {
            panic!("{flag} {text} was taken, or not told as a setting");
        };
        let line = error.to_string();
        assert!(line.starts_with(&format!("{variable}={text}: ")), "{line}");
        assert!(line.contains(allowed), "{line}");
    }
}

#[test]
fn a_database_url_is_asked_for_and_never_shown() {
    let missing = settings(&["--storage=postgres"]).unwrap_err().to_string();
    assert!(missing.starts_with("SYNC_MAIA_DB_URL="), "{missing}");
    let wrong = settings(&["--db-url", "mysql://maia:hush@db"]).unwrap_err();
    assert!(!format!("{wrong} {wrong:?}").contains("hush"), "{wrong}");
    let right = settings(&[
        "--storage=postgres",
        "--db-url=postgres://maia:hush@db/sync",
    ]);
    assert!(!format!("{right:?}").contains("hush"), "{right:?}");
}

#[test]
fn a_setting_that_there_is_not_is_no_setting() {
    let error = settings(&["--prot", "1"]).unwrap_err();
    assert!(matches!(error, CliError::Usage(_)), "{error:?}");
}
