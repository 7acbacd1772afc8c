//! The certificate that the server itself shows, if no proxy does that for it.

use std::path::PathBuf;

use clap::Args;

use super::value::SettingError;

/// What is said about TLS.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "TLS")]
pub struct RawTls {
    /// A file of certificates (PEM), the server's own first: with it and its key `https` and `wss` are spoken, and nothing
    /// else. Read again when it changes
    #[arg(long, env = "TLS_CERT", value_name = "PATH")]
    tls_cert: Option<PathBuf>,
    /// The file of the certificate's private key (PEM)
    #[arg(long, env = "TLS_KEY", value_name = "PATH")]
    tls_key: Option<PathBuf>,
}

/// The files of a certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificates.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl RawTls {
    /// The files, if both are named.
    pub(super) fn checked(self) -> Result<Option<TlsSettings>, SettingError> {
        match (self.tls_cert, self.tls_key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(TlsSettings { certificate, key })),
            (Some(_), None) => Err(SettingError::new(
                "TLS_KEY",
                "",
                "the key's file beside TLS_CERT",
            )),
            (None, Some(_)) => Err(SettingError::new(
                "TLS_CERT",
                "",
                "the certificate's file beside TLS_KEY",
            )),
        }
    }
}
