//! An agent's secret, a sealer's and a signer's in one: all that a person needs to be the same person elsewhere.

use zeroize::Zeroizing;

use super::hash::hash;
use super::sealing::{SealerId, SealerSecret};
use super::signature::{SignerId, SignerSecret};
use super::text::CryptoTextError;
use crate::entropy::Entropy;
use crate::ids::AgentId;

/// What our own derivations from an agent's secret begin with. Changing it changes every key that was derived.
const DERIVATION_CONTEXT: &str = "Pleione 2026-11 what an agent's devices make alike";

/// A secret identity: `sealerSecret_z…/signerSecret_z…`.
#[derive(Clone, Debug)]
pub struct AgentSecret {
    /// Opens what is sealed for the agent.
    pub sealer: SealerSecret,
    /// Signs what the agent writes.
    pub signer: SignerSecret,
}

impl AgentSecret {
    /// A fresh identity.
    pub fn generate(entropy: &mut Entropy) -> Self {
        Self {
            sealer: SealerSecret::random(entropy),
            signer: SignerSecret::random(entropy),
        }
    }

    /// The identity that an invite's 32 bytes stand for.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let derive = |purpose: &[u8]| {
            let text = Zeroizing::new([purpose, seed.as_slice()].concat());
            Zeroizing::new(*hash(&text).as_bytes())
        };
        Self {
            sealer: SealerSecret::from_bytes(*derive(b"seal")),
            signer: SignerSecret::from_bytes(&derive(b"sign")),
        }
    }

    /// Takes the text for an agent's secret, if it is one.
    pub fn parse(text: &str) -> Result<Self, CryptoTextError> {
        let (sealer, signer) = text.trim().split_once('/').ok_or(CryptoTextError {
            expected: "an account's secret (sealerSecret_z…/signerSecret_z…)",
        })?;
        Ok(Self {
            sealer: SealerSecret::parse(sealer)?,
            signer: SignerSecret::parse(signer)?,
        })
    }

    /// The secret's text, to keep or to hand to its owner.
    pub fn to_text(&self) -> Zeroizing<String> {
        format!("{}/{}", *self.sealer.to_text(), *self.signer.to_text()).into()
    }

    /// The public half.
    pub fn agent_id(&self) -> AgentId {
        AgentId::from_parts(format!("{}/{}", self.sealer.id(), self.signer.id()))
    }

    /// Randomness that all devices of this agent draw alike for a purpose, and nobody else can.
    pub fn entropy_for(&self, purpose: &str) -> Entropy {
        let mut hasher = blake3::Hasher::new_derive_key(DERIVATION_CONTEXT);
        hasher.update(self.sealer.as_bytes());
        hasher.update(self.signer.as_bytes());
        hasher.update(purpose.as_bytes());
        Entropy::from_hasher(hasher)
    }
}

impl AgentId {
    /// Who opens what is sealed for this agent.
    pub fn sealer(&self) -> Result<SealerId, CryptoTextError> {
        SealerId::parse(self.halves().0)
    }

    /// Who signs what this agent writes.
    pub fn signer(&self) -> Result<SignerId, CryptoTextError> {
        SignerId::parse(self.halves().1)
    }

    fn halves(&self) -> (&str, &str) {
        self.as_str().split_once('/').unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back_is_the_same_agent() {
        let secret = AgentSecret::generate(&mut Entropy::from_seed([1; 32]));
        let again = AgentSecret::parse(&secret.to_text()).unwrap();
        assert_eq!(again.agent_id(), secret.agent_id());
        let agent = secret.agent_id();
        assert_eq!(agent.sealer().unwrap(), secret.sealer.id());
        assert_eq!(agent.signer().unwrap(), secret.signer.id());
    }

    #[test]
    fn derived_randomness_depends_on_the_agent_and_the_purpose() {
        let agent = |seed| AgentSecret::from_seed(&[seed; 32]);
        let draw = |seed, purpose| agent(seed).entropy_for(purpose).bytes::<32>();
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
    }

    #[test]
    fn an_error_never_repeats_a_mistyped_secret() {
        let error = AgentSecret::parse("sealerSecret_zABC/signerSecret_zDEF").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("zABC"));
    }
}
