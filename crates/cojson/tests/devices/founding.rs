//! What devices of one account make alike while they are offline is one thing, and making it again reverts nothing.

use cojson::access::Role;
use cojson::group::Member;
use cojson::ids::Timestamp;
use cojson::json::Json;
use cojson::node::{Stamp, WriteError};

use crate::world::{World, device, get, load, named_map, new_map, secret, set, settle};

const NOW: u64 = 1_795_334_513_735;
const END: Timestamp = Timestamp(u64::MAX);

fn read_key(node: &mut cojson::node::Node) -> String {
    let own_group = node.own_group();
    let group = node.map(&own_group).unwrap();
    group
        .get("readKey")
        .and_then(Json::as_str)
        .unwrap()
        .to_owned()
}

#[test]
fn two_devices_that_founded_offline_have_the_same_account_group_and_keys() {
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    assert_eq!(phone.account_id(), laptop.account_id());
    assert_eq!(phone.own_group(), laptop.own_group());
    assert_ne!(phone.session(), laptop.session());
    assert_eq!(read_key(&mut phone), read_key(&mut laptop));
    assert_ne!(read_key(&mut phone), read_key(&mut device("bob", 1)));

    let group = phone.own_group();
    let map = new_map(&mut phone, &group, NOW);
    set(&mut phone, &map, "from", "phone", NOW);
    let mut world = World::default();
    world.sync(&mut [&mut phone, &mut laptop]);
    load(&mut world, &mut laptop, &[&map]);
    assert_eq!(get(&mut laptop, &map, "from").as_deref(), Some("phone"));
    assert_eq!(laptop.my_role(&group, END), Some(Role::Admin));
}

#[test]
fn founding_again_after_a_rotation_does_not_revert_it() {
    let mut world = World::default();
    let (mut phone, mut bob) = (device("alice", 1), device("bob", 1));
    let group = phone.own_group();
    let first_key = read_key(&mut phone);
    world.sync(&mut [&mut phone, &mut bob]);
    load(&mut world, &mut phone, &[&bob.account_id().clone()]);
    let bob = Member::Account(bob.account_id().clone());
    phone
        .add_member(&group, &bob, Role::Writer, Timestamp(NOW))
        .unwrap();
    phone.remove_member(&group, &bob, Timestamp(NOW)).unwrap();
    let second_key = read_key(&mut phone);
    assert_ne!(first_key, second_key);
    let map = new_map(&mut phone, &group, NOW);
    set(&mut phone, &map, "after", "rotation", NOW);
    world.sync(&mut [&mut phone]);

    let mut laptop = device("alice", 2);
    assert_eq!(
        read_key(&mut laptop),
        first_key,
        "the laptop knows no better yet"
    );
    let old = new_map(&mut laptop, &group, NOW);
    set(&mut laptop, &old, "written", "under the first key", NOW);
    world.sync(&mut [&mut laptop, &mut phone]);
    load(&mut world, &mut laptop, &[&map]);
    load(&mut world, &mut phone, &[&old]);

    for node in [&mut phone, &mut laptop] {
        assert_eq!(read_key(node), second_key);
        assert_eq!(get(node, &map, "after").as_deref(), Some("rotation"));
        assert_eq!(
            get(node, &old, "written").as_deref(),
            Some("under the first key")
        );
        assert_eq!(node.role_of(&group, &bob, END), None);
        node.found_account().unwrap();
        assert_eq!(read_key(node), second_key);
    }
}

#[test]
fn a_named_value_made_offline_on_two_devices_is_one_and_founding_content_yields() {
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let todos = named_map(&mut phone, "todos");
    assert_eq!(named_map(&mut laptop, "todos"), todos);
    assert_ne!(named_map(&mut laptop, "notes"), todos);

    let founding = [("state".into(), Json::from("idle"))];
    phone.map_set(&todos, &founding, Stamp::Founding).unwrap();
    set(&mut phone, &todos, "state", "busy", NOW);
    // The laptop's clock is two hours behind, and its founding comes after the phone's write.
    laptop.map_set(&todos, &founding, Stamp::Founding).unwrap();
    set(&mut laptop, &todos, "draft", "kept", NOW - 7_200_000);
    let mut world = World::default();
    world.sync(&mut [&mut phone, &mut laptop]);
    for node in [&mut phone, &mut laptop] {
        assert_eq!(get(node, &todos, "state").as_deref(), Some("busy"));
        assert_eq!(get(node, &todos, "draft").as_deref(), Some("kept"));
    }
    // It has seen the phone's write, so that its own comes after it all the same.
    set(&mut laptop, &todos, "state", "done", NOW - 7_200_000);
    world.sync(&mut [&mut phone, &mut laptop]);
    assert_eq!(get(&mut phone, &todos, "state").as_deref(), Some("done"));
}

#[test]
fn nothing_is_founded_before_storage_has_said_what_it_has() {
    let mut entropy = cojson::entropy::Entropy::from_seed([3; 32]);
    let secret = secret("alice");
    let account = cojson::account::account_id(&secret.agent_id());
    let mut node = cojson::node::Node::new(cojson::node::NodeConfig {
        session: cojson::ids::SessionId::random_of_account(&account, &mut entropy),
        secret,
        entropy_seed: entropy.bytes(),
        limits: cojson::sync::ReplicaConfig::default(),
    });
    let refused = node.found_account();
    assert!(
        matches!(refused, Err(WriteError::Loading { .. })),
        "{refused:?}"
    );
    assert!(
        node.log(&account)
            .is_none_or(|log| log.known_state().sessions.is_empty())
    );
    let _ = settle(&mut node);
    node.found_account().unwrap();
    assert_eq!(node.my_role(&node.own_group(), END), Some(Role::Admin));
}

#[test]
fn two_devices_that_made_their_profile_and_root_offline_have_one_of_each_and_everyone_reads_the_profile()
 {
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let mut world = World::default();
    let make = |node: &mut cojson::node::Node| {
        let mut found = |found: fn(&mut cojson::node::Node) -> Result<_, WriteError>| loop {
            match found(node) {
                Err(WriteError::Loading { .. }) => drop(settle(node)),
                made => break made.unwrap(),
            }
        };
        (
            found(cojson::node::Node::found_profile),
            found(cojson::node::Node::found_root),
        )
    };
    let (profile, root) = make(&mut phone);
    set(&mut phone, &profile, "name", "Alice", NOW);
    set(&mut phone, &root, "theme", "dark", NOW);
    assert_eq!(make(&mut laptop), (profile.clone(), root.clone()));
    world.sync(&mut [&mut phone, &mut laptop]);
    assert_eq!(get(&mut laptop, &profile, "name").as_deref(), Some("Alice"));
    assert_eq!(get(&mut laptop, &root, "theme").as_deref(), Some("dark"));

    let mut bob = device("bob", 3);
    let alice = phone.account_id().clone();
    load(&mut world, &mut bob, &[&alice, &root]);
    assert_eq!(bob.profile_of(&alice).as_ref(), Some(&profile));
    load(&mut world, &mut bob, &[&profile]);
    assert_eq!(get(&mut bob, &profile, "name").as_deref(), Some("Alice"));
    assert_eq!(get(&mut bob, &root, "theme"), None);
    let refused = bob.map_set(
        &profile,
        &[("name".into(), "Mallory".into())],
        Stamp::Now(Timestamp(NOW)),
    );
    assert!(refused.is_err());

    // An account that has a profile already, as other programs make it, keeps it.
    let mut other = device("alice", 4);
    load(&mut world, &mut other, &[&alice]);
    assert_eq!(make(&mut other), (profile, root));
}
