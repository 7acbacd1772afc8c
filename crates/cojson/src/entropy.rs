//! Randomness from one seed: the host gives 32 random bytes once, and everything random is drawn from them.
//!
//! The bytes are BLAKE3's extended output under the seed as key, so they cannot be told from random without it, and
//! the same seed gives the same bytes: a simulation repeats exactly. It never asks an operating system.

use std::fmt;

use zeroize::Zeroize;

use crate::crypto::encode_base58;
use crate::ids::{AgentId, CoId, KeyId, SessionId};

/// A source of random bytes that is a function of its seed.
pub struct Entropy(blake3::OutputReader);

impl Entropy {
    /// A source over 32 bytes, which must come from a secure random source for anything but a simulation.
    pub fn from_seed(mut seed: [u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(&seed);
        seed.zeroize();
        let reader = hasher.finalize_xof();
        hasher.zeroize();
        Self(reader)
    }

    /// The source that a hasher ends in.
    pub(crate) fn from_hasher(mut hasher: blake3::Hasher) -> Self {
        let reader = hasher.finalize_xof();
        hasher.zeroize();
        Self(reader)
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    fn base58<const N: usize>(&mut self) -> String {
        encode_base58("", &self.bytes::<N>())
    }
}

impl Drop for Entropy {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Entropy(secret)")
    }
}

impl KeyId {
    /// A fresh id for a read key.
    pub fn random(entropy: &mut Entropy) -> Self {
        Self::from_parts(format!("key_z{}", entropy.base58::<12>()))
    }
}

impl SessionId {
    /// A fresh session of an account.
    pub fn random_of_account(account: &CoId, entropy: &mut Entropy) -> Self {
        Self::from_parts(format!("{account}_session_z{}", entropy.base58::<8>()))
    }

    /// A fresh session of an account that holds a tombstone and nothing else.
    pub(crate) fn random_delete(account: &CoId, entropy: &mut Entropy) -> Self {
        Self::from_parts(format!("{account}_session_d{}$", entropy.base58::<7>()))
    }

    /// A fresh session of a bare agent.
    pub fn random_of_agent(agent: &AgentId, entropy: &mut Entropy) -> Self {
        Self::from_parts(format!("{agent}_session_z{}", entropy.base58::<8>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let draw = |seed| Entropy::from_seed([seed; 32]).bytes::<64>();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn draws_do_not_repeat() {
        let mut entropy = Entropy::from_seed([7; 32]);
        assert_ne!(entropy.bytes::<32>(), entropy.bytes::<32>());
        assert_ne!(KeyId::random(&mut entropy), KeyId::random(&mut entropy));
    }
}
