//! Ed25519 signatures over session digests, the public ids that check them and the secrets that make them.
//!
//! Checking is RFC 8032 without the strict extras, because the format's other implementations check that way: a
//! signature must not be valid for one peer and forged for another. It accepts exactly what `ed25519-dalek` does: an `s`
//! below the group's order, and the very bytes of `s·B - k·A` for `R`; a key may have a part of small order and be written
//! in more than one way. The equations are here, and not that library's, for what they are computed with: a signer that is
//! met again and again gets a table, which halves the work, and in the browser module the base point has none at first.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::clamp_integer;
use curve25519_dalek::{EdwardsPoint, Scalar};
use sha2::{Digest as _, Sha512};
use zeroize::{Zeroize as _, Zeroizing};

use super::base_point;
use super::comb::Comb;
use super::hash::Digest;
use super::text::{CryptoTextError, decode_base58, encode_base58};
use crate::entropy::Entropy;
use crate::json::{JsonError, Reader, Wire, writer};

/// A signature that does not belong to the content and the signer it came with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the signature is not {signer}'s over this content: the content was forged or damaged on the way, or its session has forked; load the value anew from another peer"
)]
pub struct SignatureError {
    /// Who should have signed.
    pub signer: String,
}

/// An Ed25519 signature: `signature_z…`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Takes the text for a signature, if it has the form of one.
    pub fn parse(text: &str) -> Result<Self, CryptoTextError> {
        decode_base58("signature_z", text)
            .map(Self)
            .ok_or(CryptoTextError {
                expected: "a signature (signature_z…)",
            })
    }

    fn halves(&self) -> ([u8; 32], [u8; 32]) {
        halves(&self.0)
    }

    fn from_halves(r: [u8; 32], s: [u8; 32]) -> Self {
        let mut bytes = [0; 64];
        let (first, second) = bytes.split_at_mut(32);
        first.copy_from_slice(&r);
        second.copy_from_slice(&s);
        Self(bytes)
    }
}

fn halves(bytes: &[u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (mut first, mut second) = ([0; 32], [0; 32]);
    first.copy_from_slice(&bytes[..32]);
    second.copy_from_slice(&bytes[32..]);
    (first, second)
}

impl fmt::Display for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&encode_base58("signature_z", &self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Wire for Signature {
    fn read(reader: &mut Reader<'_>) -> Result<Self, JsonError> {
        let text = reader.text()?;
        Self::parse(&text).map_err(|error| reader.error(error.to_string()))
    }

    fn write(&self, out: &mut String) {
        writer::write_text(out, &self.to_string());
    }
}

/// How many signatures of a signer are checked without a table of its key: they have cost by then what the table costs.
const WITHOUT_TABLE: u32 = 4;

/// The base point's table, for all signers.
static BASE_POINT: OnceLock<Comb> = OnceLock::new();

/// Who signs: an Ed25519 public key, `signer_z…`. Holding one means that it is a point on the curve. Its clones share what
/// was computed for it, so who keeps one for a signer's next signatures has them checked in half the time.
#[derive(Clone)]
pub struct SignerId(Arc<PublicKey>);

struct PublicKey {
    bytes: [u8; 32],
    /// The point's negative: checks subtract multiples of the point.
    minus: EdwardsPoint,
    checked: AtomicU32,
    comb: OnceLock<Comb>,
}

impl SignerId {
    /// Takes the text for a signer's id, if it is a public key.
    pub fn parse(text: &str) -> Result<Self, CryptoTextError> {
        decode_base58("signer_z", text)
            .and_then(Self::from_bytes)
            .ok_or(CryptoTextError {
                expected: "a signer's id (signer_z…)",
            })
    }

    fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        let point = CompressedEdwardsY(bytes).decompress()?;
        Some(Self::new(bytes, &point))
    }

    fn new(bytes: [u8; 32], point: &EdwardsPoint) -> Self {
        Self(Arc::new(PublicKey {
            bytes,
            minus: -point,
            checked: AtomicU32::new(0),
            comb: OnceLock::new(),
        }))
    }

    /// Checks that this signer signed a session whose transactions have this digest.
    pub fn verify(&self, digest: &Digest, signature: &Signature) -> Result<(), SignatureError> {
        if self.has_signed(digest.signed_text().as_bytes(), signature) {
            return Ok(());
        }
        Err(SignatureError {
            signer: self.to_string(),
        })
    }

    fn has_signed(&self, message: &[u8], signature: &Signature) -> bool {
        let (r, s) = signature.halves();
        let Some(s) = Scalar::from_canonical_bytes(s).into_option() else {
            return false;
        };
        let k = challenge(&r, &self.0.bytes, message);
        self.0.sum(&k, &s).compress().to_bytes() == r
    }
}

impl PublicKey {
    /// `s·B - k·A`.
    fn sum(&self, k: &Scalar, s: &Scalar) -> EdwardsPoint {
        if self.checked.fetch_add(1, Ordering::Relaxed) < WITHOUT_TABLE {
            return base_point::sum(k, &self.minus, s);
        }
        let comb = self.comb.get_or_init(|| Comb::new(&self.minus));
        let base_point = BASE_POINT.get_or_init(|| Comb::new(&ED25519_BASEPOINT_POINT));
        comb.sum(k, base_point, s)
    }
}

/// What a signature's second half answers: a number that follows from all else.
fn challenge(r: &[u8; 32], signer: &[u8; 32], message: &[u8]) -> Scalar {
    let hasher = Sha512::new().chain_update(r).chain_update(signer);
    Scalar::from_hash(hasher.chain_update(message))
}

impl PartialEq for SignerId {
    fn eq(&self, other: &Self) -> bool {
        self.0.bytes == other.0.bytes
    }
}

impl Eq for SignerId {}

impl Hash for SignerId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.bytes.hash(state);
    }
}

impl fmt::Display for SignerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&encode_base58("signer_z", &self.0.bytes))
    }
}

impl fmt::Debug for SignerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// An Ed25519 secret: `signerSecret_z…`.
#[derive(Clone)]
pub struct SignerSecret {
    seed: Zeroizing<[u8; 32]>,
    /// What the public key is a multiple by.
    scalar: Zeroizing<Scalar>,
    /// What makes the number that each signature is blinded by nobody else's to know.
    prefix: Zeroizing<[u8; 32]>,
    id: SignerId,
}

impl SignerSecret {
    /// A fresh secret.
    pub fn random(entropy: &mut Entropy) -> Self {
        Self::from_bytes(&Zeroizing::new(entropy.bytes()))
    }

    /// The secret that these 32 bytes are the seed of.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        let mut expanded: [u8; 64] = Sha512::digest(seed).into();
        let (scalar, prefix) = halves(&expanded);
        expanded.zeroize();
        let scalar = Zeroizing::new(Scalar::from_bytes_mod_order(clamp_integer(scalar)));
        let point = base_point::multiple(&scalar);
        Self {
            seed: Zeroizing::new(*seed),
            scalar,
            prefix: Zeroizing::new(prefix),
            id: SignerId::new(point.compress().to_bytes(), &point),
        }
    }

    /// Takes the text for a signer's secret, if it is one.
    pub fn parse(text: &str) -> Result<Self, CryptoTextError> {
        decode_base58("signerSecret_z", text)
            .map(|seed| Self::from_bytes(&Zeroizing::new(seed)))
            .ok_or(CryptoTextError {
                expected: "a signer's secret (signerSecret_z…)",
            })
    }

    /// The secret's text, to keep or to hand to its owner.
    pub fn to_text(&self) -> Zeroizing<String> {
        encode_base58("signerSecret_z", &*self.seed).into()
    }

    /// The public half.
    pub fn id(&self) -> SignerId {
        self.id.clone()
    }

    /// Signs a session whose transactions have this digest.
    pub fn sign(&self, digest: &Digest) -> Signature {
        let message = digest.signed_text();
        let hasher = Sha512::new().chain_update(self.prefix.as_slice());
        let blinding = Zeroizing::new(Scalar::from_hash(hasher.chain_update(&message)));
        let r = base_point::multiple(&blinding).compress().to_bytes();
        let k = challenge(&r, &self.id.0.bytes, message.as_bytes());
        let s = k * *self.scalar + *blinding;
        Signature::from_halves(r, s.to_bytes())
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.seed
    }
}

impl fmt::Debug for SignerSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SignerSecret(secret)")
    }
}

#[cfg(test)]
mod tests;
