//! The pauses between attempts to connect: doubling, capped, and spread so that a thousand clients of a restarted server
//! do not all come back in the same moment.

/// The first pause.
pub const BACKOFF_MS_MIN: u32 = 300;
/// The longest pause.
pub const BACKOFF_MS_MAX: u32 = 10_000;

/// How often in a row it failed. A fresh one after something arrived: a connection that is opened and dropped at once is
/// a failure too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause before the next attempt, in milliseconds: between half and all of the doubled one. `jitter` is a random
    /// number in 0..1.
    pub fn next_pause_ms(&mut self, jitter: f64) -> u32 {
        let doubled = BACKOFF_MS_MIN.saturating_mul(1 << self.failures.min(16));
        let longest_ms = doubled.min(BACKOFF_MS_MAX);
        self.failures = self.failures.saturating_add(1);
        let spread = f64::from(longest_ms) * (0.5 + 0.5 * jitter.clamp(0.0, 1.0));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and BACKOFF_MS_MAX"
        )]
        let pause_ms = spread as u32;
        pause_ms
    }
}
