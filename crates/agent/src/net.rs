//! Connections to others: TCP, and TLS over it where the scheme says so. Names are looked up here and nowhere else.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long one address may take to answer.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A stream of bytes to somebody.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Where to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_encrypted: bool,
}

/// What others prove who they are with: the system's certificates. Loaded once, when first needed.
#[derive(Clone, Default)]
pub(crate) struct Net {
    tls: Arc<std::sync::OnceLock<TlsConnector>>,
}

impl Net {
    /// Connects to the first address of the target that answers and that `admits` lets through.
    pub(crate) async fn connect(
        &self,
        target: &Target,
        admits: impl Fn(&SocketAddr) -> bool,
    ) -> Result<Box<dyn Stream>, Error> {
        let stream = connect_to_any(target, admits).await?;
        stream.set_nodelay(true)?;
        if !target.is_encrypted {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(target.host.clone())
            .map_err(|error| Error::new(ErrorKind::InvalidInput, error))?;
        let connector = self.tls.get_or_init(connector);
        let stream = timeout(CONNECT_MAX, connector.connect(name, stream)).await??;
        Ok(Box::new(stream))
    }
}

async fn connect_to_any(
    target: &Target,
    admits: impl Fn(&SocketAddr) -> bool,
) -> Result<TcpStream, Error> {
    let mut failure = Error::new(
        ErrorKind::AddrNotAvailable,
        format!("{} has no address that may be connected to", target.host),
    );
    for address in lookup_host((target.host.as_str(), target.port)).await? {
        if !admits(&address) {
            continue;
        }
        match timeout(CONNECT_MAX, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}

fn connector() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!(
            "the system has no root certificates: no encrypted connection will come about"
        );
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| {
            builder
                .with_root_certificates(roots.clone())
                .with_no_client_auth()
        });
    // The provider is known to have these versions.
    let config = versions.unwrap_or_else(|_| {
        ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth()
    });
    TlsConnector::from(Arc::new(config))
}
