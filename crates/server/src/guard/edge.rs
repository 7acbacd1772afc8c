//! What is refused of a message before it reaches the relay: transactions that are too large or dated too far ahead.
//!
//! A session with one is left out of its message, as a signature covers the whole of it; the rest of the message goes on,
//! and the sender learns from the answer what was not taken.

use cojson::ids::{SessionId, Timestamp};
use cojson::sync::ContentMessage;
use cojson::transaction::Transaction;

/// What a transaction may be.
#[derive(Clone, Copy, Debug)]
pub struct EdgeLimits {
    /// How many bytes its changes and meta may have.
    pub transaction_bytes_max: usize,
    /// How far ahead of our clock it may be dated; `None` for any date.
    pub ahead_ms_max: Option<u64>,
}

/// Why a session was left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EdgeRefusal {
    /// A transaction is too large.
    #[error("a transaction of session {session} has {bytes} bytes, over the limit of {bytes_max}")]
    TooLarge {
        /// The session.
        session: SessionId,
        /// Its changes' and meta's bytes.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A transaction is dated too far ahead.
    #[error(
        "a transaction of session {session} is dated {ahead_ms} ms ahead, over the limit of {ahead_ms_max}"
    )]
    TooFarAhead {
        /// The session.
        session: SessionId,
        /// How far ahead of our clock.
        ahead_ms: u64,
        /// The limit.
        ahead_ms_max: u64,
    },
}

impl EdgeRefusal {
    /// A stable name for counters.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "transaction_too_large",
            Self::TooFarAhead { .. } => "dated_ahead",
        }
    }
}

impl EdgeLimits {
    /// Leaves out of a message the sessions that may not come in, and says why.
    pub fn trim(&self, content: &mut ContentMessage, now: Timestamp) -> Vec<EdgeRefusal> {
        let mut refusals = Vec::new();
        content.new.retain(|session, piece| {
            let mut transactions = piece.new_transactions.iter();
            let refusal = transactions.find_map(|one| self.refusal(session, one, now));
            let is_taken = refusal.is_none();
            refusals.extend(refusal);
            is_taken
        });
        refusals
    }

    fn refusal(
        &self,
        session: &SessionId,
        transaction: &Transaction,
        now: Timestamp,
    ) -> Option<EdgeRefusal> {
        let bytes = transaction.content_bytes();
        if bytes > self.transaction_bytes_max {
            return Some(EdgeRefusal::TooLarge {
                session: session.clone(),
                bytes,
                bytes_max: self.transaction_bytes_max,
            });
        }
        let ahead_ms_max = self.ahead_ms_max?;
        let ahead_ms = transaction.made_at().0.saturating_sub(now.0);
        (ahead_ms > ahead_ms_max).then(|| EdgeRefusal::TooFarAhead {
            session: session.clone(),
            ahead_ms,
            ahead_ms_max,
        })
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::storage::conformance::{Author, header};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    /// A message of two sessions; the second has one transaction with these changes, dated so.
    fn message(changes: &str, made_at: u64) -> (ContentMessage, SessionId) {
        let (mut good, mut other) = (Author::new(1), Author::new(2));
        let mut piece = other.piece(&[changes]);
        for transaction in &mut piece.new_transactions {
            *transaction = Transaction::Trusting {
                made_at: Timestamp(made_at),
                changes: changes.into(),
                meta: None,
            };
        }
        let header = header("edge");
        let good_piece = good.piece(&["[]"]);
        let session = other.session.clone();
        let message = ContentMessage {
            id: header.id(),
            header: Some(header),
            priority: 3,
            new: cojson::collections::SortedMap::from([
                (good.session.clone(), good_piece),
                (session.clone(), piece),
            ]),
            expect_content_until: None,
        };
        (message, session)
    }

    #[test]
    fn each_limit_holds_at_its_edge_and_costs_only_its_session() {
        let limits = EdgeLimits {
            transaction_bytes_max: 100,
            ahead_ms_max: Some(1_000),
        };
        for (bytes, ahead_ms, refused) in [
            (100, 1_000, None),
            (101, 0, Some("transaction_too_large")),
            (100, 1_001, Some("dated_ahead")),
            (100, u64::MAX - NOW.0, Some("dated_ahead")),
        ] {
            let (mut message, session) = message(&"x".repeat(bytes), NOW.0 + ahead_ms);
            let refusals = limits.trim(&mut message, NOW);
            let codes: Vec<_> = refusals.iter().map(EdgeRefusal::code).collect();
            assert_eq!(codes, refused.into_iter().collect::<Vec<_>>());
            assert_eq!(message.new.contains_key(&session), refused.is_none());
            assert_eq!(message.new.len(), 1 + usize::from(refused.is_none()));
        }
    }

    #[test]
    fn without_a_limit_any_date_is_taken() {
        let limits = EdgeLimits {
            transaction_bytes_max: 100,
            ahead_ms_max: None,
        };
        let (mut message, _) = message("[]", u64::MAX);
        assert_eq!(limits.trim(&mut message, NOW), []);
    }
}
