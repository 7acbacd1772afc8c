//! A binary `CoStream`'s view: bytes that come in chunks, with what they are told at the start.
//!
//! Takes transactions in any order of arrival. The chunks are read in the total order, up to the first end: how much of
//! them has come is what a reader is told of the progress.

use std::sync::Arc;

use super::{Applied, Placed, Position, ValidTransaction, insert_in_order};
use crate::crypto::{decode_binary, encode_binary};
use crate::json::Json;

/// What the bytes are, as their writer says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BinaryInfo {
    /// Their media type.
    pub mime_type: Arc<str>,
    /// The name of the file that they come from.
    pub file_name: Option<Arc<str>>,
    /// How many there will be; a whole number.
    pub total_bytes: Option<f64>,
}

/// One item of the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum BinaryItem {
    /// `{type:"start",mimeType,fileName?,totalSizeBytes?}`
    Start(BinaryInfo),
    /// `{type:"chunk",chunk:"binary_U…"}`
    Chunk(Vec<u8>),
    /// `{type:"end"}`
    End,
}

impl BinaryItem {
    /// The item that this JSON stands for, if it is one.
    pub fn from_json(json: &Json) -> Option<Self> {
        match json.get("type")?.as_str()? {
            "start" => Some(Self::Start(BinaryInfo {
                mime_type: text(json, "mimeType").unwrap_or_default(),
                file_name: text(json, "fileName"),
                total_bytes: json.get("totalSizeBytes").and_then(Json::as_number),
            })),
            "chunk" => decode_binary(json.get("chunk")?.as_str()?).map(Self::Chunk),
            "end" => Some(Self::End),
            _ => None,
        }
    }

    /// As it is written into a transaction.
    pub fn to_json(&self) -> Json {
        let kind = |word: &str| ("type", Json::from(word));
        match self {
            Self::Start(info) => {
                Json::object(std::iter::once(kind("start")).chain(info.to_members()))
            }
            Self::Chunk(bytes) => {
                Json::object([kind("chunk"), ("chunk", encode_binary(bytes).into())])
            }
            Self::End => Json::object([kind("end")]),
        }
    }
}

impl BinaryInfo {
    fn to_members(&self) -> impl Iterator<Item = (&'static str, Json)> {
        let mime_type = ("mimeType", Arc::clone(&self.mime_type).into());
        let file_name = self.file_name.clone();
        std::iter::once(mime_type)
            .chain(file_name.map(|name| ("fileName", name.into())))
            .chain(
                self.total_bytes
                    .map(|bytes| ("totalSizeBytes", bytes.into())),
            )
    }
}

fn text(json: &Json, key: &str) -> Option<Arc<str>> {
    match json.get(key)? {
        Json::String(text) => Some(Arc::clone(text)),
        _ => None,
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Piece {
    position: Position,
    /// Its place among the transaction's changes.
    change: u32,
    item: BinaryItem,
}

impl Placed for Piece {
    fn place(&self) -> (&Position, u32) {
        (&self.position, self.change)
    }
}

/// The stream as its transactions make it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BinaryView {
    pieces: Vec<Piece>,
}

impl BinaryView {
    /// Takes a transaction; one that was taken before changes nothing. Always [`Applied::Shown`].
    pub fn apply(&mut self, transaction: &ValidTransaction) -> Applied {
        let position = transaction.position();
        for (change, json) in (0..).zip(&transaction.changes) {
            if let Some(item) = BinaryItem::from_json(json) {
                let piece = Piece {
                    position: position.clone(),
                    change,
                    item,
                };
                insert_in_order(&mut self.pieces, piece);
            }
        }
        Applied::Shown
    }

    /// What the bytes are, once that is known.
    pub fn info(&self) -> Option<&BinaryInfo> {
        let starts = self.items().filter_map(|item| match item {
            BinaryItem::Start(info) => Some(info),
            _ => None,
        });
        starts.last()
    }

    /// Whether all bytes are here.
    pub fn is_finished(&self) -> bool {
        self.items().any(|item| *item == BinaryItem::End)
    }

    /// The bytes that are here, in chunks.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.items().filter_map(|item| match item {
            BinaryItem::Chunk(bytes) => Some(bytes.as_slice()),
            _ => None,
        })
    }

    /// How many bytes are here.
    pub fn len(&self) -> usize {
        self.chunks().map(<[u8]>::len).sum()
    }

    /// Whether none are here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that are here.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.chunks().collect::<Vec<_>>().concat()
    }

    /// What the bytes are and how many of them are here: `{mimeType?, fileName?, totalSizeBytes?, loadedBytes, isFinished}`.
    pub fn to_json(&self) -> Json {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let loaded = self.len() as f64;
        let info = self.info().into_iter().flat_map(BinaryInfo::to_members);
        Json::object(info.chain([
            ("loadedBytes", loaded.into()),
            ("isFinished", self.is_finished().into()),
        ]))
    }

    /// What is read: all up to the first end, and the end.
    fn items(&self) -> impl Iterator<Item = &BinaryItem> {
        let mut is_over = false;
        let items = self.pieces.iter().map(|piece| &piece.item);
        items.take_while(move |item| !std::mem::replace(&mut is_over, **item == BinaryItem::End))
    }
}
