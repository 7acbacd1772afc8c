//! The keys of tokens: the secret that signs them, in a file of its own, and its public half, by which they are known.
//!
//! Both are read as OpenSSL writes them (PEM, Ed25519). A secret is never shown.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};

/// What stands before the 32 bytes of an Ed25519 key in its DER.
const PUBLIC_DER_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// A key that cannot be used, and where it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// It holds something else.
    #[error("{path}: expected {expected}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness for a key")]
    Random,
}

/// The secret that signs tokens.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    /// As it is kept.
    der: Vec<u8>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey(secret)")
    }
}

impl SigningKey {
    /// A fresh one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> Result<Self, KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let der = document.map_err(|_| KeyError::Random)?.as_ref().to_vec();
        Self::from_der(der).ok_or(KeyError::Random)
    }

    fn from_der(der: Vec<u8>) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok()?;
        Some(Self { pair, der })
    }

    /// The one in this file; `None` if there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Option<Self>, KeyError> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(file_error(path, cause)),
        };
        let der = PrivatePkcs8KeyDer::from_pem_slice(&text).ok();
        let key = der.and_then(|der| Self::from_der(der.secret_pkcs8_der().to_vec()));
        let form = || KeyError::Form {
            path: path.to_owned(),
            expected: "a private key of Ed25519 (PEM, PKCS#8)",
        };
        key.map(Some).ok_or_else(form)
    }

    /// Keeps it in this file, which only its owner may read. What was there is replaced in one step.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let body = STANDARD.encode(&self.der);
        let text = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        write_whole(path, text.as_bytes(), true).map_err(|cause| file_error(path, cause))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        // An Ed25519 public key has 32 bytes.
        let bytes = self.pair.public_key().as_ref().try_into();
        PublicKey(bytes.unwrap_or_default())
    }

    pub(super) fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }
}

/// By what tokens are known: an Ed25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Takes the text for a key: the base64url of its bytes, as in a JWK's `x`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The one in this file.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = std::fs::read(path).map_err(|cause| file_error(path, cause))?;
        let der = SubjectPublicKeyInfoDer::from_pem_slice(&text).ok();
        let bytes = der
            .as_deref()
            .and_then(|der| der.strip_prefix(&PUBLIC_DER_HEAD));
        let key = bytes.and_then(|bytes| bytes.try_into().ok()).map(Self);
        key.ok_or_else(|| KeyError::Form {
            path: path.to_owned(),
            expected: "a public key of Ed25519 (PEM)",
        })
    }

    /// What it is called: the start of its digest.
    pub fn id(&self) -> String {
        let digest = digest::digest(&digest::SHA256, &self.0);
        URL_SAFE_NO_PAD.encode(digest.as_ref().get(..6).unwrap_or_default())
    }

    pub(super) fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(text, signature)
            .is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

fn file_error(path: &Path, cause: std::io::Error) -> KeyError {
    KeyError::File {
        path: path.to_owned(),
        cause,
    }
}

/// Writes a file so that it is there whole, on the disk, or as it was.
pub(super) fn write_whole(path: &Path, bytes: &[u8], is_secret: bool) -> std::io::Result<()> {
    let mut name = path.to_owned().into_os_string();
    name.push(".new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if is_secret {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(&name)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&name, path)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_key_is_the_same_after_it_was_kept_and_only_its_owner_may_read_it() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("key");
        assert!(SigningKey::read(&path).unwrap().is_none());
        let key = SigningKey::random().unwrap();
        key.write(&path).unwrap();
        let again = SigningKey::read(&path).unwrap().unwrap();
        assert_eq!(again.public(), key.public());
        assert!(again.public().has_signed(b"text", &key.sign(b"text")));
        assert_eq!(
            PublicKey::parse(&key.public().to_string()),
            Some(key.public())
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn keys_are_read_as_openssl_writes_them() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("key");
        // RFC 8410, 10.
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        std::fs::write(&path, private).unwrap();
        let signing = SigningKey::read(&path).unwrap().unwrap();
        std::fs::write(&path, public).unwrap();
        assert_eq!(PublicKey::read(&path).unwrap(), signing.public());
        // Each where the other should be, and neither.
        assert!(SigningKey::read(&path).is_err());
        std::fs::write(&path, private).unwrap();
        let error = PublicKey::read(&path).unwrap_err().to_string();
        assert!(!error.contains("MC4CAQ"), "{error}");
        std::fs::write(&path, "a letter").unwrap();
        assert!(SigningKey::read(&path).is_err() && PublicKey::read(&path).is_err());
    }

    #[test]
    fn a_secret_is_not_shown() {
        let key = SigningKey::random().unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey(secret)");
    }
}
