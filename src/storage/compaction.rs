//! Packing the many small segments of one session into few: a session that wrote a thousand times is read as a handful
//! of records.
//!
//! Segments are joined where one continues the other, up to the size at which a log may be cut for sending, so that
//! the signatures a peer needs stay. What overlaps is dropped; what does not continue is kept as it is.

use cojson::ids::CoId;
use cojson::transaction::content_bytes_of;

use super::SegmentRow;
use super::record::{Record, segment, segment_row};

/// How many bytes of changes one packed segment holds, about: less than the 100 KiB between two signatures that a peer
/// is sent.
const PACKED_BYTES_MAX: usize = 64 * 1024;

/// The rows that replace these records of one session, which come in the order of their first index; none if a record
/// cannot be read or nothing would be won.
pub(super) fn pack(id: &CoId, records: &[Vec<u8>]) -> Option<Vec<SegmentRow>> {
    let mut packed: Vec<Record> = Vec::new();
    for record in records {
        join(&mut packed, segment(record)?);
    }
    let rows = packed
        .iter()
        .map(|it| segment_row(id, &it.session, &it.content));
    (packed.len() < records.len()).then(|| rows.collect())
}

fn join(packed: &mut Vec<Record>, next: Record) {
    let Some(last) = packed.last_mut() else {
        packed.push(next);
        return;
    };
    let (end, next_end) = (last.content.end(), next.content.end());
    if next_end <= end {
        return;
    }
    let after = next.content.after as usize;
    let bytes = |record: &Record| content_bytes_of(&record.content.new_transactions);
    if after > end || bytes(last) + bytes(&next) > PACKED_BYTES_MAX {
        packed.push(next);
        return;
    }
    let fresh = next.content.new_transactions.into_iter().skip(end - after);
    last.content.new_transactions.extend(fresh);
    last.content.last_signature = next.content.last_signature;
}
