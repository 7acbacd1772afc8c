//! Reading a whole store, record by record, in the order of the values' ids.
//!
//! Before the first session that an account signed comes that account's header, so that whoever reads the records can verify
//! as it goes. Where a record is damaged, what can be read of the session comes, and the rest is told.

use cojson::header::Header;
use cojson::ids::CoId;
use cojson::sync::Segment;

use super::account_keys::{AccountKeys, Author, author_of};
use super::error::TransferError;
use super::record::Record;
use crate::storage::{LoadError, SessionOutline, Storage, Stretch};

/// The ids that are asked for at once.
const IDS_TOGETHER: usize = 1_000;
/// The bytes of changes that are read at once.
const READ_BYTES: usize = 1 << 20;

/// Who takes records.
pub trait Sink {
    /// Takes the next record.
    ///
    /// # Errors
    /// When no more can be taken at all.
    fn take(&mut self, record: Record) -> Result<(), TransferError>;
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Values.
    pub values: u64,
    /// Transactions.
    pub transactions: u64,
    /// Values and sessions that could not be read whole.
    pub damaged: u64,
}

/// Hands on every record of the store, and tells after each value how many are done.
///
/// # Errors
/// When the store does not answer, or no more is taken.
pub fn read_all(
    storage: &mut dyn Storage,
    sink: &mut dyn Sink,
    tell: &mut dyn FnMut(&Read),
) -> Result<Read, TransferError> {
    let mut reading = Reading {
        storage,
        sink,
        accounts: AccountKeys::default(),
        read: Read::default(),
    };
    let mut last = None;
    loop {
        let ids = reading.storage.ids(last.as_ref(), IDS_TOGETHER)?;
        for id in &ids {
            reading.value(id)?;
            tell(&reading.read);
        }
        match ids.into_iter().next_back() {
            Some(id) => last = Some(id),
            None => return Ok(reading.read),
        }
    }
}

struct Reading<'a> {
    storage: &'a mut dyn Storage,
    sink: &'a mut dyn Sink,
    accounts: AccountKeys,
    read: Read,
}

impl Reading<'_> {
    fn value(&mut self, id: &CoId) -> Result<(), TransferError> {
        let mut outline = match self.storage.outline(id) {
            Ok(Some(outline)) => outline,
            Ok(None) => return Ok(()),
            Err(error @ LoadError::DamagedHeader { .. }) => {
                self.damaged(id, &error);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        // In one order everywhere: what is the same makes the same records.
        let sessions = &mut outline.sessions;
        sessions.sort_by(|left, right| left.session.cmp(&right.session));
        for damage in &outline.damage {
            self.damaged(id, damage);
        }
        for session in &outline.sessions {
            self.author(session)?;
        }
        self.header(id, outline.header)?;
        for session in outline.sessions {
            self.session(id, &session)?;
        }
        self.read.values += 1;
        Ok(())
    }

    fn header(&mut self, id: &CoId, header: Header) -> Result<(), TransferError> {
        self.accounts.note(id, &header);
        self.sink.take(Record {
            id: id.clone(),
            header: Some(header),
            segment: None,
        })
    }

    /// Hands on the header of the account that signs a session, unless that was done lately.
    fn author(&mut self, session: &SessionOutline) -> Result<(), TransferError> {
        let Author::Account(account) = author_of(&session.session) else {
            return Ok(());
        };
        if self.accounts.get(&account).is_some() {
            return Ok(());
        }
        match self.storage.outline(&account) {
            Ok(Some(outline)) => self.header(&account, outline.header),
            // Told when its turn comes, and by whoever cannot verify the session.
            Ok(None) | Err(LoadError::DamagedHeader { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn session(&mut self, id: &CoId, outline: &SessionOutline) -> Result<(), TransferError> {
        let mut after = 0;
        while after < outline.count {
            let read = self.storage.read(id, &outline.session, after, READ_BYTES);
            let Stretch { pieces, damage } = read?;
            let before = after;
            for content in pieces {
                after = u32::try_from(content.end()).unwrap_or(u32::MAX);
                self.read.transactions += content.new_transactions.len() as u64;
                self.sink.take(Record {
                    id: id.clone(),
                    header: None,
                    segment: Some(Segment {
                        session: outline.session.clone(),
                        content,
                    }),
                })?;
            }
            if let Some(damage) = &damage {
                self.damaged(id, damage);
            }
            if damage.is_some() || after == before {
                break;
            }
        }
        Ok(())
    }

    fn damaged(&mut self, id: &CoId, what: &dyn std::fmt::Display) {
        self.read.damaged += 1;
        tracing::warn!(value = %id, "damaged in the store: {what}");
    }
}
