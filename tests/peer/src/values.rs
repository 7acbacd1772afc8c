//! Commands about values: making, writing, loading and looking at them.

use std::sync::Arc;

use cojson::collections::SortedMap;
use cojson::header::ValueType;
use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::{BINARY_CHUNK_BYTES, NewBranch, NewValue, Shown};
use cojson::sync::{ContentMessage, SyncMessage, encode_frame};
use cojson::view::{BinaryInfo, Moment};
use serde_json::{Map, Value, json};

use crate::command::{Command, CommandError};
use crate::host::Host;

/// Signatures are the only places at which a log is cut; this is far beyond what tests write.
const PIECE_BYTES_MAX: usize = 1 << 30;

/// Does what is not about groups or links.
pub(crate) fn perform(host: &mut Host, command: Command) -> Result<Value, CommandError> {
    match command {
        Command::Create {
            value_type,
            owner,
            meta,
            restrict_deletion,
        } => {
            let value = new_value(host, &value_type, owner.as_deref(), &meta)?;
            return create(host, value, restrict_deletion);
        }
        Command::Load { values } => {
            for value in values {
                host.node.load(&CoId::parse(&value)?);
            }
        }
        Command::View { value, at } => return view(host, &value, at),
        Command::Bytes { value } => return bytes(host, &value),
        Command::Branch { value, name } => return branch(host, &value, name),
        Command::Merge { branch } => {
            let now = host.now();
            host.node.merge(&CoId::parse(&branch)?, now)?;
        }
        Command::Delete { value } => {
            let now = host.now();
            host.node.delete(&CoId::parse(&value)?, now)?;
        }
        Command::WriteBytes {
            value,
            mime_type,
            file_name,
            bytes,
        } => write_bytes(host, &value, (mime_type, file_name), &bytes)?,
        Command::Known { value } => return known(host, &value),
        Command::Content { value } => return content(host, &value),
        Command::Values => {
            let ids = host.node.replica().ids();
            return Ok(ids.map(|id| json!(id.as_str())).collect());
        }
        command => write(host, command)?,
    }
    Ok(Value::Null)
}

fn write(host: &mut Host, command: Command) -> Result<(), CommandError> {
    let stamp = host.stamp();
    let node = &mut host.node;
    match command {
        Command::Set { value, entries } => {
            node.map_set(&CoId::parse(&value)?, &to_entries(entries)?, stamp)?
        }
        Command::Unset { value, keys } => {
            let keys: Vec<(Arc<str>, Option<Json>)> =
                keys.into_iter().map(|key| (key.into(), None)).collect();
            node.map_write(&CoId::parse(&value)?, &keys, stamp)?
        }
        Command::Push { value, item } => {
            node.stream_push(&CoId::parse(&value)?, to_json(&item)?, stamp)?
        }
        Command::Append { value, items } => {
            node.list_append(&CoId::parse(&value)?, &to_items(&items)?, stamp)?
        }
        Command::Insert {
            value,
            index,
            items,
        } => node.list_insert(&CoId::parse(&value)?, index, &to_items(&items)?, stamp)?,
        Command::Replace { value, index, item } => {
            node.list_replace(&CoId::parse(&value)?, index, to_json(&item)?, stamp)?
        }
        Command::Remove { value, index } => {
            node.list_delete(&CoId::parse(&value)?, index, stamp)?
        }
        Command::InsertText {
            value,
            index,
            graphemes,
        } => {
            let graphemes: Vec<&str> = graphemes.iter().map(String::as_str).collect();
            return Ok(node.text_insert(&CoId::parse(&value)?, index, &graphemes, stamp)?);
        }
        Command::RemoveText {
            value,
            index,
            count,
        } => return Ok(node.text_delete(&CoId::parse(&value)?, index, count, stamp)?),
        other => {
            let word = format!("{other:?}");
            return Err(CommandError::NoSuch {
                what: "command here",
                word,
            });
        }
    };
    Ok(())
}

fn new_value(
    host: &mut Host,
    value_type: &str,
    owner: Option<&str>,
    meta: &Value,
) -> Result<NewValue, CommandError> {
    let owner = match owner {
        Some(owner) => CoId::parse(owner)?,
        None => host.node.own_group(),
    };
    Ok(NewValue {
        value_type: ValueType::from_word(value_type),
        owner,
        uniqueness: host.node.random_uniqueness(),
        meta: to_json(meta)?,
    })
}

fn create(host: &mut Host, value: NewValue, restricts: bool) -> Result<Value, CommandError> {
    let now = host.now();
    let id = if restricts {
        host.node.create_with_restricted_deletion(value, now)
    } else {
        host.node.create(value, now)
    };
    Ok(id?.as_str().into())
}

fn branch(host: &mut Host, value: &str, name: String) -> Result<Value, CommandError> {
    let branch = NewBranch {
        source: CoId::parse(value)?,
        name,
        owner: None,
    };
    if let Some(id) = host.node.branch_id(&branch) {
        // A session of ours may have begun it before.
        host.node.load(&id);
        host.settle();
    }
    let now = host.now();
    Ok(host.node.branch(&branch, now)?.as_str().into())
}

fn write_bytes(
    host: &mut Host,
    value: &str,
    (mime_type, file_name): (String, Option<String>),
    bytes: &[u8],
) -> Result<(), CommandError> {
    let (id, stamp) = (CoId::parse(value)?, host.stamp());
    let info = BinaryInfo {
        mime_type: mime_type.into(),
        file_name: file_name.map(Into::into),
        total_bytes: u32::try_from(bytes.len()).ok().map(f64::from),
    };
    host.node.binary_start(&id, info, stamp)?;
    for chunk in bytes.chunks(BINARY_CHUNK_BYTES) {
        host.node.binary_chunk(&id, chunk.to_vec(), stamp)?;
    }
    Ok(host.node.binary_end(&id, stamp)?)
}

/// What it shows. A text is its text, a stream an object with an array per session.
fn view(host: &mut Host, value: &str, at: Option<u64>) -> Result<Value, CommandError> {
    let id = CoId::parse(value)?;
    let past = at.and_then(|at| host.node.shown_at(&id, &Moment::Time(Timestamp(at))));
    let shown = match at {
        Some(_) => past.as_ref(),
        None => host.node.shown(&id),
    };
    match shown {
        None => Ok(Value::Null),
        Some(Shown::Deleted) => Ok(json!({ "deleted": true })),
        Some(shown) => from_json(&shown.to_json()),
    }
}

fn bytes(host: &mut Host, value: &str) -> Result<Value, CommandError> {
    let view = host.node.binary(&CoId::parse(value)?);
    let whole = view.filter(|view| view.is_finished());
    Ok(json!(whole.map(cojson::view::BinaryView::to_bytes)))
}

fn known(host: &Host, value: &str) -> Result<Value, CommandError> {
    let known = host.node.replica().known_state(&CoId::parse(value)?);
    let sessions = known.sessions.iter();
    let sessions: Map<_, _> = sessions
        .map(|(session, count)| (session.as_str().to_owned(), json!(count)))
        .collect();
    Ok(json!({ "header": known.header, "sessions": sessions }))
}

/// The first frame brings the header alone; sessions come in the order of their ids, whole.
fn content(host: &Host, value: &str) -> Result<Value, CommandError> {
    let id = CoId::parse(value)?;
    let Some(log) = host.node.log(&id) else {
        return Ok(json!([]));
    };
    let message = |header, new| {
        let message = ContentMessage {
            id: id.clone(),
            header,
            priority: 3,
            new,
            expect_content_until: None,
        };
        encode_frame([&SyncMessage::Content(message)])
    };
    let mut sessions: Vec<_> = log.sessions().collect();
    sessions.sort_by_key(|session| session.session().clone());
    let mut frames = vec![message(Some(log.header().clone()), SortedMap::new())];
    for session in sessions {
        let pieces = session.content_since(0, PIECE_BYTES_MAX).into_iter();
        frames.extend(pieces.map(|piece| {
            let new = [(session.session().clone(), piece)];
            message(None, new.into_iter().collect())
        }));
    }
    Ok(json!(frames))
}

fn to_json(value: &Value) -> Result<Json, CommandError> {
    Json::parse(&value.to_string()).map_err(|error| CommandError::Value(error.to_string()))
}

fn from_json(json: &Json) -> Result<Value, CommandError> {
    Ok(serde_json::from_str(&json.to_string())?)
}

fn to_items(items: &[Value]) -> Result<Vec<Json>, CommandError> {
    items.iter().map(to_json).collect()
}

fn to_entries(entries: Map<String, Value>) -> Result<Vec<(Arc<str>, Json)>, CommandError> {
    let entries = entries.into_iter();
    entries
        .map(|(key, value)| Ok((key.into(), to_json(&value)?)))
        .collect()
}
