//! Commands about groups: members, parents, roles.

use cojson::access::{Inheritance, Role};
use cojson::crypto::InviteSecret;
use cojson::group::Member;
use cojson::ids::CoId;
use cojson::node::WriteError;
use serde_json::{Value, json};

use crate::command::{Command, CommandError};
use crate::host::Host;

/// Does it, or hands back a command that is not about groups.
pub(crate) fn perform(
    host: &mut Host,
    command: Command,
) -> Result<Result<Value, CommandError>, Command> {
    Ok(match command {
        Command::CreateGroup => Ok(host.node.create_group(host.now()).as_str().into()),
        Command::AddMember {
            group,
            member,
            role,
        } => add_member(host, &group, &member, &role),
        Command::RemoveMember { group, member } => remove_member(host, &group, &member),
        Command::Extend {
            group,
            parent,
            role,
        } => extend(host, &group, &parent, &role),
        Command::CreateInvite { group, role } => create_invite(host, &group, &role),
        Command::AcceptInvite { group, secret } => accept_invite(host, &group, &secret),
        Command::RevokeInvite { group, secret } => revoke_invite(host, &group, &secret),
        Command::InvitedTo { group, secret } => invited_to(host, &group, &secret),
        Command::Profile => founded(host.node.found_profile()),
        Command::Root => founded(host.node.found_root()),
        Command::Members { group } => members(host, &group),
        Command::Role { group, member } => role_of(host, &group, member.as_deref()),
        command => return Err(command),
    })
}

fn add_member(host: &mut Host, group: &str, name: &str, role: &str) -> Result<Value, CommandError> {
    let (group, member, now) = (CoId::parse(group)?, member(name)?, host.now());
    host.node
        .add_member(&group, &member, parse_role(role)?, now)?;
    Ok(Value::Null)
}

fn remove_member(host: &mut Host, group: &str, name: &str) -> Result<Value, CommandError> {
    let (group, member, now) = (CoId::parse(group)?, member(name)?, host.now());
    host.node.remove_member(&group, &member, now)?;
    Ok(Value::Null)
}

fn extend(host: &mut Host, group: &str, parent: &str, role: &str) -> Result<Value, CommandError> {
    let inheritance = Inheritance::parse(role).ok_or_else(|| no_such("role", role))?;
    let (group, parent, now) = (CoId::parse(group)?, CoId::parse(parent)?, host.now());
    host.node.extend_group(&group, &parent, inheritance, now)?;
    Ok(Value::Null)
}

fn create_invite(host: &mut Host, group: &str, role: &str) -> Result<Value, CommandError> {
    let (group, role, now) = (CoId::parse(group)?, parse_role(role)?, host.now());
    let invitation = host.node.create_invite(&group, role, now)?;
    Ok(invitation.secret.to_text().as_str().into())
}

fn accept_invite(host: &mut Host, group: &str, secret: &str) -> Result<Value, CommandError> {
    let secret = parse_secret(secret)?;
    let (group, now) = (CoId::parse(group)?, host.now());
    let role = host.node.accept_invite(&group, &secret, now)?;
    Ok(role.as_str().into())
}

fn revoke_invite(host: &mut Host, group: &str, secret: &str) -> Result<Value, CommandError> {
    let (group, agent, now) = (
        CoId::parse(group)?,
        parse_secret(secret)?.agent(),
        host.now(),
    );
    host.node.revoke_invite(&group, &agent.agent_id(), now)?;
    Ok(Value::Null)
}

fn invited_to(host: &mut Host, group: &str, secret: &str) -> Result<Value, CommandError> {
    let (group, secret) = (CoId::parse(group)?, parse_secret(secret)?);
    Ok(json!(
        host.node.invited_to(&group, &secret).map(Role::as_str)
    ))
}

fn founded(id: Result<CoId, WriteError>) -> Result<Value, CommandError> {
    match id {
        Err(WriteError::Loading { .. }) => Ok(Value::Null),
        id => Ok(json!(id?.as_str())),
    }
}

fn parse_secret(text: &str) -> Result<InviteSecret, CommandError> {
    InviteSecret::parse(text).map_err(|_| CommandError::NoInvite)
}

fn members(host: &mut Host, group: &str) -> Result<Value, CommandError> {
    let members = host.node.members(&CoId::parse(group)?);
    let members = members.unwrap_or_default().into_iter();
    Ok(members
        .map(|(member, role)| (member, json!(role.as_str())))
        .collect())
}

fn role_of(host: &mut Host, group: &str, name: Option<&str>) -> Result<Value, CommandError> {
    let (group, now) = (CoId::parse(group)?, host.now());
    let role = match name {
        Some(name) => host.node.role_of(&group, &member(name)?, now),
        None => host.node.my_role(&group, now),
    };
    Ok(json!(role.map(Role::as_str)))
}

fn member(name: &str) -> Result<Member, CommandError> {
    Ok(match name {
        "everyone" => Member::Everyone,
        account => Member::Account(CoId::parse(account)?),
    })
}

fn parse_role(word: &str) -> Result<Role, CommandError> {
    Role::parse(word).ok_or_else(|| no_such("role", word))
}

fn no_such(what: &'static str, word: &str) -> CommandError {
    let word = word.to_owned();
    CommandError::NoSuch { what, word }
}
