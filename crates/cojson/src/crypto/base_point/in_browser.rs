//! The same without a table in the module: a multiple costs 0.15 ms, and 0.05 ms once there have been so many that the
//! table, which takes 3.5 ms, will have been worth it. Nothing here may name what refers to the library's constant
//! tables (`EdwardsPoint::mul_base`, `vartime_double_scalar_mul_basepoint`): they would be in the module at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsBasepointTable;
use curve25519_dalek::traits::{BasepointTable as _, VartimeMultiscalarMul as _};
use curve25519_dalek::{EdwardsPoint, Scalar};

/// How many multiples are computed without the table: by then they have cost together what it costs.
const WITHOUT_TABLE: u32 = 32;

static COMPUTED: AtomicU32 = AtomicU32::new(0);
static TABLE: OnceLock<Box<EdwardsBasepointTable>> = OnceLock::new();

pub(in crate::crypto) fn multiple(scalar: &Scalar) -> EdwardsPoint {
    if COMPUTED.fetch_add(1, Ordering::Relaxed) < WITHOUT_TABLE {
        return scalar * ED25519_BASEPOINT_POINT;
    }
    let new = || Box::new(EdwardsBasepointTable::create(&ED25519_BASEPOINT_POINT));
    scalar * &**TABLE.get_or_init(new)
}

pub(in crate::crypto) fn sum(a: &Scalar, point: &EdwardsPoint, b: &Scalar) -> EdwardsPoint {
    EdwardsPoint::vartime_multiscalar_mul([a, b], [point, &ED25519_BASEPOINT_POINT])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multiple_is_the_same_before_and_after_there_is_a_table() {
        for number in 0..WITHOUT_TABLE + 32 {
            let scalar = -Scalar::from(number).invert();
            assert_eq!(multiple(&scalar), EdwardsPoint::mul_base(&scalar));
        }
        assert!(TABLE.get().is_some());
    }

    #[test]
    fn a_sum_is_the_same_without_tables() {
        let (a, b) = (-Scalar::from(7_u8), -Scalar::from(11_u8));
        let point = EdwardsPoint::mul_base(&Scalar::from(13_u8));
        let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&a, &point, &b);
        assert_eq!(sum(&a, &point, &b), expected);
    }
}
