//! Who is a member reads and writes; who is not, or is no longer, does not, on every replica alike.

use cojson::access::{AccessError, Role};
use cojson::ids::Timestamp;
use cojson::node::{Stamp, WriteError};
use cojson::sync::{Denial, Effect};

use crate::scene::{END, NOW, member, scene};
use crate::world::{device, get, load, set, settle};

#[test]
fn who_is_no_member_sees_nothing_and_cannot_write() {
    let mut scene = scene();
    assert_eq!(get(&mut scene.bob, &scene.map, "text"), None);
    let refused = scene.bob.map_set(
        &scene.map,
        &[("text".into(), "mine".into())],
        Stamp::Now(END),
    );
    assert!(
        matches!(
            refused,
            Err(WriteError::Access(AccessError::NoReadKey { .. }))
        ),
        "{refused:?}"
    );
}

#[test]
fn a_writer_reads_what_was_there_before_and_writes() {
    let mut scene = scene();
    scene.add_bob(Role::Writer, NOW + 10);
    assert_eq!(
        get(&mut scene.bob, &scene.map, "text").as_deref(),
        Some("secret")
    );
    // Bob's clock is behind: his write must not fall before he was a member.
    set(&mut scene.bob, &scene.map, "text", "from bob", NOW - 5_000);
    scene.sync();
    assert_eq!(
        get(&mut scene.alice, &scene.map, "text").as_deref(),
        Some("from bob")
    );
}

#[test]
fn a_reader_reads_and_does_not_write() {
    let mut scene = scene();
    scene.add_bob(Role::Reader, NOW + 10);
    assert_eq!(
        get(&mut scene.bob, &scene.map, "text").as_deref(),
        Some("secret")
    );
    let write = Stamp::Now(Timestamp(NOW + 20));
    let refused = scene
        .bob
        .map_set(&scene.map, &[("text".into(), "mine".into())], write);
    assert!(
        matches!(
            refused,
            Err(WriteError::Access(AccessError::NotAllowed {
                role: Some(Role::Reader),
                ..
            }))
        ),
        "{refused:?}"
    );
    let alice = member(&scene.alice);
    let refused = scene
        .bob
        .remove_member(&scene.group, &alice, Timestamp(NOW + 20));
    assert!(
        matches!(refused, Err(AccessError::NotAllowed { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_removed_member_keeps_the_past_and_gets_nothing_new() {
    let mut scene = scene();
    scene.add_bob(Role::Writer, NOW + 10);
    set(&mut scene.bob, &scene.map, "bob", "was here", NOW + 20);
    scene.sync();
    scene.remove_bob(NOW + 30);
    set(
        &mut scene.alice,
        &scene.map,
        "text",
        "without bob",
        NOW + 40,
    );
    scene.sync();
    assert_eq!(
        get(&mut scene.bob, &scene.map, "text").as_deref(),
        Some("secret")
    );
    assert_eq!(
        get(&mut scene.alice, &scene.map, "text").as_deref(),
        Some("without bob")
    );
    assert_eq!(
        get(&mut scene.alice, &scene.map, "bob").as_deref(),
        Some("was here")
    );
    assert_eq!(scene.bob.my_role(&scene.group, END), None);
}

#[test]
fn what_a_removed_member_wrote_without_knowing_is_shown_nowhere() {
    let mut scene = scene();
    scene.add_bob(Role::Writer, NOW + 10);
    let bob = member(&scene.bob);
    scene
        .alice
        .remove_member(&scene.group, &bob, Timestamp(NOW + 30))
        .unwrap();
    set(&mut scene.bob, &scene.map, "late", "offline", NOW + 40);
    assert_eq!(
        get(&mut scene.bob, &scene.map, "late").as_deref(),
        Some("offline")
    );
    scene.sync();
    assert_eq!(get(&mut scene.alice, &scene.map, "late"), None);
    assert_eq!(
        get(&mut scene.bob, &scene.map, "late"),
        None,
        "the verdict has changed"
    );
    assert_eq!(
        scene.world.denied.drain(..).as_slice(),
        [Denial::NotAWriter]
    );
}

#[test]
fn what_comes_late_changes_the_past_on_every_device_and_what_was_built_on_it_falls_too() {
    let mut scene = scene();
    let mut carol = device("carol", 3);
    scene.world.sync(&mut [&mut carol]);
    let carols_account = carol.account_id().clone();
    for node in [&mut scene.alice, &mut scene.bob] {
        node.load(&carols_account);
    }
    scene.add_bob(Role::Manager, NOW + 10);
    // Alice removes Bob and tells nobody; Bob lets Carol in, who writes, and all but Alice see it.
    let (bob, carols) = (member(&scene.bob), member(&carol));
    let group = scene.group.clone();
    scene
        .alice
        .remove_member(&group, &bob, Timestamp(NOW + 20))
        .unwrap();
    scene
        .bob
        .add_member(&group, &carols, Role::Writer, Timestamp(NOW + 30))
        .unwrap();
    set(&mut scene.bob, &scene.map, "bob", "wrote", NOW + 30);
    scene.world.sync(&mut [&mut scene.bob, &mut carol]);
    load(&mut scene.world, &mut carol, &[&scene.map.clone()]);
    set(&mut carol, &scene.map, "carol", "wrote", NOW + 40);
    scene.world.sync(&mut [&mut scene.bob, &mut carol]);
    for node in [&mut scene.bob, &mut carol] {
        let seen = get(node, &scene.map, "carol");
        assert_eq!(seen.as_deref(), Some("wrote"));
        assert_eq!(node.role_of(&group, &carols, END), Some(Role::Writer));
    }
    let world = &mut scene.world;
    world.sync(&mut [&mut scene.alice, &mut scene.bob, &mut carol]);
    for node in [&mut scene.alice, &mut scene.bob, &mut carol] {
        for key in ["bob", "carol"] {
            assert_eq!(get(node, &scene.map, key), None, "{key}");
        }
        for (name, at) in [(&bob, NOW + 20), (&carols, NOW + 40)] {
            assert_eq!(node.role_of(&group, name, Timestamp(at)), None);
        }
    }
    // Bob was a member when it was written. Carol never was, whatever he gave her.
    for (node, expected) in [(&mut scene.bob, Some("secret")), (&mut carol, None)] {
        assert_eq!(get(node, &scene.map, "text").as_deref(), expected);
    }
}

#[test]
fn a_member_who_comes_back_reads_everything() {
    let mut scene = scene();
    scene.add_bob(Role::Writer, NOW + 10);
    scene.remove_bob(NOW + 20);
    set(
        &mut scene.alice,
        &scene.map,
        "between",
        "not for bob yet",
        NOW + 30,
    );
    scene.sync();
    assert_eq!(get(&mut scene.bob, &scene.map, "between"), None);
    scene.add_bob(Role::Reader, NOW + 40);
    assert_eq!(
        get(&mut scene.bob, &scene.map, "between").as_deref(),
        Some("not for bob yet")
    );
    assert_eq!(
        get(&mut scene.bob, &scene.map, "text").as_deref(),
        Some("secret")
    );
}

#[test]
fn an_account_that_is_not_loaded_is_named() {
    let mut scene = scene();
    let carol = device("carol", 3);
    let add = scene
        .alice
        .add_member(&scene.group, &member(&carol), Role::Writer, Timestamp(NOW));
    let account = carol.account_id().clone();
    assert_eq!(add, Err(AccessError::AccountNotLoaded { account }));
    let group = carol.own_group();
    let add = scene
        .alice
        .add_member(&group, &member(&carol), Role::Writer, Timestamp(NOW));
    assert_eq!(add, Err(AccessError::GroupNotLoaded { group }));
    let refused = scene
        .alice
        .add_member(&scene.map, &member(&carol), Role::Writer, Timestamp(NOW));
    assert!(matches!(refused, Err(AccessError::NotAGroup { .. })));
}

#[test]
fn a_change_of_the_group_is_told_for_the_values_that_are_looked_at() {
    let mut scene = scene();
    let _ = settle(&mut scene.bob);
    assert_eq!(get(&mut scene.bob, &scene.map, "text"), None);
    let bob = member(&scene.bob);
    scene
        .alice
        .add_member(&scene.group, &bob, Role::Reader, Timestamp(NOW + 10))
        .unwrap();
    let known = scene.bob.replica().known_state(&scene.group);
    let log = scene.alice.log(&scene.group).unwrap().clone();
    let _ = settle(&mut scene.alice);
    let session = scene.alice.session().clone();
    let new = scene
        .alice
        .log(log.id())
        .unwrap()
        .session(&session)
        .unwrap();
    let pieces = new.content_since(known.count(&session), 1 << 20);
    let message = cojson::sync::ContentMessage {
        id: scene.group.clone(),
        header: None,
        priority: 0,
        new: pieces
            .into_iter()
            .map(|piece| (session.clone(), piece))
            .collect(),
        expect_content_until: None,
    };
    let server = cojson::sync::PeerId(9);
    scene.bob.connect(server, cojson::sync::PeerRole::Server);
    scene
        .bob
        .receive(server, cojson::sync::SyncMessage::Content(message));
    let mut changed = Vec::new();
    while let Some(effect) = scene.bob.poll_effect() {
        if let Effect::Changed(id) = effect {
            changed.push(id);
        }
    }
    assert!(
        changed.contains(&scene.group) && changed.contains(&scene.map),
        "{changed:?}"
    );
    assert_eq!(
        get(&mut scene.bob, &scene.map, "text").as_deref(),
        Some("secret")
    );
}
