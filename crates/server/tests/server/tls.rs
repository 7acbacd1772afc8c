//! TLS on the server's own port: `https` and `wss` and nothing else; a new certificate without a restart; a client that
//! does not come to terms is cut off.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tungstenite::Message;

use crate::process::{Place, ServerProcess, command, refusal};
use crate::several::until;

/// How long a running server may take to see new files, on a busy machine too.
const SEEN_MAX: Duration = Duration::from_secs(20);

struct Site {
    place: Place,
    current: CertifiedKey<KeyPair>,
}

impl Site {
    fn new() -> Self {
        let site = Self {
            place: Place::new(),
            current: certificate(),
        };
        site.keep_certificate(&site.current);
        site.keep_key(&site.current);
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.folder().join(name)
    }

    fn keep_certificate(&self, pair: &CertifiedKey<KeyPair>) {
        fs::write(self.path("certificate.pem"), pair.cert.pem()).unwrap();
    }

    fn keep_key(&self, pair: &CertifiedKey<KeyPair>) {
        fs::write(self.path("key.pem"), pair.signing_key.serialize_pem()).unwrap();
    }

    fn server(&self, more: &[(&str, &str)]) -> ServerProcess {
        let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| self.path(name));
        let settings = [
            ("SYNC_MAIA_STORAGE", "in-memory"),
            ("TLS_CERT", certificate.to_str().unwrap()),
            ("TLS_KEY", key.to_str().unwrap()),
        ];
        ServerProcess::start(&[&settings, more].concat())
    }
}

fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap()
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A connection to a server that shows this certificate.
fn connect(server: &ServerProcess, trusted: &CertificateDer<'static>) -> std::io::Result<Stream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(client, TcpStream::connect(("127.0.0.1", server.port()))?);
    stream.sock.set_read_timeout(Some(SEEN_MAX))?;
    // Brings the handshake to its end.
    stream.flush()?;
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// What the server has refused, asked over TLS.
fn refused(server: &ServerProcess, trusted: &CertificateDer<'static>, code: &str) -> u64 {
    let mut stream = connect(server, trusted).unwrap();
    stream
        .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let health: serde_json::Value = serde_json::from_str(body).unwrap();
    health["refused"][code].as_u64().unwrap_or_default()
}

/// A WebSocket over TLS.
fn converse(
    server: &ServerProcess,
    trusted: &CertificateDer<'static>,
) -> tungstenite::WebSocket<Stream> {
    let stream = connect(server, trusted).unwrap();
    let url = format!("wss://localhost:{}/sync", server.port());
    tungstenite::client(url, stream).unwrap().0
}

/// Waits for the next of the server's keep-alives, which come every 1.5 s.
fn hear(socket: &mut tungstenite::WebSocket<Stream>) {
    while !matches!(socket.read().unwrap(), Message::Text(text) if text.contains("ping")) {}
}

#[test]
fn https_and_wss_are_spoken_and_nothing_in_clear() {
    let site = Site::new();
    let server = site.server(&[]);
    let trusted = site.current.cert.der();
    hear(&mut converse(&server, trusted));
    let answer = server.get("/health", "");
    assert!(!answer.contains("200"), "{answer}");
    // It is counted a moment after the connection was ended.
    until(|| refused(&server, trusted, "tls_failed") > 0);
    assert!(
        connect(&server, certificate().cert.der()).is_err(),
        "another certificate is trusted"
    );
}

#[test]
fn a_new_certificate_is_shown_without_a_restart_and_open_connections_stay() {
    let site = Site::new();
    let server = site.server(&[]);
    let old = site.current.cert.der();
    let mut open = converse(&server, old);
    let next = certificate();
    // Half of it is there: the old pair stays in use.
    site.keep_certificate(&next);
    let end = Instant::now() + SEEN_MAX;
    while refused(&server, old, "tls_reload_failed") == 0 {
        assert!(Instant::now() < end, "the files were not read again");
        std::thread::sleep(Duration::from_millis(100));
    }
    site.keep_key(&next);
    let end = Instant::now() + SEEN_MAX;
    while connect(&server, next.cert.der()).is_err() {
        assert!(Instant::now() < end, "the new certificate is not shown");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(connect(&server, old).is_err());
    hear(&mut open);
    hear(&mut converse(&server, next.cert.der()));
}

#[test]
fn who_does_not_come_to_terms_over_tls_is_cut_off() {
    let site = Site::new();
    let server = site.server(&[("HANDSHAKE_SECONDS_MAX", "1")]);
    let trusted = site.current.cert.der();
    let mut mute = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    mute.set_read_timeout(Some(SEEN_MAX)).unwrap();
    assert!(mute.read(&mut [0]).is_ok_and(|read| read == 0));
    assert_eq!(refused(&server, trusted, "handshake_timeout"), 1);
    // Who has come to terms and then says nothing is cut off too.
    let mut silent = connect(&server, trusted).unwrap();
    assert!(!matches!(silent.read(&mut [0]), Ok(1..)));
    assert_eq!(refused(&server, trusted, "handshake_timeout"), 2);
}

#[test]
fn connections_over_tls_are_counted_too() {
    let site = Site::new();
    let server = site.server(&[("CONNECTIONS_MAX", "2")]);
    let trusted = site.current.cert.der();
    let held = [
        connect(&server, trusted).unwrap(),
        connect(&server, trusted).unwrap(),
    ];
    assert!(connect(&server, trusted).is_err());
    drop(held);
    let end = Instant::now() + SEEN_MAX;
    while connect(&server, trusted).is_err() {
        assert!(Instant::now() < end, "the places were not given back");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn r12_files_that_cannot_be_used_end_the_start_and_no_key_is_told() {
    let site = Site::new();
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| site.path(name));
    let [certificate, key] = [&certificate, &key].map(|path| path.to_str().unwrap());
    let other = site.path("other.pem");
    fs::write(&other, self::certificate().signing_key.serialize_pem()).unwrap();
    let other = other.to_str().unwrap();
    for (settings, words) in [
        (&[("TLS_CERT", certificate)][..], "TLS_KEY="),
        (&[("TLS_KEY", key)], "TLS_CERT="),
        (
            &[("TLS_CERT", "/missing"), ("TLS_KEY", key)],
            "TLS_CERT=/missing",
        ),
        (
            &[("TLS_CERT", certificate), ("TLS_KEY", "/missing")],
            "TLS_KEY=/missing",
        ),
        (&[("TLS_CERT", key), ("TLS_KEY", key)], "TLS_CERT="),
        (
            &[("TLS_CERT", certificate), ("TLS_KEY", certificate)],
            "TLS_KEY=",
        ),
        (
            &[("TLS_CERT", certificate), ("TLS_KEY", other)],
            "its own key",
        ),
    ] {
        let mut server = command();
        server
            .env("SYNC_MAIA_STORAGE", "in-memory")
            .env("PORT", "0");
        let line = refusal(server.envs(settings.iter().copied()));
        assert!(line.contains(words), "{words} is not in {line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(
            !line.contains("BEGIN") && !line.contains("MC4") && !line.contains("MIG"),
            "{line}"
        );
    }
}
