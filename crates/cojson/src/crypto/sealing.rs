//! Sealing a read key for one reader: X25519 and XSalsa20-Poly1305, in libsodium's secretbox layout (tag first).
//!
//! The raw X25519 output is the box's key. That is the format's way and is **not** the `crypto_box` of libsodium, which hashes it once
//! more. The nonce comes from the transaction that carries the sealed key.

use std::fmt;

use byteloops::xsalsa20;
use curve25519_dalek::Scalar;
use curve25519_dalek::scalar::clamp_integer;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit as _;
use subtle::ConstantTimeEq as _;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::base_point;
use super::cipher::{KeySecret, NonceMaterial};
use super::hash::hash;
use super::text::{CryptoTextError, decode_base58, decode_base64, encode_base58, encode_base64};
use crate::entropy::Entropy;

const SEALED_PREFIX: &str = "sealed_U";
const GROUP_PREFIX: &str = "sealedForGroup_U";
const TAG_BYTES: usize = 16;
const PUBLIC_KEY_BYTES: usize = 32;
const MAC_KEY_BYTES: usize = 32;

/// The longest sealed text that is opened: a quoted key takes 60 bytes.
const SEALED_TEXT_BYTES_MAX: usize = 1024;

/// A sealed key that does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// Not `sealed_U…`, or not `sealedForGroup_U…`.
    #[error("expected a sealed key ({expected}…); the member has to be added again")]
    NotSealed {
        /// The prefix that was expected.
        expected: &'static str,
    },
    /// The tag does not fit: it is sealed for someone else, by someone else, or for another transaction.
    #[error(
        "the sealed key does not open: it was sealed for another reader, by another author or for another transaction"
    )]
    NotForUs,
    /// It opens, but no key is within.
    #[error("what was sealed is not a read key; its author has to seal the key again")]
    NotAKey,
}

/// Who can open a sealed key: an X25519 public key, `sealer_z…`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SealerId(PublicKey);

impl SealerId {
    /// Takes the text for a sealer's id, if it is one.
    pub fn parse(text: &str) -> Result<Self, CryptoTextError> {
        decode_base58::<PUBLIC_KEY_BYTES>("sealer_z", text)
            .map(|bytes| Self(bytes.into()))
            .ok_or(CryptoTextError {
                expected: "a sealer's id (sealer_z…)",
            })
    }
}

impl fmt::Display for SealerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&encode_base58("sealer_z", self.0.as_bytes()))
    }
}

impl fmt::Debug for SealerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// An X25519 secret: `sealerSecret_z…`.
#[derive(Clone)]
pub struct SealerSecret(StaticSecret);

impl SealerSecret {
    /// A fresh secret.
    pub fn random(entropy: &mut Entropy) -> Self {
        Self::from_bytes(entropy.bytes())
    }

    /// The secret with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes.into())
    }

    /// The sealer of a group, which everyone who has the group's read key can compute.
    pub fn of_group(read_key: &KeySecret) -> Self {
        let text = Zeroizing::new(format!("groupSealer{}", *read_key.to_text()));
        Self::from_bytes(*hash(text.as_bytes()).as_bytes())
    }

    /// Takes the text for a sealer's secret, if it is one.
    pub fn parse(text: &str) -> Result<Self, CryptoTextError> {
        decode_base58("sealerSecret_z", text)
            .map(Self::from_bytes)
            .ok_or(CryptoTextError {
                expected: "a sealer's secret (sealerSecret_z…)",
            })
    }

    /// The secret's text, to keep or to hand to its owner.
    pub fn to_text(&self) -> Zeroizing<String> {
        encode_base58("sealerSecret_z", self.0.as_bytes()).into()
    }

    /// The public half.
    pub fn id(&self) -> SealerId {
        let clamped = Zeroizing::new(clamp_integer(self.0.to_bytes()));
        let scalar = Zeroizing::new(Scalar::from_bytes_mod_order(*clamped));
        let point = base_point::multiple(&scalar).to_montgomery();
        SealerId(point.to_bytes().into())
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    fn shared_with(&self, other: &SealerId) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(*self.0.diffie_hellman(&other.0).as_bytes())
    }
}

impl fmt::Debug for SealerSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SealerSecret(secret)")
    }
}

/// Seals a key for one reader: `sealed_U…`.
pub fn seal_key(
    key: &KeySecret,
    from: &SealerSecret,
    to: &SealerId,
    material: &NonceMaterial<'_>,
) -> String {
    let sealed = close_box(key, &from.shared_with(to), material);
    encode_base64(SEALED_PREFIX, &sealed)
}

/// The inverse of [`seal_key`], by its reader; `from` is the author of the transaction that carries it.
pub fn unseal_key(
    sealed: &str,
    from: &SealerId,
    to: &SealerSecret,
    material: &NonceMaterial<'_>,
) -> Result<KeySecret, UnsealError> {
    let bytes = decode_sealed(SEALED_PREFIX, sealed)?;
    open_box(&bytes, &to.shared_with(from), material)
}

/// Seals a key for all who have a group's read key: `sealedForGroup_U…`. The sender's key is drawn and forgotten.
pub fn seal_key_for_group(
    key: &KeySecret,
    to: &SealerId,
    material: &NonceMaterial<'_>,
    entropy: &mut Entropy,
) -> String {
    let ephemeral = SealerSecret::random(entropy);
    let mut bytes = ephemeral.id().0.as_bytes().to_vec();
    bytes.extend_from_slice(&close_box(key, &ephemeral.shared_with(to), material));
    encode_base64(GROUP_PREFIX, &bytes)
}

/// The inverse of [`seal_key_for_group`], with [`SealerSecret::of_group`].
pub fn unseal_key_for_group(
    sealed: &str,
    to: &SealerSecret,
    material: &NonceMaterial<'_>,
) -> Result<KeySecret, UnsealError> {
    let bytes = decode_sealed(GROUP_PREFIX, sealed)?;
    let (ephemeral, boxed) = bytes
        .split_first_chunk::<PUBLIC_KEY_BYTES>()
        .ok_or(UnsealError::NotForUs)?;
    let from = SealerId((*ephemeral).into());
    open_box(boxed, &to.shared_with(&from), material)
}

fn decode_sealed(prefix: &'static str, text: &str) -> Result<Vec<u8>, UnsealError> {
    Some(text)
        .filter(|text| text.len() <= SEALED_TEXT_BYTES_MAX)
        .and_then(|text| decode_base64(prefix, text))
        .ok_or(UnsealError::NotSealed { expected: prefix })
}

/// The content with the stream laid over it, and the authenticator that the stream's first 32 bytes key.
fn apply_box(
    content: &[u8],
    shared: &[u8; 32],
    material: &NonceMaterial<'_>,
) -> (Zeroizing<Vec<u8>>, Poly1305) {
    let mut stream = Zeroizing::new(vec![0; MAC_KEY_BYTES + content.len()]);
    for (to, from) in stream.iter_mut().skip(MAC_KEY_BYTES).zip(content) {
        *to = *from;
    }
    xsalsa20(shared, material.nonce().as_bytes(), &mut stream);
    let mut mac_key = Zeroizing::new([0_u8; MAC_KEY_BYTES]);
    for (to, from) in mac_key.iter_mut().zip(stream.iter()) {
        *to = *from;
    }
    stream.drain(..MAC_KEY_BYTES);
    (stream, Poly1305::new(&(*mac_key).into()))
}

fn close_box(key: &KeySecret, shared: &[u8; 32], material: &NonceMaterial<'_>) -> Vec<u8> {
    let (content, mac) = apply_box(key.to_quoted().as_bytes(), shared, material);
    let mut sealed = mac.compute_unpadded(&content).to_vec();
    sealed.extend_from_slice(&content);
    sealed
}

fn open_box(
    sealed: &[u8],
    shared: &[u8; 32],
    material: &NonceMaterial<'_>,
) -> Result<KeySecret, UnsealError> {
    let (tag, encrypted) = sealed
        .split_first_chunk::<TAG_BYTES>()
        .ok_or(UnsealError::NotForUs)?;
    let (content, mac) = apply_box(encrypted, shared, material);
    let expected = mac.compute_unpadded(encrypted);
    if !bool::from(expected.as_slice().ct_eq(tag)) {
        return Err(UnsealError::NotForUs);
    }
    KeySecret::from_quoted(&content).ok_or(UnsealError::NotAKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{CoId, SessionId};

    #[test]
    fn only_the_reader_opens_what_was_sealed_and_only_where_it_stood() {
        let mut entropy = Entropy::from_seed([1; 32]);
        let [alice, bob, eve] = [(); 3].map(|()| SealerSecret::random(&mut entropy));
        let key = KeySecret::random(&mut entropy);
        let group = CoId::parse("co_zA").unwrap();
        let session = SessionId::random_of_account(&group, &mut entropy);
        let at = |index| NonceMaterial::Transaction {
            value: &group,
            session: &session,
            index,
        };
        let sealed = seal_key(&key, &alice, &bob.id(), &at(0));
        assert_eq!(
            unseal_key(&sealed, &alice.id(), &bob, &at(0)),
            Ok(key.clone())
        );
        for (from, to, index) in [(&alice, &eve, 0), (&eve, &bob, 0), (&alice, &bob, 1)] {
            assert_eq!(
                unseal_key(&sealed, &from.id(), to, &at(index)),
                Err(UnsealError::NotForUs)
            );
        }
        let group_secret = SealerSecret::of_group(&key);
        let sealed = seal_key_for_group(&key, &group_secret.id(), &at(0), &mut entropy);
        assert_eq!(
            unseal_key_for_group(&sealed, &group_secret, &at(0)),
            Ok(key)
        );
        assert!(unseal_key_for_group(&sealed, &eve, &at(0)).is_err());
    }

    #[test]
    fn a_sealers_public_half_is_that_of_x25519() {
        let mut entropy = Entropy::from_seed([2; 32]);
        for _ in 0..100 {
            let secret = SealerSecret::random(&mut entropy);
            assert_eq!(secret.id().0, PublicKey::from(&secret.0));
        }
    }

    #[test]
    fn r11_damaged_boxes_are_refused() {
        let mut entropy = Entropy::from_seed([1; 32]);
        let secret = SealerSecret::random(&mut entropy);
        let group = CoId::parse("co_zA").unwrap();
        let session = SessionId::random_of_account(&group, &mut entropy);
        let at = NonceMaterial::Transaction {
            value: &group,
            session: &session,
            index: 0,
        };
        for text in [
            "",
            "sealed_U",
            "sealed_Uaaaa",
            "sealed_U!",
            &"sealed_Ua".repeat(1000),
        ] {
            assert!(unseal_key(text, &secret.id(), &secret, &at).is_err());
            assert!(unseal_key_for_group(text, &secret, &at).is_err());
        }
    }
}
