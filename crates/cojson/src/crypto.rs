//! CoJSON's cryptography, byte for byte: hashes, signatures, the cipher of transactions, sealing for a person.
//!
//! Each secret is a type of its own that is wiped when dropped and never shown by `Debug`. Nothing here draws
//! randomness by itself (see [`crate::entropy`]) and nothing knows what the bytes mean to a group.
//! The weaknesses of the format (no authentication tag on transactions, one nonce per transaction) are the format's:
//! authenticity comes from the session's signature.

mod agent_secret;
mod base_point;
mod cipher;
mod comb;
mod hash;
mod invite_secret;
mod sealing;
mod signature;
mod text;

pub use agent_secret::AgentSecret;
pub use cipher::{
    CipherError, KeySecret, NonceMaterial, decrypt_key, decrypt_text, encrypt_key, encrypt_text,
};
pub(crate) use cipher::{SessionNonces, decrypt_into};
pub use hash::{Digest, hash, short_hash};
pub use invite_secret::InviteSecret;
pub use sealing::{
    SealerId, SealerSecret, UnsealError, seal_key, seal_key_for_group, unseal_key,
    unseal_key_for_group,
};
pub use signature::{Signature, SignatureError, SignerId, SignerSecret};
pub use text::CryptoTextError;
pub(crate) use text::{decode_binary, encode_base58, encode_binary};
