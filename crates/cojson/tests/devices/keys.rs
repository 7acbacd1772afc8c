//! Who has which keys: everyone, write-only members, admins at odds, groups below groups.

use cojson::access::{AccessError, Inheritance, Role};
use cojson::group::Member;
use cojson::ids::Timestamp;
use cojson::node::Stamp;

use crate::scene::{END, NOW, Scene, member, scene};
use crate::world::{device, get, load, new_map, set};

#[test]
fn a_group_open_to_everyone_is_read_by_strangers_until_it_is_closed() {
    let mut scene = scene();
    let stranger_write = Stamp::Now(Timestamp(NOW + 20));
    let open = |scene: &mut Scene, role, at| {
        scene
            .alice
            .add_member(&scene.group, &Member::Everyone, role, Timestamp(at))
            .unwrap();
        scene.sync();
    };
    open(&mut scene, Role::Reader, NOW + 10);
    assert_eq!(
        get(&mut scene.bob, &scene.map, "text").as_deref(),
        Some("secret")
    );
    let entry = [("by".into(), "stranger".into())];
    assert!(
        scene
            .bob
            .map_set(&scene.map, &entry, stranger_write)
            .is_err()
    );

    open(&mut scene, Role::Writer, NOW + 30);
    set(&mut scene.bob, &scene.map, "by", "stranger", NOW + 40);
    scene.sync();
    assert_eq!(
        get(&mut scene.alice, &scene.map, "by").as_deref(),
        Some("stranger")
    );

    scene
        .alice
        .remove_member(&scene.group, &Member::Everyone, Timestamp(NOW + 50))
        .unwrap();
    set(&mut scene.alice, &scene.map, "text", "closed", NOW + 60);
    scene.sync();
    assert_eq!(
        get(&mut scene.bob, &scene.map, "text").as_deref(),
        Some("secret")
    );
    for role in [Role::Admin, Role::Manager] {
        let refused = scene
            .alice
            .add_member(&scene.group, &Member::Everyone, role, END);
        assert!(
            matches!(refused, Err(AccessError::NoSuchRole { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn a_write_only_member_sees_its_own_and_all_readers_see_it() {
    let mut scene = scene();
    let mut carol = device("carol", 3);
    scene.world.sync(&mut [&mut carol]);
    load(
        &mut scene.world,
        &mut scene.alice,
        &[&carol.account_id().clone()],
    );
    scene.add_bob(Role::WriteOnly, NOW + 10);
    set(&mut scene.bob, &scene.map, "note", "from bob", NOW + 20);
    scene.sync();
    assert_eq!(get(&mut scene.bob, &scene.map, "text"), None);
    assert_eq!(
        get(&mut scene.bob, &scene.map, "note").as_deref(),
        Some("from bob")
    );
    assert_eq!(
        get(&mut scene.alice, &scene.map, "note").as_deref(),
        Some("from bob")
    );

    // A reader who comes later reads it too, and one who is removed does not read what comes then.
    let carols = member(&carol);
    scene
        .alice
        .add_member(&scene.group, &carols, Role::Reader, Timestamp(NOW + 30))
        .unwrap();
    scene.sync();
    load(&mut scene.world, &mut carol, &[&scene.map.clone()]);
    assert_eq!(
        get(&mut carol, &scene.map, "note").as_deref(),
        Some("from bob")
    );
    scene
        .alice
        .remove_member(&scene.group, &carols, Timestamp(NOW + 40))
        .unwrap();
    scene.sync();
    set(
        &mut scene.bob,
        &scene.map,
        "note",
        "not for carol",
        NOW + 50,
    );
    scene
        .world
        .sync(&mut [&mut scene.alice, &mut scene.bob, &mut carol]);
    assert_eq!(
        get(&mut scene.alice, &scene.map, "note").as_deref(),
        Some("not for carol")
    );
    assert_eq!(
        get(&mut carol, &scene.map, "note").as_deref(),
        Some("from bob")
    );
}

#[test]
fn r10_two_admins_who_change_the_group_offline_end_with_one_group() {
    let mut scene = scene();
    let mut carol = device("carol", 3);
    scene.world.sync(&mut [&mut carol]);
    let carols_account = carol.account_id().clone();
    for node in [&mut scene.alice, &mut scene.bob] {
        node.load(&carols_account);
    }
    scene.sync();
    scene.add_bob(Role::Admin, NOW + 10);
    let carols = member(&carol);
    scene
        .alice
        .add_member(&scene.group, &carols, Role::Reader, Timestamp(NOW + 20))
        .unwrap();
    scene.sync();

    // Both rotate, and each writes under its own key before they meet.
    scene
        .alice
        .remove_member(&scene.group, &carols, Timestamp(NOW + 30))
        .unwrap();
    scene
        .bob
        .remove_member(&scene.group, &carols, Timestamp(NOW + 30))
        .unwrap();
    set(&mut scene.alice, &scene.map, "a", "alice's", NOW + 40);
    set(&mut scene.bob, &scene.map, "b", "bob's", NOW + 40);
    scene.sync();
    // Whoever joins then reads what was written under either key.
    scene
        .alice
        .add_member(&scene.group, &carols, Role::Reader, Timestamp(NOW + 50))
        .unwrap();
    scene.sync();
    load(&mut scene.world, &mut carol, &[&scene.map.clone()]);
    for node in [&mut scene.alice, &mut scene.bob, &mut carol] {
        assert_eq!(get(node, &scene.map, "a").as_deref(), Some("alice's"));
        assert_eq!(get(node, &scene.map, "b").as_deref(), Some("bob's"));
        assert_eq!(node.role_of(&scene.group, &carols, END), Some(Role::Reader));
    }
    assert_eq!(
        scene.alice.members(&scene.group),
        carol.members(&scene.group)
    );
}

#[test]
fn members_of_a_parent_read_and_write_the_child_until_they_are_removed_from_the_parent() {
    let mut scene = scene();
    let child = scene.alice.create_group(Timestamp(NOW));
    let map = new_map(&mut scene.alice, &child, NOW);
    set(&mut scene.alice, &map, "text", "child's", NOW);
    scene.add_bob(Role::Writer, NOW + 10);
    let alice = &mut scene.alice;
    alice
        .extend_group(
            &child,
            &scene.group,
            Inheritance::Extend,
            Timestamp(NOW + 20),
        )
        .unwrap();
    scene.sync();
    load(&mut scene.world, &mut scene.bob, &[&map]);
    assert_eq!(
        get(&mut scene.bob, &map, "text").as_deref(),
        Some("child's")
    );
    assert_eq!(scene.bob.my_role(&child, END), Some(Role::Writer));
    set(&mut scene.bob, &map, "bob", "wrote", NOW + 30);
    scene.sync();
    assert_eq!(get(&mut scene.alice, &map, "bob").as_deref(), Some("wrote"));

    scene.remove_bob(NOW + 40);
    set(&mut scene.alice, &map, "text", "without bob", NOW + 50);
    scene.sync();
    assert_eq!(scene.bob.my_role(&child, END), None);
    assert_eq!(
        get(&mut scene.bob, &map, "text").as_deref(),
        Some("child's")
    );
    assert_eq!(
        get(&mut scene.alice, &map, "text").as_deref(),
        Some("without bob")
    );
}

#[test]
fn a_group_is_put_below_one_of_which_its_admin_is_no_member() {
    let mut scene = scene();
    let bobs = scene.bob.create_group(Timestamp(NOW));
    scene.sync();
    load(&mut scene.world, &mut scene.alice, &[&bobs]);
    let extend = |scene: &mut Scene, inheritance, at| {
        let alice = &mut scene.alice;
        alice
            .extend_group(&scene.group, &bobs, inheritance, Timestamp(at))
            .unwrap();
        scene.sync();
    };
    extend(&mut scene, Inheritance::Fixed(Role::Reader), NOW + 10);
    assert_eq!(
        get(&mut scene.bob, &scene.map, "text").as_deref(),
        Some("secret")
    );
    assert_eq!(scene.bob.my_role(&scene.group, END), Some(Role::Reader));
    let own = scene.group.clone();
    let refused = scene
        .bob
        .extend_group(&own, &bobs, Inheritance::Extend, END);
    assert!(
        matches!(refused, Err(AccessError::NotAllowed { .. })),
        "{refused:?}"
    );

    extend(&mut scene, Inheritance::Revoked, NOW + 20);
    set(
        &mut scene.alice,
        &scene.map,
        "text",
        "alone again",
        NOW + 30,
    );
    scene.sync();
    assert_eq!(scene.bob.my_role(&scene.group, END), None);
    assert_eq!(
        get(&mut scene.bob, &scene.map, "text").as_deref(),
        Some("secret")
    );
}

#[test]
fn where_everyone_may_only_write_strangers_see_their_own_and_readers_see_all() {
    let mut scene = scene();
    let mut carol = device("carol", 3);
    let open = |scene: &mut Scene, role, at| {
        let alice = &mut scene.alice;
        alice
            .add_member(&scene.group, &Member::Everyone, role, Timestamp(at))
            .unwrap();
        scene.sync();
    };
    // What was public before is public for ever; what comes then is not.
    open(&mut scene, Role::Reader, NOW + 10);
    open(&mut scene, Role::WriteOnly, NOW + 20);
    set(
        &mut scene.alice,
        &scene.map,
        "text",
        "for readers",
        NOW + 30,
    );
    load(&mut scene.world, &mut carol, &[&scene.map.clone()]);
    let everybody = |scene: &mut Scene, carol: &mut cojson::node::Node| {
        scene
            .world
            .sync(&mut [&mut scene.alice, &mut scene.bob, carol]);
    };
    everybody(&mut scene, &mut carol);
    set(&mut scene.bob, &scene.map, "bob", "from bob", NOW + 40);
    set(&mut scene.bob, &scene.map, "again", "from bob", NOW + 41);
    set(&mut carol, &scene.map, "carol", "from carol", NOW + 40);
    everybody(&mut scene, &mut carol);
    let sees = |node: &mut cojson::node::Node, keys: [bool; 4]| {
        for (key, is_seen) in ["bob", "again", "carol"].into_iter().zip(keys) {
            assert_eq!(get(node, &scene.map, key).is_some(), is_seen, "{key}");
        }
        let text = get(node, &scene.map, "text");
        assert_eq!(text.as_deref() == Some("for readers"), keys[3], "{text:?}");
    };
    sees(&mut scene.alice, [true, true, true, true]);
    sees(&mut scene.bob, [true, true, false, false]);
    sees(&mut carol, [false, false, true, false]);
}

#[test]
fn r10_what_a_late_removal_makes_unreadable_is_hidden_from_who_wrote_it_as_it_is_after_a_start() {
    let mut scene = scene();
    scene.add_bob(Role::Writer, NOW + 10);
    let (mut carol, mut dave) = (device("carol", 3), device("dave", 4));
    scene.world.sync(&mut [&mut carol, &mut dave]);
    let accounts = [&carol, &dave].map(|node| node.account_id().clone());
    load(
        &mut scene.world,
        &mut scene.alice,
        &[&accounts[0], &accounts[1]],
    );
    for (node, role) in [(&carol, Role::Manager), (&dave, Role::Reader)] {
        let alice = &mut scene.alice;
        alice
            .add_member(&scene.group, &member(node), role, Timestamp(NOW + 20))
            .unwrap();
    }
    scene.sync();
    load(&mut scene.world, &mut carol, &[&scene.group]);
    // Alice removes Carol, and nobody knows when Carol rotates the key and Bob writes with it.
    let alice = &mut scene.alice;
    alice
        .remove_member(&scene.group, &member(&carol), Timestamp(NOW + 30))
        .unwrap();
    carol
        .remove_member(&scene.group, &member(&dave), Timestamp(NOW + 40))
        .unwrap();
    scene.world.sync(&mut [&mut carol, &mut scene.bob]);
    set(
        &mut scene.bob,
        &scene.map,
        "late",
        "by a lost key",
        NOW + 41,
    );
    assert!(get(&mut scene.bob, &scene.map, "late").is_some());
    scene.sync();
    let mut again = device("bob", 5);
    load(&mut scene.world, &mut again, &[&scene.map]);
    assert_eq!(get(&mut again, &scene.map, "late"), None);
    assert_eq!(get(&mut scene.bob, &scene.map, "late"), None);
    assert!(get(&mut scene.bob, &scene.map, "text").is_some());
}

#[test]
fn a_group_that_was_not_loaded_when_one_above_it_was_rotated_follows_before_an_admin_writes_there()
{
    let mut scene = scene();
    let team = scene.alice.create_group(Timestamp(NOW));
    let mut carol = device("carol", 3);
    scene.world.sync(&mut [&mut carol]);
    let carols_account = carol.account_id().clone();
    load(&mut scene.world, &mut scene.alice, &[&carols_account]);
    let (bobs, carols) = (member(&scene.bob), member(&carol));
    for (who, at) in [(&bobs, NOW + 1), (&carols, NOW + 2)] {
        let alice = &mut scene.alice;
        alice
            .add_member(&team, who, Role::Writer, Timestamp(at))
            .unwrap();
    }
    let (group, map) = (scene.group.clone(), scene.map.clone());
    let extend = Inheritance::Extend;
    scene
        .alice
        .extend_group(&group, &team, extend, Timestamp(NOW + 3))
        .unwrap();
    scene.sync();
    load(&mut scene.world, &mut scene.bob, &[&map]);
    load(&mut scene.world, &mut carol, &[&map]);
    assert!(get(&mut scene.bob, &map, "text").is_some());
    // Another device of Alice, on which the group below is not, removes Bob from the team.
    let mut phone = device("alice", 9);
    load(&mut scene.world, &mut phone, &[&team]);
    assert!(!phone.is_loaded(&group));
    phone
        .remove_member(&team, &bobs, Timestamp(NOW + 10))
        .unwrap();
    scene
        .world
        .sync(&mut [&mut phone, &mut scene.alice, &mut scene.bob, &mut carol]);
    set(&mut scene.alice, &map, "text", "without bob", NOW + 20);
    // Once is enough.
    let read_key = |node: &mut cojson::node::Node| {
        let map = node.map(&group).unwrap();
        map.get("readKey").cloned()
    };
    let key = read_key(&mut scene.alice);
    set(&mut scene.alice, &map, "again", "without bob", NOW + 21);
    assert_eq!(read_key(&mut scene.alice), key);
    scene
        .world
        .sync(&mut [&mut scene.alice, &mut scene.bob, &mut carol]);
    for key in ["text", "again"] {
        assert_eq!(get(&mut carol, &map, key).as_deref(), Some("without bob"));
    }
    assert_eq!(get(&mut scene.bob, &map, "text").as_deref(), Some("secret"));
    let log = scene.bob.log(&map).unwrap();
    let is_here = |session: &cojson::session_log::SessionLog| session.len() >= 3;
    assert!(log.sessions().any(is_here), "it arrived, and does not open");
}
