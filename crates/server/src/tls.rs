//! TLS on our own port: a certificate and its key from files, read again when the files change.
//!
//! Connections that are open keep what they were made with; the next ones get the new certificate. Files that cannot be
//! used (a certificate whose key is not there yet) leave the old one in use, counted and told. Nothing of a key is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::refusals::Refusals;
use crate::settings::TlsSettings;

/// How often it is looked whether the files changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Files that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or holds something else.
    #[error("{variable}={path}: expected {expected}: {detail}")]
    File {
        /// The environment variable.
        variable: &'static str,
        /// What it says.
        path: PathBuf,
        /// What the file should hold.
        expected: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// They do not belong together, or are of a kind that is not known.
    #[error("TLS_CERT and TLS_KEY: expected a certificate and its own key: {detail}")]
    Pair {
        /// What is wrong.
        detail: String,
    },
}

/// What new connections are made with.
pub type TlsWatch = watch::Receiver<Arc<ServerConfig>>;

/// Reads the files, and goes on reading them when they change for as long as anybody holds the answer.
///
/// # Errors
/// When they cannot be used now.
pub fn start(settings: TlsSettings, refusals: Refusals) -> Result<TlsWatch, TlsError> {
    let seen = stamp(&settings);
    let (sender, watch) = watch::channel(Arc::new(load(&settings)?));
    tokio::spawn(follow(settings, seen, sender, refusals));
    Ok(watch)
}

async fn follow(
    settings: TlsSettings,
    mut seen: Stamp,
    sender: watch::Sender<Arc<ServerConfig>>,
    refusals: Refusals,
) {
    while !sender.is_closed() {
        sleep(LOOK_EVERY).await;
        let found = stamp(&settings);
        if found == seen {
            continue;
        }
        match load(&settings) {
            Ok(config) => {
                seen = found;
                sender.send_replace(Arc::new(config));
                tracing::info!("the TLS certificate was read again");
            }
            Err(error) => refusals.count("tls_reload_failed", &error),
        }
    }
}

type Stamp = [Option<(SystemTime, u64)>; 2];

/// What tells that a file was written: when, and how long it is.
fn stamp(settings: &TlsSettings) -> Stamp {
    [&settings.certificate, &settings.key].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

fn load(settings: &TlsSettings) -> Result<ServerConfig, TlsError> {
    let pair = |error: rustls::Error| TlsError::Pair {
        detail: error.to_string(),
    };
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(
            certificates(&settings.certificate)?,
            private_key(&settings.key)?,
        )
        .map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable = |detail: String| TlsError::File {
        variable: "TLS_CERT",
        path: path.to_owned(),
        expected: "a file of PEM certificates",
        detail,
    };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unusable(told(&error)))?;
    let found: Vec<_> = found
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(told(&error)))?;
    if found.is_empty() {
        return Err(unusable("there is none in it".into()));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| TlsError::File {
        variable: "TLS_KEY",
        path: path.to_owned(),
        expected: "a file with a PEM private key",
        detail: told(&error),
    })
}

/// What is wrong with a file, without a word of what is in it.
fn told(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "there is none in it".into(),
        _ => "it is not PEM".into(),
    }
}
