//! What the relay tells an operator: its numbers, once a second, and whether storage does its work.

use std::sync::Arc;

use cojson::sync::Replica;
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant, Interval, MissedTickBehavior, interval};

use super::{Outbox, Relay};
use crate::metrics::Metrics;
use crate::storage::worker::Ask;

/// How often the numbers that no message carries are read off.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Where it is told whether storage does its work.
pub type ProbeReply = oneshot::Sender<Result<(), NotReady>>;

/// Why clients should not be sent here now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// Storage is being opened.
    #[error("starting")]
    Starting,
    /// The server ends.
    #[error("stopping")]
    Stopping,
    /// A read failed.
    #[error("storage cannot be read")]
    ReadsFail,
    /// The last write failed; what came is kept in memory and not acknowledged.
    #[error("storage takes no writes")]
    WritesFail,
    /// No answer came in time.
    #[error("storage does not answer in time")]
    TooSlow,
}

#[derive(Debug)]
pub(super) struct Watched {
    pub(super) metrics: Arc<Metrics>,
    /// Whether the last write failed for a reason that will make the next one fail too.
    pub(super) writes_fail: bool,
    publish: Interval,
    /// Who waits for storage's answer.
    asking: Vec<ProbeReply>,
    /// Whether storage was asked and has not answered.
    is_asking: bool,
}

impl Watched {
    pub(super) fn new(metrics: Arc<Metrics>, cache_bytes_max: usize) -> Self {
        metrics.cache_bytes_max.set(signed(cache_bytes_max));
        let mut publish = interval(PUBLISH_EVERY);
        publish.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            metrics,
            writes_fail: false,
            publish,
            asking: Vec::new(),
            is_asking: false,
        }
    }

    /// Returns when it is time to publish.
    pub(super) async fn is_due(&mut self) {
        self.publish.tick().await;
    }

    /// Storage answered a probe, and with it all that asked until now.
    pub(super) fn probed(&mut self, is_readable: bool) {
        self.is_asking = false;
        let answer = match (is_readable, self.writes_fail) {
            (false, _) => Err(NotReady::ReadsFail),
            (true, true) => Err(NotReady::WritesFail),
            (true, false) => Ok(()),
        };
        for reply in self.asking.drain(..) {
            let _ = reply.send(answer);
        }
    }
}

impl Relay {
    /// Asks storage for something, to see whether it answers; one ask under way is enough for all.
    pub(super) fn probe(&mut self, reply: ProbeReply) {
        self.watched.asking.retain(|reply| !reply.is_closed());
        self.watched.asking.push(reply);
        if !self.watched.is_asking {
            self.watched.is_asking = true;
            self.ask(Ask::Probe);
        }
    }

    /// Hands the replica something, and notes how long it took if content was verified meanwhile: what a client said may
    /// have had to wait for storage before it could be.
    pub(super) fn hand(&mut self, input: impl FnOnce(&mut Replica)) {
        let checked_before = self.replica.contents_checked();
        let begun = Instant::now();
        input(&mut self.replica);
        let checked = self.replica.contents_checked() - checked_before;
        if checked > 0 {
            let metrics = &self.watched.metrics;
            metrics
                .verify_seconds
                .observe(begun.elapsed().as_secs_f64());
            metrics.contents_checked.inc_by(checked);
        }
    }

    /// Reads off the numbers that change with every message.
    pub(super) fn publish(&self) {
        let metrics = &self.watched.metrics;
        let waiting = self.outboxes.values().map(Outbox::waiting);
        let (sum, most) = waiting.fold((0, 0), |(sum, most), waiting| {
            (sum + waiting, waiting.max(most))
        });
        metrics.outbox_messages.set(signed(sum));
        metrics.outbox_messages_most.set(signed(most));
        let values = self.replica.values_count();
        metrics.cache_values.set(signed(values));
        metrics.cache_bytes.set(signed(self.replica.cache_bytes()));
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
