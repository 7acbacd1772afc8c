//! A transaction: one author's changes to one value, made at one time, encrypted or in the clear.
//!
//! Its wire form is its canonical form (known members only, in alphabetical order), which is what a session's hash
//! is fed. Changes and meta stay text here: what they mean is told by the views.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{KeyId, Timestamp};

/// The longest changes of one transaction, as JSON text in bytes: 1 MiB. Longer ones are refused where they are made.
pub const TX_BYTES_MAX: usize = 1 << 20;

/// The longest changes that are taken from others: [`TX_BYTES_MAX`] in base64 with its prefix.
const RECEIVED_BYTES_MAX: usize = TX_BYTES_MAX.div_ceil(3) * 4 + "encrypted_U".len();

/// A transaction, as it is signed and sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WireTransaction")]
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

    /// Appends what a session's hash is fed for this transaction.
    pub fn canonical_bytes(&self, bytes: &mut Vec<u8>) {
        bytes.reserve(self.content_bytes() + 160);
        // Writing to a Vec cannot fail, and neither can serializing texts and an integer.
        let _ = serde_json::to_writer(bytes, &WireRef::from(self));
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

/// The members of both kinds. A transaction with the members of one kind and the name of the other is none.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireTransaction {
    #[serde(default, deserialize_with = "shared_text")]
    changes: Option<Arc<str>>,
    #[serde(default, deserialize_with = "shared_text")]
    encrypted_changes: Option<Arc<str>>,
    #[serde(default)]
    key_used: Option<KeyId>,
    made_at: Timestamp,
    #[serde(default, deserialize_with = "shared_text")]
    meta: Option<Arc<str>>,
    privacy: Privacy,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Privacy {
    Private,
    Trusting,
}

/// The members in canonical order, borrowed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireRef<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted_changes: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_used: Option<&'a KeyId>,
    made_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<&'a str>,
    privacy: Privacy,
}

impl<'a> From<&'a Transaction> for WireRef<'a> {
    fn from(transaction: &'a Transaction) -> Self {
        let (changes, encrypted_changes, key_used, privacy) = match transaction {
            Transaction::Private {
                key_used,
                encrypted_changes,
                ..
            } => (
                None,
                Some(&**encrypted_changes),
                Some(key_used),
                Privacy::Private,
            ),
            Transaction::Trusting { changes, .. } => {
                (Some(&**changes), None, None, Privacy::Trusting)
            }
        };
        Self {
            changes,
            encrypted_changes,
            key_used,
            made_at: transaction.made_at(),
            meta: transaction.meta(),
            privacy,
        }
    }
}

impl Serialize for Transaction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WireRef::from(self).serialize(serializer)
    }
}

impl TryFrom<WireTransaction> for Transaction {
    type Error = &'static str;

    fn try_from(wire: WireTransaction) -> Result<Self, Self::Error> {
        let WireTransaction { made_at, meta, .. } = wire;
        match (
            wire.privacy,
            wire.changes,
            wire.encrypted_changes,
            wire.key_used,
        ) {
            (Privacy::Private, None, Some(encrypted_changes), Some(key_used)) => {
                Ok(Self::Private {
                    made_at,
                    key_used,
                    encrypted_changes,
                    meta,
                })
            }
            (Privacy::Trusting, Some(changes), None, None) => Ok(Self::Trusting {
                made_at,
                changes,
                meta,
            }),
            _ => Err(
                "a private transaction has encryptedChanges and keyUsed, a trusting one changes",
            ),
        }
    }
}

/// Text straight into its shared place, without a copy in between.
fn shared_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<str>>, D::Error> {
    struct SharedText;
    impl serde::de::Visitor<'_> for SharedText {
        type Value = Option<Arc<str>>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a string")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(text.into()))
        }
    }
    deserializer.deserialize_str(SharedText)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(transaction: &Transaction) -> String {
        let mut bytes = Vec::new();
        transaction.canonical_bytes(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

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
            let transaction: Transaction = serde_json::from_str(wire).unwrap();
            assert_eq!(canonical(&transaction), expected);
            assert_eq!(serde_json::to_string(&transaction).unwrap(), expected);
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
            assert!(serde_json::from_str::<Transaction>(wire).is_err(), "{wire}");
        }
    }
}
