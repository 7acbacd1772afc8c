//! `XSalsa20` under a read key: the content of private transactions, and read keys encrypted for newer ones.
//!
//! The nonce is derived from where the ciphertext stands ([`NonceMaterial`]), never drawn or counted. There is no
//! authentication tag: a wrong key gives noise, which is told by its not being text.

use std::fmt;

use byteloops::xsalsa20;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::hash::hash;
use super::text::{CryptoTextError, decode_base58, encode_base58, encode_base64};
use crate::entropy::Entropy;
use crate::ids::{CoId, KeyId, SessionId};
use crate::json::writer::{ObjectWriter, write_count};

const ENCRYPTED_PREFIX: &str = "encrypted_U";

/// As long as most material is.
const MATERIAL_BYTES: usize = 256;

/// Ciphertext that does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// Not `encrypted_U…`.
    #[error("expected ciphertext (encrypted_U…); ask its author's peer for the value again")]
    NotCiphertext,
    /// What came out is not what was encrypted.
    #[error("the key does not open this ciphertext: it belongs to another key, or was damaged")]
    WrongKey,
}

/// A symmetric read key: `keySecret_z…`. Who holds it reads what was encrypted with it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct KeySecret([u8; 32]);

impl KeySecret {
    /// A fresh key.
    pub fn random(entropy: &mut Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// Takes the text for a read key, if it is one.
    pub fn parse(text: &str) -> Result<Self, CryptoTextError> {
        decode_base58("keySecret_z", text)
            .map(Self)
            .ok_or(CryptoTextError {
                expected: "a read key's secret (keySecret_z…)",
            })
    }

    /// The key's text.
    pub fn to_text(&self) -> Zeroizing<String> {
        encode_base58("keySecret_z", &self.0).into()
    }

    /// The key's text within double quotes: how a key is written before it is encrypted or sealed.
    pub(super) fn to_quoted(&self) -> Zeroizing<String> {
        format!("\"{}\"", *self.to_text()).into()
    }

    /// The inverse of [`Self::to_quoted`].
    pub(super) fn from_quoted(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let text = text.strip_prefix('"')?.strip_suffix('"')?;
        Self::parse(text).ok()
    }
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeySecret(secret)")
    }
}

/// Where a ciphertext stands, which decides its nonce.
#[derive(Clone, Copy, Debug)]
pub enum NonceMaterial<'a> {
    /// In a transaction: its changes, its meta, or a key that it carries sealed.
    Transaction {
        /// The value that holds the transaction.
        value: &'a CoId,
        /// The session that holds it.
        session: &'a SessionId,
        /// Its place in the session, counted from 0.
        index: u32,
    },
    /// A key encrypted for another key.
    KeyForKey {
        /// The key within.
        encrypted: &'a KeyId,
        /// The key around it.
        encrypting: &'a KeyId,
    },
}

impl NonceMaterial<'_> {
    pub(super) fn nonce(&self) -> Nonce {
        match self {
            Self::Transaction {
                value,
                session,
                index,
            } => SessionNonces::new(value, session).at(*index),
            Self::KeyForKey {
                encrypted,
                encrypting,
            } => {
                let mut text = String::with_capacity(MATERIAL_BYTES);
                let mut object = ObjectWriter::new(&mut text);
                object.text("encryptedID", Some(encrypted.as_str()));
                object.text("encryptingID", Some(encrypting.as_str()));
                object.end();
                Nonce::of(&text)
            }
        }
    }
}

/// What makes a ciphertext of a key unlike any other of it.
pub(crate) struct Nonce([u8; 24]);

impl Nonce {
    /// The first 24 bytes of the hash of the material's stable JSON.
    fn of(material: &str) -> Self {
        let mut nonce = [0; 24];
        for (to, from) in nonce.iter_mut().zip(hash(material.as_bytes()).as_bytes()) {
            *to = *from;
        }
        Self(nonce)
    }

    pub(super) fn as_bytes(&self) -> &[u8; 24] {
        &self.0
    }
}

/// The nonces of one session's transactions: what their material has in common is written once.
pub(crate) struct SessionNonces {
    text: String,
    common_bytes: usize,
}

impl SessionNonces {
    pub(crate) fn new(value: &CoId, session: &SessionId) -> Self {
        let mut text = String::with_capacity(MATERIAL_BYTES);
        let mut object = ObjectWriter::new(&mut text);
        object.text("in", Some(value.as_str()));
        let mut place = ObjectWriter::new(object.member("tx"));
        place.text("sessionID", Some(session.as_str()));
        place.member("txIndex");
        Self {
            common_bytes: text.len(),
            text,
        }
    }

    /// That of the transaction at a place.
    pub(crate) fn at(&mut self, index: u32) -> Nonce {
        self.text.truncate(self.common_bytes);
        write_count(&mut self.text, u64::from(index));
        self.text.push_str("}}");
        Nonce::of(&self.text)
    }
}

/// Encrypts text: `encrypted_U…`.
pub fn encrypt_text(key: &KeySecret, material: &NonceMaterial<'_>, plaintext: &str) -> String {
    let mut bytes = plaintext.as_bytes().to_vec();
    xsalsa20(&key.0, &material.nonce().0, &mut bytes);
    encode_base64(ENCRYPTED_PREFIX, &bytes)
}

/// The inverse of [`encrypt_text`].
pub fn decrypt_text(
    key: &KeySecret,
    material: &NonceMaterial<'_>,
    ciphertext: &str,
) -> Result<String, CipherError> {
    let mut text = Vec::new();
    decrypt_into(&mut text, key, &material.nonce(), ciphertext)?;
    String::from_utf8(text).map_err(|_| CipherError::WrongKey)
}

/// The same for a nonce that is known; the text takes the place of what is there, and is handed back.
pub(crate) fn decrypt_into<'a>(
    place: &'a mut Vec<u8>,
    key: &KeySecret,
    nonce: &Nonce,
    ciphertext: &str,
) -> Result<&'a str, CipherError> {
    let encoded = ciphertext.strip_prefix(ENCRYPTED_PREFIX);
    if !encoded.is_some_and(|encoded| byteloops::decode_base64(encoded, place)) {
        return Err(CipherError::NotCiphertext);
    }
    xsalsa20(&key.0, &nonce.0, place);
    std::str::from_utf8(place).map_err(|_| CipherError::WrongKey)
}

/// Encrypts a key for another: who has `encrypting` finds `encrypted`.
pub fn encrypt_key(
    (encrypted_id, encrypted): (&KeyId, &KeySecret),
    (encrypting_id, encrypting): (&KeyId, &KeySecret),
) -> String {
    let material = NonceMaterial::KeyForKey {
        encrypted: encrypted_id,
        encrypting: encrypting_id,
    };
    encrypt_text(encrypting, &material, &encrypted.to_quoted())
}

/// The inverse of [`encrypt_key`].
pub fn decrypt_key(
    encrypted_id: &KeyId,
    (encrypting_id, encrypting): (&KeyId, &KeySecret),
    ciphertext: &str,
) -> Result<KeySecret, CipherError> {
    let material = NonceMaterial::KeyForKey {
        encrypted: encrypted_id,
        encrypting: encrypting_id,
    };
    let text = Zeroizing::new(decrypt_text(encrypting, &material, ciphertext)?);
    KeySecret::from_quoted(text.as_bytes()).ok_or(CipherError::WrongKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encrypted_opens_with_its_key_and_place_only() {
        let mut entropy = Entropy::from_seed([1; 32]);
        let (key, other) = (
            KeySecret::random(&mut entropy),
            KeySecret::random(&mut entropy),
        );
        let value = CoId::parse("co_zA").unwrap();
        let session = SessionId::random_of_account(&value, &mut entropy);
        let at = |index| NonceMaterial::Transaction {
            value: &value,
            session: &session,
            index,
        };
        let text = r#"[{"op":"set","key":"a","value":"é"}]"#;
        let encrypted = encrypt_text(&key, &at(3), text);
        assert_eq!(decrypt_text(&key, &at(3), &encrypted).unwrap(), text);
        assert_ne!(
            decrypt_text(&key, &at(4), &encrypted).ok().as_deref(),
            Some(text)
        );
        assert_ne!(
            decrypt_text(&other, &at(3), &encrypted).ok().as_deref(),
            Some(text)
        );
        assert_eq!(
            decrypt_text(&key, &at(3), "sealed_Uaaaa"),
            Err(CipherError::NotCiphertext)
        );
    }

    #[test]
    fn a_key_opens_the_key_encrypted_for_it() {
        let mut entropy = Entropy::from_seed([2; 32]);
        let old = (KeyId::random(&mut entropy), KeySecret::random(&mut entropy));
        let new = (KeyId::random(&mut entropy), KeySecret::random(&mut entropy));
        let encrypted = encrypt_key((&old.0, &old.1), (&new.0, &new.1));
        assert_eq!(
            decrypt_key(&old.0, (&new.0, &new.1), &encrypted),
            Ok(old.1.clone())
        );
        assert_eq!(
            decrypt_key(&old.0, (&new.0, &old.1), &encrypted),
            Err(CipherError::WrongKey)
        );
    }
}
