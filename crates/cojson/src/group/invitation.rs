//! Invitations: whoever has the text of one gives itself the role that it is for.
//!
//! An invitation is an agent with a role of its own kind in the group, and with the keys that its guests will need. Who
//! accepts it acts as that agent for one change: the guest's role, and the keys sealed anew for the guest. It can be
//! accepted any number of times, until it is taken back.

use std::fmt;

use super::Member;
use crate::access::{AccessError, Role};
use crate::crypto::InviteSecret;
use crate::ids::{AgentId, CoId, Timestamp};
use crate::node::Node;

/// What an invited person is sent: `co_z…/inviteSecret_z…`. It can stand at the end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The group, or a value that it owns.
    pub value: CoId,
    /// What opens it.
    pub secret: InviteSecret,
}

/// Text that is no invitation. It never repeats the text, which is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an invitation that ends in co_z…/inviteSecret_z…; ask for its text again")]
pub struct NotAnInvitation;

impl Invitation {
    /// Takes the text for an invitation, if it ends in one: a link is read as well.
    pub fn parse(text: &str) -> Result<Self, NotAnInvitation> {
        let mut parts = text.trim().rsplit('/');
        let secret = parts.next().and_then(|text| InviteSecret::parse(text).ok());
        let value = parts
            .next()
            .map(|text| text.rsplit(['#', '?', '=', '&']).next());
        let value = value.flatten().and_then(|text| CoId::parse(text).ok());
        let (Some(secret), Some(value)) = (secret, value) else {
            return Err(NotAnInvitation);
        };
        Ok(Self { value, secret })
    }
}

impl fmt::Display for Invitation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.value, *self.secret.to_text())
    }
}

impl Node {
    /// Makes an invitation that gives whoever has it this role.
    pub fn create_invite(
        &mut self,
        group: &CoId,
        role: Role,
        now: Timestamp,
    ) -> Result<Invitation, AccessError> {
        let secret = InviteSecret::random(self.entropy());
        let agent = Member::Agent(secret.agent().agent_id());
        let Some(invitation) = role.invitation() else {
            return Err(AccessError::NoSuchRole {
                role,
                member: agent.as_str().to_owned(),
                cure: "invite to admin, manager, writer, reader or writeOnly",
            });
        };
        self.give_role(group, &agent, invitation, now)?;
        Ok(Invitation {
            value: group.clone(),
            secret,
        })
    }

    /// The role that an invitation gives, as the group knows it now; `None` if it knows no such invitation.
    pub fn invited_to(&mut self, group: &CoId, secret: &InviteSecret) -> Option<Role> {
        let agent = secret.agent().agent_id();
        self.history(group)?
            .direct_role(agent.as_str(), Timestamp(u64::MAX))?
            .invites_to()
    }

    /// Whether the group as it is here knows of an invitation, even of one that was taken back.
    pub fn knows_invite(&mut self, group: &CoId, secret: &InviteSecret) -> bool {
        let agent = secret.agent().agent_id();
        self.history(group)
            .is_some_and(|history| history.get(agent.as_str()).is_some())
    }

    /// Joins a group by an invitation. Who has as high a role there already keeps it. Returns the role that we have then.
    /// The accounts of those who read the group must be loaded for an invitation to write only.
    pub fn accept_invite(
        &mut self,
        group: &CoId,
        secret: &InviteSecret,
        now: Timestamp,
    ) -> Result<Role, AccessError> {
        let history = self.group_to_change(group)?;
        let Some(invited) = self.invited_to(group, secret) else {
            return Err(AccessError::NotInvited {
                group: group.clone(),
            });
        };
        let account = Member::Account(self.account_id().clone());
        let held = history.direct_role(account.as_str(), Timestamp(u64::MAX));
        if let Some(held) = held.filter(|held| !invited.outranks(*held)) {
            return Ok(held);
        }
        self.act_as(secret.agent(), |node| {
            node.give_role(group, &account, invited, now)
        })?;
        self.take_note_of(group);
        Ok(invited)
    }

    /// Takes back the invitation of this agent. Those who accepted it stay; the read key is rotated, because the invitation
    /// had it.
    pub fn revoke_invite(
        &mut self,
        group: &CoId,
        agent: &AgentId,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let invites = self.invites(group).unwrap_or_default();
        if !invites.iter().any(|(invite, _)| invite == agent) {
            return Err(AccessError::NotInvited {
                group: group.clone(),
            });
        }
        self.remove_member(group, &Member::Agent(agent.clone()), now)
    }

    /// The invitations that can be accepted, with the roles that they give; `None` if the group is not loaded.
    pub fn invites(&mut self, group: &CoId) -> Option<Vec<(AgentId, Role)>> {
        let members = self.history(group)?.members();
        let invites = members
            .filter_map(|(member, role)| Some((AgentId::parse(member).ok()?, role.invites_to()?)));
        Some(invites.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Entropy;

    #[test]
    fn an_invitation_is_read_from_its_text_and_from_links_that_end_in_it() {
        let invitation = Invitation {
            value: CoId::parse("co_zAbc").unwrap(),
            secret: InviteSecret::random(&mut Entropy::from_seed([1; 32])),
        };
        let text = invitation.to_string();
        for link in [
            text.clone(),
            format!(" {text}\n"),
            format!("https://example.org/#/invite/{text}"),
            format!("https://example.org/?invite={text}"),
            format!("https://example.org/#{text}"),
        ] {
            assert_eq!(Invitation::parse(&link).as_ref(), Ok(&invitation), "{link}");
        }
        let secret = invitation.secret.to_text();
        for wrong in [
            "",
            "co_zAbc",
            "co_zAbc/",
            &secret,
            &format!("x/{}", *secret),
        ] {
            assert_eq!(Invitation::parse(wrong), Err(NotAnInvitation), "{wrong}");
        }
    }
}
