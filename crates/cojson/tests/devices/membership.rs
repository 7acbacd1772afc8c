//! Who is a member reads and writes; who is not, or is no longer, does not, on every replica alike.

use cojson::access::{AccessError, Role};
use cojson::group::Member;
use cojson::ids::{CoId, Timestamp};
use cojson::node::{Node, Stamp, WriteError};
use cojson::sync::Effect;

use crate::world::{World, device, get, load, new_map, set, settle};

const NOW: u64 = 1_795_334_513_735;
const END: Timestamp = Timestamp(u64::MAX);

fn member(node: &Node) -> Member {
    Member::Account(node.account_id().clone())
}

/// Alice with a group and a map in it, and Bob, who know of each other.
struct Scene {
    world: World,
    alice: Node,
    bob: Node,
    group: CoId,
    map: CoId,
}

fn scene() -> Scene {
    let mut world = World::default();
    let (mut alice, mut bob) = (device("alice", 1), device("bob", 2));
    let group = alice.create_group(Timestamp(NOW));
    let map = new_map(&mut alice, &group, NOW);
    set(&mut alice, &map, "text", "secret", NOW);
    world.sync(&mut [&mut alice, &mut bob]);
    let bobs_account = bob.account_id().clone();
    load(&mut world, &mut alice, &[&bobs_account]);
    load(&mut world, &mut bob, &[&map]);
    Scene {
        world,
        alice,
        bob,
        group,
        map,
    }
}

impl Scene {
    fn sync(&mut self) {
        self.world.sync(&mut [&mut self.alice, &mut self.bob]);
    }

    fn add_bob(&mut self, role: Role, at: u64) {
        let bob = member(&self.bob);
        self.alice
            .add_member(&self.group, &bob, role, Timestamp(at))
            .unwrap();
        self.sync();
    }

    fn remove_bob(&mut self, at: u64) {
        let bob = member(&self.bob);
        self.alice
            .remove_member(&self.group, &bob, Timestamp(at))
            .unwrap();
        self.sync();
    }
}

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
    for role in [Role::Admin, Role::WriteOnly] {
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
