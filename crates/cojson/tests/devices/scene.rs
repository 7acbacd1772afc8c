//! Alice with a group and a map in it, and Bob.

use cojson::access::Role;
use cojson::group::Member;
use cojson::ids::{CoId, Timestamp};
use cojson::node::Node;

use crate::world::{World, device, load, new_map, set};

pub(crate) const NOW: u64 = 1_795_334_513_735;
pub(crate) const END: Timestamp = Timestamp(u64::MAX);

pub(crate) fn member(node: &Node) -> Member {
    Member::Account(node.account_id().clone())
}

/// Alice with a group and a map in it, and Bob, who know of each other.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) alice: Node,
    pub(crate) bob: Node,
    pub(crate) group: CoId,
    pub(crate) map: CoId,
}

pub(crate) fn scene() -> Scene {
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
    pub(crate) fn sync(&mut self) {
        self.world.sync(&mut [&mut self.alice, &mut self.bob]);
    }

    pub(crate) fn add_bob(&mut self, role: Role, at: u64) {
        let bob = member(&self.bob);
        self.alice
            .add_member(&self.group, &bob, role, Timestamp(at))
            .unwrap();
        self.sync();
    }

    pub(crate) fn remove_bob(&mut self, at: u64) {
        let bob = member(&self.bob);
        self.alice
            .remove_member(&self.group, &bob, Timestamp(at))
            .unwrap();
        self.sync();
    }
}
