use curve25519_dalek::constants::EIGHT_TORSION;
use ed25519_dalek::{Signer as _, SigningKey, Verifier as _, VerifyingKey};
use proptest::prelude::*;

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
    assert_eq!(SignerId::parse(&id.to_string()), Ok(id.clone()));
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

/// A key as `ed25519-dalek` has it, and ours with its table. None if both refuse it.
struct Judged {
    judge: VerifyingKey,
    with_table: SignerId,
}

impl Judged {
    fn new(key: [u8; 32]) -> Option<Self> {
        let judge = VerifyingKey::from_bytes(&key).ok();
        let with_table = SignerId::from_bytes(key);
        assert_eq!(with_table.is_some(), judge.is_some(), "{key:?}");
        let (judge, with_table) = (judge?, with_table?);
        for _ in 0..=WITHOUT_TABLE {
            with_table.has_signed(b"", &Signature([0; 64]));
        }
        assert!(with_table.0.comb.get().is_some());
        Some(Self { judge, with_table })
    }

    /// Whether a signature holds, of which the judge, a key that is met for the first time and one with its table must
    /// agree.
    fn holds(&self, message: &[u8], signature: [u8; 64]) -> bool {
        let judged = ed25519_dalek::Signature::from_bytes(&signature);
        let expected = self.judge.verify(message, &judged).is_ok();
        let new = SignerId::from_bytes(self.judge.to_bytes()).unwrap();
        for ours in [&new, &self.with_table] {
            let held = ours.has_signed(message, &Signature(signature));
            assert_eq!(held, expected, "{ours} {message:?} {signature:?}");
        }
        expected
    }
}

/// The same for a key that may be none.
fn holds(key: [u8; 32], message: &[u8], signature: [u8; 64]) -> bool {
    Judged::new(key).is_some_and(|key| key.holds(message, signature))
}

/// A signature that holds for a key with a part of small order: `R` gets such a part too, and the message is looked for with
/// which they fit.
fn mixed(scalar: u64, key_part: EdwardsPoint, part: EdwardsPoint) -> ([u8; 32], Vec<u8>, [u8; 64]) {
    let (secret, blinding) = (Scalar::from(scalar), Scalar::from(scalar ^ 0xabcd));
    let key = EdwardsPoint::mul_base(&secret) + key_part;
    let r = EdwardsPoint::mul_base(&blinding) + part;
    let (key, r) = (key.compress().to_bytes(), r.compress().to_bytes());
    let message = (0..64_u8).map(|byte| vec![byte]).find(|message| {
        let k = challenge(&r, &key, message);
        k * key_part == -part
    });
    let message = message.unwrap_or_default();
    let s = blinding + challenge(&r, &key, &message) * secret;
    (key, message, Signature::from_halves(r, s.to_bytes()).0)
}

/// Points of small order, and others, in every way that they can be written in: also with a `y` that is not below the
/// field's order, and with a sign of a zero.
fn odd_encodings() -> Vec<[u8; 32]> {
    let mut encodings: Vec<_> = EIGHT_TORSION
        .map(|point| point.compress().to_bytes())
        .into();
    for low in 0xed..=0xff {
        for sign in [0x7f, 0xff] {
            let mut encoding = [0xff; 32];
            encoding[0] = low;
            encoding[31] = sign;
            encodings.push(encoding);
        }
    }
    let with_sign = |mut encoding: [u8; 32]| {
        encoding[31] ^= 0x80;
        encoding
    };
    encodings.extend(encodings.clone().into_iter().map(with_sign));
    encodings.push([2; 32]);
    encodings
}

/// The group's order.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn plus_order(s: [u8; 32]) -> [u8; 32] {
    let mut carried = 0;
    std::array::from_fn(|at| {
        let sum = u16::from(s[at]) + u16::from(ORDER[at]) + carried;
        carried = sum >> 8;
        sum.to_le_bytes()[0]
    })
}

#[test]
fn r11_keys_with_a_part_of_small_order_are_judged_as_everywhere() {
    let mut held = 0;
    for (number, key_part) in EIGHT_TORSION.into_iter().enumerate() {
        for part in EIGHT_TORSION {
            let (key, message, signature) = mixed(1_000 + number as u64, key_part, part);
            held += u32::from(holds(key, &message, signature));
            assert!(!holds(key, b"another", signature) || key_part == part);
        }
    }
    // A part of order 1, 2, 4 or 8 fits that many of the eight.
    assert_eq!(held, 1 + 2 + 2 * 4 + 4 * 8);
}

#[test]
fn r11_what_is_written_oddly_is_judged_as_everywhere() {
    let mut held = 0;
    for key in odd_encodings().into_iter().filter_map(Judged::new) {
        for r in odd_encodings() {
            for s in [[0; 32], ORDER] {
                held += u32::from(key.holds(b"message", Signature::from_halves(r, s).0));
            }
        }
    }
    assert!(held > 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_signature_is_the_same_byte_for_byte(seed: [u8; 32], content: Vec<u8>) {
        let digest = hash(&content);
        let text = digest.signed_text();
        let judge = SigningKey::from_bytes(&seed);
        let ours = SignerSecret::from_bytes(&seed);
        prop_assert_eq!(ours.id().0.bytes, judge.verifying_key().to_bytes());
        prop_assert_eq!(ours.sign(&digest).0, judge.sign(text.as_bytes()).to_bytes());
    }

    #[test]
    fn r11_a_signature_is_accepted_or_refused_as_everywhere(
        seed: [u8; 32],
        message: Vec<u8>,
        at in 0_usize..64,
        flip in 1_u8..,
    ) {
        let judge = SigningKey::from_bytes(&seed);
        let key = judge.verifying_key().to_bytes();
        let signature = judge.sign(&message).to_bytes();
        prop_assert!(holds(key, &message, signature));
        let mut damaged = signature;
        damaged[at] ^= flip;
        prop_assert!(!holds(key, &message, damaged));
        let (r, s) = Signature(signature).halves();
        prop_assert!(!holds(key, &message, Signature::from_halves(r, plus_order(s)).0));
        let mut other_key = key;
        other_key[at % 32] ^= flip;
        prop_assert!(!holds(other_key, &message, signature));
    }
}
