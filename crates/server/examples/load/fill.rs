//! A store of very many values, each with a header and a signed transaction, as a server finds it when it starts.

use std::path::Path;

use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::header::{CreatedAt, Header, Ruleset, Uniqueness, ValueType};
use cojson::ids::{SessionId, Timestamp};
use cojson::json::Json;
use cojson::session_log::SessionLog;
use cojson::sync::{Segment, ValueWrite, WriteBatch, WriteId};
use cojson::transaction::Transaction;
use pleione_sync::storage::Storage;
use pleione_sync::storage::sqlite::SqliteStorage;
use serde_json::{Value, json};

use crate::Failure;

const VALUES_PER_COMMIT: u64 = 5_000;

/// Writes so many values and hands back the id of the one in the middle.
pub(crate) fn run(file: &Path, values: u64) -> Result<Value, Failure> {
    let mut storage = SqliteStorage::open(file)?;
    let segment = signed_once();
    let numbers: Vec<u64> = (0..values).collect();
    for (commit, numbers) in (1..).zip(numbers.chunks(usize::try_from(VALUES_PER_COMMIT)?)) {
        let values = numbers.iter().map(|number| write(*number, &segment));
        let batch = WriteBatch {
            id: WriteId(commit),
            values: values.collect(),
        };
        for result in storage.write(&[batch]) {
            result?;
        }
    }
    let some = header(values / 2).id();
    Ok(json!({ "values": values, "some": some }))
}

fn write(number: u64, segment: &Segment) -> ValueWrite {
    let header = header(number);
    ValueWrite {
        id: header.id(),
        header: Some(header),
        segments: vec![segment.clone()],
    }
}

fn header(number: u64) -> Header {
    Header {
        value_type: ValueType::CoMap,
        ruleset: Ruleset::UnsafeAllowAll,
        meta: Json::Null,
        uniqueness: Uniqueness::Text(format!("value {number}").into()),
        created_at: CreatedAt::At("2026-01-01T00:00:00.000Z".into()),
    }
}

/// A session's signature is over its transactions alone, so one session can be part of every value.
fn signed_once() -> Segment {
    let mut entropy = Entropy::from_seed([1; 32]);
    let secret = AgentSecret::generate(&mut entropy);
    let session = SessionId::random_of_agent(&secret.agent_id(), &mut entropy);
    let mut log = SessionLog::new(session.clone());
    log.append_local(Transaction::Trusting {
        made_at: Timestamp(1_700_000_000_000),
        changes: r#"[{"op":"set","key":"text","value":"call back before noon"}]"#.into(),
        meta: None,
    });
    let content = log.sign(&secret.signer).remove(0);
    Segment { session, content }
}
