//! What a node can be told, as it stands on a line, and why it cannot be done.

use cojson::access::AccessError;
use cojson::crypto::CryptoTextError;
use cojson::ids::IdError;
use cojson::node::WriteError;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One line.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    /// The name to answer with.
    pub(crate) id: u64,
    /// The node that is meant.
    pub(crate) node: String,
    /// What it is to do.
    #[serde(flatten)]
    pub(crate) command: Command,
}

/// What a node can be told. Ids, roles and value types are the protocol's words.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Command {
    /// Makes the node. With a `seed` everything random in it is a function of it.
    Open(Opening),
    /// Forgets the node.
    Close,
    /// Starts the node again: all that is not stored is lost, links break.
    Restart,
    /// Sets the node's clock, in milliseconds since 1970; without `now` it is the machine's again.
    Clock { now: Option<u64> },
    /// Connects: to a server at `url`, or with a wire that the test carries.
    Connect {
        link: String,
        url: Option<String>,
        /// The other end is a client of ours.
        #[serde(default)]
        serves: bool,
    },
    /// Breaks a link.
    Disconnect { link: String },
    /// Hands over a frame that came by a wire.
    Deliver { link: String, frame: String },
    /// Which links there are, and whether each is open.
    Links,

    /// Makes a value: `{type, owner, meta}`.
    Create {
        #[serde(rename = "type")]
        value_type: String,
        owner: Option<String>,
        #[serde(default)]
        meta: Value,
        /// Of a list, only those who administer the group may delete items.
        #[serde(default)]
        restrict_deletion: bool,
    },
    /// Writes keys of a map in one transaction; `null` is a value.
    Set {
        value: String,
        entries: Map<String, Value>,
    },
    /// Removes keys of a map.
    Unset { value: String, keys: Vec<String> },
    /// Adds an item to a stream.
    Push { value: String, item: Value },
    /// Adds items at the end of a list.
    Append { value: String, items: Vec<Value> },
    /// Puts items before a place of a list.
    Insert {
        value: String,
        index: usize,
        items: Vec<Value>,
    },
    /// Puts another item in the place of one.
    Replace {
        value: String,
        index: usize,
        item: Value,
    },
    /// Removes an item of a list.
    Remove { value: String, index: usize },
    /// Inserts graphemes into a text.
    InsertText {
        value: String,
        index: usize,
        graphemes: Vec<String>,
    },
    /// Removes graphemes of a text.
    RemoveText {
        value: String,
        index: usize,
        count: usize,
    },
    /// Writes bytes into a binary stream, from its start to its end.
    WriteBytes {
        value: String,
        mime_type: String,
        file_name: Option<String>,
        bytes: Vec<u8>,
    },
    /// Begins a branch of a value; the answer is its id.
    Branch { value: String, name: String },
    /// Merges a branch into its source.
    Merge { branch: String },
    /// Deletes a value.
    Delete { value: String },

    /// Makes a group.
    CreateGroup,
    /// Gives a member a role.
    AddMember {
        group: String,
        member: String,
        role: String,
    },
    /// Takes a member's role.
    RemoveMember { group: String, member: String },
    /// Makes members of the parent members of the group; `role` is `extend`, a role, or `revoked`.
    Extend {
        group: String,
        parent: String,
        role: String,
    },
    /// Makes an invitation; the answer is its secret.
    CreateInvite { group: String, role: String },
    /// Joins a group by an invitation; the answer is the role.
    AcceptInvite { group: String, secret: String },
    /// Takes an invitation back.
    RevokeInvite { group: String, secret: String },
    /// The role that an invitation gives, if the group knows of it.
    InvitedTo { group: String, secret: String },
    /// The account's profile, which is made if there is none; `null` while storage is asked for it.
    Profile,
    /// The same for the account's root.
    Root,
    /// The members that a group names.
    Members { group: String },
    /// The role of a member now, or of this node.
    Role {
        group: String,
        member: Option<String>,
    },

    /// Wants values.
    Load { values: Vec<String> },
    /// What a value shows, or showed at a time: `null` while it or its group is not there, `{deleted: true}` when it was
    /// deleted.
    View { value: String, at: Option<u64> },
    /// The bytes of a binary stream, once all are there.
    Bytes { value: String },
    /// What is there of a value: `{header, sessions}`.
    Known { value: String },
    /// All of a value's transactions, as the frames in which they are sent.
    Content { value: String },
    /// The ids of the values that are there.
    Values,
    /// Whether everything is stored, and acknowledged by every server.
    Synced,
    /// What was refused, by reason.
    Refused,
}

/// How a node starts.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Opening {
    pub(crate) seed: Option<String>,
    /// The agent secret; random, or of the seed, if it is not given.
    pub(crate) secret: Option<String>,
    /// Has no account: it serves others and writes nothing.
    pub(crate) relay: bool,
    /// Lets in what members may write, instead of all that is signed.
    pub(crate) members_write: bool,
    pub(crate) now: Option<u64>,
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("not a command: {0}")]
    Json(#[from] serde_json::Error),
    #[error("there is no node {0}: open it first")]
    NoNode(String),
    #[error("there is no link {0}: connect it first")]
    NoLink(String),
    #[error("no such {what}: {word}")]
    NoSuch { what: &'static str, word: String },
    #[error("the value is no JSON that is understood: {0}")]
    Value(String),
    #[error("no invitation's secret")]
    NoInvite,
    #[error(transparent)]
    Id(#[from] IdError),
    #[error(transparent)]
    Secret(#[from] CryptoTextError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Access(#[from] AccessError),
}
