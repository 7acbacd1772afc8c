//! The ids of CoJSON's things, each a type of its own, checked once where it enters.
//!
//! An id is shared text: cloning counts a reference. What an id is the hash of is told where that thing lives
//! (`header`, `session_log`, `crypto`), not here.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::json::{JsonError, Reader, Wire, quoted, writer};

/// The longest id that is read: an agent's session, with room to spare. Longer text is refused unparsed.
pub const ID_BYTES_MAX: usize = 256;

/// Text that is not an id of the kind that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {}", quoted(found))]
pub struct IdError {
    /// The form that was expected.
    pub expected: &'static str,
    /// What stood there, cut to 64 characters.
    pub found: String,
}

impl IdError {
    fn new(expected: &'static str, found: &str) -> Self {
        Self {
            expected,
            found: found.chars().take(64).collect(),
        }
    }
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(Arc<str>);

        /// By the letters of their texts; what is shared is not read.
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                if Arc::ptr_eq(&self.0, &other.0) {
                    Ordering::Equal
                } else {
                    self.0.cmp(&other.0)
                }
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $name {
            /// Takes the text for an id, if it has the form of one.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if text.len() <= ID_BYTES_MAX && is_valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError::new($expected, text))
                }
            }

            /// Takes text that was just put together from an id's parts, unchecked.
            pub(crate) fn from_parts(text: String) -> Self {
                debug_assert!(Self::parse(&text).is_ok(), "{text}");
                Self(text.into())
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&$name> for Arc<str> {
            fn from(id: &$name) -> Self {
                Arc::clone(&id.0)
            }
        }

        impl $name {
            /// Takes it from the text; one that is known already is shared, and not looked at letter by letter.
            pub(crate) fn read_or_share(
                known: Option<&Self>,
                reader: &mut Reader<'_>,
            ) -> Result<Self, JsonError> {
                let text = reader.text()?;
                match known {
                    Some(known) if *known.0 == *text => Ok(known.clone()),
                    _ => Self::parse(&text).map_err(|error| reader.error(error.to_string())),
                }
            }
        }

        impl Wire for $name {
            fn read(reader: &mut Reader<'_>) -> Result<Self, JsonError> {
                Self::read_or_share(None, reader)
            }

            fn write(&self, out: &mut String) {
                writer::write_text(out, &self.0);
            }
        }
    };
}

id_type!(
    /// A value's id: `co_z` and the base58 of the first 19 bytes of its header's BLAKE3 hash.
    CoId,
    "a value's id (co_z…)",
    |text| text.strip_prefix("co_z").is_some_and(is_base58)
);

id_type!(
    /// An agent's public identity: `sealer_z…/signer_z…`.
    AgentId,
    "an agent's id (sealer_z…/signer_z…)",
    is_agent_id
);

id_type!(
    /// A session: one linear, signed log per value, by one running node of one author.
    SessionId,
    "a session's id (<account or agent>_session_z…)",
    |text| split_session(text).is_some_and(|(author, _)| is_co_id(author) || is_agent_id(author))
);

id_type!(
    /// The id of a symmetric read key: `key_z…`.
    KeyId,
    "a key's id (key_z…)",
    |text| text.strip_prefix("key_z").is_some_and(is_base58)
);

impl SessionId {
    /// Who writes in this session: the text of an account's id or of an agent's.
    pub fn author(&self) -> &str {
        split_author(&self.0).map_or("", |(author, _)| author)
    }

    /// The same session under another author: what a node writes to an account itself is written as its agent.
    pub fn with_author(&self, author: &str) -> Result<Self, IdError> {
        let (_, rest) = split_session(&self.0).unwrap_or_default();
        Self::parse(&format!("{author}_session{rest}"))
    }

    /// Whether it is a delete session (`…_session_d…$`), which holds nothing but a tombstone.
    pub fn is_delete(&self) -> bool {
        self.0.as_bytes().last() == Some(&b'$') && self.0.contains("_session_d")
    }

    /// Whether it is a delete session of that account.
    pub fn is_deletion_by(&self, account: &CoId) -> bool {
        self.is_delete() && self.author() == account.as_str()
    }
}

/// The author and what follows `_session`.
fn split_session(text: &str) -> Option<(&str, &str)> {
    let (author, rest) = split_author(text)?;
    let is_live = rest.strip_prefix("_z").is_some_and(is_base58);
    let is_delete = rest
        .strip_prefix("_d")
        .and_then(|rest| rest.strip_suffix('$'))
        .is_some_and(is_base58);
    (is_live || is_delete).then_some((author, rest))
}

/// The text before the first `_session` and what follows it. By hand, as it is asked for at every transaction.
fn split_author(text: &str) -> Option<(&str, &str)> {
    let word = "_session";
    let mut places = text.bytes().enumerate().filter(|(_, byte)| *byte == b'_');
    places.find_map(|(place, _)| {
        let (author, rest) = text.split_at_checked(place)?;
        Some((author, rest.strip_prefix(word)?))
    })
}

fn is_co_id(text: &str) -> bool {
    text.strip_prefix("co_z").is_some_and(is_base58)
}

fn is_agent_id(text: &str) -> bool {
    text.split_once('/').is_some_and(|(sealer, signer)| {
        sealer.strip_prefix("sealer_z").is_some_and(is_base58)
            && signer.strip_prefix("signer_z").is_some_and(is_base58)
    })
}

fn is_base58(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l'))
}

/// A time in milliseconds since 1970, as an author claims it or as the host's clock says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// When foundings are dated: a thing that every device can make alike (an account's own group, a named value's
    /// first content) is dated here, so that making it again never overrides what came later.
    pub const FOUNDING: Self = Self(1);

    /// This many milliseconds later.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_names_its_author() {
        let session = SessionId::parse("co_zdMvTPAA_session_zAB5kNa6XbP8").unwrap();
        assert_eq!(session.author(), "co_zdMvTPAA");
        let as_agent = session.with_author("sealer_zA/signer_zB").unwrap();
        assert_eq!(
            as_agent.as_str(),
            "sealer_zA/signer_zB_session_zAB5kNa6XbP8"
        );
        assert!(!session.is_delete());
        assert!(SessionId::parse("co_zA_session_d123$").unwrap().is_delete());
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        for text in [
            "",
            "co_z",
            "co_zO0",
            "co_xabc",
            "co_z\u{e9}",
            &"co_z1".repeat(100),
        ] {
            assert!(CoId::parse(text).is_err(), "{text}");
        }
        for text in [
            "co_zA_session_d123",
            "nobody_session_z12",
            "co_zA_session_x1",
        ] {
            assert!(SessionId::parse(text).is_err(), "{text}");
        }
    }
}
