//! Writing streams of bytes: a start, chunks, an end, each a transaction of its own.

use super::error::WriteError;
use super::writing::{Stamp, wrong_kind};
use super::{Change, NewValue, Node};
use crate::header::{Uniqueness, ValueType};
use crate::ids::CoId;
use crate::json::Json;
use crate::view::{BinaryInfo, BinaryItem};

/// How many bytes a chunk has, but for the last one: what the reference's clients take.
pub const BINARY_CHUNK_BYTES: usize = 100 * 1024;

impl NewValue {
    /// An empty stream of bytes.
    pub fn binary_stream(owner: CoId, uniqueness: Uniqueness) -> Self {
        Self {
            value_type: ValueType::CoStream,
            owner,
            uniqueness,
            meta: Json::object([("type", Json::from("binary"))]),
        }
    }
}

impl Node {
    /// Says what bytes will come.
    pub fn binary_start(
        &mut self,
        id: &CoId,
        info: BinaryInfo,
        stamp: Stamp,
    ) -> Result<(), WriteError> {
        self.binary_push(id, &BinaryItem::Start(info), stamp)
    }

    /// Adds bytes; cut them into pieces of [`BINARY_CHUNK_BYTES`].
    pub fn binary_chunk(
        &mut self,
        id: &CoId,
        bytes: Vec<u8>,
        stamp: Stamp,
    ) -> Result<(), WriteError> {
        self.binary_push(id, &BinaryItem::Chunk(bytes), stamp)
    }

    /// Says that these were all. What comes later nobody reads.
    pub fn binary_end(&mut self, id: &CoId, stamp: Stamp) -> Result<(), WriteError> {
        self.binary_push(id, &BinaryItem::End, stamp)
    }

    fn binary_push(
        &mut self,
        id: &CoId,
        item: &BinaryItem,
        stamp: Stamp,
    ) -> Result<(), WriteError> {
        self.writable(id, &[])?;
        if let Some(log) = self.log(id)
            && !log.header().is_binary_stream()
        {
            return Err(wrong_kind(id, &log.header().value_type, "binary costream"));
        }
        self.transact(id, &[Change::Item(item.to_json())], stamp)
            .map(drop)
    }
}
