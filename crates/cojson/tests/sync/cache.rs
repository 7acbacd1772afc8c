//! Memory that follows its bound: what leaves it and what stays, logs longer than the bound, readers that are slow.

use cojson::sync::{PeerId, PeerRole, SyncMessage};

use crate::bounded::*;
use crate::cast::*;
use crate::machine::Machine;

#[test]
fn what_nobody_looks_at_is_dropped_and_loaded_again() {
    let (mut server, alice) = tight();
    let id = map_id(&alice);
    server.tell(BOB, SyncMessage::Content(map_content(&alice, 2, 0)));
    server.replica.disconnect(ALICE);
    server.settle();
    assert_eq!(
        server.replica.ids().count(),
        2,
        "Bob's map needs Alice's account"
    );
    server
        .replica
        .receive(BOB, SyncMessage::Content(map_content(&alice, 4, 2)));
    server.settle();
    server.replica.disconnect(BOB);
    server.settle();
    assert_eq!(server.replica.ids().count(), 0);
    assert_eq!(server.replica.cache_bytes(), 0);
    let answer = server.tell(MALLORY, load(&id));
    let ids: Vec<_> = answer.iter().filter_map(SyncMessage::id).collect();
    assert_eq!(ids, [&alice.account, &id], "{answer:?}");
    assert_eq!(server.replica.durable_state(&id).transaction_count(), 4);
    assert_eq!(server.rejections, []);
}

#[test]
fn r2_what_is_not_durable_never_leaves_memory() {
    let (mut server, alice) = tight();
    let id = map_id(&alice);
    server
        .replica
        .receive(BOB, SyncMessage::Content(map_content(&alice, 2, 0)));
    server.collect();
    while server.reads.len() + server.loads.len() > 0 {
        server.serve_storage();
    }
    server.replica.disconnect(BOB);
    server.flush();
    assert_eq!(server.writes.len(), 1);
    let refused = server.writes.pop_front().unwrap();
    server.replica.store_failed(refused.id);
    server.collect();
    let log = server.replica.log(&id).unwrap();
    assert_eq!(
        log.session(&alice.session(0)).unwrap().transactions().len(),
        2
    );
    server.settle();
    assert_eq!(server.disk.state_of(&id).transaction_count(), 2);
    assert!(server.replica.log(&id).is_none());
}

#[test]
fn a_value_that_is_used_again_and_again_stays_while_others_go() {
    let (mut server, alice) = bounded(60_000, usize::MAX);
    let used = map_named(&alice, "used", 2_000);
    server.tell(BOB, SyncMessage::Content(used.clone()));
    server.replica.disconnect(BOB);
    for n in 0..60 {
        server.replica.connect(BOB, PeerRole::Client);
        server.tell(BOB, load(&used.id));
        let loads = server.loads_served;
        server.tell(BOB, load(&used.id));
        assert_eq!(server.loads_served, loads);
        let other = map_named(&alice, &format!("other {n}"), 2_000);
        server.tell(BOB, SyncMessage::Content(other));
        server.replica.disconnect(BOB);
        server.settle();
        assert!(server.replica.cache_bytes() <= 60_000);
        assert!(server.replica.log(&used.id).is_some(), "round {n}");
    }
    let ids = server.replica.ids().count();
    assert!(ids < 12, "{ids}");
}

#[test]
fn a_value_with_subscribers_keeps_its_outline_alone() {
    let (mut server, alice) = tight();
    let mut each = 0;
    for n in 0..100 {
        let map = map_named(&alice, &format!("map {n}"), 20_000);
        let id = map.id.clone();
        server.tell(BOB, SyncMessage::Content(map));
        let log = server.replica.log(&id).unwrap();
        let log = log.session(&alice.session(0)).unwrap();
        assert_eq!((log.len(), log.transactions().len()), (1, 0));
        each = server.replica.cache_bytes() / (n + 2);
    }
    assert!(each < 2_500, "{each} bytes each");
}

#[test]
fn a_log_longer_than_memory_is_written_and_read() {
    const BOUND: usize = 1_000_000;
    let (mut server, alice) = bounded(BOUND, 256 << 10);
    let long = LongLog::new(&alice, 60);
    let mut most = 0;
    for piece in &long.pieces {
        let answer = server.tell(ALICE, SyncMessage::Content(piece.clone()));
        assert!(matches!(&answer[..], [SyncMessage::Known(_)]), "{answer:?}");
        most = most.max(server.replica.cache_bytes());
    }
    assert!(most < BOUND, "{most}");
    assert_eq!(
        server.disk.read_bytes_most, 0,
        "its hash stays while it is written"
    );

    say(&mut server, BOB, load(&long.id));
    let contents = read_on(&mut server, BOB, &long.id);
    assert_eq!(check_in_order(&contents, &long.session), long.count());
    assert!(contents[0].header.is_some());
    let expected = contents[0].expect_content_until.as_ref().unwrap();
    assert_eq!(expected.get(&long.session), Some(&long.count()));
    for content in &contents {
        let bytes = SyncMessage::Content(content.clone()).content_bytes();
        assert!(bytes < 130_000, "{bytes}");
    }
    for content in &contents[1..] {
        assert!(content.header.is_none() && content.expect_content_until.is_none());
    }
    assert!((1..400_000).contains(&server.disk.read_bytes_most));
    assert!(server.replica.cache_bytes() < BOUND);

    let mut other = Machine::new(8);
    other.replica.connect(ALICE, PeerRole::Client);
    other.tell(ALICE, account_content(&alice));
    for content in contents {
        other.tell(ALICE, SyncMessage::Content(content));
    }
    assert_eq!(other.rejections, []);
    assert_eq!(
        other.replica.durable_state(&long.id).transaction_count(),
        u64::from(long.count())
    );
}

#[test]
fn a_reader_that_has_the_first_part_is_sent_the_rest() {
    let (mut server, alice) = bounded(1, 256 << 10);
    let long = LongLog::new(&alice, 8);
    long.tell(&mut server);
    for have in [1, 10, 37, 79] {
        server.replica.disconnect(BOB);
        server.replica.connect(BOB, PeerRole::Client);
        let mut state = server.replica.durable_state(&long.id);
        state.sessions.insert(long.session.clone(), have);
        say(&mut server, BOB, SyncMessage::Load(state));
        let contents = read_on(&mut server, BOB, &long.id);
        assert_eq!(contents[0].new.get(&long.session).unwrap().after, have);
        assert_eq!(
            contents
                .last()
                .unwrap()
                .new
                .get(&long.session)
                .unwrap()
                .end(),
            80
        );
        assert!(contents.iter().all(|content| content.header.is_none()));
    }
}

#[test]
fn r11_a_slow_reader_holds_a_window_s_worth_and_nobody_up() {
    const WINDOW: usize = 256 << 10;
    let (mut server, alice) = bounded(4_000_000, WINDOW);
    let long = LongLog::new(&alice, 40);
    long.tell(&mut server);
    say(&mut server, BOB, load(&long.id));
    let mut held = server.sent_to(BOB);
    // Whatever happens elsewhere, and whatever is new, Bob is sent no more while nothing leaves.
    for n in 0..20 {
        let small = map_named(&alice, &format!("small {n}"), 10_000);
        let id = small.id.clone();
        server.tell(ALICE, SyncMessage::Content(small));
        say(&mut server, BOB, load(&id));
        held.extend(server.sent_to(BOB));
        say(&mut server, MALLORY, load(&id));
        let others = read_on(&mut server, MALLORY, &id);
        assert_eq!(others.len(), 1, "Mallory is not held up");
    }
    let bytes: usize = held.iter().map(SyncMessage::content_bytes).sum();
    assert!(bytes < WINDOW + 130_000, "{bytes}");
    assert!(bytes > 200_000, "{bytes}");
    assert!(server.paced.contains(&BOB));

    let mut all = contents_of(&long.id, held.clone());
    for message in &held {
        server.drain(BOB, message);
        server.settle();
    }
    let rest = server.outbox.clone();
    let small_sent = |messages: &[(PeerId, SyncMessage)]| {
        let others = messages
            .iter()
            .filter(|(_, message)| message.id() != Some(&long.id));
        others.count()
    };
    assert!(small_sent(&rest) > 0, "values take turns with the long one");
    all.extend(read_on(&mut server, BOB, &long.id));
    assert_eq!(check_in_order(&all, &long.session), long.count());
}

#[test]
fn what_is_new_reaches_a_slow_reader_in_fewer_messages() {
    let (mut server, alice) = bounded(4_000_000, 2_000);
    let id = map_id(&alice);
    server.tell(ALICE, SyncMessage::Content(map_content(&alice, 1, 0)));
    say(&mut server, BOB, load(&id));
    for count in 2..200 {
        let next = map_content(&alice, count, count as u32 - 1);
        server.tell(ALICE, SyncMessage::Content(next));
    }
    let contents = read_on(&mut server, BOB, &id);
    assert_eq!(check_in_order(&contents, &alice.session(0)), 199);
    assert!(contents.len() < 20, "{}", contents.len());
}
