//! Combs: tables of a point by which multiples of it are computed with a tenth of the doublings. For numbers that
//! everybody may know, as a check of a signature has them; where a number is secret this must not be used.
//!
//! The comb is that of Lim and Lee ("More flexible exponentiation with precomputation", 1994) with digits 1 and -1 alone, as
//! Hamburg has it ("Fast and compact elliptic-curve cryptography", 2012), which halves the table. Every odd number below
//! 2^256 is a sum of ±2^i for i from 0 to 255: the sign of 2^i is the number's bit i + 1, and that of 2^255 is plus. An
//! even one is the next odd one less one. This is so of numbers, not of remainders by the group's order, so it holds for
//! points with a part of small order too, which signers' keys may have.
//!
//! The 256 signs are 8 teeth of 32. In each of 16 rounds the sum is doubled, and of each half of the teeth the 8 signs that
//! stand at the round's place choose one of the half's 256 combinations, of which 128 are kept: 79 additions in all for two
//! points, where the usual way takes 253 doublings and 84 additions.

use curve25519_dalek::traits::Identity as _;
use curve25519_dalek::{EdwardsPoint, Scalar};

const TEETH: usize = 8;
const HALVES: usize = 2;
/// How many places each half of a tooth has: the rounds.
const ROUNDS: usize = 256 / TEETH / HALVES;
/// The combinations of a half whose last sign is plus; the others are their negatives.
const KEPT: usize = 1 << (TEETH - 1);

/// What is kept of a point: 40 kB.
pub(super) struct Comb {
    point: EdwardsPoint,
    /// Of one half after the other, by the signs of the first seven teeth, plus being 1.
    combinations: Vec<EdwardsPoint>,
}

impl Comb {
    /// Takes as long as two multiples without it.
    pub(super) fn new(point: &EdwardsPoint) -> Self {
        let mut bases = [[*point; TEETH]; HALVES];
        let mut power = *point;
        for tooth in 0..TEETH {
            for half in &mut bases {
                half.iter_mut().skip(tooth).for_each(|base| *base = power);
                power = times_65536(&power);
            }
        }
        Self {
            point: *point,
            combinations: bases.iter().flat_map(combinations).collect(),
        }
    }

    /// `a` times this point and `b` times the other.
    pub(super) fn sum(&self, a: &Scalar, other: &Self, b: &Scalar) -> EdwardsPoint {
        let (own, others) = (Signs::of(a), Signs::of(b));
        let mut sum = EdwardsPoint::identity();
        for round in (0..ROUNDS).rev() {
            sum += sum;
            self.add(&mut sum, &own, round);
            other.add(&mut sum, &others, round);
        }
        if own.is_of_even {
            sum -= self.point;
        }
        if others.is_of_even {
            sum -= other.point;
        }
        sum
    }

    fn add(&self, sum: &mut EdwardsPoint, signs: &Signs, round: usize) {
        for (half, combinations) in self.combinations.chunks_exact(KEPT).enumerate() {
            let (place, is_plus) = signs.choose(half, round);
            #[expect(
                clippy::indexing_slicing,
                reason = "seven signs are a number below 128"
            )]
            let combination = &combinations[place];
            if is_plus {
                *sum += combination;
            } else {
                *sum -= combination;
            }
        }
    }
}

/// How a number below 2^256 is a sum of ±2^i.
struct Signs {
    /// Bit `i` is 1 where 2^i has a plus.
    pluses: [u8; 32],
    /// One has to be taken away: they are those of the number that is one more.
    is_of_even: bool,
}

impl Signs {
    fn of(scalar: &Scalar) -> Self {
        let mut pluses = *scalar.as_bytes();
        let is_of_even = pluses.first().is_some_and(|byte| byte & 1 == 0);
        let mut carried = 1; // the sign of 2^255
        for byte in pluses.iter_mut().rev() {
            let low = *byte & 1;
            *byte = (*byte >> 1) | (carried << 7);
            carried = low;
        }
        Self { pluses, is_of_even }
    }

    /// The combination of a half whose signs stand at a place of its teeth, and whether it is added.
    fn choose(&self, half: usize, round: usize) -> (usize, bool) {
        let mut signs = 0;
        for tooth in 0..TEETH {
            let at = (tooth * HALVES + half) * ROUNDS + round;
            let byte = self.pluses.get(at / 8).copied().unwrap_or_default();
            signs |= usize::from((byte >> (at % 8)) & 1) << tooth;
        }
        let is_plus = signs >= KEPT;
        let first = if is_plus { signs } else { !signs };
        (first % KEPT, is_plus)
    }
}

fn times_65536(point: &EdwardsPoint) -> EdwardsPoint {
    let times_32768 = (0..5).fold(*point, |point, _| point.mul_by_cofactor());
    times_32768 + times_32768
}

/// The sums of eight points, each with plus or minus, the last with plus.
fn combinations(bases: &[EdwardsPoint; TEETH]) -> Vec<EdwardsPoint> {
    let [first @ .., last] = bases;
    let mut combinations = vec![first.iter().fold(*last, |sum, base| sum - base)];
    for base in first {
        let twice = base + base;
        let with_plus = combinations.iter().map(|with_minus| with_minus + twice);
        combinations.extend(with_plus.collect::<Vec<_>>());
    }
    combinations
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
    use proptest::prelude::*;

    use super::*;

    /// Numbers where signs, carries and the group's order end.
    fn corners() -> Vec<Scalar> {
        let mut corners = vec![
            Scalar::ZERO,
            Scalar::ONE,
            -Scalar::ONE,
            -Scalar::ONE - Scalar::ONE,
        ];
        corners.extend((0..252).map(|bit| {
            let mut bytes = [0; 32];
            bytes[bit / 8] = 1 << (bit % 8);
            Scalar::from_bytes_mod_order(bytes)
        }));
        corners
    }

    fn agrees(a: &Scalar, point: &EdwardsPoint, b: &Scalar) {
        let base = Comb::new(&ED25519_BASEPOINT_POINT);
        let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(a, point, b);
        assert_eq!(
            Comb::new(point).sum(a, &base, b).compress(),
            expected.compress()
        );
    }

    #[test]
    fn a_sum_is_the_same_at_every_corner() {
        let base = Comb::new(&ED25519_BASEPOINT_POINT);
        for torsion in EIGHT_TORSION {
            let point = ED25519_BASEPOINT_POINT * Scalar::from(12_345_u32) + torsion;
            let comb = Comb::new(&point);
            for (a, b) in corners().iter().zip(corners().iter().rev()) {
                let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(a, &point, b);
                assert_eq!(comb.sum(a, &base, b), expected);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_sum_is_the_same(a: [u8; 32], b: [u8; 32], point: [u8; 32], torsion in 0_usize..8) {
            let point = EdwardsPoint::mul_base(&Scalar::from_bytes_mod_order(point)) + EIGHT_TORSION[torsion];
            agrees(&Scalar::from_bytes_mod_order(a), &point, &Scalar::from_bytes_mod_order(b));
        }
    }
}
