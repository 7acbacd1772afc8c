//! What a member may do in a group: the roles of CoJSON and how they compare.
//!
//! A table, nothing more: who has which role when is told by [`super::group_history`].

use std::fmt;

/// A role in a group, in the words that stand in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Reads, writes, adds and removes members, sets every role.
    Admin,
    /// As an admin, but can neither touch admins nor make one.
    Manager,
    /// Reads and writes.
    Writer,
    /// Reads.
    Reader,
    /// Writes, and reads only what it wrote itself.
    WriteOnly,
    /// Was a member once.
    Revoked,
    /// An invitation that makes admins.
    AdminInvite,
    /// An invitation that makes managers.
    ManagerInvite,
    /// An invitation that makes writers.
    WriterInvite,
    /// An invitation that makes readers.
    ReaderInvite,
    /// An invitation that makes write-only members.
    WriteOnlyInvite,
}

/// Every role with the word for it.
const WORDS: [(Role, &str); 11] = [
    (Role::Admin, "admin"),
    (Role::Manager, "manager"),
    (Role::Writer, "writer"),
    (Role::Reader, "reader"),
    (Role::WriteOnly, "writeOnly"),
    (Role::Revoked, "revoked"),
    (Role::AdminInvite, "adminInvite"),
    (Role::ManagerInvite, "managerInvite"),
    (Role::WriterInvite, "writerInvite"),
    (Role::ReaderInvite, "readerInvite"),
    (Role::WriteOnlyInvite, "writeOnlyInvite"),
];

impl Role {
    /// The role of that word.
    pub fn parse(word: &str) -> Option<Self> {
        WORDS
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(role, _)| *role)
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        WORDS
            .iter()
            .find(|(role, _)| *role == self)
            .map_or("", |(_, word)| word)
    }

    /// May change the group's values.
    pub fn can_write(self) -> bool {
        matches!(
            self,
            Self::Admin | Self::Manager | Self::Writer | Self::WriteOnly
        )
    }

    /// Is given the group's read key.
    pub fn can_read(self) -> bool {
        matches!(
            self,
            Self::Admin
                | Self::Manager
                | Self::Writer
                | Self::Reader
                | Self::AdminInvite
                | Self::ManagerInvite
                | Self::WriterInvite
                | Self::ReaderInvite
        )
    }

    /// Is given a key of its own instead, to write with.
    pub(crate) fn has_own_key(self) -> bool {
        matches!(self, Self::WriteOnly | Self::WriteOnlyInvite)
    }

    /// May change the group itself: members, keys, parents.
    pub fn can_administer(self) -> bool {
        matches!(self, Self::Admin | Self::Manager)
    }

    /// May reveal a key to somebody.
    pub(super) fn can_reveal_keys(self) -> bool {
        self.can_administer() || self.invites_to().is_some()
    }

    /// The one role that an invitation hands out; `None` for what is no invitation.
    pub fn invites_to(self) -> Option<Self> {
        match self {
            Self::AdminInvite => Some(Self::Admin),
            Self::ManagerInvite => Some(Self::Manager),
            Self::WriterInvite => Some(Self::Writer),
            Self::ReaderInvite => Some(Self::Reader),
            Self::WriteOnlyInvite => Some(Self::WriteOnly),
            _ => None,
        }
    }

    /// The invitation that hands out this role; `None` for what cannot be handed out.
    pub fn invitation(self) -> Option<Self> {
        WORDS
            .iter()
            .map(|(role, _)| *role)
            .find(|role| role.invites_to() == Some(self))
    }

    /// Whether it allows more than the other does.
    pub fn outranks(self, other: Self) -> bool {
        self.rank() > other.rank()
    }

    fn rank(self) -> u8 {
        match self {
            Self::Admin => 5,
            Self::Manager => 4,
            Self::Writer => 3,
            Self::Reader => 2,
            Self::WriteOnly => 1,
            _ => 0,
        }
    }

    /// Flows from a parent group to its children.
    pub(super) fn is_inheritable(self) -> bool {
        matches!(
            self,
            Self::Admin | Self::Manager | Self::Writer | Self::Reader
        )
    }

    /// Whether this role, held in a parent group, replaces what the member holds in the child.
    pub(super) fn replaces(self, held: Option<Self>) -> bool {
        match (self, held) {
            (Self::Admin | Self::Manager | Self::Writer | Self::Reader, None) => true,
            (Self::Admin, Some(held)) => held != Self::Admin,
            (Self::Manager, Some(held)) => !held.can_administer(),
            (Self::Writer, Some(held)) => matches!(held, Self::Reader | Self::WriteOnly),
            _ => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a child group takes over from a parent group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inheritance {
    /// Every member has the role it has in the parent.
    Extend,
    /// Every member of the parent has this role.
    Fixed(Role),
    /// Nothing any more.
    Revoked,
}

impl Inheritance {
    /// The inheritance of that word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "extend" => Some(Self::Extend),
            "revoked" => Some(Self::Revoked),
            word => Role::parse(word)
                .filter(|role| role.is_inheritable())
                .map(Self::Fixed),
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Extend => "extend",
            Self::Fixed(role) => role.as_str(),
            Self::Revoked => "revoked",
        }
    }

    /// The role that a member with this role in the parent has in the child.
    pub(super) fn apply(self, in_parent: Role) -> Option<Role> {
        match self {
            _ if !in_parent.is_inheritable() => None,
            Self::Extend => Some(in_parent),
            Self::Fixed(role) => Some(role),
            Self::Revoked => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_reads_back_from_its_word() {
        for (role, word) in WORDS {
            assert_eq!(Role::parse(word), Some(role));
            assert_eq!(role.as_str(), word);
        }
        assert_eq!(Role::parse("owner"), None);
    }

    #[test]
    fn each_role_of_a_member_has_the_one_invitation_that_hands_it_out() {
        let members = [
            Role::WriteOnly,
            Role::Reader,
            Role::Writer,
            Role::Manager,
            Role::Admin,
        ];
        for (place, role) in members.into_iter().enumerate() {
            let invitation = role.invitation().unwrap();
            assert_eq!(invitation.invites_to(), Some(role));
            assert_eq!(invitation.as_str(), format!("{role}Invite"));
            assert_eq!(invitation.invitation(), None);
            for (other_place, other) in members.into_iter().enumerate() {
                assert_eq!(role.outranks(other), place > other_place, "{role} {other}");
            }
        }
        assert_eq!(Role::Revoked.invitation(), None);
    }

    #[test]
    fn an_inherited_role_counts_only_if_it_is_higher() {
        let check = |parent: Role, held: Option<Role>, expected: bool| {
            assert_eq!(parent.replaces(held), expected, "{parent} over {held:?}");
        };
        check(Role::Reader, None, true);
        check(Role::Reader, Some(Role::WriteOnly), false);
        check(Role::Writer, Some(Role::WriteOnly), true);
        check(Role::Writer, Some(Role::Manager), false);
        check(Role::Manager, Some(Role::Writer), true);
        check(Role::Manager, Some(Role::Admin), false);
        check(Role::Admin, Some(Role::Manager), true);
        check(Role::WriteOnly, None, false);
    }
}
