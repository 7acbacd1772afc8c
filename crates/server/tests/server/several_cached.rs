//! Several servers whose memory holds next to nothing: what left the memory of one and was changed through another is
//! served as it is, whole, once, to those who ask and to those who followed it all along.

use cojson::known_state::KnownState;
use cojson::sync::SyncMessage;

use crate::cluster::{Cluster, Networks};
use crate::peer::Peer;
use crate::wanderers::{Hand, Reader};
use crate::writer::Writer;

/// What a server here may hold, and what it is pushed out by.
const CACHE_BYTES_MAX: u32 = 1 << 20;

/// A transaction of 10 kB: a few make a value that is held in outline only, and a few hundred fill the memory.
fn long(index: u32) -> String {
    format!("[\"{index} {}\"]", "x".repeat(10_000))
}

/// Writes values through a server until everything else has left its memory.
fn push_out(port: u16, round: u32) {
    let mut peer = Peer::connect(port);
    for index in 0..3 * CACHE_BYTES_MAX / 50_000 {
        let mut writer = Writer::new(&format!("other {round} {index}"), 9);
        for index in 0..5 {
            peer.say(&writer.write(&long(index)));
        }
        peer.await_known(&writer.id(), &writer.session, 5);
    }
}

fn look_until_read(reader: &mut Reader, hands: &mut [Hand], near: &[u16], far: &[u16]) {
    crate::several::until(|| {
        for hand in hands.iter_mut() {
            hand.look(near);
        }
        reader.look(far);
        hands
            .iter()
            .all(|hand| hand.is_done() && reader.has_all_of(hand))
    });
}

#[test]
fn what_left_the_memory_of_one_server_and_grew_at_another_is_served_as_it_is() {
    let cluster = Cluster::on(Networks::Direct, 2, &[("CACHE_BYTES_MAX", "1048576")]);
    let [near, far] = [0, 1].map(|index| vec![cluster.nodes[index].port().unwrap()]);
    let far_server = cluster.nodes[1].server();
    // One short value, which leaves memory whole, and a long one, of which an outline is all that is ever held.
    let mut hands = [("short", 1, 1), ("long", 2, 20)].map(|(name, seed, count)| {
        let mut hand = Hand::new(name, seed, 0);
        for index in 0..count {
            hand.write_text(&long(index));
        }
        hand
    });
    let ids = [0, 1].map(|index: usize| hands[index].writer.id());
    let mut follower = Reader::new(ids.clone(), 0);
    look_until_read(&mut follower, &mut hands, &near, &far);
    for round in 0..3 {
        // Somebody reads them, who goes again.
        let mut guest = Reader::new(ids.clone(), 0);
        look_until_read(&mut guest, &mut hands, &near, &far);
        drop(guest);
        if round == 2 {
            // Now nobody follows them any more.
            follower.leave();
        }
        push_out(far[0], round);
        for hand in &mut hands {
            for index in 0..3 {
                hand.write_text(&long(index));
            }
        }
        let misses = far_server
            .scrape()
            .value("pleione_sync_cache_misses_total", &[]);
        let mut late = Reader::new(ids.clone(), 0);
        look_until_read(&mut late, &mut hands, &near, &far);
        if round == 2 {
            let more = far_server
                .scrape()
                .value("pleione_sync_cache_misses_total", &[])
                - misses;
            assert!(more >= 2.0, "they had left memory: {more}");
        }
        look_until_read(&mut follower, &mut hands, &near, &far);
        let bytes = far_server.scrape().value("pleione_sync_cache_bytes", &[]);
        assert!(bytes < 2.0 * f64::from(CACHE_BYTES_MAX), "{bytes}");
    }
    // What the follower has, it goes on from there: through the server that had forgotten it.
    let [mut short, _] = hands;
    short.leave();
    short.write(2);
    crate::several::until(|| {
        short.look(&far);
        follower.look(&near);
        short.is_done() && follower.has_all_of(&short)
    });
}

#[test]
fn a_value_that_nobody_follows_is_read_anew_and_not_asked_for_before() {
    let cluster = Cluster::on(Networks::Direct, 2, &[("CACHE_BYTES_MAX", "1048576")]);
    let mut hand = Hand::new("quiet", 1, 0);
    hand.write(1);
    let near = vec![cluster.nodes[0].port().unwrap()];
    crate::several::until(|| {
        hand.look(&near);
        hand.is_done()
    });
    let far_server = cluster.nodes[1].server();
    let misses = far_server
        .scrape()
        .value("pleione_sync_cache_misses_total", &[]);
    for _ in 0..20 {
        hand.write(1);
        hand.look(&near);
    }
    crate::several::until(|| {
        hand.look(&near);
        hand.is_done()
    });
    far_server
        .scrape()
        .assert_is("pleione_sync_cache_misses_total", &[], misses);
    let mut peer = Peer::connect(far_server.port());
    peer.say(&SyncMessage::Load(KnownState::empty(hand.writer.id())));
    peer.await_message(|message| match message {
        SyncMessage::Content(content) => {
            let piece = content.new.get(&hand.writer.session)?;
            (piece.end() == hand.writer.count() as usize).then_some(())
        }
        _ => None,
    });
}
