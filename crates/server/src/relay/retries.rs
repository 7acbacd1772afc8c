//! What storage could not read, to be asked for again: whoever wants it gets no answer meanwhile, and least of all the one
//! that there is nothing.
//!
//! What could not be read though storage is there (a bad sector) is asked for again every [`RETRY`], and nothing else
//! notices. While storage is away nothing is asked of it but one thing every now and then, to see whether it is back;
//! then all that waited is. What waits is bounded by what clients may ask for.

use std::collections::VecDeque;

use cojson::ids::CoId;
use cojson::sync::ReadId;
use tokio::time::{Duration, Instant};

/// How long it takes until what could not be read is asked for again.
const RETRY: Duration = Duration::from_secs(1);

/// How long storage that is away is left alone; twice as long each time, up to the other.
const PROBE_LEAST: Duration = Duration::from_millis(100);
const PROBE_MOST: Duration = Duration::from_secs(2);

/// What is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    Load(CoId),
    Read(ReadId),
}

/// Storage is away.
#[derive(Clone, Copy, Debug)]
struct Away {
    probe_at: Instant,
    pause: Duration,
}

/// What waits, in the order in which it is asked for again.
#[derive(Debug, Default)]
pub(super) struct Retries {
    waiting: VecDeque<(Instant, Retry)>,
    away: Option<Away>,
}

impl Retries {
    /// Whether storage is away, so that asking it is of no use.
    pub(super) fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// Keeps something for later.
    pub(super) fn wait(&mut self, retry: Retry, now: Instant) {
        self.waiting.push_back((now + RETRY, retry));
    }

    /// Storage could not be reached. Returns whether that is news.
    pub(super) fn note_away(&mut self, now: Instant) -> bool {
        let pause = match self.away {
            Some(away) => PROBE_MOST.min(away.pause * 2),
            None => PROBE_LEAST,
        };
        let probe_at = now + pause;
        self.away.replace(Away { probe_at, pause }).is_none()
    }

    /// Storage answered. Returns how much waits, if it was away.
    pub(super) fn note_back(&mut self) -> Option<usize> {
        self.away.take().map(|_| self.waiting.len())
    }

    /// When the next is to be asked for, if anything waits.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let (at, _) = self.waiting.front()?;
        Some(self.away.map_or(*at, |away| away.probe_at))
    }

    /// The next to be asked for, if it is time.
    pub(super) fn take(&mut self, now: Instant) -> Option<Retry> {
        if self.next_at()? > now {
            return None;
        }
        if let Some(away) = &mut self.away {
            away.probe_at = now + PROBE_MOST;
        }
        self.waiting.pop_front().map(|(_, retry)| retry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id: u64) -> Retry {
        Retry::Read(ReadId(id))
    }

    fn all(retries: &mut Retries, now: Instant) -> Vec<Retry> {
        std::iter::from_fn(|| retries.take(now)).collect()
    }

    #[test]
    fn what_could_not_be_read_is_asked_for_again_after_a_while() {
        let begun = Instant::now();
        let mut retries = Retries::default();
        assert_eq!(retries.next_at(), None);
        retries.wait(read(1), begun);
        retries.wait(read(2), begun + RETRY / 2);
        assert_eq!(retries.take(begun), None);
        assert_eq!(retries.next_at(), Some(begun + RETRY));
        assert_eq!(all(&mut retries, begun + RETRY), [read(1)]);
        assert_eq!(all(&mut retries, begun + RETRY * 2), [read(2)]);
    }

    #[test]
    fn storage_that_is_away_is_probed_ever_less_often_and_asked_for_all_when_it_is_back() {
        let mut now = Instant::now();
        let mut retries = Retries::default();
        for id in 0..9 {
            retries.wait(read(id), now);
        }
        assert!(retries.note_away(now));
        let mut pauses_ms = Vec::new();
        for _ in 0..7 {
            let at = retries.next_at().unwrap();
            pauses_ms.push(at.duration_since(now).as_millis());
            now = at;
            let probes = all(&mut retries, now);
            assert_eq!(probes.len(), 1, "one at a time");
            retries.wait(probes[0].clone(), now);
            assert!(!retries.note_away(now));
        }
        assert_eq!(pauses_ms, [100, 200, 400, 800, 1_600, 2_000, 2_000]);
        assert_eq!(retries.note_back(), Some(9));
        assert_eq!(retries.note_back(), None);
        assert_eq!(all(&mut retries, now + RETRY).len(), 9);
    }
}
