//! SIGTERM: everyone is told, what was taken in is on the disk, the exit code is 0, all within 5 s.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cojson::sync::SyncMessage;

use crate::peer::Peer;
use crate::process::{Place, ServerProcess};
use crate::writer::Writer;

const STOP_MAX: Duration = Duration::from_secs(5);
/// "Service restart": clients come back.
const RESTART: u16 = 1012;

#[test]
fn every_client_is_told_to_come_back_and_the_exit_is_clean() {
    let mut server = ServerProcess::in_memory();
    let mut peers: Vec<_> = (0..20).map(|_| Peer::connect(server.port())).collect();
    let begun = Instant::now();
    server.terminate();
    for peer in &mut peers {
        assert_eq!(peer.await_close(), Some(RESTART));
    }
    assert_eq!(server.wait(STOP_MAX).unwrap().code(), Some(0));
    assert!(begun.elapsed() < STOP_MAX);
}

#[test]
fn what_was_acknowledged_before_the_stop_is_on_the_disk() {
    let place = Place::new();
    let mut server = place.server();
    let mut writer = Writer::new("last words", 1);
    let mut peer = Peer::connect(server.port());
    for _ in 0..50 {
        peer.say(&writer.write("[1]"));
    }
    peer.await_known(&writer.id(), &writer.session, 1);
    server.terminate();
    assert_eq!(peer.await_close(), Some(RESTART));
    assert_eq!(server.wait(STOP_MAX).unwrap().code(), Some(0));
    let server = place.server();
    let answer = Peer::connect(server.port()).ask(&writer.id());
    assert!(matches!(answer, SyncMessage::Content(_)), "{answer:?}");
}

#[test]
fn neither_a_silent_client_nor_a_stalled_page_holds_up_the_stop() {
    let place = Place::new();
    let www = place.folder().join("www");
    std::fs::create_dir(&www).unwrap();
    std::fs::write(www.join("big.bin"), vec![0; 64 << 20]).unwrap();
    let www = www.to_str().unwrap();
    let mut server = ServerProcess::start(&[("SYNC_MAIA_STORAGE", "in-memory"), ("WWW_DIR", www)]);
    // One that never answers the goodbye, one that reads a page by one byte, one that keeps its line open.
    let _silent = Peer::connect(server.port());
    let mut stalled = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stalled
        .write_all(b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    stalled.read_exact(&mut [0; 1]).unwrap();
    let _open = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    server.terminate();
    assert_eq!(server.wait(STOP_MAX).unwrap().code(), Some(0));
}
