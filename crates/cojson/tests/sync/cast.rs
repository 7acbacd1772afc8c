//! Who takes part in the tests of single rules: a server, its clients Alice, Bob and Mallory, and what they say.

use cojson::ids::{CoId, SessionId};
use cojson::known_state::KnownState;
use cojson::sync::{ContentMessage, KnownMessage, PeerId, PeerRole, ReplicaConfig, SyncMessage};

use crate::author::{Author, content, map_header, sets};
use crate::machine::Machine;

pub const ALICE: PeerId = PeerId(1);
pub const BOB: PeerId = PeerId(2);
pub const MALLORY: PeerId = PeerId(3);

/// A server with its clients, and Alice, who has an account on it.
pub fn server() -> (Machine, Author) {
    server_with(ReplicaConfig::default())
}

pub fn server_with(config: ReplicaConfig) -> (Machine, Author) {
    let mut server = Machine::with_config(9, config);
    for peer in [ALICE, BOB, MALLORY] {
        server.replica.connect(peer, PeerRole::Client);
    }
    let alice = Author::new(1);
    server.tell(ALICE, account_content(&alice));
    (server, alice)
}

pub fn account_content(author: &Author) -> SyncMessage {
    let session = author.agent_session(0);
    let piece = author.content(&session, &sets(1), 0);
    SyncMessage::Content(content(
        &author.account,
        Some(author.account_header()),
        &session,
        piece,
    ))
}

/// Alice's map with so many transactions, as content.
pub fn map_content(alice: &Author, count: u64, after: u32) -> ContentMessage {
    let header = map_header(&alice.account, "map");
    let session = alice.session(0);
    let piece = alice.content(&session, &sets(count), after);
    content(
        &header.id(),
        (after == 0).then_some(header),
        &session,
        piece,
    )
}

pub fn map_id(alice: &Author) -> CoId {
    map_header(&alice.account, "map").id()
}

/// The same message, signed by somebody else.
pub fn forge(mut message: ContentMessage) -> ContentMessage {
    for piece in message.new.values_mut() {
        let other = Author::new(77);
        let forged = other.content(&other.session(0), &piece.new_transactions, 0);
        piece.last_signature = forged.last_signature;
    }
    message
}

pub fn load(id: &CoId) -> SyncMessage {
    SyncMessage::Load(KnownState::empty(id.clone()))
}

pub fn known(id: &CoId, header: bool, sessions: &[(&SessionId, u32)]) -> SyncMessage {
    SyncMessage::Known(KnownMessage {
        state: KnownState {
            id: id.clone(),
            header,
            sessions: sessions.iter().map(|(s, n)| ((*s).clone(), *n)).collect(),
        },
        is_correction: false,
    })
}

pub fn correction(id: &CoId, header: bool, sessions: &[(&SessionId, u32)]) -> SyncMessage {
    match known(id, header, sessions) {
        SyncMessage::Known(known) => SyncMessage::Known(KnownMessage {
            is_correction: true,
            ..known
        }),
        other => other,
    }
}
