//! How much each account writes through this server, in the current hour.
//!
//! Charged is what was verified and made durable, to the author whose signature it bears: nobody can use up another's
//! share. What is counted is kept in memory for the hour: a server that is started again, and each of several servers,
//! counts anew. It is no quota for a tenant's storage; it bounds how fast one account can fill a disk.

use std::collections::HashMap;
use std::time::Duration;

use cojson::sync::{ContentMessage, ValueWrite};
use cojson::transaction::content_bytes_of;
use tokio::time::Instant;

/// How long what was written counts.
const WINDOW: Duration = Duration::from_hours(1);
/// How many accounts are counted; beyond it those that wrote least are forgotten.
const ACCOUNTS_MAX: usize = 100_000;

/// What an account may write in an hour.
#[derive(Clone, Copy, Debug)]
pub struct AccountLimits {
    /// Bytes of changes and meta.
    pub bytes_max: u64,
    /// New values.
    pub values_max: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Written {
    bytes: u64,
    values: u64,
}

/// An account wrote all that it may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("account {account} wrote {what} in this hour, the most that are allowed")]
pub struct OverLimit {
    /// The author: an account, or an agent.
    pub account: String,
    what: String,
}

/// The accounts' shares.
#[derive(Debug)]
pub struct Accounts {
    limits: AccountLimits,
    since: Instant,
    written: HashMap<String, Written>,
}

impl Accounts {
    /// Nothing written yet.
    pub fn new(limits: AccountLimits, now: Instant) -> Self {
        Self {
            limits,
            since: now,
            written: HashMap::new(),
        }
    }

    /// Charges what became durable to those who wrote it.
    pub fn charge(&mut self, charges: Charges, now: Instant) {
        self.begin_window(now);
        for (account, charge) in charges.0 {
            let written = self.written.entry(account).or_default();
            written.bytes = written.bytes.saturating_add(charge.bytes);
            written.values = written.values.saturating_add(charge.values);
        }
        self.forget_the_least();
    }

    /// Leaves out of a message what authors who wrote all that they may have in it, and says who.
    pub fn trim(&mut self, content: &mut ContentMessage, now: Instant) -> Vec<OverLimit> {
        self.begin_window(now);
        let makes_value =
            content.header.is_some() && content.new.values().any(|piece| piece.after == 0);
        let mut over = Vec::new();
        content.new.retain(|session, _| {
            let found = self.over_limit(session.author(), makes_value);
            let is_taken = found.is_none();
            over.extend(found);
            is_taken
        });
        over
    }

    fn over_limit(&self, account: &str, makes_value: bool) -> Option<OverLimit> {
        let written = self.written.get(account)?;
        let what = if written.bytes >= self.limits.bytes_max {
            format!("{} bytes", written.bytes)
        } else if makes_value && written.values >= self.limits.values_max {
            format!("{} values", written.values)
        } else {
            return None;
        };
        let account = account.to_owned();
        Some(OverLimit { account, what })
    }

    fn begin_window(&mut self, now: Instant) {
        if now.saturating_duration_since(self.since) >= WINDOW {
            self.since = now;
            self.written.clear();
        }
    }

    /// Whoever makes accounts by the hundred thousand pushes out those that wrote next to nothing, not those near a limit.
    fn forget_the_least(&mut self) {
        if self.written.len() <= ACCOUNTS_MAX {
            return;
        }
        let mut bytes: Vec<u64> = self.written.values().map(|written| written.bytes).collect();
        let middle = bytes.len() / 2;
        let (_, median, _) = bytes.select_nth_unstable(middle);
        let median = *median;
        self.written.retain(|_, written| written.bytes > median);
    }
}

/// What one write holds of each account.
#[derive(Debug, Default)]
pub struct Charges(HashMap<String, Written>);

impl Charges {
    /// Adds what is written of a value. A new value is its first author's.
    pub fn add(&mut self, value: &ValueWrite) {
        for segment in &value.segments {
            let bytes = content_bytes_of(&segment.content.new_transactions);
            self.of(segment.session.author()).bytes += bytes as u64;
        }
        if let Some(first) = value.segments.first().filter(|_| value.header.is_some()) {
            self.of(first.session.author()).values += 1;
        }
    }

    fn of(&mut self, account: &str) -> &mut Written {
        self.0.entry(account.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::storage::conformance::{Author, header, value_write};

    const LIMITS: AccountLimits = AccountLimits {
        bytes_max: 10,
        values_max: 2,
    };

    /// What an author writes as the start of a new value, as it is stored and as it is sent.
    fn new_value(author: &mut Author, name: &str, text: &str) -> (Charges, ContentMessage) {
        let header = header(name);
        let piece = author.piece(&[text]);
        let message = ContentMessage {
            id: header.id(),
            header: Some(header.clone()),
            priority: 3,
            new: cojson::collections::SortedMap::from([(author.session.clone(), piece.clone())]),
            expect_content_until: None,
        };
        let mut charges = Charges::default();
        charges.add(&value_write(&header, true, vec![author.segment(piece)]));
        (charges, message)
    }

    #[test]
    fn each_limit_holds_at_its_edge_for_the_hour_and_for_its_account_alone() {
        for (changes, taken) in [("[   ]", 2), ("[]", 2), ("[        ]", 1)] {
            let start = Instant::now();
            let mut accounts = Accounts::new(LIMITS, start);
            for round in 0..4 {
                let mut author = Author::new(1);
                let (charges, mut message) = new_value(&mut author, &round.to_string(), changes);
                let over = accounts.trim(&mut message, start);
                assert_eq!(over.is_empty(), round < taken, "{changes}, round {round}");
                assert_eq!(message.new.is_empty(), round >= taken);
                accounts.charge(charges, start);
            }
            let (_, mut others) = new_value(&mut Author::new(2), "other", "[]");
            assert_eq!(accounts.trim(&mut others, start), []);
            let (_, mut later) = new_value(&mut Author::new(1), "later", "[]");
            assert_eq!(accounts.trim(&mut later, start + WINDOW), []);
        }
    }

    #[test]
    fn a_flood_of_accounts_does_not_grow_and_does_not_wash_away_who_is_over() {
        let now = Instant::now();
        let mut accounts = Accounts::new(LIMITS, now);
        let (charges, mut message) = new_value(&mut Author::new(1), "much", "[          ]");
        accounts.charge(charges, now);
        for index in 0..=ACCOUNTS_MAX {
            let mut little = Charges::default();
            little.of(&index.to_string()).bytes = 1;
            accounts.charge(little, now);
        }
        assert!(accounts.written.len() <= ACCOUNTS_MAX);
        assert_eq!(accounts.trim(&mut message, now).len(), 1);
    }
}
