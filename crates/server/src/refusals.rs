//! What was refused, by reason: the protocol has no words for it, so it is counted here, for `/health` and `/metrics`, and
//! told in the log.
//!
//! Each reason has a line at most once a minute, with the count since its last line: a flood is no flood of lines.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

/// How long a reason is silent after a line.
const LINE_EVERY: Duration = Duration::from_mins(1);

/// Reasons that are there from the start: who watches a counter sees how it rises, not that it appears.
const WATCHED: [&str; 6] = [
    "bad_signature",
    "load_failed",
    "stored_damage",
    "too_many_connections",
    "too_many_connections_of_address",
    "write_failed",
];

/// Counts by reason, shared by all that refuse. A lock is held only to count.
#[derive(Clone, Debug, Default)]
pub struct Refusals(Arc<Mutex<BTreeMap<&'static str, Refusal>>>);

#[derive(Debug, Default)]
struct Refusal {
    count: u64,
    /// When its last line was written, and what the count was then.
    told: Option<(Instant, u64)>,
}

impl Refusal {
    /// One more; how many there were since the last line, if there is to be a line now.
    fn add(&mut self, now: Instant) -> Option<u64> {
        self.count = self.count.saturating_add(1);
        let (told_at, told) = self.told.unzip();
        if told_at.is_some_and(|told_at| now.duration_since(told_at) < LINE_EVERY) {
            return None;
        }
        self.told = Some((now, self.count));
        Some(self.count - told.unwrap_or_default())
    }
}

impl Refusals {
    /// Counts one. `code` is the stable name of the reason, `what` a sentence without content or secrets.
    pub fn count(&self, code: &'static str, what: &dyn Display) {
        let since = self.lock().entry(code).or_default().add(Instant::now());
        if let Some(count) = since {
            tracing::warn!(reason = code, count, "refused: {what}");
        }
    }

    /// The counts so far.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let refusals = self.lock();
        refusals
            .iter()
            .map(|(code, refusal)| (*code, refusal.count))
            .collect()
    }

    /// A thread that panicked while it counted left a count that is still one.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Refusals {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "What was refused, by reason";
        let mut family = encoder.encode_descriptor("refusals", help, None, MetricType::Counter)?;
        let mut counts = BTreeMap::from(WATCHED.map(|code| (code, 0)));
        counts.extend(self.counts());
        for (code, count) in counts {
            let labels = [("reason", code)];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_counted_under_its_reason() {
        let refusals = Refusals::default();
        let other = refusals.clone();
        for _ in 0..3 {
            other.count("malformed", &"not JSON");
        }
        refusals.count("bad_signature", &"forged");
        let expected = BTreeMap::from([("bad_signature", 1), ("malformed", 3)]);
        assert_eq!(refusals.counts(), expected);
    }

    #[test]
    fn r11_a_flood_is_one_line_a_minute_that_says_how_many_there_were() {
        let begun = Instant::now();
        let mut refusal = Refusal::default();
        let lines: Vec<(u64, u64)> = (0..=240)
            .flat_map(|half_seconds| {
                let now = begun + Duration::from_millis(500 * half_seconds);
                (0..1_000).map(move |_| (half_seconds, now))
            })
            .filter_map(|(half_seconds, now)| Some((half_seconds, refusal.add(now)?)))
            .collect();
        assert_eq!(lines, [(0, 1), (120, 120_000), (240, 120_000)]);
        assert_eq!(refusal.count, 241_000);
    }
}
