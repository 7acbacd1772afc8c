//! The database's own promises: it conforms, servers that share it never fork or double a session, damage costs the damaged
//! value only, and a database that is away is told and comes back.

use cojson::sync::ValueWrite;

use super::connection::Statement;
use super::*;
use crate::Loaded;
use crate::conformance::{
    self, Author, batch, header, joined, load, load_any, value_write, write_one,
};

#[path = "../../tests/support/postgres_server.rs"]
mod postgres_server;
use postgres_server::PostgresServer;

fn open(url: &str) -> PostgresStorage {
    PostgresStorage::open(url, None).unwrap()
}

#[test]
fn postgres_storage_conforms() {
    let server = PostgresServer::start();
    let mut count = 0;
    conformance::check_storage(&mut || {
        count += 1;
        Box::new(open(&server.url_of(&format!("store{count}"))))
    });
    conformance::check_notes(&mut open(&server.url_of("notes")));
    shared(&server);
    damaged_records(&server);
}

/// What servers do to each other that share one database. One test program, since making a cluster takes its time.
fn shared(server: &PostgresServer) {
    servers_that_start_together_make_the_tables_once(server);
    what_two_servers_write_of_one_session_is_kept_once(server);
    a_session_that_forked_is_refused_by_the_second_server(server);
    a_later_version_is_left_alone(server);
}

fn servers_that_start_together_make_the_tables_once(server: &PostgresServer) {
    let url = server.url_of("together");
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let url = url.clone();
            std::thread::spawn(move || open(&url))
        })
        .collect();
    for thread in threads {
        let mut storage = thread.join().unwrap();
        assert_eq!(load(&mut storage, &header("a").id()), None);
    }
    assert_eq!(
        server.sql("SELECT count(*) FROM together.pleione_schema"),
        "1"
    );
}

/// Every server is sent the whole session by its client and writes it piece by piece, cut otherwise than the others.
fn what_two_servers_write_of_one_session_is_kept_once(server: &PostgresServer) {
    const COUNT: usize = 60;
    let url = server.url_of("raced");
    let value = header("raced");
    let threads = (1..=4).map(|step| {
        let (url, value) = (url.clone(), value.clone());
        std::thread::spawn(move || {
            let mut storage = open(&url);
            let mut author = Author::new(1);
            for start in (0..COUNT).step_by(step) {
                let texts: Vec<String> = (start..COUNT.min(start + step))
                    .map(|index| format!("[{index}]"))
                    .collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let piece = author.piece(&texts);
                let write = value_write(&value, true, vec![author.segment(piece)]);
                // A piece that another server's is in the way of is a gap or comes after: the relay would write it again.
                assert_eq!(write_one(&mut storage, write), Ok(()));
            }
            author
        })
    });
    let threads: Vec<_> = threads.collect();
    let authors: Vec<Author> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    let stored = load(&mut open(&url), &value.id()).unwrap();
    let transactions = joined(&stored, &authors[0].session).0;
    assert_eq!(transactions, authors[0].log.transactions());
    let sums = "SELECT count(*), sum(count) FROM raced.pleione_sessions";
    assert_eq!(server.sql(sums), format!("1|{COUNT}"));
    assert_eq!(
        server.sql("SELECT sum(count) FROM raced.pleione_segments"),
        COUNT.to_string()
    );
}

fn a_session_that_forked_is_refused_by_the_second_server(server: &PostgresServer) {
    let url = server.url_of("forked");
    let value = header("forked");
    let (mut one, mut other) = (Author::new(1), Author::new(1));
    let (kept, lost) = (one.piece(&["[1]"]), other.piece(&["[2]"]));
    let first = value_write(&value, true, vec![one.segment(kept)]);
    assert_eq!(write_one(&mut open(&url), first), Ok(()));
    let second = value_write(&value, true, vec![other.segment(lost)]);
    let refused = write_one(&mut open(&url), second);
    assert!(
        matches!(refused, Err(WriteError::Fork { index: 0, .. })),
        "{refused:?}"
    );
}

fn a_later_version_is_left_alone(server: &PostgresServer) {
    let url = server.url_of("later");
    drop(open(&url));
    server.sql("INSERT INTO later.pleione_schema VALUES (99)");
    let error = PostgresStorage::open(&url, None).unwrap_err();
    assert!(
        matches!(error, OpenError::TooNew { found: 99, .. }),
        "{error}"
    );
}

/// Writes a value of four long transactions, a segment each, and a small one.
fn write_two(storage: &mut PostgresStorage) -> (Author, Author) {
    let (mut author, mut other) = (Author::new(1), Author::new(2));
    for (index, value) in four_long(&mut author).into_iter().enumerate() {
        assert_eq!(write_one(storage, value), Ok(()), "{index}");
    }
    let piece = other.piece(&["[1]"]);
    let write = value_write(&header("whole"), true, vec![other.segment(piece)]);
    assert_eq!(write_one(storage, write), Ok(()));
    (author, other)
}

fn four_long(author: &mut Author) -> Vec<ValueWrite> {
    let long = format!("[\"{}\"]", "x".repeat(60_000));
    (0..4)
        .map(|_| {
            let piece = author.piece(&[&long]);
            value_write(&header("damaged"), true, vec![author.segment(piece)])
        })
        .collect()
}

fn damaged_records(server: &PostgresServer) {
    for (index, (statement, readable)) in [
        ("UPDATE pleione_segments SET body = '{' WHERE start = 3", 2),
        (
            "UPDATE pleione_segments SET body = '\\xff00' WHERE start = 2",
            2,
        ),
        ("DELETE FROM pleione_segments WHERE start = 2", 2),
        (
            "DELETE FROM pleione_segments WHERE start = 0 AND bytes > 100",
            0,
        ),
        ("UPDATE pleione_sessions SET count = 9 WHERE count = 4", 4),
        (
            "UPDATE pleione_sessions SET last_signature = 'x' WHERE count = 4",
            4,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("damaged{index}");
        let url = server.url_of(&name);
        let mut storage = open(&url);
        let (author, other) = write_two(&mut storage);
        server.sql(&format!("SET search_path = {name}; {statement}"));

        let Loaded { log, damage } = load_any(&mut storage, &header("damaged").id())
            .unwrap()
            .unwrap();
        assert_eq!(
            joined(&log, &author.session).0.len(),
            readable,
            "{statement}"
        );
        assert!(
            damage
                .iter()
                .any(|damage| damage.session == author.session.as_str()),
            "{statement}"
        );
        let whole = load(&mut storage, &header("whole").id()).unwrap();
        assert_eq!(joined(&whole, &other.session).0.len(), 1);

        if statement.contains("count = 9") {
            continue;
        }
        // Peers that have the rest send it again, which mends the record.
        for write in four_long(&mut Author::new(1)) {
            assert_eq!(write_one(&mut storage, write), Ok(()), "{statement}");
        }
        let stored = load(&mut storage, &header("damaged").id()).unwrap();
        assert_eq!(
            joined(&stored, &author.session).0,
            author.log.transactions(),
            "{statement}"
        );
    }
    let url = server.url_of("header");
    let mut storage = open(&url);
    write_two(&mut storage);
    let id = header("damaged").id();
    server.sql(&format!(
        "UPDATE header.pleione_values SET header = '{{' WHERE id = '{id}'"
    ));
    let damaged = load_any(&mut storage, &id);
    assert!(
        matches!(damaged, Err(LoadError::DamagedHeader { .. })),
        "{damaged:?}"
    );
    let write = four_long(&mut Author::new(1)).remove(0);
    assert_eq!(write_one(&mut storage, write), Ok(()));
    assert!(load(&mut storage, &id).is_some());
}

#[test]
fn r2_a_database_that_is_away_acknowledges_nothing_and_comes_back() {
    let mut server = PostgresServer::start();
    let mut storage = open(&server.url());
    let (value, mut author) = (header("a"), Author::new(1));
    for round in 0..2 {
        let piece = author.piece(&["[1]"]);
        let write = value_write(&value, true, vec![author.segment(piece)]);
        assert_eq!(write_one(&mut storage, write), Ok(()));
        server.crash();
        let piece = author.piece(&["[2]"]);
        let write = value_write(&value, true, vec![author.segment(piece)]);
        let refused = write_one(&mut storage, write.clone());
        assert!(
            matches!(refused, Err(WriteError::Database { .. })),
            "{refused:?}"
        );
        assert!(
            storage.outline(&value.id()).is_err(),
            "absent is not what is away"
        );
        server.restart();
        let stored = load(&mut storage, &value.id()).unwrap();
        assert_eq!(joined(&stored, &author.session).0.len(), 2 * round + 1);
        assert_eq!(write_one(&mut storage, write), Ok(()));
    }
    a_database_that_takes_no_write_acknowledges_none(&server, &mut storage);
    let error = PostgresStorage::open("postgres://pleione@127.0.0.1:1/postgres", None);
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("SYNC_MAIA_DB_URL: the database cannot be used: no connection"),
        "{error}"
    );
}

fn a_database_that_takes_no_write_acknowledges_none(
    server: &PostgresServer,
    storage: &mut PostgresStorage,
) {
    set_read_only(server, storage, true);
    let (value, mut author) = (header("read-only"), Author::new(1));
    let piece = author.piece(&["[1]"]);
    let write = value_write(&value, true, vec![author.segment(piece)]);
    let batches = [batch(1, vec![write.clone()]), batch(2, vec![write.clone()])];
    let results = storage.write(&batches);
    assert_eq!(results.len(), 2);
    for result in results {
        let error = result.unwrap_err().to_string();
        assert!(error.contains("read-only transaction"), "{error}");
    }
    assert_eq!(load(storage, &value.id()), None);
    set_read_only(server, storage, false);
    assert_eq!(write_one(storage, write), Ok(()));
}

static SHOW: Statement = Statement {
    sql: "SHOW default_transaction_read_only",
    types: &[],
};

static IS_ENCRYPTED: Statement = Statement {
    sql: "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    types: &[],
};

/// As a database does whose disk is full or broken, or that another one is to take over from.
fn set_read_only(server: &PostgresServer, storage: &PostgresStorage, is_so: bool) {
    server.sql(&format!(
        "ALTER SYSTEM SET default_transaction_read_only = {is_so}"
    ));
    server.sql("SELECT pg_reload_conf()");
    // Each of its processes notices for itself.
    let ask = async |client: &mut Connection| {
        let row = client.query_opt(&SHOW, &[]).await?.unwrap();
        Ok(row.try_get::<_, String>(0)? == "on")
    };
    while storage.ask(&ask).unwrap() != is_so {
        std::thread::yield_now();
    }
}

#[test]
fn a_connection_is_as_safe_as_the_url_asks_for() {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let server = PostgresServer::start_with(|data| {
        let key = data.join("server.key");
        std::fs::write(data.join("server.crt"), own.cert.pem()).unwrap();
        std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let settings = data.join("postgresql.conf");
        let text = std::fs::read_to_string(&settings).unwrap();
        std::fs::write(settings, format!("{text}\nssl = on\n")).unwrap();
    });
    let folder = tempfile::TempDir::new().unwrap();
    let [own_root, other_root] = [(&own, "own"), (&other, "other")].map(|(certified, name)| {
        let path = folder.path().join(name);
        std::fs::write(&path, certified.cert.pem()).unwrap();
        path
    });
    let by_name = server.url().replace("127.0.0.1", "localhost");
    for (url, mode, root, is_encrypted) in [
        (&by_name, "disable", None, Ok(false)),
        (&by_name, "prefer", None, Ok(true)),
        (&by_name, "require", None, Ok(true)),
        (&by_name, "require", Some(&own_root), Ok(true)),
        (&by_name, "verify-full", Some(&own_root), Ok(true)),
        (&by_name, "require", Some(&other_root), Err(())),
        (&by_name, "verify-full", Some(&other_root), Err(())),
        (&by_name, "verify-full", None, Err(())),
        // Another name than the certificate's.
        (&server.url(), "verify-full", Some(&own_root), Err(())),
    ] {
        let url = format!("{url}?sslmode={mode}");
        let storage = PostgresStorage::open(&url, root.map(PathBuf::as_path));
        let found = storage.map_err(|_| ()).map(|storage| {
            let ask = async |client: &mut Connection| {
                let row = client.query_opt(&IS_ENCRYPTED, &[]).await?.unwrap();
                Ok(row.try_get(0)?)
            };
            storage.ask(&ask).unwrap()
        });
        assert_eq!(found, is_encrypted, "{mode} {root:?} {url}");
    }
}
