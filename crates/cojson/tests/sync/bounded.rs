//! The cast of the tests of bounded memory: servers that hold little, logs that are long, readers that take their time.

use cojson::ids::{CoId, SessionId};
use cojson::session_log::{SessionContent, SessionLog};
use cojson::sync::{ContentMessage, PeerId, ReplicaConfig, SyncMessage};

use crate::author::{Author, content, map_header, set};
use crate::cast::{ALICE, server_with};
use crate::machine::Machine;

/// A server whose memory holds next to nothing.
pub fn tight() -> (Machine, Author) {
    bounded(1, usize::MAX)
}

pub fn bounded(cache_bytes_max: usize, window_bytes_max: usize) -> (Machine, Author) {
    server_with(ReplicaConfig {
        cache_bytes_max,
        window_bytes_max,
        ..ReplicaConfig::default()
    })
}

/// Alice's map of that name, as one message.
pub fn map_named(alice: &Author, name: &str, bytes: usize) -> ContentMessage {
    let header = map_header(&alice.account, name);
    let session = alice.session(0);
    let long = [set("k", &"x".repeat(bytes), 1)];
    let piece = alice.content(&session, &long, 0);
    content(&header.id(), Some(header), &session, piece)
}

/// A long log of Alice's in pieces of about 100 kB, header first.
pub struct LongLog {
    pub id: CoId,
    pub session: SessionId,
    pub pieces: Vec<ContentMessage>,
}

impl LongLog {
    pub fn new(alice: &Author, pieces: usize) -> Self {
        let header = map_header(&alice.account, "long");
        let (id, session) = (header.id(), alice.session(0));
        let mut log = SessionLog::new(session.clone());
        for n in 0..pieces * 10 {
            log.append_local(set("k", &format!("{n} {}", "x".repeat(10_500)), n as u64));
        }
        let signed = log.sign(&alice.signer());
        assert_eq!(signed.len(), pieces);
        let message = |piece: SessionContent| {
            let header = (piece.after == 0).then(|| header.clone());
            content(&id, header, &session, piece)
        };
        let pieces = signed.into_iter().map(message).collect();
        Self {
            id,
            session,
            pieces,
        }
    }

    pub fn count(&self) -> u32 {
        self.pieces.len() as u32 * 10
    }

    /// Tells a server all of it.
    pub fn tell(&self, server: &mut Machine) {
        for piece in &self.pieces {
            server.tell(ALICE, SyncMessage::Content(piece.clone()));
        }
    }
}

/// A client says something; what it is answered stays in the outbox.
pub fn say(server: &mut Machine, peer: PeerId, message: SyncMessage) {
    server.replica.receive(peer, message);
    server.settle();
}

pub fn contents_of(id: &CoId, messages: Vec<SyncMessage>) -> Vec<ContentMessage> {
    let contents = messages.into_iter().filter_map(|message| match message {
        SyncMessage::Content(content) if content.id == *id => Some(content),
        _ => None,
    });
    contents.collect()
}

/// Reads to the end like a client whose socket takes one message after the other.
pub fn read_on(server: &mut Machine, reader: PeerId, id: &CoId) -> Vec<ContentMessage> {
    let mut all = Vec::new();
    loop {
        let sent = server.sent_to(reader);
        if sent.is_empty() {
            return contents_of(id, all);
        }
        for message in sent {
            server.drain(reader, &message);
            server.settle();
            all.push(message);
        }
    }
}

/// The pieces of a session follow one another without gap or repetition; returns where they end.
pub fn check_in_order(contents: &[ContentMessage], session: &SessionId) -> u32 {
    contents.iter().fold(0, |have, message| {
        let piece = message.new.get(session).unwrap();
        assert_eq!(piece.after, have);
        piece.end() as u32
    })
}
