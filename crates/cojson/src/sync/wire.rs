//! The messages' form in JSON text.

use super::message::{ContentMessage, KnownMessage, ReconcileMessage, SyncMessage};
use crate::collections::SortedMap;
use crate::header::Header;
use crate::ids::CoId;
use crate::json::writer::{ObjectWriter, write_array, write_boolean, write_text};
use crate::json::{JsonError, Reader, Wire};
use crate::known_state::KnownState;

/// What decides how the rest of a message is read.
#[derive(Default)]
pub(super) struct Envelope {
    pub(super) action: Option<String>,
    pub(super) kind: Option<String>,
}

impl Envelope {
    /// Reads no more than these.
    pub(super) fn read(line: &str) -> Result<Self, JsonError> {
        let mut envelope = Self::default();
        let mut reader = Reader::new(line);
        reader.object(&mut |reader, member| {
            match member {
                "action" => envelope.action = read_name(reader)?,
                "type" => envelope.kind = read_name(reader)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        Ok(envelope)
    }
}

fn read_name(reader: &mut Reader<'_>) -> Result<Option<String>, JsonError> {
    reader.unless_null(|reader| Ok(reader.text()?.into_owned()))
}

/// What a message is read by, members that it does not have by the function.
pub(super) type ReadMessage = fn(&mut Reader<'_>, Other<'_>) -> Result<SyncMessage, JsonError>;

type Other<'a> = &'a mut dyn FnMut(&mut Reader<'_>, &str) -> Result<(), JsonError>;

/// How a message of that action is read.
pub(super) fn reader_of(action: &str) -> Option<ReadMessage> {
    Some(match action {
        "load" => read_load,
        "known" => read_known,
        "content" => read_content,
        "reconcile" => read_reconcile,
        "reconcile-ack" => read_ack,
        _ => return None,
    })
}

fn read_load(reader: &mut Reader<'_>, other: Other<'_>) -> Result<SyncMessage, JsonError> {
    KnownState::read_among(reader, other).map(SyncMessage::Load)
}

fn read_known(reader: &mut Reader<'_>, other: Other<'_>) -> Result<SyncMessage, JsonError> {
    let mut is_correction = false;
    let state = KnownState::read_among(reader, &mut |reader, member| {
        match member {
            "isCorrection" => is_correction = reader.boolean()?,
            _ => other(reader, member)?,
        }
        Ok(())
    })?;
    Ok(SyncMessage::Known(KnownMessage {
        state,
        is_correction,
    }))
}

fn read_content(reader: &mut Reader<'_>, other: Other<'_>) -> Result<SyncMessage, JsonError> {
    let (mut id, mut header, mut priority) = (None, None, 0);
    let (mut new, mut expect_content_until) = (None, None);
    reader.object(&mut |reader, member| {
        match member {
            "id" => id = Some(CoId::read(reader)?),
            "header" => header = reader.unless_null(Header::read)?,
            "priority" => priority = read_priority(reader)?,
            "new" => new = Some(SortedMap::read(reader)?),
            "expectContentUntil" => {
                expect_content_until = reader.unless_null(SortedMap::read)?;
            }
            _ => other(reader, member)?,
        }
        Ok(())
    })?;
    Ok(SyncMessage::Content(ContentMessage {
        id: reader.required(id, "id")?,
        header,
        priority,
        new: reader.required(new, "new")?,
        expect_content_until,
    }))
}

fn read_priority(reader: &mut Reader<'_>) -> Result<u8, JsonError> {
    u8::try_from(reader.count()?).map_err(|_| reader.error("a priority"))
}

fn read_reconcile(reader: &mut Reader<'_>, other: Other<'_>) -> Result<SyncMessage, JsonError> {
    let (mut id, mut values) = (None, None);
    reader.object(&mut |reader, member| {
        match member {
            "id" => id = Some(reader.text()?.into_owned()),
            "values" => values = Some(read_audited(reader)?),
            _ => other(reader, member)?,
        }
        Ok(())
    })?;
    Ok(SyncMessage::Reconcile(ReconcileMessage {
        id: reader.required(id, "id")?,
        values: reader.required(values, "values")?,
    }))
}

fn read_audited(reader: &mut Reader<'_>) -> Result<Vec<(CoId, String)>, JsonError> {
    let mut values = Vec::new();
    reader.array(&mut |reader| {
        let (mut id, mut hash) = (None, None);
        reader.array(&mut |reader| {
            match (&id, &hash) {
                (None, _) => id = Some(CoId::read(reader)?),
                (_, None) => hash = Some(reader.text()?.into_owned()),
                _ => return Err(reader.error("no more than an id and a hash")),
            }
            Ok(())
        })?;
        values.push((reader.required(id, "0")?, reader.required(hash, "1")?));
        Ok(())
    })?;
    Ok(values)
}

fn read_ack(reader: &mut Reader<'_>, other: Other<'_>) -> Result<SyncMessage, JsonError> {
    let mut id = None;
    reader.object(&mut |reader, member| {
        match member {
            "id" => id = Some(reader.text()?.into_owned()),
            _ => other(reader, member)?,
        }
        Ok(())
    })?;
    let id = reader.required(id, "id")?;
    Ok(SyncMessage::ReconcileAck { id })
}

pub(super) fn write_message(out: &mut String, message: &SyncMessage) {
    let mut object = ObjectWriter::new(out);
    let action = match message {
        SyncMessage::Load(_) => "load",
        SyncMessage::Known(_) => "known",
        SyncMessage::Content(_) => "content",
        SyncMessage::Reconcile(_) => "reconcile",
        SyncMessage::ReconcileAck { .. } => "reconcile-ack",
    };
    object.text("action", Some(action));
    match message {
        SyncMessage::Load(state) => state.write_among(&mut object),
        SyncMessage::Known(known) => write_known(&mut object, known),
        SyncMessage::Content(content) => write_content(&mut object, content),
        SyncMessage::Reconcile(message) => write_reconcile(&mut object, message),
        SyncMessage::ReconcileAck { id } => object.text("id", Some(id)),
    }
    object.end();
}

fn write_known(object: &mut ObjectWriter<'_>, known: &KnownMessage) {
    known.state.write_among(object);
    if known.is_correction {
        write_boolean(object.member("isCorrection"), true);
    }
}

fn write_content(object: &mut ObjectWriter<'_>, content: &ContentMessage) {
    content.id.write(object.member("id"));
    if let Some(header) = &content.header {
        header.write(object.member("header"));
    }
    object.count("priority", content.priority.into());
    content.new.write(object.member("new"));
    if let Some(expected) = &content.expect_content_until {
        expected.write(object.member("expectContentUntil"));
    }
}

fn write_reconcile(object: &mut ObjectWriter<'_>, message: &ReconcileMessage) {
    object.text("id", Some(&message.id));
    write_array(
        object.member("values"),
        &message.values,
        |out, (id, hash)| {
            write_array(out, [id.as_str(), hash], write_text);
        },
    );
}
