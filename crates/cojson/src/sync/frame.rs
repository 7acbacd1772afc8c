//! Frames: the text of one WebSocket message, which holds one sync message or several, a line each.
//!
//! Untrusted text is measured before it is parsed, and one bad line costs only itself. Pings, empty frames and the
//! unused `done` are read as nothing.

use super::limits::FrameLimits;
use super::message::SyncMessage;
use super::wire::{self, Envelope};
use crate::ids::Timestamp;
use crate::json::{JsonError, Reader};

/// A frame, or a line of it, that could not be read. The sender is not told: the protocol has no error message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The frame is too long and was not looked into.
    #[error("a frame of {bytes} bytes is over the limit of {bytes_max}")]
    FrameTooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// One message is too long and was not looked into.
    #[error("a message of {bytes} bytes is over the limit of {bytes_max}")]
    MessageTooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The frame holds too many messages; those after the limit were dropped.
    #[error("a frame holds more than {messages_max} messages")]
    TooManyMessages {
        /// The limit.
        messages_max: usize,
    },
    /// A message is not JSON, or nested too deeply.
    #[error("a message that is no JSON, at byte {at}")]
    NotJson {
        /// Where it ends to be: never a word of the message itself, as this ends up in logs.
        at: usize,
    },
    /// A message is JSON, but not of the form of its action.
    #[error("a message that is not of the form of its action, at byte {at}")]
    Malformed {
        /// Where it differs.
        at: usize,
    },
    /// A message has an action that we do not know.
    #[error("a message of an unknown action")]
    UnknownAction,
}

impl FrameError {
    /// A stable name for counters.
    pub fn code(&self) -> &'static str {
        match self {
            Self::FrameTooLarge { .. } => "frame_too_large",
            Self::MessageTooLarge { .. } => "message_too_large",
            Self::TooManyMessages { .. } => "too_many_messages",
            Self::NotJson { .. } => "not_json",
            Self::Malformed { .. } => "malformed",
            Self::UnknownAction => "unknown_action",
        }
    }
}

/// Reads the messages of one frame, in order, each or the reason why not.
pub fn decode_frame(frame: &str, limits: &FrameLimits) -> Vec<Result<SyncMessage, FrameError>> {
    frame_messages(frame, limits).collect()
}

/// The same, each message when it is asked for: a host may do something else between two of a long frame.
pub fn frame_messages(
    frame: &str,
    limits: &FrameLimits,
) -> impl Iterator<Item = Result<SyncMessage, FrameError>> {
    let limits = *limits;
    let too_large = (frame.len() > limits.frame_bytes_max).then_some(FrameError::FrameTooLarge {
        bytes: frame.len(),
        bytes_max: limits.frame_bytes_max,
    });
    let frame = if too_large.is_none() { frame } else { "" };
    let messages_max = limits.frame_messages_max;
    let lines = frame.split('\n').take(messages_max.saturating_add(1));
    let messages = lines.enumerate().filter_map(move |(place, line)| {
        if place < messages_max {
            decode_message(line, &limits).transpose()
        } else {
            Some(Err(FrameError::TooManyMessages { messages_max }))
        }
    });
    too_large.into_iter().map(Err).chain(messages)
}

/// One frame of these messages, a line each.
pub fn encode_frame<'a>(messages: impl IntoIterator<Item = &'a SyncMessage>) -> String {
    let mut frame = String::new();
    for message in messages {
        if !frame.is_empty() {
            frame.push('\n');
        }
        wire::write_message(&mut frame, message);
    }
    frame
}

/// The keep-alive that a server sends every 1.5 s; clients drop a connection that is silent for 10 s.
pub fn encode_ping(now: Timestamp, server: &str) -> String {
    let server = crate::json::to_stable_string(&server.into());
    format!(r#"{{"type":"ping","time":{},"dc":{server}}}"#, now.0)
}

fn decode_message(line: &str, limits: &FrameLimits) -> Result<Option<SyncMessage>, FrameError> {
    if line.is_empty() {
        return Ok(None);
    }
    if line.len() > limits.message_bytes_max {
        return Err(FrameError::MessageTooLarge {
            bytes: line.len(),
            bytes_max: limits.message_bytes_max,
        });
    }
    if let Some(message) = decode_at_once(line) {
        return Ok(Some(message));
    }
    let envelope = Envelope::read(line).map_err(|error| unreadable(line, &error))?;
    let read = match (envelope.action.as_deref(), envelope.kind.as_deref()) {
        (Some("done"), _) | (None, Some("ping")) => return Ok(None),
        (action, _) => action.and_then(wire::reader_of),
    };
    let read = read.ok_or(FrameError::UnknownAction)?;
    read(&mut Reader::new(line), &mut |reader, _| reader.skip())
        .map(Some)
        .map_err(|error| unreadable(line, &error))
}

/// Reads a message in one pass if it begins with its action, as everybody writes it; `None` if it does not, or if anything
/// is wrong with it.
fn decode_at_once(line: &str) -> Option<SyncMessage> {
    let (action, _) = line.strip_prefix(r#"{"action":""#)?.split_once('"')?;
    let read = wire::reader_of(action)?;
    let mut reader = Reader::new(line);
    let message = read(&mut reader, &mut |reader, member| {
        // Of two actions the last counts.
        if member == "action" && *reader.text()? == *action {
            Ok(())
        } else if member == "action" {
            Err(reader.error("one action"))
        } else {
            reader.skip()
        }
    });
    reader.end().ok()?;
    message.ok()
}

/// Whether it is JSON at all is looked at only when something is wrong with it.
fn unreadable(line: &str, error: &JsonError) -> FrameError {
    let mut reader = Reader::new(line);
    match reader.skip().and_then(|()| reader.end()) {
        Ok(()) => FrameError::Malformed { at: error.at },
        Err(error) => FrameError::NotJson { at: error.at },
    }
}
