//! R11: what is forged, torn, oversized or nonsense is refused with a counted reason, and costs nobody but its sender.

use std::collections::BTreeMap;

use cojson::known_state::KnownState;
use cojson::sync::{ContentMessage, SyncMessage, encode_frame};
use cojson::transaction::Transaction;
use tungstenite::Message;

use crate::honest::Honest;
use crate::noise::Noise;
use crate::peer::Peer;
use crate::process::ServerProcess;
use crate::writer::Writer;

/// "Message too big".
const TOO_BIG: u16 = 1009;

#[test]
fn r11_malformed_frames_are_dropped_and_the_rest_of_the_frame_is_read() {
    let server = ServerProcess::in_memory();
    let mut honest = Honest::new(&server);
    let mut peer = Peer::connect(server.port());
    let frames = [
        ("not_json", "{"),
        ("malformed", "null"),
        ("malformed", "[1,2]"),
        ("not_json", "\u{0}\u{1f600}"),
        (
            "malformed",
            r#"{"action":"load","id":"co_z1","header":"yes","sessions":{}}"#,
        ),
        (
            "malformed",
            r#"{"action":"load","id":"../../etc","header":false,"sessions":{}}"#,
        ),
        (
            "malformed",
            r#"{"action":"known","id":"co_z1","header":true,"sessions":{"x":1}}"#,
        ),
        (
            "malformed",
            r#"{"action":"content","id":"co_z1","priority":0,"new":{"co_z1_session_z1":{"after":-1}}}"#,
        ),
        ("unknown_action", r#"{"action":"drop tables"}"#),
        ("unknown_action", "{}"),
    ];
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (code, frame) in frames {
        peer.say_text(frame).unwrap();
        *counts.entry(code).or_default() += 1;
    }
    let deep = "[".repeat(100_000);
    peer.say_text(&deep).unwrap();
    peer.say_raw(Message::binary(vec![0xff; 100])).unwrap();
    peer.say_text("").unwrap();
    // A bad line costs itself only: the lines around it are read.
    let mut writer = Writer::new("around", 2);
    let (first, second) = (writer.write("[1]"), writer.write("[2]"));
    let [first, second] = [first, second].map(|message| encode_frame([&message]));
    peer.say_text(&format!("{first}\n{{bad\n{second}")).unwrap();
    peer.await_known(&writer.id(), &writer.session, 2);
    server.await_refused("malformed", counts["malformed"]);
    server.await_refused("not_json", counts["not_json"] + 2);
    server.await_refused("unknown_action", counts["unknown_action"]);
    server.await_refused("binary_frame", 1);
    honest.check();
}

/// A transaction that the session's author never signed.
fn forge(transaction: &mut Transaction) {
    if let Transaction::Trusting { changes, .. } = transaction {
        *changes = "[\"forged\"]".into();
    }
}

#[test]
fn r11_a_forged_signature_blocks_no_later_genuine_one() {
    let server = ServerProcess::in_memory();
    let mut honest = Honest::new(&server);
    let mut attacker = Peer::connect(server.port());
    for round in 1..=3 {
        // What the author really writes next, altered, before the author says it.
        let mut ahead = Writer::new("honest", 1);
        for _ in 0..honest.writer.count() {
            let known = if ahead.count() == 0 {
                "[0]"
            } else {
                "[\"genuine\"]"
            };
            let _ = ahead.piece(known);
        }
        let mut piece = ahead.piece("[\"true\"]");
        piece.new_transactions.iter_mut().for_each(forge);
        attacker.say(&ahead.carry(piece));
        server.await_refused("bad_signature", round);
        honest.check();
    }
    // The attacker's own value is taken all the same.
    let mut own = Writer::new("own", 3);
    attacker.say(&own.write("[1]"));
    attacker.await_known(&own.id(), &own.session, 1);
}

#[test]
fn r11_a_header_under_a_wrong_id_is_refused() {
    let server = ServerProcess::in_memory();
    let mut honest = Honest::new(&server);
    let mut attacker = Peer::connect(server.port());
    let mut writer = Writer::new("attacker's", 2);
    let piece = writer.piece("[1]");
    let squatted = Writer::new("not made yet", 3);
    attacker.say(&SyncMessage::Content(ContentMessage {
        id: squatted.id(),
        header: Some(writer.header.clone()),
        priority: 0,
        new: cojson::collections::SortedMap::from([(writer.session.clone(), piece)]),
        expect_content_until: None,
    }));
    server.await_refused("wrong_id", 1);
    let mut owner = squatted;
    let mut peer = Peer::connect(server.port());
    peer.say(&owner.write("[1]"));
    peer.await_known(&owner.id(), &owner.session, 1);
    honest.check();
}

#[test]
fn r11_a_gap_is_answered_with_what_is_here_and_filled() {
    let server = ServerProcess::in_memory();
    let mut honest = Honest::new(&server);
    let mut peer = Peer::connect(server.port());
    let mut writer = Writer::new("torn", 2);
    peer.say(&writer.write("[0]"));
    peer.await_known(&writer.id(), &writer.session, 1);
    let lost = writer.write("[1]");
    peer.say(&writer.write("[2]"));
    let have = peer.await_message(|message| match message {
        SyncMessage::Known(known) if known.is_correction => Some(known.state),
        _ => None,
    });
    assert_eq!(have.sessions.get(&writer.session), Some(&1));
    peer.say(&lost);
    for content in writer.log.content_since(1, usize::MAX) {
        peer.say(&writer.carry(content));
    }
    peer.await_known(&writer.id(), &writer.session, 3);

    // Content of a value that was never told with its header is asked for from the start.
    let mut unknown = Writer::new("never told", 3);
    let _ = unknown.piece("[0]");
    peer.say(&unknown.write("[1]"));
    let correction = peer.await_message(|message| match message {
        SyncMessage::Known(known) if known.state.id == unknown.id() => Some(known),
        _ => None,
    });
    assert!(correction.is_correction && !correction.state.header);
    honest.check();
}

#[test]
fn r11_an_oversized_frame_closes_its_sender_only() {
    let server = ServerProcess::start(&[
        ("SYNC_MAIA_STORAGE", "in-memory"),
        ("FRAME_BYTES_MAX", "4194304"),
    ]);
    let mut honest = Honest::new(&server);
    let mut peer = Peer::connect(server.port());
    // The server closes while it is still being told, so the end of it may not be taken.
    let _ = peer.say_text(&"x".repeat(4_194_305));
    let code = peer.await_close();
    assert!(matches!(code, Some(TOO_BIG) | None), "{code:?}");
    server.await_refused("frame_too_large", 1);
    let mut again = Peer::connect(server.port());
    again.say_text(&" ".repeat(4_194_304)).unwrap();
    server.await_refused("not_json", 1);
    honest.check();
}

#[test]
fn r11_an_oversized_transaction_is_refused_and_its_neighbours_are_taken() {
    let server = ServerProcess::in_memory();
    let mut honest = Honest::new(&server);
    let mut peer = Peer::connect(server.port());
    let (mut large, mut small) = (Writer::new("large", 2), Writer::new("large", 3));
    let long = format!("[\"{}\"]", "x".repeat(2 << 20));
    let pieces = (large.piece(&long), small.piece("[1]"));
    peer.say(&SyncMessage::Content(ContentMessage {
        id: large.id(),
        header: Some(large.header.clone()),
        priority: 3,
        new: cojson::collections::SortedMap::from([
            (large.session.clone(), pieces.0),
            (small.session.clone(), pieces.1),
        ]),
        expect_content_until: None,
    }));
    peer.await_known(&small.id(), &small.session, 1);
    server.await_refused("transaction_too_large", 1);
    honest.check();
}

#[test]
fn r11_altered_genuine_frames_never_stop_the_server() {
    let server = ServerProcess::in_memory();
    let mut honest = Honest::new(&server);
    let mut noise = Noise::new(0x5eed_5eed);
    let mut source = Writer::new("source", 2);
    let load = SyncMessage::Load(KnownState::empty(source.id()));
    let frames: Vec<String> = (0..8)
        .map(|index| encode_frame([&source.write(&format!("[{index}]"))]))
        .chain([encode_frame([&load])])
        .collect();
    let mut peer = Peer::connect(server.port());
    for _ in 0..3_000 {
        let mut frame = frames[noise.below(frames.len())].clone().into_bytes();
        for _ in 0..=noise.below(4) {
            let place = noise.below(frame.len());
            match noise.below(4) {
                0 => frame[place] = u8::try_from(32 + noise.below(95)).unwrap(),
                1 if frame.len() > 1 => drop(frame.remove(place)),
                2 => frame.insert(place, b"{}[]\",:0\\\n"[noise.below(10)]),
                _ => frame.truncate(place.max(1)),
            }
        }
        let frame = String::from_utf8_lossy(&frame).into_owned();
        if peer.say_text(&frame).is_err() {
            peer = Peer::connect(server.port());
        }
    }
    honest.check();
    // The genuine frames are still taken, whatever their forgeries were.
    for content in source.log.content_since(0, usize::MAX) {
        peer.say(&source.carry(content));
    }
    peer.await_known(&source.id(), &source.session, source.count());
}
