//! How often what was refused, by reason: the server tells nobody on the wire, so it must be told here.
//!
//! The first refusal for each reason is a line on the console, and then each time that the count doubles: a flood of
//! bad messages is no flood of lines.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::console;

/// Counts by reason, shared by all that refuse. A lock is held only to count.
#[derive(Clone, Debug, Default)]
pub struct Refusals(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Refusals {
    /// Counts one. `code` is the stable name of the reason, `what` a sentence without content or secrets.
    pub fn count(&self, code: &'static str, what: &dyn Display) {
        let count = self.add(code);
        if count.is_power_of_two() {
            console::warn(format_args!("refused ({code}, {count} so far): {what}"));
        }
    }

    /// The counts so far.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.lock().clone()
    }

    fn add(&self, code: &'static str) -> u64 {
        let mut counts = self.lock();
        let count = counts.entry(code).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// A thread that panicked while it counted left a count that is still one.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
}
