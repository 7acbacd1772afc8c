//! A header's form on the wire: JSON to a header and back.

use std::sync::Arc;

use super::{CreatedAt, Header, Ruleset, Uniqueness, ValueType};
use crate::ids::{AgentId, CoId, IdError};
use crate::json::{Json, JsonError, JsonObject, Reader, Wire};

/// A member of a header that is missing, unknown or not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header's {member} must be {expected}")]
pub struct HeaderError {
    /// The member, as a path.
    pub member: &'static str,
    /// What was expected there.
    pub expected: &'static str,
}

impl Header {
    /// As it is on the wire.
    pub fn to_json(&self) -> Json {
        let mut members = vec![
            ("type", Json::from(self.value_type.as_str())),
            ("ruleset", ruleset_to_json(&self.ruleset)),
            ("meta", self.meta.clone()),
        ];
        match &self.created_at {
            CreatedAt::Missing => {}
            CreatedAt::Null => members.push(("createdAt", Json::Null)),
            CreatedAt::At(time) => members.push(("createdAt", Arc::clone(time).into())),
        }
        members.push(("uniqueness", uniqueness_to_json(&self.uniqueness)));
        Json::object(members)
    }

    /// From its form on the wire.
    pub fn from_json(json: &Json) -> Result<Self, HeaderError> {
        let members = json
            .as_object()
            .ok_or_else(|| wrong("whole", "an object"))?;
        let known = ["type", "ruleset", "meta", "createdAt", "uniqueness"];
        refuse_unknown(members, &known, "members")?;
        let value_type = text(members, "type").ok_or_else(|| wrong("type", "a string"))?;
        Ok(Self {
            value_type: ValueType::from_word(value_type),
            ruleset: ruleset_from_json(members.get("ruleset"))?,
            meta: members
                .get("meta")
                .filter(|meta| matches!(meta, Json::Object(_) | Json::Null))
                .ok_or_else(|| wrong("meta", "an object or null"))?
                .clone(),
            uniqueness: uniqueness_from_json(members.get("uniqueness"))?,
            created_at: created_at_from_json(members.get("createdAt"))?,
        })
    }
}

impl Wire for Header {
    fn read(reader: &mut Reader<'_>) -> Result<Self, JsonError> {
        let json = reader.value()?;
        Self::from_json(&json).map_err(|error| reader.error(error.to_string()))
    }

    fn write(&self, out: &mut String) {
        self.to_json().write(out);
    }
}

fn wrong(member: &'static str, expected: &'static str) -> HeaderError {
    HeaderError { member, expected }
}

fn text<'a>(members: &'a JsonObject, key: &str) -> Option<&'a str> {
    members.get(key).and_then(Json::as_str)
}

fn refuse_unknown(
    members: &JsonObject,
    known: &[&str],
    member: &'static str,
) -> Result<(), HeaderError> {
    if members.keys().all(|key| known.contains(&&**key)) {
        Ok(())
    } else {
        Err(wrong(
            member,
            "known ones: an unknown one would change the id",
        ))
    }
}

fn ruleset_to_json(ruleset: &Ruleset) -> Json {
    match ruleset {
        Ruleset::Group { initial_admin } => Json::object([
            ("type", Json::from("group")),
            ("initialAdmin", Arc::clone(initial_admin).into()),
        ]),
        Ruleset::OwnedByGroup {
            group,
            restrict_deletion,
        } => {
            let group: Arc<str> = group.into();
            let restrict = restrict_deletion.map(|restrict| ("restrictDeletion", restrict.into()));
            let members = [
                ("type", Json::from("ownedByGroup")),
                ("group", group.into()),
            ];
            Json::object(members.into_iter().chain(restrict))
        }
        Ruleset::UnsafeAllowAll => Json::object([("type", Json::from("unsafeAllowAll"))]),
    }
}

fn ruleset_from_json(json: Option<&Json>) -> Result<Ruleset, HeaderError> {
    let members = json
        .and_then(Json::as_object)
        .ok_or_else(|| wrong("ruleset", "an object"))?;
    match text(members, "type") {
        Some("group") => {
            refuse_unknown(members, &["type", "initialAdmin"], "ruleset")?;
            Ok(Ruleset::Group {
                initial_admin: initial_admin(members)
                    .ok_or_else(|| wrong("ruleset.initialAdmin", "an account's or agent's id"))?,
            })
        }
        Some("ownedByGroup") => {
            refuse_unknown(members, &["type", "group", "restrictDeletion"], "ruleset")?;
            owned_by_group(members)
        }
        Some("unsafeAllowAll") => {
            refuse_unknown(members, &["type"], "ruleset")?;
            Ok(Ruleset::UnsafeAllowAll)
        }
        _ => Err(wrong(
            "ruleset.type",
            "group, ownedByGroup or unsafeAllowAll",
        )),
    }
}

fn initial_admin(members: &JsonObject) -> Option<Arc<str>> {
    let admin = text(members, "initialAdmin")?;
    let is_agent = AgentId::parse(admin).is_ok();
    (is_agent || CoId::parse(admin).is_ok()).then(|| admin.into())
}

fn owned_by_group(members: &JsonObject) -> Result<Ruleset, HeaderError> {
    let group = text(members, "group")
        .ok_or(())
        .and_then(|group| CoId::parse(group).map_err(|_: IdError| ()))
        .map_err(|()| wrong("ruleset.group", "a value's id"))?;
    let restrict_deletion = match members.get("restrictDeletion") {
        None => None,
        Some(Json::Bool(restrict)) => Some(*restrict),
        Some(_) => return Err(wrong("ruleset.restrictDeletion", "true or false")),
    };
    Ok(Ruleset::OwnedByGroup {
        group,
        restrict_deletion,
    })
}

fn uniqueness_to_json(uniqueness: &Uniqueness) -> Json {
    match uniqueness {
        Uniqueness::Null => Json::Null,
        Uniqueness::Text(text) => Arc::clone(text).into(),
        Uniqueness::Bool(value) => (*value).into(),
        Uniqueness::Integer(value) => (*value).into(),
        Uniqueness::Names(names) => Json::Object(Arc::clone(names)),
    }
}

fn uniqueness_from_json(json: Option<&Json>) -> Result<Uniqueness, HeaderError> {
    match json {
        Some(Json::Null) => Ok(Uniqueness::Null),
        Some(Json::String(text)) => Ok(Uniqueness::Text(Arc::clone(text))),
        Some(Json::Bool(value)) => Ok(Uniqueness::Bool(*value)),
        Some(Json::Number(value)) if value.fract() == 0.0 => Ok(Uniqueness::Integer(*value)),
        Some(Json::Object(names)) if names.values().all(|name| name.as_str().is_some()) => {
            Ok(Uniqueness::Names(Arc::clone(names)))
        }
        _ => Err(wrong(
            "uniqueness",
            "a string, a boolean, null, an integer or an object of strings",
        )),
    }
}

fn created_at_from_json(json: Option<&Json>) -> Result<CreatedAt, HeaderError> {
    match json {
        None => Ok(CreatedAt::Missing),
        Some(Json::Null) => Ok(CreatedAt::Null),
        Some(Json::String(time)) => Ok(CreatedAt::At(Arc::clone(time))),
        Some(_) => Err(wrong("createdAt", "a string, null or absent")),
    }
}
