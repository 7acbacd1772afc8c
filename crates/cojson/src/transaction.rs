//! A transaction: one author's changes to one value, made at one time, encrypted or in the clear.
//!
//! Its wire form is its canonical form (known members only, in alphabetical order), which is what a session's hash
//! is fed. Changes and meta stay text here: what they mean is told by the views.

use std::sync::Arc;

use crate::ids::{KeyId, Timestamp};
use crate::json::writer::ObjectWriter;
use crate::json::{JsonError, Reader, Wire};

/// The longest changes of one transaction, as JSON text in bytes: 1 MiB. Longer ones are refused where they are made.
pub const TX_BYTES_MAX: usize = 1 << 20;

/// The longest changes that are taken from others: [`TX_BYTES_MAX`] in base64 with its prefix.
const RECEIVED_BYTES_MAX: usize = TX_BYTES_MAX.div_ceil(3) * 4 + "encrypted_U".len();

/// A transaction, as it is signed and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// Its changes are ciphertext.
    Private {
        /// When it was made, by its author's claim.
        made_at: Timestamp,
        /// The read key that opens it.
        key_used: KeyId,
        /// `encrypted_U…`
        encrypted_changes: Arc<str>,
        /// `encrypted_U…`, under the same key and nonce as the changes.
        meta: Option<Arc<str>>,
    },
    /// Its changes can be read by everyone.
    Trusting {
        /// When it was made, by its author's claim.
        made_at: Timestamp,
        /// A JSON array, as text.
        changes: Arc<str>,
        /// A JSON object, as text.
        meta: Option<Arc<str>>,
    },
}

impl Transaction {
    /// When it was made, by its author's claim.
    pub fn made_at(&self) -> Timestamp {
        match self {
            Self::Private { made_at, .. } | Self::Trusting { made_at, .. } => *made_at,
        }
    }

    /// Its meta: JSON text, or ciphertext in a private transaction.
    pub fn meta(&self) -> Option<&str> {
        match self {
            Self::Private { meta, .. } | Self::Trusting { meta, .. } => meta.as_deref(),
        }
    }

    /// How many bytes its changes and meta have.
    pub fn content_bytes(&self) -> usize {
        let changes = match self {
            Self::Private {
                encrypted_changes: changes,
                ..
            }
            | Self::Trusting { changes, .. } => changes,
        };
        changes.len() + self.meta().map_or(0, str::len)
    }

    /// Whether it is longer than any that an honest author makes.
    pub fn is_oversized(&self) -> bool {
        self.content_bytes() > RECEIVED_BYTES_MAX
    }
}

/// How many bytes the changes and meta of these have together.
pub fn content_bytes_of(transactions: &[Transaction]) -> usize {
    transactions.iter().map(Transaction::content_bytes).sum()
}

/// The members of both kinds. A transaction with the members of one kind and the name of the other is none.
#[derive(Default)]
struct Members {
    changes: Option<Arc<str>>,
    encrypted_changes: Option<Arc<str>>,
    key_used: Option<KeyId>,
    made_at: Option<Timestamp>,
    meta: Option<Arc<str>>,
    is_private: Option<bool>,
}

impl Members {
    fn read(
        &mut self,
        known_key: Option<&KeyId>,
        reader: &mut Reader<'_>,
        member: &str,
    ) -> Result<(), JsonError> {
        match member {
            "changes" => self.changes = Some(reader.shared_text()?),
            "encryptedChanges" => self.encrypted_changes = Some(reader.shared_text()?),
            "keyUsed" => {
                self.key_used =
                    reader.unless_null(|reader| KeyId::read_or_share(known_key, reader))?;
            }
            "madeAt" => self.made_at = Some(Timestamp(reader.count()?)),
            "meta" => self.meta = Some(reader.shared_text()?),
            "privacy" => self.is_private = Some(read_privacy(reader)?),
            _ => reader.skip()?,
        }
        Ok(())
    }
}

fn read_privacy(reader: &mut Reader<'_>) -> Result<bool, JsonError> {
    match &*reader.text()? {
        "private" => Ok(true),
        "trusting" => Ok(false),
        _ => Err(reader.error("private or trusting")),
    }
}

impl Transaction {
    /// Takes it from the text. The key's id is that of the transaction before it, if it is the same: a session has few.
    pub(crate) fn read_after(
        previous: Option<&Self>,
        reader: &mut Reader<'_>,
    ) -> Result<Self, JsonError> {
        let known_key = match previous {
            Some(Self::Private { key_used, .. }) => Some(key_used),
            _ => None,
        };
        let mut members = Members::default();
        reader.object(&mut |reader, member| members.read(known_key, reader, member))?;
        let made_at = reader.required(members.made_at, "madeAt")?;
        let is_private = reader.required(members.is_private, "privacy")?;
        let Members { meta, .. } = members;
        match (members.changes, members.encrypted_changes, members.key_used) {
            (None, Some(encrypted_changes), Some(key_used)) if is_private => Ok(Self::Private {
                made_at,
                key_used,
                encrypted_changes,
                meta,
            }),
            (Some(changes), None, None) if !is_private => Ok(Self::Trusting {
                made_at,
                changes,
                meta,
            }),
            _ => Err(reader.error(
                "a private transaction with encryptedChanges and keyUsed, or a trusting one with changes",
            )),
        }
    }
}

/// Known members only, in alphabetical order.
impl Wire for Transaction {
    fn read(reader: &mut Reader<'_>) -> Result<Self, JsonError> {
        Self::read_after(None, reader)
    }

    fn write(&self, out: &mut String) {
        out.reserve(self.content_bytes() + 160);
        let mut object = ObjectWriter::new(out);
        let (made_at, privacy) = match self {
            Self::Private {
                made_at,
                key_used,
                encrypted_changes,
                ..
            } => {
                object.text("encryptedChanges", Some(encrypted_changes));
                object.text("keyUsed", Some(key_used.as_str()));
                (made_at, "private")
            }
            Self::Trusting {
                made_at, changes, ..
            } => {
                object.text("changes", Some(changes));
                (made_at, "trusting")
            }
        };
        object.count("madeAt", made_at.0);
        object.text("meta", self.meta());
        object.text("privacy", Some(privacy));
        object.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_has_the_known_members_in_alphabetical_order() {
        for (wire, expected) in [
            (
                r#"{"privacy":"private","madeAt":12,"keyUsed":"key_z1","encryptedChanges":"encrypted_Uab==","unknownField":1}"#,
                r#"{"encryptedChanges":"encrypted_Uab==","keyUsed":"key_z1","madeAt":12,"privacy":"private"}"#,
            ),
            (
                r#"{"meta":"{\"a\":1}","privacy":"trusting","changes":"[\"é\\n\"]","madeAt":0}"#,
                r#"{"changes":"[\"é\\n\"]","madeAt":0,"meta":"{\"a\":1}","privacy":"trusting"}"#,
            ),
        ] {
            assert_eq!(Transaction::from_text(wire).unwrap().to_text(), expected);
        }
    }

    #[test]
    fn r11_a_transaction_that_is_none_is_refused() {
        for wire in [
            r#"{"privacy":"private","madeAt":1,"changes":"[]"}"#,
            r#"{"privacy":"trusting","madeAt":-1,"changes":"[]"}"#,
            r#"{"privacy":"trusting","madeAt":1.5,"changes":"[]"}"#,
            r#"{"privacy":"trusting","madeAt":1,"changes":[]}"#,
            r#"{"privacy":"trusting","madeAt":1,"changes":"[]","keyUsed":"key_z1"}"#,
            r#"{"privacy":"trusting","changes":"[]"}"#,
            r#"{"privacy":"private","madeAt":1,"keyUsed":"key_","encryptedChanges":"encrypted_U"}"#,
            r#"{"privacy":"open","madeAt":1,"changes":"[]"}"#,
        ] {
            assert!(Transaction::from_text(wire).is_err(), "{wire}");
        }
    }
}
