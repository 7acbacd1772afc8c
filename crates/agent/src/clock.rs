//! The host's clock and randomness, which the engine is handed and never asks for.

use std::time::{Duration, Instant, SystemTime};

use cojson::ids::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};

/// A host without a source of randomness: no key may be made there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness, so no key can be made")]
pub struct NoEntropy;

/// The time by the system's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or(Duration::ZERO);
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// 32 bytes of the system's randomness, to seed everything random that a node draws.
pub(crate) fn entropy_seed() -> Result<[u8; 32], NoEntropy> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|_| NoEntropy)?;
    Ok(seed)
}

/// A number in 0..1 for jitter; nothing secret hangs on it.
pub(crate) fn jitter() -> f64 {
    let mut bytes = [0; 4];
    let drawn = SystemRandom::new().fill(&mut bytes);
    drawn.map_or(0.5, |()| {
        f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
    })
}

/// By how much a clock must have been set back to be noticed: less is how clocks are kept right.
const JUMP_MS_MIN: i64 = 1_000;

/// Notices when the system's clock is set back. That it goes forward says nothing: it does so too when the machine slept.
#[derive(Debug)]
pub(crate) struct ClockWatch {
    opened: Instant,
    /// How far the clock was ahead of the time since then, in milliseconds.
    ahead_ms: Option<i64>,
}

impl Default for ClockWatch {
    fn default() -> Self {
        Self {
            opened: Instant::now(),
            ahead_ms: None,
        }
    }
}

impl ClockWatch {
    /// By how much the clock was set back since this was last asked, in milliseconds.
    pub(crate) fn set_back_ms(&mut self) -> Option<i64> {
        let clock_ms = i64::try_from(now().0).unwrap_or(i64::MAX);
        let since_ms = i64::try_from(self.opened.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.note(clock_ms - since_ms)
    }

    fn note(&mut self, ahead_ms: i64) -> Option<i64> {
        let before_ms = self.ahead_ms.replace(ahead_ms)?;
        let back_ms = before_ms - ahead_ms;
        (back_ms > JUMP_MS_MIN).then_some(back_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_noticed_that_was_set_back_not_one_that_slept_or_is_kept_right() {
        let mut watch = ClockWatch::default();
        for (ahead_ms, expected) in [
            (1_000_000, None),
            (1_000_400, None),
            (9_000_000, None),
            (8_999_500, None),
            (8_000_000, Some(999_500)),
            (8_000_000, None),
        ] {
            assert_eq!(watch.note(ahead_ms), expected, "{ahead_ms}");
        }
    }
}
