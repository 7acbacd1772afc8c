//! What is dated ahead: nobody follows it further than a day, nor takes it in.

use cojson::access::Role;
use cojson::ids::Timestamp;
use cojson::node::Node;
use cojson::sync::{ContentMessage, Effect, PeerRole, SyncMessage};

use crate::scene::{NOW, scene};
use crate::world::{SERVER, get, set, settle};

const DAY_MS: u64 = 86_400_000;

/// Everything of a value that a node has from this place of its session on.
fn content(node: &Node, id: &cojson::ids::CoId, after: u32) -> SyncMessage {
    let log = node.log(id).unwrap();
    let session = log.session(node.session()).unwrap();
    let piece = session.content_since(after, usize::MAX).remove(0);
    SyncMessage::Content(ContentMessage {
        id: id.clone(),
        header: None,
        priority: 3,
        new: [(node.session().clone(), piece)].into(),
        expect_content_until: None,
    })
}

/// What was refused, and what is said to the server.
fn receive_at(node: &mut Node, message: SyncMessage, now: u64) -> (Vec<&'static str>, u32) {
    let SyncMessage::Content(content) = &message else {
        panic!("{message:?}");
    };
    let (id, session) = (
        content.id.clone(),
        content.new.keys().next().unwrap().clone(),
    );
    node.receive_at(SERVER, message, Timestamp(now));
    let mut codes = Vec::new();
    let mut acknowledged = 0;
    node.flush();
    while let Some(effect) = node.poll_effect() {
        match effect {
            Effect::Rejected { reason, .. } => codes.push(reason.code()),
            Effect::Store(batch) => node.stored(batch.id),
            Effect::Send {
                message: SyncMessage::Known(known),
                ..
            } if known.state.id == id => acknowledged = known.state.count(&session),
            _ => {}
        }
    }
    (codes, acknowledged)
}

#[test]
fn r11_what_is_dated_more_than_a_day_ahead_is_left_out_until_its_day_and_what_is_genuine_is_taken()
{
    let mut scene = scene();
    scene.add_bob(Role::Writer, NOW + 1);
    let (map, far) = (scene.map.clone(), NOW + 2 * DAY_MS);
    set(&mut scene.bob, &map, "text", "for ever", far);
    let _ = settle(&mut scene.bob);
    let ahead = content(&scene.bob, &map, 0);
    let alice = &mut scene.alice;
    alice.connect(SERVER, PeerRole::Server);
    let _ = settle(alice);
    assert_eq!(
        receive_at(alice, ahead.clone(), NOW + 10),
        (vec!["dated_ahead"], 0)
    );
    assert_eq!(get(alice, &map, "text").as_deref(), Some("secret"));
    // Nobody else's content is touched: what she writes is what she sees, and another device's content is taken.
    set(alice, &map, "text", "now", NOW + 20);
    let mut tablet = crate::world::device("bob", 9);
    crate::world::load(&mut scene.world, &mut tablet, &[&map]);
    set(&mut tablet, &map, "other", "bob's", NOW + 30);
    let _ = settle(&mut tablet);
    let genuine = content(&tablet, &map, 0);
    let alice = &mut scene.alice;
    assert_eq!(receive_at(alice, genuine, NOW + 40), (vec![], 1));
    assert_eq!(get(alice, &map, "other").as_deref(), Some("bob's"));
    assert_eq!(get(alice, &map, "text").as_deref(), Some("now"));
    // A day before it, it is taken, since it can be followed then.
    assert_eq!(receive_at(alice, ahead, far - DAY_MS), (vec![], 1));
    assert_eq!(get(alice, &map, "text").as_deref(), Some("for ever"));
    set(alice, &map, "text", "after all", far - DAY_MS + 10);
    assert_eq!(get(alice, &map, "text").as_deref(), Some("after all"));
}
