//! How frames look on the wire: JSON text, or, with a client that asked for it, the same text deflated.
//!
//! A client asks by offering the subprotocol [`DEFLATE`]; one that offers none gets text, as genuine clients do. A deflated
//! frame is a binary message: one raw DEFLATE stream (RFC 1951) that begins with [`DICTIONARY`] as its window, so that also
//! a short frame is spared the protocol's words. Frames do not build on each other: a connection holds no window, and what
//! is deflated once can be sent to many. Text and deflated frames may follow each other in any order.
//!
//! What is inflated is bounded before it is there: by the longest frame that is allowed, and by
//! [`TIMES_MAX`] times what came. Who has a frame that would be more sends it as text.

use std::cell::RefCell;

use axum::extract::ws::{Message, Utf8Bytes};
use axum::http::HeaderValue;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::metrics::Traffic;

/// The subprotocol of deflated frames. Its number is the dictionary's too: another one would not be understood.
pub const DEFLATE: &str = "pleione-deflate-1";

/// The subprotocol of text, for clients that must be told what was chosen (a browser that offers something wants an answer).
pub const TEXT: &str = "pleione-text";

/// What every deflated frame may refer back to: the protocol's words in the order in which they usually come.
pub const DICTIONARY: &[u8] = br#"{"action":"load","id":"co_z","header":false,"sessions":{}}{"action":"known","id":"co_z","header":true,"sessions":{"co_z":0}}{"action":"content","id":"co_z","priority":3,"header":{"type":"comap","ruleset":{"type":"ownedByGroup","group":"co_z"},"meta":null,"createdAt":"2026-","uniqueness":"z"},"new":{"co_z_session_z":{"after":0,"newTransactions":[{"privacy":"trusting","madeAt":1795,"changes":"[{\"key\":\"\",\"op\":\"set\",\"value\":\"co_z\"}]"},{"encryptedChanges":"encrypted_U","keyUsed":"key_z","madeAt":1795,"privacy":"private"}],"lastSignature":"signature_z"}}}"#;

/// A frame may be so many times as long as what it was deflated to.
pub const TIMES_MAX: usize = 64;

/// A shorter frame stays text: there is nothing to be saved.
const TEXT_BYTES_MAX: usize = 128;

/// Measured with recorded traffic, frames of one transaction: level 1 leaves 65 % of the bytes in 5 us, 3 leaves 56 % in 15,
/// and 9 no less in twice the time.
const LEVEL: u32 = 3;

/// How much is inflated at once, and how far the room for it grows beyond what is there.
const STEP_BYTES: usize = 64 << 10;

thread_local! {
    /// One for all frames that this thread deflates: it takes more memory than a connection may.
    static DEFLATER: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(LEVEL), false));
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Text alone.
    Text,
    /// Text, or deflated where that is shorter.
    Deflate,
}

impl Wire {
    /// What a client may choose from, the best first.
    pub fn offered(is_deflate_on: bool) -> &'static [&'static str] {
        if is_deflate_on {
            &[DEFLATE, TEXT]
        } else {
            &[TEXT]
        }
    }

    /// What the subprotocol that was agreed on says.
    pub fn agreed(protocol: Option<&HeaderValue>) -> Self {
        if protocol.is_some_and(|protocol| protocol == DEFLATE) {
            Self::Deflate
        } else {
            Self::Text
        }
    }

    /// The message for a frame of this text, counted.
    pub fn message(self, text: Utf8Bytes, sent: &Traffic) -> Message {
        let deflated = (self == Self::Deflate).then(|| deflated(&text)).flatten();
        if let Some(bytes) = deflated {
            sent.count_deflated(bytes.len(), text.len());
            Message::binary(bytes)
        } else {
            sent.count_text(text.len());
            Message::Text(text)
        }
    }
}

/// A frame in short, or nothing if that would not be shorter, or too short to be inflated.
pub fn deflated(text: &str) -> Option<Vec<u8>> {
    if text.len() <= TEXT_BYTES_MAX {
        return None;
    }
    // What is not shorter is of no use, so there need not be room for it.
    let mut bytes = Vec::with_capacity(text.len());
    let status = DEFLATER.with_borrow_mut(|deflater| {
        deflater.reset();
        deflater.set_dictionary(DICTIONARY).ok()?;
        let finish = FlushCompress::Finish;
        deflater
            .compress_vec(text.as_bytes(), &mut bytes, finish)
            .ok()
    });
    let is_allowed = text.len() <= bytes.len().saturating_mul(TIMES_MAX);
    (status == Some(Status::StreamEnd) && is_allowed).then_some(bytes)
}

/// A deflated frame that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// It is longer than it may be. No more of it was inflated.
    #[error("a deflated frame of {bytes} bytes is more than {bytes_max} bytes of text")]
    TooLong {
        /// How long it came.
        bytes: usize,
        /// How long it might be.
        bytes_max: usize,
    },
    /// It is not DEFLATE's, cut off, or goes on behind its end.
    #[error("a deflated frame that cannot be inflated")]
    Malformed,
    /// What it holds is no text.
    #[error("a deflated frame that is no text")]
    NotText,
}

impl InflateError {
    /// A stable name for counters.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "inflates_too_far",
            Self::Malformed => "malformed_deflate",
            Self::NotText => "not_utf8",
        }
    }
}

/// The text of a deflated frame, which may be `bytes_max` long. Others are served in between.
///
/// # Errors
/// When it is longer, or cannot be inflated.
pub async fn inflated(bytes: &[u8], bytes_max: usize) -> Result<Utf8Bytes, InflateError> {
    let bytes_max = bytes.len().saturating_mul(TIMES_MAX).min(bytes_max);
    let mut inflater = Decompress::new(false);
    let dictionary = inflater.set_dictionary(DICTIONARY);
    dictionary.map_err(|_| InflateError::Malformed)?;
    let mut text = Vec::new();
    loop {
        // One byte more shows that there is more.
        text.reserve_exact(room(text.len(), bytes_max.saturating_add(1)));
        let before = (inflater.total_in(), text.len());
        let taken = usize::try_from(before.0).unwrap_or(usize::MAX);
        let rest = bytes.get(taken..).unwrap_or_default();
        let status = inflater.decompress_vec(rest, &mut text, FlushDecompress::None);
        let status = status.map_err(|_| InflateError::Malformed)?;
        if text.len() > bytes_max {
            let bytes = bytes.len();
            return Err(InflateError::TooLong { bytes, bytes_max });
        }
        if status == Status::StreamEnd {
            break;
        }
        if before == (inflater.total_in(), text.len()) {
            return Err(InflateError::Malformed);
        }
        tokio::task::consume_budget().await;
    }
    if inflater.total_in() != bytes.len() as u64 {
        return Err(InflateError::Malformed);
    }
    let text = String::from_utf8(text).map_err(|_| InflateError::NotText)?;
    Ok(text.into())
}

/// How much further the room grows: twofold, but at least a step, and never beyond the end.
fn room(length: usize, end: usize) -> usize {
    length.max(STEP_BYTES).min(end - length)
}

#[cfg(test)]
mod tests;
