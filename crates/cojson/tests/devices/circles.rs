//! Groups that would be above themselves: what closes a circle is refused where it is made, and where it comes from outside
//! all ignore the same, in whatever order it comes.

use cojson::access::{AccessError, Inheritance, Role};
use cojson::entropy::Entropy;
use cojson::ids::{CoId, Timestamp};
use cojson::node::Node;
use cojson::sync::{ContentMessage, PeerRole, SyncMessage};

use crate::scene::{END, NOW, member, scene};
use crate::world::{SERVER, World, device, load, settle};

#[test]
fn a_circle_of_groups_is_refused() {
    let mut scene = scene();
    let [second, third] = [(); 2].map(|()| scene.alice.create_group(Timestamp(NOW)));
    let first = scene.group.clone();
    let mut extend = |child, parent, inheritance| {
        let at = Timestamp(NOW + 20);
        scene.alice.extend_group(child, parent, inheritance, at)
    };
    extend(&second, &first, Inheritance::Extend).unwrap();
    extend(&third, &second, Inheritance::Fixed(Role::Reader)).unwrap();
    for parent in [&first, &second, &third] {
        let refused = extend(&first, parent, Inheritance::Extend);
        assert!(
            matches!(refused, Err(AccessError::Circle { .. })),
            "{refused:?}"
        );
        let said = refused.unwrap_err().to_string();
        assert!(
            said.contains("members would go round in a circle"),
            "{said}"
        );
    }
    // Once it is no longer below, it may be above.
    extend(&second, &first, Inheritance::Revoked).unwrap();
    extend(&first, &second, Inheritance::Extend).unwrap();
    let parents = scene.alice.parents(&first);
    assert_eq!(parents, Some(vec![(second.clone(), Inheritance::Extend)]));
    assert_eq!(scene.alice.parents(&second), Some(Vec::new()));
}

#[test]
fn r10_of_two_groups_that_were_put_below_each_other_offline_the_later_one_is_refused_everywhere() {
    for is_alice_first in [true, false] {
        let mut scene = scene();
        let mut carol = device("carol", 3);
        scene.world.denied.clear();
        scene.world.sync(&mut [&mut carol]);
        load(
            &mut scene.world,
            &mut scene.alice,
            &[&carol.account_id().clone()],
        );
        let (alices, bobs) = (scene.group.clone(), scene.bob.create_group(Timestamp(NOW)));
        scene.sync();
        load(&mut scene.world, &mut scene.alice, &[&bobs]);
        load(&mut scene.world, &mut scene.bob, &[&alices]);
        let carols = member(&carol);
        scene
            .alice
            .add_member(&alices, &carols, Role::Writer, Timestamp(NOW + 10))
            .unwrap();
        let (early, late) = (Timestamp(NOW + 20), Timestamp(NOW + 30));
        let (by_alice, by_bob) = if is_alice_first {
            (early, late)
        } else {
            (late, early)
        };
        let extend = Inheritance::Extend;
        scene
            .alice
            .extend_group(&alices, &bobs, extend, by_alice)
            .unwrap();
        scene
            .bob
            .extend_group(&bobs, &alices, extend, by_bob)
            .unwrap();
        scene.sync();
        scene.world.sync(&mut [&mut carol]);
        load(&mut scene.world, &mut carol, &[&alices, &bobs]);
        let alice = member(&device("alice", 1));
        let bob = member(&device("bob", 2));
        for node in [&mut scene.alice, &mut scene.bob, &mut carol] {
            // Whose group came first below the other has the other's members; the other has none of its.
            let in_alices = node.role_of(&alices, &bob, END);
            let in_bobs = node.role_of(&bobs, &alice, END);
            assert_eq!(in_alices.is_some(), is_alice_first, "{in_alices:?}");
            assert_eq!(in_bobs.is_none(), is_alice_first, "{in_bobs:?}");
            assert_eq!(node.role_of(&bobs, &carols, END).is_none(), is_alice_first);
            assert_eq!(node.role_of(&alices, &carols, END), Some(Role::Writer));
        }
        scene.world.denied.clear();
    }
}

/// Everything that is in a node's logs of these values, as messages of one session each.
fn contents(node: &Node, ids: &[CoId]) -> Vec<ContentMessage> {
    let mut messages = Vec::new();
    for id in ids {
        let log = node.log(id).unwrap();
        for session in log.sessions() {
            for piece in session.content_since(0, usize::MAX) {
                messages.push(ContentMessage {
                    id: id.clone(),
                    header: Some(log.header().clone()),
                    priority: 0,
                    new: [(session.session().clone(), piece)].into(),
                    expect_content_until: None,
                });
            }
        }
    }
    messages
}

#[test]
fn r10_of_a_circle_that_three_made_offline_all_ignore_the_same_in_whatever_order_it_comes() {
    let mut world = World::default();
    let mut people = ["alice", "bob", "carol"].map(|person| device(person, 1));
    let groups = people
        .each_mut()
        .map(|node| node.create_group(Timestamp(NOW)));
    let ids: Vec<&CoId> = groups.iter().collect();
    let [alice, bob, carol] = &mut people;
    world.sync(&mut [alice, bob, carol]);
    for node in &mut people {
        load(&mut world, node, &ids);
    }
    // Offline, each puts its group below the next one's, Bob last.
    for (place, at) in [(0, 10), (2, 20), (1, 30)] {
        let (child, parent) = (&groups[place], &groups[(place + 1) % 3]);
        let at = Timestamp(NOW + at);
        people[place]
            .extend_group(child, parent, Inheritance::Extend, at)
            .unwrap();
        let _ = settle(&mut people[place]);
    }
    let mut messages = Vec::new();
    for (place, node) in people.iter().enumerate() {
        let own = [node.account_id().clone(), groups[place].clone()];
        messages.extend(contents(node, &own));
    }
    for order in 0..50 {
        let mut entropy = Entropy::from_seed([order; 32]);
        let mut rest = messages.clone();
        let mut reader = device("dave", 4);
        reader.connect(SERVER, PeerRole::Server);
        let _ = settle(&mut reader);
        while !rest.is_empty() {
            let [place] = entropy.bytes();
            let next = rest.remove(usize::from(place) % rest.len());
            reader.receive(SERVER, SyncMessage::Content(next));
            let _ = settle(&mut reader);
        }
        let parents = groups
            .each_ref()
            .map(|group| reader.parents(group).unwrap());
        let parents: [Vec<CoId>; 3] =
            parents.map(|parents| parents.into_iter().map(|(id, _)| id).collect());
        let expected = [vec![groups[1].clone()], Vec::new(), vec![groups[0].clone()]];
        assert_eq!(parents, expected);
        // Alice's group has Bob's members, Carol's has both's, and Bob's has its own alone.
        let [alice, bob, carol] = people.each_ref().map(member);
        for (group, who, is_member) in [
            (0, &bob, true),
            (0, &carol, false),
            (1, &alice, false),
            (1, &carol, false),
            (2, &alice, true),
            (2, &bob, true),
        ] {
            let role = reader.role_of(&groups[group], who, END);
            assert_eq!(role.is_some(), is_member, "{group} {who:?}");
        }
    }
}
