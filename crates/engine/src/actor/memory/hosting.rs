//! Who hosts an actor for messages from others, who is asked whether it lives, and how far each session's messages are handled.

use std::sync::Arc;

use cojson::ids::{CoId, SessionId};
use cojson::json::Json;

use super::{ASKED_PREFIX, CURSOR_PREFIX, HOST, Memory, PULSE_PREFIX};

/// How far a session's inbox messages are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// How many are.
    pub(crate) handled: u32,
    /// Whether they are just as many of its transactions, so that nobody needs to read those again.
    pub(crate) is_aligned: bool,
}

impl Cursor {
    pub(super) fn read(value: &Json) -> Self {
        match value {
            Json::Array(items) => Self {
                handled: items.first().map(to_count).unwrap_or_default(),
                is_aligned: false,
            },
            number => Self {
                handled: to_count(number),
                is_aligned: true,
            },
        }
    }

    pub(super) fn to_json(self) -> Json {
        if self.is_aligned {
            self.handled.into()
        } else {
            vec![self.handled.into()].into()
        }
    }
}

impl Memory {
    pub(super) fn read_asked(&mut self, session: SessionId, by: &Json) {
        if by.is_null() {
            self.asked.remove(&session);
        } else {
            self.asked.insert(session, by.clone());
        }
    }

    /// The session that hosts the actor for messages from others.
    pub(crate) fn host(&self) -> Option<SessionId> {
        SessionId::parse(self.host.as_str()?).ok()
    }

    /// Makes that session the host.
    pub(crate) fn set_host(&mut self, session: &SessionId) {
        self.host = session.as_str().into();
        self.unwritten.insert(HOST.into(), Some(self.host.clone()));
    }

    /// The sessions that are asked whether they live.
    pub(crate) fn asked(&self) -> impl Iterator<Item = &SessionId> {
        self.asked.keys()
    }

    /// Whether that session is asked.
    pub(crate) fn is_asked(&self, session: &SessionId) -> bool {
        self.asked.contains_key(session)
    }

    /// Asks a session whether it lives, or takes that back.
    pub(crate) fn set_asked(&mut self, session: &SessionId, by: Option<&SessionId>) {
        let by: Json = by.map_or(Json::Null, |by| by.as_str().into());
        if self.asked.get(session).is_none() && by.is_null() {
            return;
        }
        self.read_asked(session.clone(), &by);
        let key: Arc<str> = format!("{ASKED_PREFIX}{session}").into();
        if by.is_null() {
            self.unwrite(key);
        } else {
            self.unwritten.insert(key, Some(by));
        }
    }

    /// The value in which a session shows that it lives, if it was asked before.
    pub(crate) fn pulse(&self, session: &SessionId) -> Option<CoId> {
        CoId::parse(self.pulses.get(session.as_str())?.as_str()?).ok()
    }

    /// The sessions that show in that value that they live.
    pub(crate) fn pulses_in(&self, value: &CoId) -> Vec<SessionId> {
        let pulses = self.pulses.iter();
        let shown = pulses.filter(|(_, id)| id.as_str() == Some(value.as_str()));
        shown
            .filter_map(|(session, _)| SessionId::parse(session).ok())
            .collect()
    }

    /// Tells where a session shows that it lives, or that it does no more.
    pub(crate) fn set_pulse(&mut self, session: &SessionId, value: Option<&CoId>) {
        if self.pulse(session).as_ref() == value {
            return;
        }
        let told: Json = value.map_or(Json::Null, |id| id.as_str().into());
        self.pulses.insert(session.as_str().into(), told.clone());
        let key: Arc<str> = format!("{PULSE_PREFIX}{session}").into();
        match value {
            Some(_) => drop(self.unwritten.insert(key, Some(told))),
            None => self.unwrite(key),
        }
    }

    /// How many of a session's inbox messages are handled.
    pub(crate) fn cursor(&self, session: &SessionId) -> u32 {
        self.cursors.get(session).copied().unwrap_or_default()
    }

    pub(super) fn note_cursor(&mut self, session: &SessionId, cursor: Cursor) {
        self.cursors.insert(session.clone(), cursor.handled);
        if cursor.is_aligned {
            self.unaligned.remove(session);
        } else {
            self.unaligned.insert(session.clone());
        }
    }

    /// How far the messages of all sessions are handled.
    pub(crate) fn cursors(&self) -> impl Iterator<Item = (&SessionId, Cursor)> {
        self.cursors.iter().map(|(session, handled)| {
            let cursor = Cursor {
                handled: *handled,
                is_aligned: !self.unaligned.contains(session),
            };
            (session, cursor)
        })
    }

    /// Moves the cursor of a session's inbox messages.
    pub(crate) fn set_cursor(&mut self, session: &SessionId, cursor: Cursor) {
        self.note_cursor(session, cursor);
        self.unwritten.insert(
            format!("{CURSOR_PREFIX}{session}").into(),
            Some(cursor.to_json()),
        );
    }
}

fn to_count(value: &Json) -> u32 {
    let count = value.as_number().unwrap_or_default();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count; the cast saturates"
    )]
    let count = count as u32;
    count
}
