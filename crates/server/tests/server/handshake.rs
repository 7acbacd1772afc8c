//! Who may connect: tokens and origins, checked in the handshake. Who is refused is told why; a token that is taken back
//! closes what came in with it, on every server that shares the book, without a restart.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cojson::account::account_id;
use cojson::ids::AgentId;
use pleione_sync::auth::key::SigningKey;
use pleione_sync::auth::token::Claims;

use crate::moving::succeed;
use crate::peer::Peer;
use crate::pooler::Pooler;
use crate::postgres_server::PostgresServer;
use crate::process::{Place, ServerProcess, command, refusal};
use crate::writer::Writer;

/// "Policy violation".
const POLICY: u16 = 1008;

/// How long running servers may take to see a change of the book, on a busy machine too.
const SEEN_MAX: Duration = Duration::from_secs(20);

/// The settings that say where the tokens of a place are.
fn book_of(place: &Place) -> [(&'static str, String); 2] {
    let path = place.database().to_str().unwrap().to_owned();
    [("DB_PATH", path), ("SYNC_MAIA_AUTH", "token".into())]
}

fn server(settings: &[(&'static str, String)]) -> ServerProcess {
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    ServerProcess::start(&settings)
}

/// Runs `pleione-sync token` and returns what it prints.
fn token(settings: &[(&'static str, String)], arguments: &[&str]) -> String {
    let mut tool = command();
    tool.envs(settings.iter().map(|(name, text)| (name, text)));
    let output = tool.arg("token").args(arguments).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The id under which the tool lists the one token of that name.
fn id_of(settings: &[(&'static str, String)], name: &str) -> String {
    let list = token(settings, &["list"]);
    let line = list.lines().find(|line| line.ends_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

/// What a handshake is answered that is refused.
fn refused(server: &ServerProcess, target: &str, headers: &str) -> String {
    let port = server.port();
    server.request(&format!(
        "GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    ))
}

fn connect(server: &ServerProcess, token: &str) -> Option<Peer> {
    Peer::connect_at(server.port(), &format!("/sync?token={token}"), &[])
}

/// Waits until a token gets in, or does not any more.
fn await_taken(server: &ServerProcess, token: &str, is_taken: bool) {
    let end = std::time::Instant::now() + SEEN_MAX;
    while connect(server, token).is_some() != is_taken {
        assert!(
            std::time::Instant::now() < end,
            "the change of the book is not seen"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn seconds_from_now(seconds: i64) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    now.checked_add_signed(seconds).unwrap()
}

/// The key with which the tool signs.
fn key_of(place: &Place) -> SigningKey {
    let path = place.database().with_file_name("sync.db.token-key");
    SigningKey::read(&path).unwrap().unwrap()
}

#[test]
fn who_shows_no_good_token_is_told_why_and_who_does_is_served() {
    let place = Place::new();
    let settings = book_of(&place);
    let good = token(&settings, &["new", "--name", "good"]);
    let server = server(&settings);
    let stranger = SigningKey::random().unwrap();
    let signed =
        |key: &SigningKey, seconds| Claims::new(seconds_from_now(seconds), None, None).sign(key);
    for (target, reason, words) in [
        ("/sync".to_owned(), "token_missing", "a token is needed"),
        ("/sync?token=abc".into(), "token_malformed", "malformed"),
        (
            format!("/sync?token={}", signed(&stranger, 100)),
            "token_untrusted",
            "no key that is trusted",
        ),
        (
            format!("/sync?token={}", signed(&key_of(&place), -1)),
            "token_expired",
            "expired",
        ),
        (
            format!("/sync?token={good}&token={good}"),
            "token_several",
            "more than one",
        ),
    ] {
        let answer = refused(&server, &target, "");
        assert!(answer.starts_with("HTTP/1.1 401 "), "{target}: {answer}");
        assert!(
            answer.contains("www-authenticate: Bearer\r\n") && answer.contains(words),
            "{answer}"
        );
        assert_eq!(server.refused(reason), 1);
    }
    let bearer = format!("Bearer {good}");
    let by_header = Peer::connect_at(server.port(), "/sync", &[("Authorization", &bearer)]);
    for (name, peer) in [("url", connect(&server, &good)), ("header", by_header)] {
        let (mut peer, mut writer) = (peer.unwrap(), Writer::new(name, 1));
        peer.say(&writer.write("[1]"));
        peer.await_known(&writer.id(), &writer.session, 1);
    }
}

/// Revokes one of two tokens while servers run: its connections are closed, no new one is let in, the other's stay.
fn check_revocation(
    settings: &[(&'static str, String)],
    servers: &[ServerProcess],
    revoked: [&str; 2],
) {
    let [by_name, other] = revoked;
    let mut out: Vec<Peer> = servers
        .iter()
        .map(|server| connect(server, by_name).unwrap())
        .collect();
    let mut stays: Vec<Peer> = servers
        .iter()
        .map(|server| connect(server, other).unwrap())
        .collect();
    token(settings, &["revoke", &id_of(settings, "leaver")]);
    for peer in &mut out {
        assert_eq!(peer.await_close(), Some(POLICY));
    }
    for (server, peer) in servers.iter().zip(&mut stays) {
        await_taken(server, by_name, false);
        peer.ask(&Writer::new("asked", 1).id());
        assert!(refused(server, &format!("/sync?token={by_name}"), "").contains("revoked"));
    }
    // By the token itself too.
    token(settings, &["revoke", other]);
    for (server, peer) in servers.iter().zip(&mut stays) {
        assert_eq!(peer.await_close(), Some(POLICY));
        await_taken(server, other, false);
    }
}

#[test]
fn a_revoked_token_is_out_at_once_and_others_are_not() {
    let place = Place::new();
    let settings = book_of(&place);
    let tokens = ["leaver", "stayer"].map(|name| token(&settings, &["new", "--name", name]));
    let servers = [server(&settings)];
    check_revocation(&settings, &servers, [&tokens[0], &tokens[1]]);
}

#[test]
fn a_restored_backup_takes_the_good_tokens_and_no_revoked_one() {
    let (database, place, keys) = (PostgresServer::start(), Place::new(), Place::new());
    let file = place.folder().join("backup").to_str().unwrap().to_owned();
    let key = (
        "SYNC_MAIA_AUTH_KEY",
        keys.database().to_str().unwrap().to_owned(),
    );
    let file_store = |name: &str| {
        let path = place.folder().join(name).to_str().unwrap().to_owned();
        let needs = ("SYNC_MAIA_AUTH", "token".to_owned());
        [("DB_PATH", path), needs, key.clone()]
    };
    let run = |arguments: &[&str], store: &[(&'static str, String)]| {
        let store = store.iter().map(|(name, text)| (*name, text.as_str()));
        succeed(arguments, &store.collect::<Vec<_>>());
    };
    let first = file_store("first.db");
    let [good, revoked] = ["stayer", "leaver"].map(|name| token(&first, &["new", "--name", name]));
    token(&first, &["revoke", &revoked]);
    // The file of the logs comes into being with the server.
    drop(server(&first));
    let mut second = file_store("second.db").to_vec();
    second.push(("SYNC_MAIA_DB_URL", database.url()));
    second.push(("SYNC_MAIA_STORAGE", "postgres".into()));
    let third = file_store("third.db");
    for [from, to] in [[&first[..], &second], [&second, &third]] {
        run(&["backup", &file], from);
        run(&["restore", &file], to);
        let server = server(to);
        connect(&server, &good)
            .unwrap()
            .ask(&Writer::new("asked", 1).id());
        assert!(refused(&server, &format!("/sync?token={revoked}"), "").contains("revoked"));
    }
    // A store without a book leaves none beside its backup, whatever was there.
    let fourth = file_store("fourth.db");
    drop(ServerProcess::start(&[("DB_PATH", &fourth[0].1)]));
    let beside = format!("{file}.tokens");
    assert!(Path::new(&beside).exists());
    run(&["backup", &file], &fourth);
    assert!(!Path::new(&beside).exists());
}

#[test]
fn servers_that_share_a_database_see_a_revocation() {
    let database = PostgresServer::start();
    check_shared_revocation(&database.url());
    let database = PostgresServer::start();
    check_shared_revocation(&Pooler::to(database.port()).url());
}

fn check_shared_revocation(url: &str) {
    let place = Place::new();
    let key = place.folder().join("key").to_str().unwrap().to_owned();
    let settings = [
        ("SYNC_MAIA_STORAGE", "postgres".to_owned()),
        ("SYNC_MAIA_DB_URL", url.to_owned()),
        ("SYNC_MAIA_AUTH", "token".into()),
        ("SYNC_MAIA_AUTH_KEY", key),
    ];
    let servers = [server(&settings), server(&settings)];
    // The book comes into being while they run.
    let tokens = ["leaver", "stayer"].map(|name| token(&settings, &["new", "--name", name]));
    for server in &servers {
        await_taken(server, &tokens[0], true);
        await_taken(server, &tokens[1], true);
    }
    check_revocation(&settings, &servers, [&tokens[0], &tokens[1]]);
}

#[test]
fn keys_are_rotated_without_a_restart_and_the_old_ones_tokens_go_when_it_does() {
    let place = Place::new();
    let settings = book_of(&place);
    let old = token(&settings, &["new"]);
    let old_key = key_of(&place).public().id();
    let server = server(&settings);
    let mut with_old = connect(&server, &old).unwrap();
    token(&settings, &["rotate"]);
    let new = token(&settings, &["new"]);
    await_taken(&server, &new, true);
    let mut with_new = connect(&server, &new).unwrap();
    with_old.ask(&Writer::new("asked", 1).id());
    token(&settings, &["distrust", &old_key]);
    assert_eq!(with_old.await_close(), Some(POLICY));
    await_taken(&server, &old, false);
    with_new.ask(&Writer::new("asked", 1).id());
}

#[test]
fn tokens_that_an_application_signs_itself_are_taken_and_can_be_revoked() {
    let place = Place::new();
    let settings = book_of(&place);
    let server = server(&settings);
    let key = SigningKey::random().unwrap();
    let file = place.folder().join("public.pem");
    write_public(&key, &file);
    token(&settings, &["trust", file.to_str().unwrap()]);
    let theirs = Claims::new(seconds_from_now(1_000), None, None).sign(&key);
    await_taken(&server, &theirs, true);
    token(&settings, &["revoke", &theirs]);
    await_taken(&server, &theirs, false);
}

/// Writes the public half as OpenSSL does.
fn write_public(key: &SigningKey, path: &Path) {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let mut der = vec![0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    der.extend(URL_SAFE_NO_PAD.decode(key.public().to_string()).unwrap());
    let body = STANDARD.encode(der);
    let text = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
    std::fs::write(path, text).unwrap();
}

#[test]
fn with_a_token_of_an_account_only_that_account_writes() {
    let place = Place::new();
    let settings = book_of(&place);
    let (mut own, mut other) = (Writer::new("own", 1), Writer::new("other's", 2));
    let agent = AgentId::parse(own.session.author()).unwrap();
    let account = account_id(&agent);
    let bound = token(&settings, &["new", "--account", account.as_str()]);
    let server = server(&settings);
    let mut peer = connect(&server, &bound).unwrap();
    peer.say(&other.write("[1]"));
    server.await_refused("other_author", 1);
    peer.say(&own.write("[1]"));
    peer.await_known(&own.id(), &own.session, 1);
    // It reads what others wrote all the same.
    let any = token(&settings, &["new"]);
    let mut others = connect(&server, &any).unwrap();
    others.say(&other.carry(other.log.content_since(0, usize::MAX).remove(0)));
    others.await_known(&other.id(), &other.session, 1);
    peer.ask(&other.id());
}

#[test]
fn a_connection_ends_when_its_token_expires() {
    let place = Place::new();
    let settings = book_of(&place);
    token(&settings, &["new"]);
    let server = server(&settings);
    let short = Claims::new(seconds_from_now(2), None, None).sign(&key_of(&place));
    assert_eq!(
        connect(&server, &short).unwrap().await_close(),
        Some(POLICY)
    );
    assert_eq!(server.refused("token_expired"), 1);
}

#[test]
fn r12_a_book_that_is_none_ends_the_start() {
    let place = Place::new();
    let path = place.folder().join("sync.db.tokens");
    std::fs::write(&path, "a letter").unwrap();
    let line = refusal(command().envs(book_of(&place)).env("PORT", "0"));
    assert!(
        line.contains("SYNC_MAIA_AUTH_FILE=") && line.contains("sync.db.tokens"),
        "{line}"
    );
}

#[test]
fn pages_of_foreign_origins_are_refused_and_all_are_let_in_where_nothing_is_said() {
    let only = [
        ("SYNC_MAIA_STORAGE", "in-memory"),
        ("SYNC_MAIA_ORIGINS", "https://app.example,same"),
    ];
    let server = ServerProcess::start(&only);
    let own = format!("http://127.0.0.1:{}", server.port());
    let foreign = "https://evil.example";
    let connect = |server: &ServerProcess, origin: &str| {
        Peer::connect_as(server.port(), &[("Origin", origin)])
    };
    for origin in ["https://app.example", &own] {
        assert!(connect(&server, origin).is_some(), "{origin}");
    }
    assert!(
        Peer::try_connect(server.port()).is_some(),
        "who is no browser"
    );
    let answer = refused(&server, "/sync", &format!("Origin: {foreign}\r\n"));
    assert!(
        answer.starts_with("HTTP/1.1 403 ") && answer.contains("SYNC_MAIA_ORIGINS"),
        "{answer}"
    );
    assert_eq!(server.refused("foreign_origin"), 1);
    assert!(connect(&ServerProcess::in_memory(), foreign).is_some());
}
