//! A log's pieces: where it can be cut for sending, and taking it back in from our own storage.

use super::stage::new_part;
use super::{CHECKPOINT_BYTES, SessionContent, SessionLog, StageError, count};
use crate::crypto::Signature;
use crate::transaction::Transaction;

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
        let bytes: usize = covered.iter().map(Transaction::content_bytes).sum();
        self.pending_bytes = self.pending_bytes.saturating_add(bytes);
        if self.pending_bytes > CHECKPOINT_BYTES {
            self.signatures.push((end, signature));
            self.pending_bytes = 0;
        }
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
        let mut pieces: Vec<SessionContent> = Vec::new();
        let mut piece_bytes = 0;
        let mut start = have;
        for (end, signature) in self.signatures_after(have) {
            let range = start as usize..end as usize;
            let part = self.transactions.get(range).unwrap_or_default();
            let part_bytes: usize = part.iter().map(Transaction::content_bytes).sum();
            match pieces.last_mut() {
                Some(last) if piece_bytes + part_bytes <= bytes_max => {
                    last.new_transactions.extend_from_slice(part);
                    last.last_signature = signature;
                    piece_bytes += part_bytes;
                }
                _ => {
                    pieces.push(SessionContent {
                        after: start,
                        new_transactions: part.to_vec(),
                        last_signature: signature,
                    });
                    piece_bytes = part_bytes;
                }
            }
            start = end;
        }
        pieces
    }

    /// Takes back what our own storage kept: its signature was checked before it was stored. The part that is there
    /// already is dropped; the number of transactions that were new is returned.
    pub fn restore(&mut self, content: SessionContent) -> Result<u32, StageError> {
        let signature = content.last_signature;
        let new = new_part(self.len(), content)?;
        let start = self.transactions.len();
        self.transactions.extend(new);
        let end = self.len();
        let covered_start = self.signed_len() as usize;
        let covered = self.transactions.get(covered_start..).unwrap_or_default();
        self.checkpoints.note(end, covered, signature);
        self.signed = Some((end, signature));
        Ok(end - count(start))
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
