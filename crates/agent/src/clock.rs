//! The host's clock and randomness, which the engine is handed and never asks for.

use std::time::{Duration, SystemTime};

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

/// By how much a clock must have been set to be noticed: less is how clocks are kept right.
const JUMP_MS_MIN: i64 = 1_000;

/// Notices when the system's clock is set. What it is compared with goes on while the machine sleeps, on Linux; elsewhere
/// that a clock goes forward says nothing, as it does so too when the machine slept.
#[derive(Debug, Default)]
pub(crate) struct ClockWatch {
    uptime: Uptime,
    /// How far the clock was ahead of the uptime, in milliseconds.
    ahead_ms: Option<i64>,
}

impl ClockWatch {
    /// By how much the clock was set forward (or back, below zero) since this was last asked, in milliseconds.
    pub(crate) fn was_set_ms(&mut self) -> Option<i64> {
        let clock_ms = i64::try_from(now().0).unwrap_or(i64::MAX);
        self.note(clock_ms - self.uptime.ms(), Uptime::COUNTS_SLEEP)
    }

    fn note(&mut self, ahead_ms: i64, counts_sleep: bool) -> Option<i64> {
        let before_ms = self.ahead_ms.replace(ahead_ms)?;
        let forward_ms = ahead_ms - before_ms;
        let was_set = forward_ms < -JUMP_MS_MIN || (counts_sleep && forward_ms > JUMP_MS_MIN);
        was_set.then_some(forward_ms)
    }
}

/// The time since the machine was started, its sleep included.
#[cfg(target_os = "linux")]
#[derive(Debug, Default)]
struct Uptime;

#[cfg(target_os = "linux")]
impl Uptime {
    const COUNTS_SLEEP: bool = true;

    #[expect(
        clippy::unused_self,
        reason = "elsewhere it is counted from a beginning"
    )]
    fn ms(&self) -> i64 {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }
}

/// The time since this was made, which the machine's sleep may be missing in.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
struct Uptime(std::time::Instant);

#[cfg(not(target_os = "linux"))]
impl Default for Uptime {
    fn default() -> Self {
        Self(std::time::Instant::now())
    }
}

#[cfg(not(target_os = "linux"))]
impl Uptime {
    const COUNTS_SLEEP: bool = false;

    fn ms(&self) -> i64 {
        i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_noticed_that_was_set_not_one_that_slept_or_is_kept_right() {
        for (counts_sleep, forward) in [(true, Some(8_000_000)), (false, None)] {
            let mut watch = ClockWatch::default();
            for (ahead_ms, expected) in [
                (1_000_000, None),
                (1_000_400, None),
                (9_000_400, forward),
                (8_999_900, None),
                (8_000_000, Some(-999_900)),
                (8_000_000, None),
            ] {
                let noted = watch.note(ahead_ms, counts_sleep);
                assert_eq!(noted, expected, "{ahead_ms}, {counts_sleep}");
            }
        }
    }

    #[test]
    fn a_clock_that_nobody_sets_is_not_noticed() {
        let mut watch = ClockWatch::default();
        for _ in 0..3 {
            assert_eq!(watch.was_set_ms(), None);
        }
    }
}
