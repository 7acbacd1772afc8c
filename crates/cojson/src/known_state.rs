//! What a replica has of a value: its header or not, and a count of transactions per session.
//!
//! Counts suffice, because a session is one linear, signed log: who has more of it has all that others have.

use crate::collections::SortedMap;
use crate::crypto::short_hash;
use crate::ids::{CoId, SessionId};
use crate::json::writer::{ObjectWriter, write_boolean};
use crate::json::{Json, JsonError, Reader, Wire as _, to_stable_string};

/// What a replica has of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownState {
    /// The value.
    pub id: CoId,
    /// Whether the header is there.
    pub header: bool,
    /// How many transactions of each session are there.
    pub sessions: SortedMap<SessionId, u32>,
}

impl KnownState {
    /// Nothing of it.
    pub fn empty(id: CoId) -> Self {
        Self {
            id,
            header: false,
            sessions: SortedMap::new(),
        }
    }

    /// How many transactions of a session are there.
    pub fn count(&self, session: &SessionId) -> u32 {
        self.sessions.get(session).copied().unwrap_or_default()
    }

    /// Takes in that at least this many transactions of a session are there.
    pub fn raise(&mut self, session: &SessionId, count: u32) {
        if count > self.count(session) {
            self.sessions.insert(session.clone(), count);
        }
    }

    /// Takes in what is in either: the greater count of each session.
    pub fn merge(&mut self, other: &Self) {
        self.header |= other.header;
        for (session, count) in &other.sessions {
            self.raise(session, *count);
        }
    }

    /// The sessions of which this has more than the other, each with the other's count.
    pub fn missing_from(&self, other: &Self) -> SortedMap<SessionId, u32> {
        self.sessions
            .iter()
            .filter(|(session, count)| **count > other.count(session))
            .map(|(session, _)| (session.clone(), other.count(session)))
            .collect()
    }

    /// Whether the other has all that this has.
    pub fn is_covered_by(&self, other: &Self) -> bool {
        (other.header || !self.header)
            && self
                .sessions
                .iter()
                .all(|(session, count)| *count <= other.count(session))
    }

    /// How many transactions there are in all.
    pub fn transaction_count(&self) -> u64 {
        self.sessions.values().map(|count| u64::from(*count)).sum()
    }

    /// The short hash of the counts, which reconciliation compares.
    pub fn sessions_hash(&self) -> String {
        let counts = self
            .sessions
            .iter()
            .map(|(session, count)| (session.as_str(), Json::from(*count)));
        short_hash(to_stable_string(&Json::object(counts)).as_bytes())
    }
}

impl KnownState {
    /// Reads it with the members of the message that it stands in, which the function is handed.
    pub(crate) fn read_among(
        reader: &mut Reader<'_>,
        other: &mut dyn FnMut(&mut Reader<'_>, &str) -> Result<(), JsonError>,
    ) -> Result<Self, JsonError> {
        let (mut id, mut header, mut sessions) = (None, None, None);
        reader.object(&mut |reader, member| {
            match member {
                "id" => id = Some(CoId::read(reader)?),
                "header" => header = Some(reader.boolean()?),
                "sessions" => sessions = Some(SortedMap::read(reader)?),
                _ => other(reader, member)?,
            }
            Ok(())
        })?;
        Ok(Self {
            id: reader.required(id, "id")?,
            header: reader.required(header, "header")?,
            sessions: reader.required(sessions, "sessions")?,
        })
    }

    /// Writes its members into the message that it stands in.
    pub(crate) fn write_among(&self, object: &mut ObjectWriter<'_>) {
        self.id.write(object.member("id"));
        write_boolean(object.member("header"), self.header);
        self.sessions.write(object.member("sessions"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(header: bool, counts: &[(&str, u32)]) -> KnownState {
        KnownState {
            id: CoId::parse("co_zA").unwrap(),
            header,
            sessions: counts
                .iter()
                .map(|(author, count)| (session(author), *count))
                .collect(),
        }
    }

    fn session(author: &str) -> SessionId {
        SessionId::parse(&format!("co_z{author}_session_z1")).unwrap()
    }

    #[test]
    fn r10_merging_takes_the_greater_count_in_any_order() {
        let one = state(false, &[("A", 1), ("B", 5)]);
        let other = state(true, &[("A", 3), ("C", 2)]);
        let both = state(true, &[("A", 3), ("B", 5), ("C", 2)]);
        for (mut first, second) in [(one.clone(), &other), (other.clone(), &one)] {
            first.merge(second);
            assert_eq!(first, both);
            assert!(second.is_covered_by(&first));
        }
        assert!(!both.is_covered_by(&one));
        assert_eq!(both.transaction_count(), 10);
    }

    #[test]
    fn what_is_missing_says_what_the_other_has() {
        let ours = state(true, &[("A", 3), ("B", 5)]);
        let theirs = state(true, &[("A", 1), ("C", 9)]);
        let missing = ours.missing_from(&theirs);
        assert_eq!(missing, [(session("A"), 1), (session("B"), 0)].into());
    }
}
