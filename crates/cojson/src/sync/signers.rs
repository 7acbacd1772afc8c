//! The keys of the authors whose content came last. A key that is kept gets quicker to check with (see
//! [`SignerId`]); there is room for a few, as each may come to 40 kB.
//!
//! An author's name decides its key for good: an agent's holds it, and an account's is the hash of a header that does.

use super::RELAY;
use crate::crypto::SignerId;

const KEPT_MAX: usize = if RELAY { 64 } else { 16 };

/// Authors and their keys, who was asked for last at the end.
#[derive(Debug, Default)]
pub(super) struct Signers(Vec<(String, SignerId)>);

impl Signers {
    /// The key of an author, which is made out if it is not kept.
    pub(super) fn of(
        &mut self,
        author: &str,
        make_out: impl FnOnce() -> Option<SignerId>,
    ) -> Option<SignerId> {
        let kept = self.0.iter().position(|(name, _)| name == author);
        let kept = match kept {
            Some(place) => self.0.remove(place),
            None => (author.to_owned(), make_out()?),
        };
        if self.0.len() >= KEPT_MAX {
            self.0.remove(0);
        }
        let signer = kept.1.clone();
        self.0.push(kept);
        Some(signer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SignerSecret;

    fn signer(seed: usize) -> SignerId {
        let seed = u8::try_from(seed).unwrap();
        SignerSecret::from_bytes(&[seed; 32]).id()
    }

    #[test]
    fn a_key_is_made_out_once_while_it_is_asked_for() {
        let mut signers = Signers::default();
        for other in 1..=2 * KEPT_MAX {
            let name = other.to_string();
            assert_eq!(
                signers.of(&name, || Some(signer(other))),
                Some(signer(other))
            );
            let kept = signers.of("often", || (other == 1).then(|| signer(0)));
            assert_eq!(kept, Some(signer(0)), "{other}");
        }
        assert_eq!(signers.0.len(), KEPT_MAX);
        assert_eq!(signers.of("1", || None), None);
        assert_eq!(signers.0.len(), KEPT_MAX);
    }
}
