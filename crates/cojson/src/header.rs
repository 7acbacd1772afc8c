//! A value's header: what kind it is, who rules it, and what makes it one of its kind. Its hash is the value's id.
//!
//! A header is read strictly: a member that this code does not know would be hashed by others and so change the id.
//! Whether the rules of a ruleset were kept is not judged here.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::crypto::{SignerId, hash};
use crate::entropy::Entropy;
use crate::ids::{AgentId, CoId, IdError};
use crate::json::{Json, JsonObject, to_stable_string};

/// A member of a header that is missing, unknown or not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header's {member} must be {expected}")]
pub struct HeaderError {
    /// The member, as a path.
    pub member: &'static str,
    /// What was expected there.
    pub expected: &'static str,
}

/// What kind of value it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// `comap`: a map in which the last write to a key wins.
    CoMap,
    /// `colist`: a list whose items keep their places under concurrent edits.
    CoList,
    /// `costream`: items that are only ever added, per session.
    CoStream,
    /// `coplaintext`: a list of grapheme clusters.
    CoPlainText,
    /// A kind that this code cannot show, but syncs.
    Unknown(Arc<str>),
}

impl ValueType {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::CoMap => "comap",
            Self::CoList => "colist",
            Self::CoStream => "costream",
            Self::CoPlainText => "coplaintext",
            Self::Unknown(word) => word,
        }
    }

    /// The kind of this word; any word is a kind.
    pub fn from_word(word: &str) -> Self {
        match word {
            "comap" => Self::CoMap,
            "colist" => Self::CoList,
            "costream" => Self::CoStream,
            "coplaintext" => Self::CoPlainText,
            other => Self::Unknown(other.into()),
        }
    }
}

/// Who may write.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ruleset {
    /// It is a group or an account and rules itself.
    Group {
        /// Who may make itself the first admin: an account's id, or an agent's in an account's own header.
        initial_admin: Arc<str>,
    },
    /// The members of a group (or one account) may.
    OwnedByGroup {
        /// The group or account.
        group: CoId,
        /// Whether only admins and managers may delete a list's items.
        restrict_deletion: Option<bool>,
    },
    /// Anyone may.
    UnsafeAllowAll,
}

/// What tells a value from others with the same header.
#[derive(Clone, Debug, PartialEq)]
pub enum Uniqueness {
    /// Nothing: there is one.
    Null,
    /// A word; a random one as a rule, `""` for a branch.
    Text(Arc<str>),
    /// `true` or `false`.
    Bool(bool),
    /// An integer (an old form).
    Integer(f64),
    /// Names: who knows them can compute the id.
    Names(Arc<JsonObject>),
}

impl Uniqueness {
    /// One that no other value has.
    pub fn random(entropy: &mut Entropy) -> Self {
        let bytes: [u8; 12] = entropy.bytes();
        Self::Text(format!("z{}", bs58::encode(bytes).into_string()).into())
    }

    /// The value of these names, the same on every device.
    pub fn named<K: Into<Arc<str>>, V: Into<Arc<str>>>(
        names: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let members = names
            .into_iter()
            .map(|(key, value)| (key.into(), Json::String(value.into())));
        Self::Names(Arc::new(members.collect()))
    }
}

/// When it was created, as its author says. The three forms give three different ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CreatedAt {
    /// No such member: a named value or a branch.
    Missing,
    /// `null`: an account.
    Null,
    /// An ISO 8601 time.
    At(Arc<str>),
}

/// How urgent a value's content is to a peer. The smaller number goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Priority {
    /// Accounts and groups: nothing can be read without them.
    High = 0,
    /// All the rest.
    Medium = 3,
    /// Binary streams.
    Low = 6,
}

/// A value's header.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// What kind of value it is.
    pub value_type: ValueType,
    /// Who may write.
    pub ruleset: Ruleset,
    /// An object for the layers above, or `null`.
    pub meta: Json,
    /// What tells it from others with the same header.
    pub uniqueness: Uniqueness,
    /// When it was created.
    pub created_at: CreatedAt,
}

impl Header {
    /// The header of an agent's account: a pure function of the agent's id.
    pub fn account(agent: &AgentId) -> Self {
        Self {
            value_type: ValueType::CoMap,
            ruleset: Ruleset::Group {
                initial_admin: agent.into(),
            },
            meta: Json::object([("type", Json::from("account"))]),
            uniqueness: Uniqueness::Null,
            created_at: CreatedAt::Null,
        }
    }

    /// The value's id: the hash of the header's stable text.
    pub fn id(&self) -> CoId {
        let digest = hash(to_stable_string(&self.to_json()).as_bytes());
        let encoded = bs58::encode(digest.short_bytes()).into_string();
        CoId::from_parts(format!("co_z{encoded}"))
    }

    /// Whether it is a group (an account is not).
    pub fn is_group(&self) -> bool {
        matches!(self.ruleset, Ruleset::Group { .. }) && !self.has_meta_type("account")
    }

    /// Whether it is an account.
    pub fn is_account(&self) -> bool {
        matches!(self.ruleset, Ruleset::Group { .. }) && self.has_meta_type("account")
    }

    /// Whether it is a stream of binary chunks.
    pub fn is_binary_stream(&self) -> bool {
        self.value_type == ValueType::CoStream && self.has_meta_type("binary")
    }

    /// The group or account that owns it.
    pub fn owner(&self) -> Option<&CoId> {
        match &self.ruleset {
            Ruleset::OwnedByGroup { group, .. } => Some(group),
            Ruleset::Group { .. } | Ruleset::UnsafeAllowAll => None,
        }
    }

    /// The agent behind an account.
    pub fn account_agent(&self) -> Option<AgentId> {
        match &self.ruleset {
            Ruleset::Group { initial_admin } if self.is_account() => {
                AgentId::parse(initial_admin).ok()
            }
            _ => None,
        }
    }

    /// Who signs the sessions of an account.
    pub fn account_signer(&self) -> Option<SignerId> {
        self.account_agent()?.signer().ok()
    }

    /// How urgent its content is.
    pub fn priority(&self) -> Priority {
        if matches!(self.ruleset, Ruleset::Group { .. }) {
            Priority::High
        } else if self.is_binary_stream() {
            Priority::Low
        } else {
            Priority::Medium
        }
    }

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

    fn has_meta_type(&self, word: &str) -> bool {
        self.meta.get("type").and_then(Json::as_str) == Some(word)
    }
}

impl Serialize for Header {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::from_json(&json).map_err(serde::de::Error::custom)
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

#[cfg(test)]
mod tests;
