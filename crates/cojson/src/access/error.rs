//! Why a group could not be read or changed.

use super::role::Role;
use crate::ids::CoId;
use crate::sync::AppendError;

/// A change of a group that is not possible, or access that we do not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The group's log is not here.
    #[error("group {group} is not loaded: load it and wait until it has changed, then try again")]
    GroupNotLoaded {
        /// The group.
        group: CoId,
    },
    /// Storage has not said yet what it has of the group.
    #[error(
        "group {group} is still being looked for in storage: try again when it has changed or is unavailable"
    )]
    Loading {
        /// The group.
        group: CoId,
    },
    /// The value is not a group.
    #[error("{id} is not a group: members, roles and keys belong to groups and accounts only")]
    NotAGroup {
        /// The value.
        id: CoId,
    },
    /// The value is an account, which has one member for ever.
    #[error(
        "{id} is an account, which nobody else can be a member of: make a group and add members to that"
    )]
    IsAccount {
        /// The account.
        id: CoId,
    },
    /// The group does not know the invitation.
    #[error(
        "group {group} knows of no such invitation: it was taken back, or has not arrived here yet; ask for another"
    )]
    NotInvited {
        /// The group.
        group: CoId,
    },
    /// A member's account is not here, so nothing can be sealed for it.
    #[error(
        "account {account} is not loaded, and a key can only be sealed for an account that is: load it, then try again"
    )]
    AccountNotLoaded {
        /// The account.
        account: CoId,
    },
    /// The parent is the group itself, or below it.
    #[error(
        "group {child} cannot extend {parent}, which extends it already: members would go round in a circle"
    )]
    Circle {
        /// The group.
        child: CoId,
        /// What it was to extend.
        parent: CoId,
    },
    /// Nothing can be sealed for the member.
    #[error("nothing can be encrypted for {member} alone: name an account")]
    NoSealer {
        /// The member.
        member: String,
    },
    /// Our role does not allow it.
    #[error("in group {group} this account {}, which does not allow it to {wanted}; ask an admin of the group", describe(*.role))]
    NotAllowed {
        /// The group.
        group: CoId,
        /// Our role in it at the time.
        role: Option<Role>,
        /// What was wanted.
        wanted: &'static str,
    },
    /// The group's current read key is not known to us.
    #[error(
        "group {group} has no read key that this account can open: an admin has to add the account again"
    )]
    NoReadKey {
        /// The group.
        group: CoId,
    },
    /// That role cannot be given to that member.
    #[error("the role {role} cannot be given to {member}; {cure}")]
    NoSuchRole {
        /// The role.
        role: Role,
        /// The member.
        member: String,
        /// What to do instead.
        cure: &'static str,
    },
}

fn describe(role: Option<Role>) -> String {
    role.map_or_else(|| "has no role".to_owned(), |role| format!("is {role}"))
}

impl From<AppendError> for AccessError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::NotInMemory { id } => Self::GroupNotLoaded { group: id },
            AppendError::Loading { id } => Self::Loading { group: id },
        }
    }
}
