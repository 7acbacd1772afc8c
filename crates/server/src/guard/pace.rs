//! How fast one client is read: as fast as it likes for a burst, then at a steady rate.
//!
//! What comes has been read already, so it is charged and the next read waits until the debt is paid. Pure: it is told the
//! time.

use std::time::Duration;

use tokio::time::Instant;

/// How many seconds' worth may come at once.
const BURST: Duration = Duration::from_secs(4);

/// A rate, and how far it is used up.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    per_second: f64,
    /// When all that was charged would have come at the steady rate.
    paid_at: Instant,
}

impl Pace {
    /// A pace of so many per second, with nothing charged yet.
    pub fn new(per_second: u32, now: Instant) -> Self {
        Self {
            per_second: f64::from(per_second),
            paid_at: now,
        }
    }

    /// Charges what came, and says how long to wait before more is read.
    pub fn charge(&mut self, now: Instant, amount: u32) -> Duration {
        let cost = Duration::from_secs_f64(f64::from(amount) / self.per_second);
        self.paid_at = self.paid_at.max(now) + cost;
        (self.paid_at - now).saturating_sub(BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_costs_no_wait_and_what_exceeds_it_does() {
        let now = Instant::now();
        let mut pace = Pace::new(10, now);
        assert_eq!(pace.charge(now, 40), Duration::ZERO);
        assert_eq!(pace.charge(now, 1), Duration::from_millis(100));
        assert_eq!(pace.charge(now, 10), Duration::from_millis(1_100));
    }

    #[test]
    fn in_the_long_run_it_is_the_rate() {
        let start = Instant::now();
        let mut now = start;
        let mut pace = Pace::new(1_000, now);
        for _ in 0..100_000 {
            now += pace.charge(now, 1);
        }
        assert_eq!(
            (now - start).as_secs(),
            96,
            "100 s at the rate, less the burst"
        );
    }

    #[test]
    fn silence_does_not_add_up_to_more_than_a_burst() {
        let now = Instant::now();
        let mut pace = Pace::new(10, now);
        let later = now + Duration::from_hours(1);
        assert_eq!(pace.charge(later, 40), Duration::ZERO);
        assert_eq!(pace.charge(later, 10), Duration::from_secs(1));
    }
}
