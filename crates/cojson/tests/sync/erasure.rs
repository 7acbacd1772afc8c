//! What is left of a deleted value: its header and the tombstone, in memory and on disk, whoever goes on writing to it.

use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::known_state::KnownState;
use cojson::sync::{PeerId, PeerRole, ReplicaConfig, SyncMessage, WriteRule};
use cojson::transaction::Transaction;

use crate::author::{Author, content, set, sets};
use crate::cast::{ALICE, BOB, known, load};
use crate::machine::Machine;
use crate::town::{JOINED, Town};

const CAROL: PeerId = PeerId(8);

/// A deletion of a value in a session for it.
pub fn deletion(author: &Author, deleted: &CoId, at: u64) -> (SessionId, Transaction) {
    let session = format!("{}_session_d{at}$", author.account).replace('0', "1");
    let transaction = Transaction::Trusting {
        made_at: Timestamp(at),
        changes: "[]".into(),
        meta: Some(format!(r#"{{"deleted":"{deleted}"}}"#).into()),
    };
    (SessionId::parse(&session).unwrap(), transaction)
}

/// A town in which Bob is an admin too and has written to the map, and Bob's connection.
fn town() -> (Town, Author, Author) {
    let [alice, bob] = [1, 2].map(Author::new);
    let mut town = Town::new(WriteRule::AdminsDelete);
    town.server.replica.connect(BOB, PeerRole::Client);
    town.join(&bob, "admin", JOINED);
    let map = town.map.clone();
    town.check(&bob, &map, set("k", "bob's", JOINED + 1), None);
    (town, alice, bob)
}

fn delete(town: &mut Town, author: &Author, at: u64, refusal: Option<&str>) -> SessionId {
    let map = town.map.clone();
    let (session, one) = deletion(author, &map, at);
    town.check_in(&session, author, &map, one, refusal);
    session
}

/// The sessions of a value, in memory and on disk.
fn kept(server: &Machine, id: &CoId) -> [Vec<SessionId>; 2] {
    let in_memory = server.replica.known_state(id).sessions;
    let on_disk = server.disk.logs(id).into_keys();
    [in_memory.into_keys().collect(), on_disk.collect()]
}

/// What Bob writes next, as a message.
fn next_of_bob(town: &Town, bob: &Author) -> SyncMessage {
    let session = bob.session(0);
    let mut log = town.logs[&(town.map.clone(), session.clone())].clone();
    let after = log.len() as u32;
    log.push(set("k", "later", JOINED + 50));
    let piece = bob.content(&session, &log, after);
    SyncMessage::Content(content(&town.map, None, &session, piece))
}

#[test]
fn of_a_deleted_value_the_tombstone_alone_is_kept_in_memory_and_on_disk() {
    let (mut town, alice, bob) = town();
    let map = town.map.clone();
    assert_eq!(kept(&town.server, &map)[1].len(), 2);
    let tombstone = delete(&mut town, &alice, JOINED + 10, None);
    assert_eq!(
        kept(&town.server, &map),
        [[tombstone.clone()], [tombstone.clone()]]
    );
    // A second admin's deletion is kept beside it.
    let second = delete(&mut town, &bob, JOINED + 11, None);
    let mut both = vec![tombstone.clone(), second];
    both.sort();
    assert_eq!(kept(&town.server, &map), [both.clone(), both.clone()]);
    // So it is after a start, without anything being written again.
    town.server.crash(false);
    town.server.replica.connect(CAROL, PeerRole::Client);
    let told = town.server.tell(CAROL, load(&map));
    assert_eq!(brought(&told, &map), [&both[0], &both[1]]);
    assert_eq!(town.server.disk.logs(&map).len(), 2);
}

/// The sessions that messages bring of a value.
fn brought<'a>(messages: &'a [SyncMessage], id: &CoId) -> Vec<&'a SessionId> {
    let contents = messages.iter().filter_map(|message| match message {
        SyncMessage::Content(content) if content.id == *id => Some(content),
        _ => None,
    });
    contents.flat_map(|content| content.new.keys()).collect()
}

#[test]
fn what_comes_late_of_a_deleted_value_is_dropped_counted_and_not_sent_again() {
    let (mut town, alice, bob) = town();
    let map = town.map.clone();
    let tombstone = delete(&mut town, &alice, JOINED + 10, None);
    let before = town.server.disk.values.clone();
    town.server.rejections.clear();
    let late = next_of_bob(&town, &bob);
    let answer = town.server.tell(BOB, late);
    assert_eq!(town.server.rejection_codes(), ["deleted"]);
    assert_eq!(town.server.disk.values, before);
    let alone = std::slice::from_ref(&tombstone);
    assert_eq!(kept(&town.server, &map)[0], alone);
    // Bob learns of the deletion, and that nothing of his is missing.
    let own = bob.session(0);
    assert!(
        answer.contains(&known(&map, true, &[(&own, 2), (&tombstone, 1)])),
        "{answer:?}"
    );
    assert_eq!(brought(&answer, &map), [&tombstone]);
    // Who comes back with all of it is told the same, and sends nothing.
    let mut state = KnownState::empty(map.clone());
    state.header = true;
    state.raise(&own, 2);
    state.raise(&tombstone, 1);
    let answer = town.server.tell(BOB, SyncMessage::Load(state));
    assert_eq!(answer, [known(&map, true, &[(&own, 2), (&tombstone, 1)])]);
}

#[test]
fn r10_a_second_tombstone_that_the_server_lacks_is_not_said_to_be_there() {
    let (mut town, alice, bob) = town();
    let map = town.map.clone();
    let tombstone = delete(&mut town, &alice, JOINED + 10, None);
    // Bob deleted it too, not knowing of Alice's deletion, and comes back with all that he has.
    let (own, (second, _)) = (bob.session(0), deletion(&bob, &map, JOINED + 11));
    let mut state = KnownState::empty(map.clone());
    state.header = true;
    state.raise(&own, 2);
    state.raise(&second, 1);
    let answer = town.server.tell(BOB, SyncMessage::Load(state));
    assert!(
        answer.contains(&known(&map, true, &[(&own, 2), (&tombstone, 1)])),
        "{answer:?}"
    );
}

#[test]
fn r11_who_may_not_delete_erases_nothing() {
    let (mut town, _, _) = town();
    let carol = Author::new(3);
    town.join(&carol, "manager", JOINED);
    let before = town.server.disk.values.get(&town.map).cloned();
    delete(&mut town, &carol, JOINED + 10, Some("not_an_admin"));
    assert_eq!(town.server.disk.values.get(&town.map).cloned(), before);
}

#[test]
fn r10_a_removal_that_comes_after_the_deletion_it_forestalls_brings_the_value_back_from_who_has_it()
{
    let (mut town, alice, bob) = town();
    let (map, group) = (town.map.clone(), town.group.clone());
    // Alice steps down Bob's other self: Bob leaves, and his deletion, dated later, came first.
    let tombstone = delete(&mut town, &bob, JOINED + 20, None);
    assert_eq!(
        kept(&town.server, &map)[1],
        std::slice::from_ref(&tombstone)
    );
    let left = set(bob.account.as_str(), "revoked", JOINED + 10);
    town.check_in(&bob.session(1), &bob, &group, left, None);
    assert!(!town.server.replica.is_erased(&map));
    // Alice, who has the map, is told what the server lacks.
    let own = alice.session(0);
    let mut state = KnownState::empty(map.clone());
    state.header = true;
    state.raise(&own, 1);
    let answer = town.server.tell(ALICE, SyncMessage::Load(state));
    assert!(
        answer.contains(&known(&map, true, &[(&tombstone, 1)])),
        "{answer:?}"
    );
    let log = town.logs[&(map.clone(), own.clone())].clone();
    let piece = alice.content(&own, &log, 0);
    town.server.rejections.clear();
    let message = content(&map, None, &own, piece);
    town.server.tell(ALICE, SyncMessage::Content(message));
    assert_eq!(town.server.rejection_codes(), [""; 0]);
    let mut both = vec![own, tombstone];
    both.sort();
    assert_eq!(kept(&town.server, &map), [both.clone(), both]);
}

#[test]
fn an_erasure_that_storage_did_not_take_is_tried_again() {
    let (mut town, alice, _) = town();
    let map = town.map.clone();
    let (session, one) = deletion(&alice, &map, JOINED + 10);
    let piece = alice.content(&session, &[one], 0);
    let message = SyncMessage::Content(content(&map, None, &session, piece));
    town.server.replica.receive(ALICE, message);
    town.server.flush();
    let failed = town.server.writes.pop_front().unwrap();
    assert!(failed.values[0].erases);
    town.server.replica.store_failed(failed.id);
    town.server.settle();
    assert_eq!(kept(&town.server, &map), [[session.clone()], [session]]);
}

#[test]
fn what_another_tab_writes_to_a_deleted_value_is_erased_from_their_database() {
    let mut node = Machine::with_config(9, ReplicaConfig::default());
    let alice = Author::new(1);
    let map = crate::author::map_header(&alice.account, "map");
    let id = node.create(map);
    let (tombstone, one) = deletion(&alice, &id, JOINED);
    node.settle();
    let told = |session: &SessionId, transactions: &[Transaction]| {
        content(&id, None, session, alice.content(session, transactions, 0))
    };
    node.replica.absorb(told(&alice.session(1), &sets(2)));
    node.replica.absorb(told(&tombstone, &[one]));
    node.replica.erase(&id);
    node.settle();
    // The other tab did not know yet.
    let late = told(&alice.session(2), &sets(1));
    let stored = node.disk.values.get_mut(&id).unwrap();
    let (session, content) = late.new.iter().next().unwrap();
    stored.segments.push(cojson::sync::Segment {
        session: session.clone(),
        content: content.clone(),
    });
    node.replica.absorb(late);
    node.settle();
    assert_eq!(
        node.disk.logs(&id).len(),
        0,
        "the tombstone is the other tab's to write"
    );
    assert_eq!(node.replica.known_state(&id).sessions.len(), 1);
    assert_eq!(node.rejections, []);
}
