//! Invitations: whoever has the text joins, with the role and the keys that it is for, and with nothing else.

use cojson::access::{AccessError, Inheritance, Role};
use cojson::group::{Invitation, Member};
use cojson::ids::Timestamp;
use cojson::node::Node;

use crate::scene::{END, NOW, Scene, member, scene};
use crate::world::{device, get, load, set};

/// Alice invites, and hands the text over.
fn invite(scene: &mut Scene, role: Role, at: u64) -> Invitation {
    let made = scene
        .alice
        .create_invite(&scene.group, role, Timestamp(at))
        .unwrap();
    scene.sync();
    Invitation::parse(&made.to_string()).unwrap()
}

fn accept(node: &mut Node, invitation: &Invitation, at: u64) -> Result<Role, AccessError> {
    node.accept_invite(&invitation.value, &invitation.secret, Timestamp(at))
}

#[test]
fn each_kind_of_invitation_gives_its_role_and_the_keys_of_that_role() {
    for role in [
        Role::Admin,
        Role::Manager,
        Role::Writer,
        Role::Reader,
        Role::WriteOnly,
    ] {
        let mut scene = scene();
        let invitation = invite(&mut scene, role, NOW + 10);
        assert_eq!(accept(&mut scene.bob, &invitation, NOW + 20), Ok(role));
        scene.sync();
        for node in [&mut scene.alice, &mut scene.bob] {
            let bob = member(&device("bob", 2));
            assert_eq!(node.role_of(&scene.group, &bob, END), Some(role), "{role}");
            let members = node.members(&scene.group).unwrap();
            assert_eq!(members.len(), 2, "the invitation is no member: {members:?}");
        }
        let seen = get(&mut scene.bob, &scene.map, "text");
        assert_eq!(seen.is_some(), role.can_read(), "{role}");
        if role.can_write() {
            set(&mut scene.bob, &scene.map, "by", "bob", NOW + 30);
            scene.sync();
            let seen = get(&mut scene.alice, &scene.map, "by");
            assert_eq!(seen.as_deref(), Some("bob"), "{role}");
        }
    }
}

#[test]
fn an_invitation_is_accepted_by_many_until_it_is_taken_back() {
    let mut scene = scene();
    let invitation = invite(&mut scene, Role::Writer, NOW + 10);
    let mut carol = device("carol", 3);
    load(&mut scene.world, &mut carol, &[&scene.map.clone()]);
    accept(&mut scene.bob, &invitation, NOW + 20).unwrap();
    accept(&mut carol, &invitation, NOW + 20).unwrap();
    scene
        .world
        .sync(&mut [&mut scene.alice, &mut scene.bob, &mut carol]);
    assert_eq!(
        get(&mut carol, &scene.map, "text").as_deref(),
        Some("secret")
    );

    let alice = &mut scene.alice;
    assert_eq!(alice.invites(&scene.group).unwrap().len(), 1);
    alice
        .revoke_invite(
            &scene.group,
            &invitation.secret.agent().agent_id(),
            Timestamp(NOW + 30),
        )
        .unwrap();
    assert_eq!(alice.invites(&scene.group).unwrap(), []);
    set(alice, &scene.map, "text", "not for invitations", NOW + 40);
    let mut dave = device("dave", 4);
    scene
        .world
        .sync(&mut [&mut scene.alice, &mut scene.bob, &mut carol]);
    load(&mut scene.world, &mut dave, &[&scene.map.clone()]);
    let refused = accept(&mut dave, &invitation, NOW + 50);
    assert!(
        matches!(refused, Err(AccessError::NotInvited { .. })),
        "{refused:?}"
    );
    for node in [&mut scene.bob, &mut carol] {
        let seen = get(node, &scene.map, "text");
        assert_eq!(
            seen.as_deref(),
            Some("not for invitations"),
            "who accepted it stays"
        );
    }
}

#[test]
fn an_invitation_lowers_nobody() {
    let mut scene = scene();
    let to_read = invite(&mut scene, Role::Reader, NOW + 10);
    let to_manage = invite(&mut scene, Role::Manager, NOW + 10);
    assert_eq!(
        accept(&mut scene.bob, &to_manage, NOW + 20),
        Ok(Role::Manager)
    );
    assert_eq!(
        accept(&mut scene.bob, &to_read, NOW + 30),
        Ok(Role::Manager)
    );
    assert_eq!(
        accept(&mut scene.alice, &to_read, NOW + 40),
        Ok(Role::Admin)
    );
    scene.sync();
    assert_eq!(scene.alice.my_role(&scene.group, END), Some(Role::Admin));
    assert_eq!(scene.bob.my_role(&scene.group, END), Some(Role::Manager));
}

#[test]
fn who_was_removed_comes_back_by_an_invitation_and_reads_what_was_written_between() {
    let mut scene = scene();
    scene.add_bob(Role::Writer, NOW + 10);
    let invitation = invite(&mut scene, Role::Reader, NOW + 20);
    scene.remove_bob(NOW + 30);
    set(&mut scene.alice, &scene.map, "text", "between", NOW + 40);
    scene.sync();
    assert_eq!(
        get(&mut scene.bob, &scene.map, "text").as_deref(),
        Some("secret")
    );
    accept(&mut scene.bob, &invitation, NOW + 50).unwrap();
    assert_eq!(
        get(&mut scene.bob, &scene.map, "text").as_deref(),
        Some("between"),
        "a rotation gives invitations the new key too"
    );
}

#[test]
fn a_guest_who_only_writes_is_read_by_all_readers_here_and_above() {
    let mut scene = scene();
    let mut carol = device("carol", 3);
    scene.world.sync(&mut [&mut carol]);
    let (alice, group) = (&mut scene.alice, scene.group.clone());
    let parent = alice.create_group(Timestamp(NOW));
    load(&mut scene.world, alice, &[&carol.account_id().clone()]);
    alice
        .add_member(&parent, &member(&carol), Role::Reader, Timestamp(NOW + 5))
        .unwrap();
    alice
        .extend_group(&group, &parent, Inheritance::Extend, Timestamp(NOW + 10))
        .unwrap();
    let invitation = invite(&mut scene, Role::WriteOnly, NOW + 20);
    load(&mut scene.world, &mut scene.bob, &[&group]);
    accept(&mut scene.bob, &invitation, NOW + 30).unwrap();
    set(&mut scene.bob, &scene.map, "note", "from bob", NOW + 40);
    scene.sync();
    load(&mut scene.world, &mut carol, &[&scene.map.clone()]);
    for node in [&mut scene.alice, &mut carol] {
        let seen = get(node, &scene.map, "note");
        assert_eq!(seen.as_deref(), Some("from bob"));
    }
    assert_eq!(get(&mut scene.bob, &scene.map, "text"), None);
}

#[test]
fn only_who_may_give_a_role_may_invite_to_it_and_never_into_an_account() {
    let mut scene = scene();
    scene.add_bob(Role::Manager, NOW + 10);
    let bob = &mut scene.bob;
    for (role, is_allowed) in [
        (Role::Admin, false),
        (Role::Manager, false),
        (Role::Writer, true),
        (Role::Revoked, false),
        (Role::WriterInvite, false),
    ] {
        let made = bob.create_invite(&scene.group, role, Timestamp(NOW + 20));
        assert_eq!(made.is_ok(), is_allowed, "{role} {made:?}");
    }
    let account = bob.account_id().clone();
    let refused = bob.create_invite(&account, Role::Reader, END);
    assert!(
        matches!(refused, Err(AccessError::IsAccount { .. })),
        "{refused:?}"
    );
    let refused = bob.add_member(&account, &Member::Everyone, Role::Reader, END);
    assert!(
        matches!(refused, Err(AccessError::IsAccount { .. })),
        "{refused:?}"
    );
    scene.sync();
}
