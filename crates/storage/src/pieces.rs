//! Putting a session's transactions together into pieces as they are read, one after the other.

use cojson::crypto::Signature;
use cojson::session_log::SessionContent;
use cojson::transaction::{Transaction, content_bytes_of};

/// A column's text, or what stands there instead.
pub(super) type Text = Result<String, String>;

/// What a column's text says.
pub(super) fn parse<T: cojson::json::Wire>(text: &str) -> Result<T, String> {
    T::from_text(text).map_err(|error| error.to_string())
}

/// The pieces of one session that are complete, and what has come since the last signature.
#[derive(Debug)]
pub(super) struct Pieces {
    done: Vec<SessionContent>,
    done_bytes: usize,
    bytes_max: usize,
    end: u32,
    open: Vec<Transaction>,
}

impl Pieces {
    /// For the transactions from `after` on, until there are so many bytes of changes.
    pub(super) fn new(after: u32, bytes_max: usize) -> Self {
        Self {
            done: Vec::new(),
            done_bytes: 0,
            bytes_max,
            end: after,
            open: Vec::new(),
        }
    }

    /// Where the complete pieces end.
    pub(super) fn end(&self) -> u32 {
        self.end
    }

    /// The index of the transaction that comes next.
    pub(super) fn count(&self) -> u32 {
        let open = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        self.end.saturating_add(open)
    }

    /// Whether there is a piece, and no more is wanted.
    pub(super) fn is_enough(&self) -> bool {
        self.open.is_empty() && !self.done.is_empty() && self.done_bytes >= self.bytes_max
    }

    /// Takes the next transaction's text.
    pub(super) fn push(&mut self, text: &str) -> Result<(), String> {
        self.open.push(parse(text)?);
        Ok(())
    }

    /// Closes the piece: this signature covers what came.
    pub(super) fn close(&mut self, last_signature: Signature) {
        let after = self.end;
        self.end = self.count();
        let new_transactions = std::mem::take(&mut self.open);
        let bytes = content_bytes_of(&new_transactions);
        self.done_bytes = self.done_bytes.saturating_add(bytes);
        self.done.push(SessionContent {
            after,
            new_transactions,
            last_signature,
        });
    }

    /// The complete pieces.
    pub(super) fn into_done(self) -> Vec<SessionContent> {
        self.done
    }
}
