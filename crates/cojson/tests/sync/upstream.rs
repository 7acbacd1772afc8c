//! A client's side: upload, progress, reconnection, what was wanted and not found.

use cojson::known_state::KnownState;
use cojson::sync::{KnownMessage, PeerId, PeerRole, SyncMessage};

use crate::author::{Author, content, map_header, set, sets};
use crate::machine::Machine;
use crate::network::{Network, Weather};

const UP: PeerId = PeerId(1);

/// A client and its server, in fair weather, the client founded and connected.
pub fn pair() -> Network {
    let mut network = Network::new(vec![Machine::new(1), Machine::new(2)], &[(0, 1)], 7);
    network.weather = Weather {
        reorders: false,
        repeats: false,
    };
    network.machines[0].found_account();
    network.connect_all();
    network.run();
    network
}

pub fn new_map(machine: &mut Machine, name: &str) -> cojson::ids::CoId {
    let owner = machine.author.account.clone();
    let map = machine.create(map_header(&owner, name));
    machine.write(&map, "k", "v");
    map
}

#[test]
fn what_the_server_has_not_acknowledged_is_pending() {
    let mut network = pair();
    assert!(network.machines[0].replica.is_synced());
    network.disconnect(0, 1);
    let map = new_map(&mut network.machines[0], "map");
    network.machines[0].write(&map, "k", "w");
    assert!(!network.machines[0].replica.is_settled());
    network.machines[0].settle();
    let client = &network.machines[0].replica;
    assert_eq!(client.pending_uploads(), 2);
    assert_eq!(client.pending_values().collect::<Vec<_>>(), [&map]);
    network.connect_all();
    network.run();
    assert_eq!(network.machines[0].replica.pending_uploads(), 0);
    assert!(network.machines[0].replica.is_synced());
    network.assert_agreed(&[map]);
}

#[test]
fn a_reload_uploads_nothing_that_the_server_has() {
    let mut network = pair();
    let map = new_map(&mut network.machines[0], "map");
    network.run();
    network.crash(0);
    network.machines[1].write_as_guest(&map);
    network.machines[1].settle();
    let client = &mut network.machines[0];
    client.replica.load(&map);
    client.settle();
    client.replica.connect(UP, PeerRole::Server);
    client.collect();
    let loads = client.sent_to(UP);
    network.machines[1]
        .replica
        .connect(PeerId(0), PeerRole::Client);
    for load in loads {
        for answer in network.machines[1].tell(PeerId(0), load) {
            let sent = network.machines[0].tell(UP, answer);
            let is_upload = |message: &SyncMessage| matches!(message, SyncMessage::Content(_));
            assert!(!sent.iter().any(is_upload), "{sent:?}");
        }
    }
    let client = &network.machines[0].replica;
    assert_eq!(client.known_state(&map).transaction_count(), 2);
    assert!(client.is_synced());
}

#[test]
fn a_correction_is_answered_with_what_is_missing_from_there() {
    let mut network = pair();
    let map = new_map(&mut network.machines[0], "map");
    network.machines[0].write(&map, "k", "w");
    network.run();
    let client = &mut network.machines[0];
    let session = client.author.session(0);
    let correction = |header| KnownMessage {
        state: KnownState {
            header,
            sessions: if header {
                [(session.clone(), 1)].into()
            } else {
                [].into()
            },
            ..KnownState::empty(map.clone())
        },
        is_correction: true,
    };
    for (header, after) in [(true, 1), (false, 0)] {
        let answer = client.tell(PeerId(1), SyncMessage::Known(correction(header)));
        let [SyncMessage::Content(content)] = &answer[..] else {
            panic!("{answer:?}");
        };
        assert_eq!(content.new.get(&session).unwrap().after, after);
        assert_eq!(content.header.is_some(), !header);
    }
    assert_eq!(
        client.tell(
            PeerId(1),
            SyncMessage::Known(KnownMessage {
                is_correction: false,
                ..correction(false)
            })
        ),
        []
    );
}

#[test]
fn what_a_server_once_did_not_have_is_asked_for_again_when_its_content_needs_it() {
    let mut machine = Machine::new(1);
    machine.replica.connect(UP, PeerRole::Server);
    let author = Author::new(5);
    machine.replica.load(&author.account);
    machine.settle();
    let nothing = KnownMessage {
        state: KnownState::empty(author.account.clone()),
        is_correction: false,
    };
    machine.tell(UP, SyncMessage::Known(nothing));
    assert_eq!(machine.unavailable, vec![author.account.clone()]);
    let header = map_header(&author.account, "map");
    let session = author.session(0);
    let piece = author.content(&session, &sets(1), 0);
    let message = content(&header.id(), Some(header), &session, piece);
    let asked = machine.tell(UP, SyncMessage::Content(message));
    assert_eq!(
        asked,
        [SyncMessage::Load(KnownState::empty(author.account))]
    );
}

#[test]
fn a_server_that_leaves_without_an_answer_leaves_nobody_waiting() {
    let mut machine = Machine::new(1);
    machine.replica.connect(UP, PeerRole::Server);
    let id = Author::new(5).account;
    machine.replica.load(&id);
    machine.settle();
    assert!(machine.unavailable.is_empty());
    machine.replica.disconnect(UP);
    machine.settle();
    assert_eq!(machine.unavailable, vec![id]);
}

#[test]
fn a_server_that_lost_everything_gets_everything_again() {
    let mut network = pair();
    let map = new_map(&mut network.machines[0], "map");
    network.run();
    network.disconnect(0, 1);
    network.machines[1] = Machine::new(2);
    network.connect_all();
    network.run();
    network.assert_agreed(&[map]);
    assert!(network.machines[0].replica.is_synced());
}

#[test]
fn what_nobody_has_is_unavailable_now_and_there_when_it_appears() {
    let mut network = pair();
    let author = Author::new(5);
    let header = map_header(&author.account, "later");
    let id = header.id();
    network.machines[0].replica.load(&id);
    network.collect(0);
    network.run();
    assert_eq!(network.machines[0].unavailable, vec![id.clone()]);
    let other = PeerId(50);
    let server = &mut network.machines[1];
    server.replica.connect(other, PeerRole::Client);
    let session = author.agent_session(0);
    let piece = author.content(&session, &sets(1), 0);
    server.tell(
        other,
        SyncMessage::Content(content(
            &author.account,
            Some(author.account_header()),
            &session,
            piece,
        )),
    );
    let session = author.session(0);
    let piece = author.content(&session, &sets(1), 0);
    server.replica.receive(
        other,
        SyncMessage::Content(content(&id, Some(header), &session, piece)),
    );
    network.collect(1);
    network.run();
    assert!(network.machines[0].changed.contains(&id));
    assert_eq!(
        network.machines[0]
            .replica
            .known_state(&id)
            .transaction_count(),
        1
    );
}

#[test]
fn what_is_wanted_is_asked_for_again_when_a_server_connects() {
    let mut network = pair();
    network.disconnect(0, 1);
    let map = new_map(&mut network.machines[1], "on the server");
    network.machines[1].author = Author::new(2);
    network.machines[0].replica.load(&map);
    network.machines[0].settle();
    assert_eq!(network.machines[0].unavailable, vec![map.clone()]);
    network.machines[1].found_account();
    network.connect_all();
    network.run();
    assert_eq!(network.machines[0].changed.last(), Some(&map));
}

#[test]
fn loading_what_is_in_memory_says_so_at_once() {
    let mut machine = Machine::new(1);
    let account = machine.found_account();
    machine.changed.clear();
    machine.replica.load(&account);
    machine.collect();
    assert_eq!(machine.changed, [account]);
    assert!(machine.loads.is_empty());
}

impl Machine {
    /// Writes to somebody else's value as an agent of its own.
    fn write_as_guest(&mut self, id: &cojson::ids::CoId) {
        let session = self.author.agent_session(0);
        self.replica
            .append_local(id, &session, set("guest", "was here", 3))
            .unwrap();
        self.flush();
    }
}
