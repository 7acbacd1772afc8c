//! Ed25519 signatures over session digests, the public ids that check them and the secrets that make them.
//!
//! Checking is RFC 8032 without the strict extras, because the format's other implementations check that way: a
//! signature must not be valid for one peer and forged for another.

use std::fmt;
use std::hash::{Hash, Hasher};

use ed25519_dalek::{Signer as _, SigningKey, Verifier as _, VerifyingKey};
use zeroize::Zeroizing;

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

/// Who signs: an Ed25519 public key, `signer_z…`. Holding one means that it is a point on the curve.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SignerId(VerifyingKey);

impl SignerId {
    /// Takes the text for a signer's id, if it is a public key.
    pub fn parse(text: &str) -> Result<Self, CryptoTextError> {
        decode_base58("signer_z", text)
            .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
            .map(Self)
            .ok_or(CryptoTextError {
                expected: "a signer's id (signer_z…)",
            })
    }

    /// Checks that this signer signed a session whose transactions have this digest.
    pub fn verify(&self, digest: &Digest, signature: &Signature) -> Result<(), SignatureError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0
            .verify(digest.signed_text().as_bytes(), &signature)
            .map_err(|_| SignatureError {
                signer: self.to_string(),
            })
    }
}

impl Hash for SignerId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_bytes().hash(state);
    }
}

impl fmt::Display for SignerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&encode_base58("signer_z", self.0.as_bytes()))
    }
}

impl fmt::Debug for SignerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// An Ed25519 secret: `signerSecret_z…`.
#[derive(Clone)]
pub struct SignerSecret(SigningKey);

impl SignerSecret {
    /// A fresh secret.
    pub fn random(entropy: &mut Entropy) -> Self {
        Self::from_bytes(&Zeroizing::new(entropy.bytes()))
    }

    /// The secret that these 32 bytes are the seed of.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
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
        encode_base58("signerSecret_z", self.0.as_bytes()).into()
    }

    /// The public half.
    pub fn id(&self) -> SignerId {
        SignerId(self.0.verifying_key())
    }

    /// Signs a session whose transactions have this digest.
    pub fn sign(&self, digest: &Digest) -> Signature {
        Signature(self.0.sign(digest.signed_text().as_bytes()).to_bytes())
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SignerSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SignerSecret(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::hash;
    use super::*;

    fn secret(seed: u8) -> SignerSecret {
        SignerSecret::from_bytes(&[seed; 32])
    }

    #[test]
    fn r11_a_signature_holds_for_its_signer_and_digest_only() {
        let digest = hash(b"one");
        let signature = secret(1).sign(&digest);
        assert_eq!(secret(1).id().verify(&digest, &signature), Ok(()));
        assert!(secret(2).id().verify(&digest, &signature).is_err());
        assert!(secret(1).id().verify(&hash(b"two"), &signature).is_err());
    }

    #[test]
    fn text_and_back_is_the_same() {
        let signature = secret(1).sign(&hash(b""));
        assert_eq!(Signature::parse(&signature.to_string()), Ok(signature));
        let id = secret(1).id();
        assert_eq!(SignerId::parse(&id.to_string()), Ok(id));
        let again = SignerSecret::parse(&secret(1).to_text()).unwrap();
        assert_eq!(again.id(), id);
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", secret(1)), "SignerSecret(secret)");
    }

    #[test]
    fn r11_text_of_another_kind_is_refused() {
        for text in ["", "signature_z", "signature_z1", "signer_z11", "hash_zabc"] {
            assert!(Signature::parse(text).is_err(), "{text}");
            assert!(SignerId::parse(text).is_err(), "{text}");
        }
        assert!(Signature::parse(&format!("signature_z{}", "z".repeat(100_000))).is_err());
    }
}
