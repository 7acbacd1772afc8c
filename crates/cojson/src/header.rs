//! A value's header: what kind it is, who rules it, and what makes it one of its kind. Its hash is the value's id.
//!
//! A header is read strictly: a member that this code does not know would be hashed by others and so change the id.
//! Whether the rules of a ruleset were kept is not judged here.

mod wire;

use std::sync::Arc;

use crate::crypto::{SignerId, encode_base58, hash};
use crate::entropy::Entropy;
use crate::ids::{AgentId, CoId};
use crate::json::{Json, JsonObject, to_stable_string};

pub use wire::HeaderError;

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
        Self::Text(encode_base58("z", &bytes).into())
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
        CoId::from_parts(encode_base58("co_z", digest.short_bytes()))
    }

    /// Whether its keys name members and what they may do: it is a group or an account.
    pub fn has_members(&self) -> bool {
        matches!(self.ruleset, Ruleset::Group { .. })
    }

    /// Whether it is a group (an account is not).
    pub fn is_group(&self) -> bool {
        self.has_members() && !self.has_meta_type("account")
    }

    /// Whether it is an account.
    pub fn is_account(&self) -> bool {
        self.has_members() && self.has_meta_type("account")
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

    /// The value that it is a branch of.
    pub fn branch_source(&self) -> Option<CoId> {
        let source = self.meta.get("source")?.as_str()?;
        CoId::parse(source).ok().filter(|_| !self.has_members())
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
        if self.has_members() {
            Priority::High
        } else if self.is_binary_stream() {
            Priority::Low
        } else {
            Priority::Medium
        }
    }

    fn has_meta_type(&self, word: &str) -> bool {
        self.meta.get("type").and_then(Json::as_str) == Some(word)
    }
}

#[cfg(test)]
mod tests;
