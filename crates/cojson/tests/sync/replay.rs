//! The recorded server of the reference implementation, replayed: our server gets every frame that it got, and must
//! acknowledge the same and send the same on, dependencies first.

use std::collections::{BTreeMap, BTreeSet};

use cojson::collections::SortedMap;
use cojson::ids::{CoId, SessionId};
use cojson::sync::{FrameLimits, PeerId, PeerRole, SyncMessage, decode_frame};
use serde::Deserialize;

use crate::machine::Machine;

const FRAMES: &str = include_str!("../vectors/frames.jsonl");

#[derive(Deserialize)]
struct Frame {
    conn: String,
    dir: String,
    raw: String,
}

/// What a connection was told of a value: the counts it was acknowledged, and the transactions it was sent.
#[derive(Debug, Default, PartialEq)]
struct Told {
    acknowledged: BTreeMap<CoId, SortedMap<SessionId, u32>>,
    sent: BTreeMap<(CoId, SessionId), BTreeSet<u32>>,
    headers: BTreeSet<CoId>,
    unavailable: BTreeSet<CoId>,
}

impl Told {
    fn note(&mut self, message: &SyncMessage) {
        match message {
            SyncMessage::Known(known) if known.state.header => {
                let state = known.state.clone();
                self.acknowledged.insert(state.id, state.sessions);
            }
            SyncMessage::Known(known) => {
                self.unavailable.insert(known.state.id.clone());
            }
            SyncMessage::Content(content) => {
                self.headers
                    .extend(content.header.iter().map(|_| content.id.clone()));
                for (session, piece) in &content.new {
                    let sent = self
                        .sent
                        .entry((content.id.clone(), session.clone()))
                        .or_default();
                    sent.extend(piece.after..piece.end() as u32);
                }
            }
            other => panic!("the recorded server never sends {other:?}"),
        }
    }
}

fn frames() -> Vec<Frame> {
    FRAMES
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn messages(frame: &Frame) -> Vec<SyncMessage> {
    decode_frame(&frame.raw, &FrameLimits::default())
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

fn connection(name: &str) -> PeerId {
    PeerId(name.rsplit('>').next().unwrap().parse().unwrap())
}

#[test]
fn the_recorded_server_s_answers_are_ours() {
    let mut server = Machine::new(1);
    let mut ours: BTreeMap<PeerId, Told> = BTreeMap::new();
    let mut theirs: BTreeMap<PeerId, Told> = BTreeMap::new();
    let mut order: BTreeMap<PeerId, Vec<CoId>> = BTreeMap::new();
    for frame in frames() {
        let peer = connection(&frame.conn);
        if frame.dir == "out" {
            for message in messages(&frame) {
                theirs.entry(peer).or_default().note(&message);
            }
            continue;
        }
        if ours.entry(peer).or_default() == &Told::default() {
            server.replica.connect(peer, PeerRole::Client);
        }
        for message in messages(&frame) {
            server.replica.receive(peer, message);
            server.settle();
            for (to, message) in std::mem::take(&mut server.outbox) {
                ours.entry(to).or_default().note(&message);
                if let SyncMessage::Content(content) = message
                    && content.header.is_some()
                {
                    order.entry(to).or_default().push(content.id);
                }
            }
        }
    }
    assert_eq!(server.rejections, []);
    for (peer, told) in theirs {
        assert_eq!(ours[&peer], told, "{peer:?}");
    }
    assert_dependencies_first(&server, &order);
}

/// A value that is new to a client comes after its owner, if that is new to it too.
fn assert_dependencies_first(server: &Machine, order: &BTreeMap<PeerId, Vec<CoId>>) {
    let mut checked = 0;
    for sent in order.values() {
        for (place, id) in sent.iter().enumerate() {
            let owner = server.replica.log(id).unwrap().header().owner();
            if let Some(owner_place) =
                owner.and_then(|owner| sent.iter().position(|id| id == owner))
            {
                assert!(owner_place < place, "{id} was sent before its owner");
                checked += 1;
            }
        }
    }
    assert!(
        checked >= 3,
        "only {checked} values were sent after their owner"
    );
}

#[test]
fn the_recorded_values_are_served_from_disk_after_a_restart() {
    let mut server = Machine::new(1);
    server.replica.connect(PeerId(0), PeerRole::Client);
    for frame in frames().iter().filter(|frame| frame.dir == "in") {
        for message in messages(frame) {
            if matches!(message, SyncMessage::Content(_)) {
                server.tell(PeerId(0), message);
            }
        }
    }
    let all: Vec<CoId> = server.disk.values.keys().cloned().collect();
    let before: Vec<_> = all
        .iter()
        .map(|id| server.replica.known_state(id))
        .collect();
    server.crash(false);
    server.replica.connect(PeerId(9), PeerRole::Client);
    for (id, state) in all.iter().zip(before) {
        let asked = SyncMessage::Load(cojson::known_state::KnownState::empty(id.clone()));
        server.tell(PeerId(9), asked);
        assert_eq!(server.replica.durable_state(id), state);
    }
    assert!(all.len() >= 18, "{}", all.len());
    serves_authors_first(&mut server);
    assert_eq!(server.rejections, []);
}

/// A fresh client of a restarted server gets a stream's group and both its writers' accounts before the stream.
fn serves_authors_first(server: &mut Machine) {
    server.crash(false);
    server.replica.connect(PeerId(8), PeerRole::Client);
    let stream = CoId::parse("co_zkPh3ixBtA6FTrKhBkgtWBE8VxP").unwrap();
    let asked = SyncMessage::Load(cojson::known_state::KnownState::empty(stream.clone()));
    let answer = server.tell(PeerId(8), asked);
    let sent: Vec<&CoId> = answer.iter().filter_map(SyncMessage::id).collect();
    let log = server.replica.log(&stream).unwrap();
    let authors = log
        .sessions()
        .map(|log| CoId::parse(log.session().author()).unwrap());
    let mut first: Vec<CoId> = authors.chain(log.header().owner().cloned()).collect();
    assert_eq!(first.len(), 3);
    first.push(stream.clone());
    let places: Vec<_> = first
        .iter()
        .map(|id| sent.iter().position(|sent| *sent == id).unwrap())
        .collect();
    assert!(
        places[..3].iter().all(|place| *place < places[3]),
        "{sent:?}"
    );
    assert_eq!(places[3], sent.len() - 1);
}
