//! What storage reads for the replica, and what becomes of what it could not read: that is asked for again ([`Retries`]), so
//! that nobody is told that there is nothing where storage was away.
//!
//! [`Retries`]: super::retries::Retries

use cojson::ids::CoId;
use cojson::sync::ReadId;
use tokio::time::Instant;

use super::retries::Retry;
use super::{LOADS_UNDER_WAY_MAX, Relay};
use crate::storage::worker::{Ask, Found, FoundLog, Part};
use crate::storage::{Damage, LoadError};

impl Relay {
    pub(super) fn take_loaded(&mut self, id: &CoId, result: Result<Option<Found>, LoadError>) {
        self.loads_under_way = self.loads_under_way.saturating_sub(1);
        let Some(found) = self.answered(Retry::Load(id.clone()), result) else {
            return;
        };
        let Some(Found { log, damage }) = found else {
            self.hand(|replica| replica.loaded(id, None));
            return;
        };
        self.count_damage(&damage);
        match log {
            FoundLog::Whole(log) => self.hand(|replica| replica.loaded(id, Some(log))),
            FoundLog::Outlined(outline) => self.hand(|replica| replica.outlined(id, outline)),
        }
    }

    pub(super) fn take_read(&mut self, id: ReadId, result: Result<Part, LoadError>) {
        if let Some(Part { segments, damage }) = self.answered(Retry::Read(id), result) {
            self.count_damage(&damage);
            self.hand(|replica| replica.read(id, segments));
        }
    }

    /// What storage answered; `None` if it could not, and is to be asked again. Of a value whose record is beyond reading
    /// it has nothing: whoever has the value sends it again, and that mends the record.
    fn answered<T: Default>(&mut self, asked: Retry, result: Result<T, LoadError>) -> Option<T> {
        let error = match result {
            Ok(answer) => {
                self.note_back();
                return Some(answer);
            }
            Err(error) => error,
        };
        self.refusals.count("load_failed", &error);
        if matches!(error, LoadError::DamagedHeader { .. }) {
            self.note_back();
            return Some(T::default());
        }
        let now = Instant::now();
        self.retries.wait(asked, now);
        if error.is_away() && self.retries.note_away(now) {
            tracing::warn!(%error, "storage is away: what is asked for and not in memory waits until it is back");
        }
        None
    }

    pub(super) fn note_back(&mut self) {
        if let Some(waiting) = self.retries.note_back() {
            tracing::info!(waiting, "storage is back");
        }
    }

    /// Asks again for what storage could not read.
    pub(super) fn read_again(&mut self) {
        let now = Instant::now();
        while self.loads_under_way < LOADS_UNDER_WAY_MAX
            && let Some(retry) = self.retries.take(now)
        {
            match retry {
                Retry::Load(id) => self.ask_to_load(id),
                Retry::Read(id) => self.replica.read_failed(id),
            }
        }
    }

    /// Reads a value, now or when storage is back.
    pub(super) fn load(&mut self, id: CoId) {
        self.watched.metrics.cache_misses.inc();
        if self.retries.is_away() {
            self.retries.wait(Retry::Load(id), Instant::now());
        } else {
            self.ask_to_load(id);
        }
    }

    fn ask_to_load(&mut self, id: CoId) {
        self.loads_under_way += 1;
        self.ask(Ask::Load(id));
    }

    fn count_damage(&self, damage: &[Damage]) {
        for damage in damage {
            self.refusals.count("stored_damage", damage);
        }
    }
}
