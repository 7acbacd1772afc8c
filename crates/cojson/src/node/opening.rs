//! One transaction of a log, opened: decrypted, parsed, its meta understood.
//!
//! Whether its author was allowed to make it is not asked here.

use std::sync::Arc;

use crate::crypto::{KeySecret, SessionNonces, decrypt_into};
use crate::ids::{CoId, SessionId, Timestamp};
use crate::json::{Json, Reader};
use crate::transaction::Transaction;
use crate::view::{MapChange, Position, TransactionId};

/// What a transaction says.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// Its changes, in order; none if it holds no JSON array.
    pub(super) changes: Vec<Json>,
    /// In their stead, where a map alone is made of them: what it understands, at its place among them.
    pub(super) map_changes: Vec<Option<MapChange>>,
    /// What it says about itself.
    pub(super) meta: Json,
}

/// Opens the transactions of one session, in one place in memory.
pub(super) struct Opener {
    reads_map: bool,
    nonces: SessionNonces,
    plaintext: Vec<u8>,
}

impl Opener {
    pub(super) fn new(value: &CoId, session: &SessionId, reads_map: bool) -> Self {
        Self {
            reads_map,
            nonces: SessionNonces::new(value, session),
            plaintext: Vec::new(),
        }
    }

    /// Opens the transaction at a place; `None` if it is encrypted and the key is not there or does not fit.
    pub(super) fn open(
        &mut self,
        transaction: &Transaction,
        index: u32,
        key: Option<&KeySecret>,
    ) -> Option<Opened> {
        match transaction {
            Transaction::Trusting { changes, meta, .. } => Some(Opened {
                meta: parse_meta(meta.as_deref()),
                ..read_changes(changes, self.reads_map).unwrap_or_default()
            }),
            Transaction::Private {
                encrypted_changes,
                meta,
                ..
            } => {
                let (key, nonce, place) = (key?, self.nonces.at(index), &mut self.plaintext);
                let changes = decrypt_into(place, key, &nonce, encrypted_changes).ok()?;
                let opened = read_changes(changes, self.reads_map)?;
                let meta = meta.as_deref();
                let meta = meta.and_then(|meta| decrypt_into(place, key, &nonce, meta).ok());
                Some(Opened {
                    meta: parse_meta(meta),
                    ..opened
                })
            }
        }
    }
}

/// What stands in the text of changes, if that is a JSON array.
fn read_changes(text: &str, reads_map: bool) -> Option<Opened> {
    let mut opened = Opened::default();
    let mut reader = Reader::new(text);
    if reads_map {
        let changes = &mut opened.map_changes;
        let read = reader.array(&mut |reader| {
            // Mostly there is one.
            changes.reserve_exact(usize::from(changes.is_empty()));
            changes.push(MapChange::read(reader)?);
            Ok(())
        });
        read.ok()?;
    } else {
        opened.changes = reader.values().ok()?;
    }
    reader.end().ok()?;
    Some(opened)
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
    previous: impl FnOnce() -> Option<Position>,
) -> Option<Position> {
    let index = to_u32(meta.get("mi")?.as_number()?)?;
    let previous = previous();
    let session = match meta.get("s").and_then(Json::as_str) {
        Some(session) => SessionId::parse(session).ok()?,
        None => previous.as_ref()?.id.session.clone(),
    };
    let source_made_at = match meta.get("t").and_then(Json::as_number) {
        Some(ago_ms) if ago_ms != 0.0 => shift_back(made_at, ago_ms),
        // A difference of 0 is taken for none by the reference, and so by all.
        _ => previous
            .as_ref()
            .map_or(made_at, |previous| previous.made_at),
    };
    Some(Position {
        made_at: source_made_at,
        id: TransactionId { session, index },
        branch: match meta.get("b") {
            Some(Json::String(branch)) => Some(Arc::clone(branch)),
            _ => previous.and_then(|previous| previous.branch),
        },
        behind: None,
        copy: None,
    })
}

/// An object of counts by session.
pub(super) fn counts(json: &Json) -> impl Iterator<Item = (SessionId, u32)> {
    let members = json.as_object().into_iter().flatten();
    members.filter_map(|(session, count)| {
        Some((SessionId::parse(session).ok()?, to_u32(count.as_number()?)?))
    })
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

    fn source(meta: &str, previous: Option<&Position>) -> Option<Position> {
        let meta = Json::parse(meta).unwrap();
        merge_source(&meta, Timestamp(100), || previous.cloned())
    }

    #[test]
    fn a_merged_transaction_is_named_and_dated_as_in_its_branch() {
        let first = source(
            r#"{"mi":3,"t":40,"s":"co_zA_session_z1","b":"co_zB"}"#,
            None,
        )
        .unwrap();
        assert_eq!(first.made_at, Timestamp(60));
        assert_eq!(first.id.session.as_str(), "co_zA_session_z1");
        assert_eq!(
            (first.id.index, first.branch.as_deref()),
            (3, Some("co_zB"))
        );

        let second = source(r#"{"mi":4}"#, Some(&first)).unwrap();
        assert_eq!(second.made_at, Timestamp(60));
        assert_eq!(second.id.index, 4);
        assert_eq!(second.id.session, first.id.session);
        assert_eq!(second.branch, first.branch);
    }

    #[test]
    fn what_is_read_for_a_map_is_what_the_changes_stand_for_and_the_same_texts_are_refused() {
        for text in [
            r#"[{"op":"set","key":"a","value":[1]},7,{"op":"del","key":"a"},{"op":"set","key":"b"}]"#,
            r#" [ {"key":"\u0061","op":"set","value":{"op":"del"}} ] "#,
            r#"[{"op":"set","key":1},{"op":1,"key":"a"},{"op":"app","key":"a"},[],null,"set"]"#,
            "[]",
            "",
            "{}",
            r#"[{"op":"set","key":"a","value":1}"#,
            r#"[{"op":"set","key":"a","value":1}]]"#,
            r#"[{"op":"set","key":"a","value":1},]"#,
        ] {
            let whole = read_changes(text, false);
            let read = read_changes(text, true);
            assert_eq!(read.is_some(), whole.is_some(), "{text}");
            let (read, whole) = (read.unwrap_or_default(), whole.unwrap_or_default());
            let expected: Vec<_> = whole.changes.iter().map(MapChange::from_json).collect();
            assert_eq!(read.map_changes, expected, "{text}");
            assert!(read.changes.is_empty() && whole.map_changes.is_empty());
        }
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
        assert!(claimed.made_at > Timestamp(100));
    }
}
