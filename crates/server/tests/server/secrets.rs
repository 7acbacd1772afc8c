//! No secret in a line: a server that says all it can is led through everything that a secret takes part in, and so is
//! the tool; the lines are searched.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crate::peer::Peer;
use crate::postgres_server::PostgresServer;
use crate::process::{Place, ServerProcess, command, refusal};
use crate::writer::Writer;

const PASSWORD: &str = "correct-horse-battery";

/// What must not be told: the password, the key that signs tokens, TLS's key, and each token (its payload, its signature).
struct Secrets(Vec<String>);

impl Secrets {
    #[track_caller]
    fn check(&self, text: &str) {
        for secret in &self.0 {
            assert!(!text.contains(secret.as_str()), "{secret} is told: {text}");
        }
    }

    fn add_token(&mut self, token: &str) {
        self.0
            .extend(token.split('.').skip(1).map(ToOwned::to_owned));
    }

    fn add_pem(&mut self, text: &str) {
        let lines = text.lines().filter(|line| !line.starts_with("---"));
        self.0.extend(lines.map(ToOwned::to_owned));
    }
}

#[test]
fn no_line_holds_a_token_a_password_or_a_key() {
    let (database, place) = (PostgresServer::start(), Place::new());
    let url = database
        .url()
        .replace("pleione@", &format!("pleione:{PASSWORD}@"));
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let [certificate, tls_key, auth_key] = ["certificate.pem", "tls.pem", "auth.pem"]
        .map(|name| place.folder().join(name).to_str().unwrap().to_owned());
    fs::write(&certificate, pair.cert.pem()).unwrap();
    fs::write(&tls_key, pair.signing_key.serialize_pem()).unwrap();
    let settings = [
        ("SYNC_MAIA_STORAGE", "postgres"),
        ("SYNC_MAIA_DB_URL", &url),
        ("SYNC_MAIA_AUTH", "token"),
        ("SYNC_MAIA_AUTH_KEY", &auth_key),
        ("LOG_LEVEL", "trace"),
    ];
    let tool = |arguments: &[&str]| {
        let output = command()
            .envs(settings)
            .arg("token")
            .args(arguments)
            .output()
            .unwrap();
        (
            String::from_utf8(output.stdout).unwrap().trim().to_owned(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (token, told) = tool(&["new", "--name", "ada"]);
    let mut secrets = Secrets(vec![PASSWORD.into()]);
    secrets.add_token(&token);
    secrets.add_pem(&fs::read_to_string(&auth_key).unwrap());
    secrets.add_pem(&pair.signing_key.serialize_pem());
    secrets.check(&told);

    let mut server = ServerProcess::start_with(command().stderr(Stdio::piped()), &settings);
    lead_through(&server, &token);
    for arguments in [
        &["list"][..],
        &["revoke", &token],
        &["revoke", &token[3..]],
        &["rotate"],
        &["trust", &auth_key],
    ] {
        let (said, told) = tool(arguments);
        secrets.check(&said);
        secrets.check(&told);
    }
    // A database that goes away is told of, with its address or without.
    drop(database);
    let _ = Peer::connect_at(server.port(), &format!("/sync?token={token}"), &[]);
    server.await_refused("tokens_unreadable", 1);
    server.terminate();
    secrets.check(&server.all_of_stdout());
    let mut stderr = String::new();
    server
        .child()
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert!(
        stderr.contains("token_malformed") && stderr.contains("tokens_unreadable"),
        "{stderr}"
    );
    secrets.check(&stderr);

    // Starts that fail: the database is away, and the key is where the certificate should be.
    let tls = [("TLS_CERT", tls_key.as_str()), ("TLS_KEY", &certificate)];
    for more in [&[][..], &tls] {
        let mut server = command();
        server
            .envs(settings)
            .envs(more.iter().copied())
            .env("PORT", "0");
        secrets.check(&refusal(&mut server));
    }
}

/// Tokens that are taken and that are not, in the URL and in a header, on paths of every kind.
fn lead_through(server: &ServerProcess, token: &str) {
    let mut peer = Peer::connect_at(server.port(), &format!("/sync?token={token}"), &[]).unwrap();
    let mut writer = Writer::new("value", 1);
    peer.say(&writer.write("[1]"));
    peer.await_known(&writer.id(), &writer.session, 1);
    let bearer = format!("Bearer {token}");
    assert!(Peer::connect_at(server.port(), "/sync", &[("Authorization", &bearer)]).is_some());
    let cut = &token[..token.len() - 9];
    for target in [
        format!("/sync?token={cut}"),
        format!("/sync?token={token}{token}"),
        format!("/sync?token={token}&token={token}"),
    ] {
        assert!(Peer::connect_at(server.port(), &target, &[]).is_none());
    }
    for target in [
        format!("/?token={token}"),
        format!("/health?token={token}"),
        format!("/sync?token={token}"),
        format!("/sync/{token}"),
    ] {
        server.get(&target, &format!("Authorization: {bearer}\r\n"));
    }
    server.request(&format!("GET /sync?token={token} HTTP/9.9\r\n\r\n"));
}
