//! How the database is reached: its URL, encryption, time-outs.
//!
//! `sslmode` in the URL says how much is asked of the connection: `disable`, `prefer` (the default: encrypted if the
//! server offers it), `require` (always encrypted) or `verify-full` (and the server proves with a certificate who it is).
//! With a root certificate `require` is `verify-full`. `pgbouncer=true` says that there is a pooler that gives out another
//! connection for each transaction. No error tells the URL, which holds a password.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::OpenError;
use super::connection::Keeping;

/// How long a connection may take to come about.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// After so much silence the other end is asked whether it is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
/// How long sent bytes may stay unacknowledged.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(15);

/// How much is asked of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    Disable,
    Prefer,
    Require,
    VerifyFull,
}

/// Reads the URL and makes what connects to it.
pub fn connector(
    url: &str,
    root_certificate: Option<&Path>,
) -> Result<(Config, MakeRustlsConnect), OpenError> {
    let Extras {
        encryption, rest, ..
    } = Extras::of(url)?;
    let mut config = Config::from_str(&rest).map_err(|error| OpenError::Url {
        detail: error.to_string(),
    })?;
    config.ssl_mode(match encryption {
        Encryption::Disable => SslMode::Disable,
        Encryption::Prefer => SslMode::Prefer,
        Encryption::Require | Encryption::VerifyFull => SslMode::Require,
    });
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_MAX);
    }
    if config.get_application_name().is_none() {
        config.application_name("pleione-sync");
    }
    config.keepalives_idle(KEEPALIVE_IDLE);
    config.tcp_user_timeout(UNACKNOWLEDGED_MAX);
    let is_verified = encryption == Encryption::VerifyFull
        || (encryption == Encryption::Require && root_certificate.is_some());
    let tls = tls_config(is_verified, root_certificate)?;
    Ok((config, MakeRustlsConnect::new(tls)))
}

/// What the URL says besides what the library knows.
#[derive(Debug, PartialEq, Eq)]
struct Extras {
    encryption: Encryption,
    keeping: Keeping,
    /// The URL without it.
    rest: String,
}

/// Whether statements are kept prepared on a connection to this URL.
pub(super) fn keeping(url: &str) -> Keeping {
    Extras::of(url).map_or(Keeping::Prepared, |extras| extras.keeping)
}

impl Extras {
    fn of(url: &str) -> Result<Self, OpenError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut extras = Self {
            encryption: Encryption::Prefer,
            keeping: Keeping::Prepared,
            rest: base.to_owned(),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            if !extras.take(pair)? {
                let mark = if extras.rest.contains('?') { '&' } else { '?' };
                extras.rest.extend([mark]);
                extras.rest.push_str(pair);
            }
        }
        Ok(extras)
    }

    /// Takes in what a pair says; `false` if it is the library's.
    fn take(&mut self, pair: &str) -> Result<bool, OpenError> {
        let detail = match pair.split_once('=') {
            Some(("sslmode", mode)) => match Encryption::named(mode) {
                Some(encryption) => {
                    self.encryption = encryption;
                    return Ok(true);
                }
                None => format!(
                    "sslmode is `{mode}`, expected `disable`, `prefer`, `require` or `verify-full`"
                ),
            },
            Some(("pgbouncer", answer)) => match answer {
                "true" | "false" => {
                    if answer == "true" {
                        self.keeping = Keeping::Unnamed;
                    }
                    return Ok(true);
                }
                other => format!("pgbouncer is `{other}`, expected `true` or `false`"),
            },
            _ => return Ok(false),
        };
        Err(OpenError::Url { detail })
    }
}

impl Encryption {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

fn tls_config(is_verified: bool, root: Option<&Path>) -> Result<ClientConfig, OpenError> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = if is_verified {
        let roots = Arc::new(roots(root)?);
        WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .build()
            .map_err(tls_error)?
    } else {
        Arc::new(AnyCertificate(Arc::clone(&provider)))
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(tls_error)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

fn tls_error(error: impl std::fmt::Display) -> OpenError {
    OpenError::Tls {
        detail: error.to_string(),
    }
}

/// The certificates that are trusted: those of the file, or else the system's.
fn roots(file: Option<&Path>) -> Result<RootCertStore, OpenError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let unusable = |detail: String| OpenError::RootCertificate {
        path: PathBuf::from(path),
        detail,
    };
    let certificates = CertificateDer::pem_file_iter(path);
    for certificate in certificates.map_err(|error| unusable(error.to_string()))? {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        let added = roots.add(certificate);
        added.map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("no certificate in it".into()));
    }
    Ok(roots)
}

/// Encrypts without asking who the other end is: what `sslmode=require` means in every client of `PostgreSQL`.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_says_how_much_is_asked_of_the_connection() {
        for (url, encryption, rest) in [
            ("postgres://h/d", Encryption::Prefer, "postgres://h/d"),
            (
                "postgres://h/d?sslmode=require",
                Encryption::Require,
                "postgres://h/d",
            ),
            (
                "postgres://h/d?connect_timeout=3&sslmode=verify-full&port=1",
                Encryption::VerifyFull,
                "postgres://h/d?connect_timeout=3&port=1",
            ),
            (
                "postgres://h/d?sslmode=disable",
                Encryption::Disable,
                "postgres://h/d",
            ),
        ] {
            let expected = Extras {
                encryption,
                keeping: Keeping::Prepared,
                rest: rest.to_owned(),
            };
            assert_eq!(Extras::of(url).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn the_url_says_whether_there_is_a_pooler_between_transactions() {
        for (url, expected) in [
            ("postgres://h/d", Keeping::Prepared),
            ("postgres://h/d?pgbouncer=false", Keeping::Prepared),
            (
                "postgres://h/d?sslmode=disable&pgbouncer=true",
                Keeping::Unnamed,
            ),
        ] {
            assert_eq!(keeping(url), expected, "{url}");
            assert!(connector(url, None).is_ok(), "{url}");
        }
    }

    #[test]
    fn r12_a_url_that_cannot_be_used_is_told_without_its_password() {
        for url in [
            "postgres://u:hunter2@h/d?sslmode=verify-ca",
            "postgres://u:hunter2@h:port/d",
            "postgres://u:hunter2@h/d?unknown=1",
            "postgres://u:hunter2@h/d?pgbouncer=maybe",
        ] {
            let Err(error) = connector(url, None) else {
                panic!("{url}")
            };
            let error = error.to_string();
            assert!(error.starts_with("SYNC_MAIA_DB_URL: "), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let Err(error) = connector(
            "postgres://h/d?sslmode=require",
            Some(Path::new("/nowhere")),
        ) else {
            panic!("a root certificate that is not there")
        };
        assert!(error.to_string().contains("/nowhere"), "{error}");
    }
}
