//! The text forms of bytes: a prefix and base58 for ids and keys, a prefix and padded base64url for ciphertext.

/// The longest base58 text that is decoded (a signature has 88 characters): decoding is quadratic.
const BASE58_BYTES_MAX: usize = 96;

/// Text that is not a key, an id or a signature of the kind that was expected. It never repeats the text, which may
/// be a mistyped secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}; the text given is something else or is damaged")]
pub struct CryptoTextError {
    /// The form that was expected.
    pub expected: &'static str,
}

pub(crate) fn encode_base58(prefix: &str, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(prefix.len() + bytes.len() * 3 / 2);
    text.push_str(prefix);
    byteloops::encode_base58(bytes, &mut text);
    text
}

/// Exactly `N` bytes behind the prefix.
pub(super) fn decode_base58<const N: usize>(prefix: &str, text: &str) -> Option<[u8; N]> {
    let encoded = text
        .strip_prefix(prefix)
        .filter(|encoded| encoded.len() <= BASE58_BYTES_MAX)?;
    let mut bytes = [0; N];
    byteloops::decode_base58(encoded, &mut bytes).then_some(bytes)
}

pub(super) fn encode_base64(prefix: &str, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(prefix.len() + bytes.len().div_ceil(3) * 4);
    text.push_str(prefix);
    byteloops::encode_base64(bytes, &mut text);
    text
}

pub(super) fn decode_base64(prefix: &str, text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    byteloops::decode_base64(text.strip_prefix(prefix)?, &mut bytes).then_some(bytes)
}

const BINARY_PREFIX: &str = "binary_U";

/// The bytes of a binary stream's chunk: `binary_U…`, in the clear.
pub(crate) fn encode_binary(bytes: &[u8]) -> String {
    encode_base64(BINARY_PREFIX, bytes)
}

/// The inverse of [`encode_binary`].
pub(crate) fn decode_binary(text: &str) -> Option<Vec<u8>> {
    decode_base64(BINARY_PREFIX, text)
}
