//! What an invitation hands over: 32 bytes from which an agent follows that may give its holder one role in one group.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::agent_secret::AgentSecret;
use super::text::{CryptoTextError, decode_base58, encode_base58};
use crate::entropy::Entropy;

const PREFIX: &str = "inviteSecret_z";

/// An invitation's secret: `inviteSecret_z…`. Whoever has it can join, until the invitation is taken back.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct InviteSecret([u8; 32]);

impl InviteSecret {
    /// A fresh secret.
    pub fn random(entropy: &mut Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// Takes the text for an invitation's secret, if it is one.
    pub fn parse(text: &str) -> Result<Self, CryptoTextError> {
        decode_base58(PREFIX, text)
            .map(Self)
            .ok_or(CryptoTextError {
                expected: "an invitation's secret (inviteSecret_z…)",
            })
    }

    /// The secret's text, to hand to whom is invited.
    pub fn to_text(&self) -> Zeroizing<String> {
        encode_base58(PREFIX, &self.0).into()
    }

    /// The agent that the group knows.
    pub fn agent(&self) -> AgentSecret {
        AgentSecret::from_seed(&self.0)
    }
}

impl fmt::Debug for InviteSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InviteSecret(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back_is_the_same_agent_and_errors_never_repeat_it() {
        let secret = InviteSecret::random(&mut Entropy::from_seed([1; 32]));
        let again = InviteSecret::parse(&secret.to_text()).unwrap();
        assert_eq!(again.agent().agent_id(), secret.agent().agent_id());
        for text in ["", "inviteSecret_z", "inviteSecret_zABC", "keySecret_zABC"] {
            let error = InviteSecret::parse(text).unwrap_err();
            assert!(!format!("{error}").contains("ABC"));
        }
    }
}
