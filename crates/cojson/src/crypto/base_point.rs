//! Multiples of the curve's base point: secret ones, in constant time, and the sum that a signature is checked by.
//!
//! Natively the library has tables for both in its binary. In the browser module they would be 38 kB that do not pack, so
//! there the base point is multiplied like any other, and whoever signs often has the library compute its own table of
//! the secret kind once (`in_browser`).

#[cfg(not(target_arch = "wasm32"))]
use curve25519_dalek::{EdwardsPoint, Scalar};

#[cfg(any(test, target_arch = "wasm32"))]
mod in_browser;

#[cfg(target_arch = "wasm32")]
pub(super) use in_browser::{multiple, sum};

/// A multiple of the base point, in time that tells nothing of it.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn multiple(scalar: &Scalar) -> EdwardsPoint {
    EdwardsPoint::mul_base(scalar)
}

/// `a` times a point and `b` times the base point. Its time tells what they are.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn sum(a: &Scalar, point: &EdwardsPoint, b: &Scalar) -> EdwardsPoint {
    EdwardsPoint::vartime_double_scalar_mul_basepoint(a, point, b)
}
