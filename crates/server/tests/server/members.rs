//! `SYNC_MAIA_WRITE`: who may write, told by the setting, counted by the reason.

use cojson::header::{Header, Ruleset};

use crate::peer::Peer;
use crate::process::{Place, ServerProcess};
use crate::writer::Writer;

/// A server on the place's database, and its founder's group and map, which are there from the first time on.
fn start(place: &Place, write: &str) -> (ServerProcess, Peer) {
    let path = place.database();
    let settings = [
        ("DB_PATH", path.to_str().unwrap()),
        ("SYNC_MAIA_WRITE", write),
    ];
    let server = ServerProcess::start(&settings);
    let peer = Peer::connect(server.port());
    (server, peer)
}

fn ruled(name: &str, seed: u8, ruleset: Ruleset) -> Writer {
    let mut writer = Writer::new(name, seed);
    writer.header = Header {
        ruleset,
        ..writer.header
    };
    writer
}

#[test]
fn a_stranger_writes_where_it_is_open_and_not_where_members_do() {
    let founder = Writer::new("founder", 1).session.author().to_owned();
    let initial_admin = founder.as_str().into();
    for (write, is_taken) in [("open", true), ("members", false)] {
        let place = Place::new();
        let (server, mut peer) = start(&place, write);
        let mut group = ruled(
            "group",
            1,
            Ruleset::Group {
                initial_admin: std::sync::Arc::clone(&initial_admin),
            },
        );
        let founding = format!(r#"[{{"op":"set","key":"{founder}","value":"admin"}}]"#);
        peer.say(&group.write(&founding));
        peer.await_known(&group.id(), &group.session, 1);
        let owned = Ruleset::OwnedByGroup {
            group: group.id(),
            restrict_deletion: None,
        };
        let mut member = ruled("map", 1, owned.clone());
        peer.say(&member.write("[]"));
        peer.await_known(&member.id(), &member.session, 1);
        let mut stranger = ruled("map", 2, owned);
        peer.say(&stranger.write("[]"));
        if is_taken {
            peer.await_known(&stranger.id(), &stranger.session, 1);
        } else {
            server.await_refused("not_a_writer", 1);
        }
        // What was judged by groups in memory is judged by those on the disk, too.
        server.kill();
        let (server, mut peer) = start(&place, "members");
        peer.say(&stranger.write("[]"));
        if is_taken {
            server.await_refused("not_a_writer", 1);
        }
        peer.say(&member.write("[]"));
        peer.await_known(&member.id(), &member.session, 2);
    }
}
