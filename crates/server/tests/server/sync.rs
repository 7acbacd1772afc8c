//! What one client writes, others see: live, later, and after the server was started anew.

use cojson::sync::SyncMessage;

use crate::peer::Peer;
use crate::process::{Place, ServerProcess};
use crate::writer::Writer;

#[test]
fn what_nobody_has_is_said_to_be_unknown() {
    let server = ServerProcess::in_memory();
    let mut peer = Peer::connect(server.port());
    let answer = peer.ask(&Writer::new("nothing", 1).id());
    let SyncMessage::Known(known) = answer else {
        panic!("{answer:?}");
    };
    assert!(!known.state.header && known.state.sessions.is_empty());
}

#[test]
fn a_subscriber_gets_each_transaction_once_and_in_order() {
    let server = ServerProcess::in_memory();
    let mut writer = Writer::new("shared", 1);
    let (mut left, mut right) = (Peer::connect(server.port()), Peer::connect(server.port()));
    left.say(&writer.write("[0]"));
    left.await_known(&writer.id(), &writer.session, 1);
    let mut heard = 0;
    right.say(&SyncMessage::Load(cojson::known_state::KnownState::empty(
        writer.id(),
    )));
    for count in 1..=100 {
        if count > 1 {
            left.say(&writer.write(&format!("[{count}]")));
        }
        while heard < count {
            heard = right.await_message(|message| {
                let SyncMessage::Content(content) = message else {
                    return None;
                };
                let piece = content.new.get(&writer.session).unwrap();
                assert_eq!(piece.after, heard);
                u32::try_from(piece.end()).ok()
            });
        }
    }
    assert_eq!(heard, 100);
}

#[test]
fn r2_what_was_acknowledged_is_there_after_a_kill() {
    let place = Place::new();
    let mut writer = Writer::new("kept", 1);
    for _ in 0..3 {
        let server = place.server();
        let mut peer = Peer::connect(server.port());
        for _ in 0..5 {
            peer.say(&writer.write("[1]"));
        }
        peer.await_known(&writer.id(), &writer.session, writer.count());
        server.kill();
    }
    let server = place.server();
    let SyncMessage::Content(content) = Peer::connect(server.port()).ask(&writer.id()) else {
        panic!("the value is not there");
    };
    let piece = content.new.get(&writer.session).unwrap();
    assert_eq!(piece.new_transactions, writer.log.transactions());
    assert_eq!(Some(&piece.last_signature), writer.log.last_signature());
    assert_eq!(content.header.as_ref(), Some(&writer.header));
}
