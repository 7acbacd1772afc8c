//! A log's pieces: where it can be cut for sending, and taking it back in from our own storage.

use super::stage::new_part;
use super::{CHECKPOINT_BYTES, SessionContent, SessionLog, StageError};
use crate::crypto::Signature;
use crate::transaction::{Transaction, content_bytes_of};

/// The signatures within a log at which it can be cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Checkpoints {
    /// How many transactions each covers, ascending.
    signatures: Vec<(u32, Signature)>,
    /// Bytes of changes since the last one.
    pending_bytes: usize,
}

impl Checkpoints {
    /// Takes in a signature over newly covered transactions. It is kept if they crossed the line.
    pub(super) fn note(&mut self, end: u32, covered: &[Transaction], signature: Signature) {
        let bytes = content_bytes_of(covered);
        self.pending_bytes = self.pending_bytes.saturating_add(bytes);
        if self.pending_bytes > CHECKPOINT_BYTES {
            self.signatures.push((end, signature));
            self.pending_bytes = 0;
        }
    }

    /// Forgets those within what is no longer in memory.
    pub(super) fn shed(&mut self, start: u32) {
        let gone = self.signatures.partition_point(|(end, _)| *end <= start);
        self.signatures.drain(..gone);
    }

    /// Forgets those beyond an end.
    pub(super) fn truncate(&mut self, end: u32) {
        let kept = self.signatures.partition_point(|(at, _)| *at <= end);
        self.signatures.truncate(kept);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.signatures.len()
    }

    /// How many of these transactions it takes to cross the line; all, if they do not.
    pub(super) fn transactions_to_next(&self, tail: &[Transaction]) -> usize {
        let mut bytes = self.pending_bytes;
        tail.iter()
            .position(|transaction| {
                bytes = bytes.saturating_add(transaction.content_bytes());
                bytes > CHECKPOINT_BYTES
            })
            .map_or(tail.len(), |crossing| crossing + 1)
    }
}

impl SessionLog {
    /// What a peer that has `have` transactions lacks, in pieces that end at a signature: each as long as fits in
    /// `bytes_max` bytes of changes, or longer where no signature comes earlier. Unsigned transactions stay out.
    pub fn content_since(&self, have: u32, bytes_max: usize) -> Vec<SessionContent> {
        self.pieces_since(have, bytes_max).collect()
    }

    /// The same, cut one by one. None, if what the peer has ends before what is in memory.
    pub fn pieces_since(
        &self,
        have: u32,
        bytes_max: usize,
    ) -> impl Iterator<Item = SessionContent> {
        let is_here = have >= self.start;
        let signatures = is_here.then(|| self.signatures_after(have));
        let mut signatures = signatures.into_iter().flatten().peekable();
        let mut after = have;
        std::iter::from_fn(move || {
            let (mut end, mut last_signature) = signatures.next()?;
            let mut bytes = content_bytes_of(self.between(after, end));
            while let Some((next, signature)) = signatures.peek().copied() {
                bytes = bytes.saturating_add(content_bytes_of(self.between(end, next)));
                if bytes > bytes_max {
                    break;
                }
                (end, last_signature) = (next, signature);
                signatures.next();
            }
            let piece = SessionContent {
                after,
                new_transactions: self.between(after, end).to_vec(),
                last_signature,
            };
            after = end;
            Some(piece)
        })
    }

    /// Takes back what our own storage kept: its signature was checked before it was stored. The part that is there
    /// already is dropped; the number of transactions that were new is returned.
    pub fn restore(&mut self, content: SessionContent) -> Result<u32, StageError> {
        let signature = content.last_signature;
        let before = self.len();
        let new = new_part(before, content)?;
        self.extend(new);
        self.sign_up_to_end(signature);
        Ok(self.len() - before)
    }

    /// All that is here is covered by this signature.
    pub(super) fn sign_up_to_end(&mut self, signature: Signature) {
        let end = self.len();
        let covered = self.range(self.signed_len(), end);
        let covered = self.transactions.get(covered).unwrap_or_default();
        self.checkpoints.note(end, covered, signature);
        self.signed = Some((end, signature));
    }

    /// The checkpoints and the newest signature, as far as they cover more than `have`.
    fn signatures_after(&self, have: u32) -> impl Iterator<Item = (u32, Signature)> {
        let signatures = &self.checkpoints.signatures;
        let first = signatures.partition_point(|(end, _)| *end <= have);
        let last_checkpoint = signatures.last().map_or(0, |(end, _)| *end);
        let newest = self
            .signed
            .filter(|(end, _)| *end > have && *end > last_checkpoint);
        signatures
            .get(first..)
            .unwrap_or_default()
            .iter()
            .copied()
            .chain(newest)
    }
}
