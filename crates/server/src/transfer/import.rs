//! Taking records into a store: verified first, written in large commits.
//!
//! A value's id must be its header's hash, and every piece of a session must be signed by the session's author over all that
//! came before it. What fails is told and left out, and so is what follows it in the session; everything else comes in. The
//! records of a session are its log from the first transaction on, so what is in the store already is verified and
//! compared too.

use cojson::crypto::SignerId;
use cojson::ids::{CoId, SessionId};
use cojson::session_log::SessionLog;
use cojson::sync::{Segment, ValueWrite, WriteBatch, WriteId};
use cojson::transaction::Transaction;

use super::account_keys::{AccountKeys, Author, author_of};
use super::error::TransferError;
use super::record::Record;
use super::source::Sink;
use crate::storage::{LoadError, Storage, WriteError};

/// A commit is made of so many bytes of changes at most, unless one record alone has more.
const COMMIT_BYTES: usize = 4 << 20;
/// A commit is made of so many records at most.
const COMMIT_RECORDS: usize = 2_000;

/// What came in, or was there and is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Transactions.
    pub transactions: u64,
    /// Values and sessions that were refused, wholly or from some transaction on.
    pub refused: u64,
}

/// Takes records into a store.
pub struct Import<'a> {
    storage: &'a mut dyn Storage,
    accounts: AccountKeys,
    value: Option<CurrentValue>,
    /// The last session of which the store has another log.
    forked: Option<(CoId, SessionId)>,
    waiting: Vec<WriteBatch>,
    waiting_bytes: usize,
    imported: Imported,
}

/// The value whose records come.
struct CurrentValue {
    id: CoId,
    /// Its header came and is its own.
    has_header: bool,
    session: Option<CurrentSession>,
}

/// The session whose pieces come.
struct CurrentSession {
    id: SessionId,
    /// What verifies the next piece; none if an earlier one failed.
    verifier: Option<(SessionLog, SignerId)>,
}

/// Why a piece is not taken.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the header is that of {found}")]
    Header { found: CoId },
    #[error("its header is neither in the file nor in the store")]
    NoHeader,
    #[error("session {session}: the account that signs it is neither in the file nor in the store")]
    NoAccount { session: SessionId },
    #[error("session {session}: nobody can sign it")]
    NoSigner { session: SessionId },
    #[error("session {session}: {detail}")]
    Content { session: SessionId, detail: String },
    #[error(transparent)]
    Store(WriteError),
}

impl<'a> Import<'a> {
    /// Into this store.
    pub fn new(storage: &'a mut dyn Storage) -> Self {
        Self {
            storage,
            accounts: AccountKeys::default(),
            value: None,
            forked: None,
            waiting: Vec::new(),
            waiting_bytes: 0,
            imported: Imported::default(),
        }
    }

    /// What has come in so far, some of which is not durable yet.
    pub fn imported(&self) -> &Imported {
        &self.imported
    }

    /// Writes what still waits. What was imported is durable then.
    ///
    /// # Errors
    /// When the store takes no more.
    pub fn finish(mut self) -> Result<Imported, TransferError> {
        self.commit()?;
        Ok(self.imported)
    }

    fn enter_value(&mut self, id: &CoId) -> &mut CurrentValue {
        if self.value.as_ref().is_none_or(|value| value.id != *id) {
            self.value = None;
        }
        self.value.get_or_insert_with(|| CurrentValue {
            id: id.clone(),
            has_header: false,
            session: None,
        })
    }

    fn refuse(&mut self, id: &CoId, refusal: &Refusal) {
        self.imported.refused += 1;
        tracing::warn!(value = %id, "refused: {refusal}");
    }

    fn take_header(&mut self, record: &Record) -> bool {
        let Some(header) = &record.header else {
            return true;
        };
        let found = header.id();
        if found != record.id {
            self.refuse(&record.id, &Refusal::Header { found });
            return false;
        }
        self.accounts.note(&record.id, header);
        let value = self.enter_value(&record.id);
        value.has_header = true;
        true
    }

    /// Whether the record's piece follows what came of its session and is signed by its author. Without a piece it is.
    fn verify(&mut self, record: &Record) -> Result<bool, TransferError> {
        let Some(Segment { session, content }) = &record.segment else {
            return Ok(true);
        };
        if let Err(refusal) = self.enter_session(&record.id, session)? {
            self.refuse(&record.id, &refusal);
        }
        let value = self.value.as_mut();
        let Some(current) = value.and_then(|value| value.session.as_mut()) else {
            return Ok(false);
        };
        let Some((log, signer)) = &mut current.verifier else {
            return Ok(false);
        };
        let detail = match log.receive(content.clone(), signer) {
            Ok(_) => {
                log.shed(log.len());
                return Ok(true);
            }
            Err(error) => error.to_string(),
        };
        current.verifier = None;
        let session = session.clone();
        self.refuse(&record.id, &Refusal::Content { session, detail });
        Ok(false)
    }

    /// Makes the session the current one. A refusal is for the whole of it.
    fn enter_session(
        &mut self,
        id: &CoId,
        session: &SessionId,
    ) -> Result<Result<(), Refusal>, TransferError> {
        let current = self.value.as_ref().filter(|value| value.id == *id);
        let (has_header, entered) = current.map_or((false, None), |value| {
            (value.has_header, value.session.as_ref())
        });
        if entered.is_some_and(|entered| entered.id == *session) {
            return Ok(Ok(()));
        }
        let signer = if has_header || self.is_kept(id)? {
            self.signer_of(session)?
        } else {
            Err(Refusal::NoHeader)
        };
        let (verifier, result) = match signer {
            Ok(signer) => (Some((SessionLog::new(session.clone()), signer)), Ok(())),
            Err(refusal) => (None, Err(refusal)),
        };
        self.enter_value(id).session = Some(CurrentSession {
            id: session.clone(),
            verifier,
        });
        Ok(result)
    }

    fn is_kept(&mut self, id: &CoId) -> Result<bool, TransferError> {
        match self.storage.outline(id) {
            Ok(outline) => Ok(outline.is_some()),
            Err(LoadError::DamagedHeader { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn signer_of(
        &mut self,
        session: &SessionId,
    ) -> Result<Result<SignerId, Refusal>, TransferError> {
        let session = session.clone();
        let account = match author_of(&session) {
            Author::Signer(signer) => return Ok(Ok(signer)),
            Author::Nobody => return Ok(Err(Refusal::NoSigner { session })),
            Author::Account(account) => account,
        };
        if self.accounts.get(&account).is_none() {
            match self.storage.outline(&account) {
                Ok(Some(outline)) => self.accounts.note(&account, &outline.header),
                Ok(None) | Err(LoadError::DamagedHeader { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let signer = self.accounts.get(&account).cloned();
        Ok(signer.ok_or(Refusal::NoAccount { session }))
    }

    fn commit(&mut self) -> Result<(), TransferError> {
        let batches = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        if batches.is_empty() {
            return Ok(());
        }
        let results = self.storage.write(&batches);
        for (batch, result) in batches.iter().zip(results) {
            match result {
                Ok(()) => self.count(batch),
                Err(error @ WriteError::Database { .. }) => {
                    return Err(TransferError::Write(error));
                }
                Err(error) => self.refuse_stored(error),
            }
        }
        Ok(())
    }

    fn count(&mut self, batch: &WriteBatch) {
        for value in &batch.values {
            let pieces = value.segments.iter().map(|segment| &segment.content);
            let transactions = pieces.map(|content| content.new_transactions.len() as u64);
            self.imported.transactions += transactions.sum::<u64>();
        }
    }

    /// The store has another log of the session: told once, and no more of it is written.
    fn refuse_stored(&mut self, error: WriteError) {
        let fork = match &error {
            WriteError::Fork { id, session, .. } => Some((id.clone(), session.clone())),
            // Something was refused before it in the same commit: its echo.
            WriteError::Gap { .. } => return,
            WriteError::NoHeader { .. } | WriteError::Database { .. } => None,
        };
        let Some(id) = error.value().cloned() else {
            return;
        };
        if fork.is_some() && fork == self.forked {
            return;
        }
        let value = self.value.as_mut().filter(|value| value.id == id);
        if let Some(current) = value.and_then(|value| value.session.as_mut())
            && fork
                .as_ref()
                .is_some_and(|(_, session)| *session == current.id)
        {
            current.verifier = None;
        }
        self.forked = fork;
        self.refuse(&id, &Refusal::Store(error));
    }
}

impl Sink for Import<'_> {
    fn take(&mut self, record: Record) -> Result<(), TransferError> {
        if !self.take_header(&record) || !self.verify(&record)? {
            return Ok(());
        }
        let bytes = record.segment.as_ref().map_or(0, |segment| {
            let transactions = segment.content.new_transactions.iter();
            transactions.map(Transaction::content_bytes).sum()
        });
        self.waiting_bytes += bytes;
        self.waiting.push(WriteBatch {
            id: WriteId(0),
            values: vec![ValueWrite {
                id: record.id,
                header: record.header,
                erases: false,
                segments: record.segment.into_iter().collect(),
            }],
        });
        if self.waiting_bytes >= COMMIT_BYTES || self.waiting.len() >= COMMIT_RECORDS {
            self.commit()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
