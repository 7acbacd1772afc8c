//! Packing pieces of sessions into messages: of bounded size, a session at most once in each, the header first.

use super::message::ContentMessage;
use crate::collections::SortedMap;
use crate::header::Header;
use crate::ids::SessionId;
use crate::known_state::KnownState;
use crate::session_log::SessionContent;
use crate::transaction::content_bytes_of;
use crate::value_log::ValueLog;

/// Messages that are being filled.
pub(super) struct Packing<'a> {
    log: &'a ValueLog,
    messages: Vec<ContentMessage>,
    /// The bytes in the last message.
    bytes: usize,
    message_bytes_max: usize,
    /// How many more bytes are wanted in all.
    bytes_left: usize,
}

impl<'a> Packing<'a> {
    /// Messages of about `message_bytes_max` bytes each for a peer, of about `bytes_max` in all.
    pub(super) fn new(
        log: &'a ValueLog,
        believed: &KnownState,
        message_bytes_max: usize,
        bytes_max: usize,
    ) -> Self {
        let mut packing = Self {
            log,
            messages: Vec::new(),
            bytes: 0,
            message_bytes_max,
            bytes_left: bytes_max,
        };
        if !believed.header {
            packing.open(Some(log.header().clone()));
        }
        packing
    }

    /// Takes a piece in. Returns whether there is room for more.
    pub(super) fn add(&mut self, session: &SessionId, piece: SessionContent) -> bool {
        let bytes = content_bytes_of(&piece.new_transactions);
        let fits = self.messages.last().is_some_and(|message| {
            let is_within = self.bytes.saturating_add(bytes) <= self.message_bytes_max;
            message.new.is_empty() || (is_within && !message.new.contains_key(session))
        });
        if !fits {
            self.open(None);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        if let Some(message) = self.messages.last_mut() {
            message.new.insert(session.clone(), piece);
        }
        !self.is_full()
    }

    /// Takes pieces in until there is no room for more.
    pub(super) fn add_all(
        &mut self,
        session: &SessionId,
        pieces: impl Iterator<Item = SessionContent>,
    ) {
        for piece in pieces {
            if !self.add(session, piece) {
                break;
            }
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes_left == 0
    }

    /// The messages; without one that has nothing but the header, if that is not wanted.
    pub(super) fn finish(mut self, drops_bare_header: bool) -> Vec<ContentMessage> {
        if drops_bare_header && matches!(&self.messages[..], [only] if only.new.is_empty()) {
            self.messages.clear();
        }
        self.messages
    }

    fn open(&mut self, header: Option<Header>) {
        self.bytes = 0;
        self.messages.push(ContentMessage {
            id: self.log.id().clone(),
            header,
            priority: self.log.header().priority() as u8,
            new: SortedMap::new(),
            expect_content_until: None,
        });
    }
}
