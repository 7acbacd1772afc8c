//! Encrypted connections, to the sync server and to the hosts that actors ask: only to those whose certificate the system
//! vouches for.

use std::fs;
use std::path::PathBuf;

use cojson::json::Json;
use tempfile::TempDir;

use crate::fetching::{begin, outcome as fetched};
use crate::fixtures::{counter, fetcher, numbers};
use crate::process::Place;
use crate::syncing::{SyncServer, count, new_secret, outcome, wait_synced};

/// A sync server that encrypts, under a certificate for `localhost` that it made itself.
struct Site {
    server: SyncServer,
    /// Whoever takes this file for the system's certificates trusts the server.
    certificate: PathBuf,
    _folder: TempDir,
}

impl Site {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let pair = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let [certificate, key] =
            ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
        fs::write(&certificate, pair.cert.pem()).unwrap();
        fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
        let flags = [
            "--tls-cert".as_ref(),
            certificate.as_os_str(),
            "--tls-key".as_ref(),
            key.as_os_str(),
        ];
        let server = SyncServer::start_with(&folder, 0, &flags);
        Self {
            server,
            certificate,
            _folder: folder,
        }
    }

    fn host(&self) -> String {
        format!("localhost:{}", self.server.address.port())
    }

    /// A place whose agent trusts the server and nobody else.
    fn trusted_by(&self, place: Place) -> Place {
        place.with("SSL_CERT_FILE", self.certificate.to_str().unwrap())
    }

    fn syncing(&self, secret: &str) -> Place {
        Place::new(&[counter()])
            .with("AGENT_MAIA_AGENT_SECRET", secret)
            .with(
                "AGENT_MAIA_SYNC_DOMAIN",
                &format!("wss://{}/sync", self.host()),
            )
    }

    fn fetching(&self) -> Place {
        let payload = format!(r#"{{"url": "https://{}/health"}}"#, self.host());
        Place::new(&[fetcher("@http/get", &payload)]).with("AGENT_MAIA_HTTP_HOSTS", &self.host())
    }
}

#[test]
fn what_an_agent_did_goes_over_an_encrypted_connection_to_another_of_its_account() {
    let site = Site::start();
    let secret = new_secret();
    let first = site.trusted_by(site.syncing(&secret)).start();
    assert_eq!(outcome(&first), "created");
    count(&first, 1);
    wait_synced(&first);
    first.kill();
    let second = site.trusted_by(site.syncing(&secret)).start();
    assert_eq!(outcome(&second), "loaded-from-server");
    let context = second.wait_for("counter", |context| numbers(context, "items").len() == 1);
    assert_eq!(numbers(&context, "items"), [1]);
    second.kill();
    site.server.stop();
}

#[test]
fn an_actor_asks_a_host_over_an_encrypted_connection() {
    let site = Site::start();
    let agent = site.trusted_by(site.fetching()).start();
    begin(&agent);
    let context = fetched(&agent);
    let answer = context.get("answer").unwrap();
    let status = answer.get("status").and_then(Json::as_number);
    assert_eq!(status, Some(200.0), "{context}");
    site.server.stop();
}

#[test]
fn r11_whoever_nobody_vouches_for_is_told_nothing() {
    let site = Site::start();
    let agent = site.fetching().start();
    begin(&agent);
    let context = fetched(&agent);
    assert!(!context.get("errors").unwrap().is_null(), "{context}");
    let alone = site.syncing(&new_secret()).start();
    assert_eq!(outcome(&alone), "created-offline");
    site.server.stop();
}
