//! One transaction of a log, opened: decrypted, parsed, its meta understood.
//!
//! Whether its author was allowed to make it is not asked here.

use std::sync::Arc;

use crate::crypto::{KeySecret, NonceMaterial, decrypt_text};
use crate::ids::{SessionId, Timestamp};
use crate::json::Json;
use crate::transaction::Transaction;
use crate::view::{MergeSource, Position, TransactionId};

/// What a transaction says.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// Its changes, in order; none if it holds no JSON array.
    pub(super) changes: Vec<Json>,
    /// What it says about itself.
    pub(super) meta: Json,
}

/// Opens a transaction; `None` if it is encrypted and the key is not there or does not fit.
pub(super) fn open(
    transaction: &Transaction,
    place: &NonceMaterial<'_>,
    key: Option<&KeySecret>,
) -> Option<Opened> {
    match transaction {
        Transaction::Trusting { changes, meta, .. } => Some(Opened {
            changes: parse_array(changes).unwrap_or_default(),
            meta: parse_meta(meta.as_deref()),
        }),
        Transaction::Private {
            encrypted_changes,
            meta,
            ..
        } => {
            let changes = decrypt_text(key?, place, encrypted_changes).ok()?;
            let meta = meta
                .as_deref()
                .and_then(|meta| decrypt_text(key?, place, meta).ok());
            Some(Opened {
                changes: parse_array(&changes)?,
                meta: parse_meta(meta.as_deref()),
            })
        }
    }
}

fn parse_array(text: &str) -> Option<Vec<Json>> {
    match Json::parse(text).ok()? {
        Json::Array(items) => Some(Arc::unwrap_or_clone(items)),
        _ => None,
    }
}

fn parse_meta(text: Option<&str>) -> Json {
    text.and_then(|text| Json::parse(text).ok())
        .unwrap_or_default()
}

/// Where a merged transaction comes from. Members that its meta leaves out are those of the transaction before it in
/// its session, which is how a merge of many saves space.
pub(super) fn merge_source(
    meta: &Json,
    made_at: Timestamp,
    previous: Option<&MergeSource>,
) -> Option<MergeSource> {
    let index = to_u32(meta.get("mi")?.as_number()?)?;
    let session = match meta.get("s").and_then(Json::as_str) {
        Some(session) => SessionId::parse(session).ok()?,
        None => previous?.position.id.session.clone(),
    };
    let branch = match meta.get("b") {
        Some(Json::String(branch)) => Arc::clone(branch),
        _ => previous.map_or_else(|| "".into(), |previous| Arc::clone(&previous.branch)),
    };
    let source_made_at = match meta.get("t").and_then(Json::as_number) {
        Some(ago_ms) if ago_ms != 0.0 => shift_back(made_at, ago_ms),
        _ => previous.map_or(made_at, |previous| previous.position.made_at),
    };
    let position = Position {
        made_at: source_made_at,
        id: TransactionId { session, index },
    };
    Some(MergeSource { position, branch })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a saturating cast: far too much becomes the very end, which is refused later"
)]
fn shift_back(made_at: Timestamp, ago_ms: f64) -> Timestamp {
    let shift_ms = ago_ms as i64;
    let unsigned = shift_ms.unsigned_abs();
    Timestamp(if shift_ms < 0 {
        made_at.0.saturating_add(unsigned)
    } else {
        made_at.0.saturating_sub(unsigned)
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be a whole number in range"
)]
fn to_u32(number: f64) -> Option<u32> {
    let is_index = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    is_index.then_some(number as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(meta: &str, previous: Option<&MergeSource>) -> Option<MergeSource> {
        merge_source(&Json::parse(meta).unwrap(), Timestamp(100), previous)
    }

    #[test]
    fn a_merged_transaction_is_named_and_dated_as_in_its_branch() {
        let first = source(
            r#"{"mi":3,"t":40,"s":"co_zA_session_z1","b":"co_zB"}"#,
            None,
        )
        .unwrap();
        assert_eq!(first.position.made_at, Timestamp(60));
        assert_eq!(first.position.id.session.as_str(), "co_zA_session_z1");
        assert_eq!((first.position.id.index, &*first.branch), (3, "co_zB"));

        let second = source(r#"{"mi":4}"#, Some(&first)).unwrap();
        assert_eq!(second.position.made_at, Timestamp(60));
        assert_eq!(second.position.id.index, 4);
        assert_eq!(second.position.id.session, first.position.id.session);
        assert_eq!(second.branch, first.branch);
    }

    #[test]
    fn meta_that_names_no_source_is_no_merge() {
        for meta in [
            "null",
            r#"{"branch":"draft"}"#,
            r#"{"mi":1}"#,
            r#"{"mi":-1,"s":"co_zA_session_z1"}"#,
            r#"{"mi":1.5,"s":"co_zA_session_z1"}"#,
            r#"{"mi":1,"s":"nobody"}"#,
        ] {
            assert!(source(meta, None).is_none(), "{meta}");
        }
    }

    #[test]
    fn a_source_may_claim_any_time_without_overflow() {
        let meta = r#"{"mi":1,"s":"co_zA_session_z1","t":-1e300}"#;
        let claimed = source(meta, None).unwrap();
        assert!(claimed.position.made_at > Timestamp(100));
    }
}
