//! Deflated frames: who asks for them gets them, who does not never sees one, and a bomb hurts only who sent it.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use cojson::known_state::KnownState;
use cojson::sync::{FrameLimits, SyncMessage, decode_frame, encode_frame};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use pleione_sync::socket::wire::{DEFLATE, DICTIONARY, TEXT, deflated};
use tungstenite::Message;

use crate::peer::{Heard, Peer};
use crate::process::ServerProcess;
use crate::writer::Writer;

const IN: (&str, &str) = ("direction", "in");
const OUT: (&str, &str) = ("direction", "out");

fn server(compression: &str) -> ServerProcess {
    ServerProcess::start(&[
        ("SYNC_MAIA_STORAGE", "in-memory"),
        ("COMPRESSION", compression),
    ])
}

/// Connects with these subprotocols; `None` if they are not agreed on.
fn connect(server: &ServerProcess, protocols: &[&str]) -> Option<Peer> {
    let offered = protocols.join(", ");
    Peer::connect_as(server.port(), &[("sec-websocket-protocol", &offered)])
}

/// As a browser's `DecompressionStream` can do it, which knows no dictionaries: behind a stored block that holds it.
fn inflated(frame: &[u8]) -> String {
    let length = u16::try_from(DICTIONARY.len()).unwrap();
    let mut stream = vec![0];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(DICTIONARY);
    stream.extend(frame);
    let mut text = Vec::new();
    DeflateDecoder::new(stream.as_slice())
        .read_to_end(&mut text)
        .unwrap();
    String::from_utf8(text.split_off(DICTIONARY.len())).unwrap()
}

/// The next deflated frame.
fn next_deflated(peer: &mut Peer) -> Vec<u8> {
    loop {
        match peer.read_raw() {
            Message::Binary(frame) => return frame.to_vec(),
            Message::Text(_) | Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn message_of(text: &str) -> SyncMessage {
    let mut messages = decode_frame(text, &FrameLimits::default());
    messages.pop().unwrap().unwrap()
}

#[test]
fn who_asks_for_deflated_frames_speaks_and_hears_them_and_others_text() {
    let server = server("deflate");
    let mut writer = Writer::new("deflated", 1);
    let mut deflating = connect(&server, &[DEFLATE, TEXT]).unwrap();
    let mut plain = Peer::connect(server.port());
    let (mut said_bytes, mut saved_bytes) = (0, 0);
    let long = format!(r#"[{{"op":"push","value":"{}"}}]"#, "words ".repeat(100));
    for count in 1..=10 {
        let text = encode_frame([&writer.write(&long)]);
        let frame = deflated(&text).unwrap();
        said_bytes += frame.len();
        saved_bytes += text.len() - frame.len();
        deflating.say_raw(Message::binary(frame)).unwrap();
        let known = message_of(&inflated(&next_deflated(&mut deflating)));
        let SyncMessage::Known(known) = known else {
            panic!("{known:?}");
        };
        assert_eq!(known.state.sessions.get(&writer.session), Some(&count));
    }
    // A client that offers nothing hears text and nothing else; `ask` takes no binary frame.
    let answer = plain.ask(&writer.id());
    let SyncMessage::Content(content) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(content.new.get(&writer.session).unwrap().end(), 10);

    // Text may be mixed in. The long answer comes deflated, by so much shorter as is counted.
    let heard_before = server.scrape();
    let load = SyncMessage::Load(KnownState::empty(writer.id()));
    deflating.say(&load);
    let frame = next_deflated(&mut deflating);
    let text = inflated(&frame);
    assert!(matches!(message_of(&text), SyncMessage::Content(_)));
    assert!(
        frame.len() * 4 < text.len(),
        "{} of {}",
        frame.len(),
        text.len()
    );
    let scrape = server.scrape();
    let name = "pleione_sync_deflate_saved_bytes_total";
    let number = |count: usize| f64::from(u32::try_from(count).unwrap());
    scrape.assert_is(name, &[IN], number(saved_bytes));
    let saved_before = heard_before.value(name, &[OUT]);
    scrape.assert_is(
        name,
        &[OUT],
        saved_before + number(text.len() - frame.len()),
    );
    let said_bytes = said_bytes + 2 * encode_frame([&load]).len();
    scrape.assert_is("pleione_sync_frame_bytes_total", &[IN], number(said_bytes));
}

#[test]
fn what_is_not_agreed_on_is_not_spoken() {
    let frame = deflated(&encode_frame([&Writer::new("a", 1).write("[1]")])).unwrap();
    for (compression, offered, agreed) in [
        ("none", &[DEFLATE, TEXT][..], Some(TEXT)),
        ("none", &[DEFLATE], None),
        ("deflate", &[TEXT], Some(TEXT)),
        ("deflate", &["other"], None),
        ("deflate", &[TEXT, DEFLATE], Some(DEFLATE)),
    ] {
        let server = server(compression);
        let peer = connect(&server, offered);
        assert_eq!(
            peer.is_some(),
            agreed.is_some(),
            "{compression} {offered:?}"
        );
        if let Some(mut peer) = peer {
            assert_eq!(peer.protocol(), agreed, "{compression} {offered:?}");
            peer.say_raw(Message::binary(frame.clone())).unwrap();
            if agreed == Some(TEXT) {
                server.await_refused("binary_frame", 1);
            } else {
                next_deflated(&mut peer);
            }
        }
    }
}

fn bomb(bytes: usize) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; bytes]).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn r11_a_bomb_closes_who_sent_it_takes_no_memory_and_no_other_notices() {
    let server = server("deflate");
    let mut writer = Writer::new("quiet", 1);
    let mut bystander = connect(&server, &[DEFLATE]).unwrap();
    let mut peer = Peer::connect(server.port());
    peer.say(&writer.write("[1]"));
    peer.await_known(&writer.id(), &writer.session, 1);
    let memory_before = server.memory_bytes_most();
    // 130 kB that would be 128 MiB, forty times at once: 5 GiB.
    let frame = bomb(128 << 20);
    let mut bombers: Vec<_> = (0..40)
        .map(|_| connect(&server, &[DEFLATE]).unwrap())
        .collect();
    for bomber in &mut bombers {
        bomber.say_raw(Message::binary(frame.clone())).unwrap();
    }
    for bomber in &mut bombers {
        assert_eq!(bomber.await_close(), Some(1009));
    }
    server.await_refused("inflates_too_far", 40);
    let grown = server.memory_bytes_most() - memory_before;
    assert!(grown < 200 << 20, "{grown}");

    let mut garbage = connect(&server, &[DEFLATE]).unwrap();
    garbage.say_raw(Message::binary(vec![0xFF; 1_000])).unwrap();
    assert_eq!(garbage.await_close(), Some(1009));
    server.await_refused("malformed_deflate", 1);

    bystander.say(&SyncMessage::Load(KnownState::empty(writer.id())));
    let answer = message_of(&inflated(&next_deflated(&mut bystander)));
    assert!(matches!(answer, SyncMessage::Content(_)));
    let heard = bystander.hear(Duration::from_millis(100));
    assert!(matches!(heard, Heard::Nothing), "{heard:?}");
}
