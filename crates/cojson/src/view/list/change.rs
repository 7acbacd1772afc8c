//! The changes of a list, and how edits at places are written as changes to items.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::ListView;
use crate::ids::SessionId;
use crate::json::Json;
use crate::view::TransactionId;

/// An item's id: the change that inserted it. In its order numbers come first, as sessions' names begin alike.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OpId {
    /// The transaction that inserted it.
    pub transaction: TransactionId,
    /// The change's place in the transaction.
    pub change: u32,
    /// The branch it was inserted in, if it was merged from one.
    pub branch: Option<Arc<str>>,
}

impl Ord for OpId {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |id: &Self| (id.transaction.index, id.change);
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| self.transaction.session.cmp(&other.transaction.session))
            .then_with(|| self.branch.cmp(&other.branch))
    }
}

impl PartialOrd for OpId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl OpId {
    /// The id that this JSON stands for: `{sessionID, txIndex, changeIdx, branch?}`.
    pub fn from_json(json: &Json) -> Option<Self> {
        let integer = |name| json.get(name).and_then(Json::as_number).and_then(to_u32);
        Some(Self {
            transaction: TransactionId {
                session: SessionId::parse(json.get("sessionID")?.as_str()?).ok()?,
                index: integer("txIndex")?,
            },
            change: integer("changeIdx")?,
            branch: json.get("branch").and_then(Json::as_str).map(Arc::from),
        })
    }

    /// As it is written into a change.
    pub fn to_json(&self) -> Json {
        let session: Arc<str> = (&self.transaction.session).into();
        let branch = self.branch.clone().map(|branch| ("branch", branch.into()));
        let members = [
            ("sessionID", session.into()),
            ("txIndex", self.transaction.index.into()),
            ("changeIdx", self.change.into()),
        ];
        Json::object(members.into_iter().chain(branch))
    }
}

impl fmt::Debug for OpId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}.{}", self.transaction, self.change)
    }
}

/// A change to a list.
#[derive(Clone, Debug, PartialEq)]
pub enum ListChange {
    /// `{op:"app",value,after}`
    InsertAfter {
        /// The new item.
        value: Json,
        /// The item that it comes after; none is the list's start.
        after: Option<OpId>,
    },
    /// `{op:"pre",value,before}`
    InsertBefore {
        /// The new item.
        value: Json,
        /// The item that it comes before; none is the list's end.
        before: Option<OpId>,
    },
    /// `{op:"del",insertion}`
    Delete {
        /// The item that is removed.
        insertion: OpId,
    },
}

impl ListChange {
    /// The change that this JSON stands for, if it is a list's.
    pub fn from_json(json: &Json) -> Option<Self> {
        let value = || json.get("value").cloned().unwrap_or_default();
        match json.get("op")?.as_str()? {
            "app" => Some(Self::InsertAfter {
                value: value(),
                after: anchor_from_json(json.get("after")?, "start").ok()?,
            }),
            "pre" => Some(Self::InsertBefore {
                value: value(),
                before: anchor_from_json(json.get("before")?, "end").ok()?,
            }),
            "del" => Some(Self::Delete {
                insertion: OpId::from_json(json.get("insertion")?)?,
            }),
            _ => None,
        }
    }

    /// As it is written into a transaction.
    pub fn to_json(&self) -> Json {
        match self {
            Self::InsertAfter { value, after } => Json::object([
                ("op", Json::from("app")),
                ("value", value.clone()),
                ("after", anchor_to_json(after.as_ref(), "start")),
            ]),
            Self::InsertBefore { value, before } => Json::object([
                ("op", Json::from("pre")),
                ("value", value.clone()),
                ("before", anchor_to_json(before.as_ref(), "end")),
            ]),
            Self::Delete { insertion } => Json::object([
                ("op", Json::from("del")),
                ("insertion", insertion.to_json()),
            ]),
        }
    }
}

impl ListView {
    /// The changes that put values at the end.
    pub fn append(&self, values: impl IntoIterator<Item = Json>) -> Vec<ListChange> {
        self.insert(self.len(), values)
    }

    /// The changes that put values before the item at a place; past the end, at the end.
    pub fn insert(&self, index: usize, values: impl IntoIterator<Item = Json>) -> Vec<ListChange> {
        let mut changes: Vec<_> = match (self.id_before(index), self.id_of(0)) {
            (Some(after), _) => values
                .into_iter()
                .map(|value| after_anchor(value, Some(after.clone())))
                .collect(),
            (None, Some(first)) => values
                .into_iter()
                .map(|value| before_anchor(value, first.clone()))
                .collect(),
            (None, None) => {
                let values = values.into_iter();
                return values.map(|value| after_anchor(value, None)).collect();
            }
        };
        // The newest stands nearest to its anchor, or first before it: written in reverse they read in order.
        changes.reverse();
        changes
    }

    /// The changes that remove so many items from a place on.
    pub fn delete_at(&self, index: usize, count: usize) -> Vec<ListChange> {
        let ids = (index..index.saturating_add(count)).map_while(|index| self.id_of(index));
        ids.map(|id| ListChange::Delete {
            insertion: id.clone(),
        })
        .collect()
    }

    /// The changes that put a value in the place of the item there; none if there is none.
    pub fn replace_at(&self, index: usize, value: Json) -> Vec<ListChange> {
        let Some(id) = self.id_of(index) else {
            return Vec::new();
        };
        let deletion = ListChange::Delete {
            insertion: id.clone(),
        };
        vec![after_anchor(value, Some(id.clone())), deletion]
    }

    fn id_before(&self, index: usize) -> Option<&OpId> {
        self.id_of(index.min(self.len()).checked_sub(1)?)
    }
}

fn after_anchor(value: Json, after: Option<OpId>) -> ListChange {
    ListChange::InsertAfter { value, after }
}

fn before_anchor(value: Json, before: OpId) -> ListChange {
    ListChange::InsertBefore {
        value,
        before: Some(before),
    }
}

struct NoAnchor;

fn anchor_from_json(json: &Json, edge: &str) -> Result<Option<OpId>, NoAnchor> {
    match json {
        Json::String(word) if **word == *edge => Ok(None),
        _ => OpId::from_json(json).map(Some).ok_or(NoAnchor),
    }
}

fn anchor_to_json(anchor: Option<&OpId>, edge: &str) -> Json {
    anchor.map_or_else(|| edge.into(), OpId::to_json)
}

/// The number, if it is a count.
fn to_u32(number: f64) -> Option<u32> {
    let is_count = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an integer in range"
    )]
    is_count.then_some(number as u32)
}
