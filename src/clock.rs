//! The host's clock and randomness, which the engine is handed and never asks for.

use cojson::ids::Timestamp;
use js_sys::{Date, Uint8Array};
use wasm_bindgen::JsCast;
use web_sys::Crypto;

use crate::error::Told;

/// A host without a source of randomness: no key may be made there.
#[derive(Debug, thiserror::Error)]
#[error(
    "This host has no crypto.getRandomValues, so no key can be made; open the page in a current browser."
)]
pub struct NoEntropy;

impl Told for NoEntropy {
    fn code(&self) -> &'static str {
        "PLEIONE_E_NO_ENTROPY"
    }
}

/// The time by the host's clock.
pub fn now() -> Timestamp {
    Timestamp(whole_ms(now_ms()))
}

/// The time by the host's clock, in milliseconds since 1970.
pub fn now_ms() -> f64 {
    Date::now()
}

/// How far the clock is ahead of the time since the page was opened, in milliseconds: that grows while the device sleeps,
/// and shrinks only when the clock is set back.
pub fn ahead_ms() -> f64 {
    let performance = web_sys::window().and_then(|window| window.performance());
    now_ms() - performance.map_or(0.0, |performance| performance.now())
}

/// Whole milliseconds, none below zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time after 1970 and far below 2^53"
)]
pub fn whole_ms(ms: f64) -> u64 {
    ms.max(0.0) as u64
}

/// 32 bytes of the host's randomness, to seed everything random that a node draws.
pub fn entropy_seed() -> Result<[u8; 32], NoEntropy> {
    let crypto = js_sys::Reflect::get(&js_sys::global(), &"crypto".into())
        .ok()
        .and_then(|crypto| crypto.dyn_into::<Crypto>().ok())
        .ok_or(NoEntropy)?;
    let buffer = Uint8Array::new_with_length(32);
    crypto
        .get_random_values_with_array_buffer_view(&buffer)
        .map_err(|_| NoEntropy)?;
    let mut seed = [0; 32];
    buffer.copy_to(&mut seed);
    Ok(seed)
}

/// A number in 0..1 for jitter; nothing secret hangs on it.
pub fn jitter() -> f64 {
    js_sys::Math::random()
}
