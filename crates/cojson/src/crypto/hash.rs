//! BLAKE3 digests and their two text forms, full (`hash_z…`) and short (`shortHash_z…`, 19 bytes).

use std::fmt;

use super::text::encode_base58;

/// How many bytes of a digest an id and a short hash keep.
const SHORT_BYTES: usize = 19;

/// A BLAKE3-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// All 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bytes that ids are made of: the first 19.
    pub fn short_bytes(&self) -> &[u8] {
        self.0.get(..SHORT_BYTES).unwrap_or_default()
    }

    /// What a session's signature signs: the digest's text form within double quotes.
    pub fn signed_text(&self) -> String {
        let mut text = encode_base58("\"hash_z", &self.0);
        text.push('"');
        text
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        Self(hash.into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&encode_base58("hash_z", &self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The digest of some bytes.
pub fn hash(bytes: &[u8]) -> Digest {
    blake3::hash(bytes).into()
}

/// The short hash of some bytes, as text: what reconciliation compares.
pub fn short_hash(bytes: &[u8]) -> String {
    encode_base58("shortHash_z", hash(bytes).short_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_text_has_the_published_digest() {
        let digest = hash(b"");
        assert_eq!(digest.as_bytes()[..4], [0xaf, 0x13, 0x49, 0xb9]);
        assert_eq!(digest.signed_text(), format!("\"{digest}\""));
        assert!(short_hash(b"").starts_with("shortHash_z"));
    }
}
