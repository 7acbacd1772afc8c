//! Our own replica as a client: the machine that the browser runs, against the server that runs the same machine.

use std::time::{Duration, Instant};

use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::header::Header;
use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::sync::{Effect, PeerId, PeerRole, Replica, ReplicaConfig, SyncMessage};
use cojson::transaction::Transaction;

use crate::peer::{Heard, Peer};
use crate::process::Place;
use crate::writer::Writer;

const SERVER: PeerId = PeerId(0);

/// A replica with an agent of its own, whose storage is a promise: what it writes counts as durable at once.
struct Client {
    replica: Replica,
    peer: Option<Peer>,
    secret: AgentSecret,
    session: SessionId,
}

impl Client {
    fn new(seed: u8) -> Self {
        let mut entropy = Entropy::from_seed([seed; 32]);
        let secret = AgentSecret::generate(&mut entropy);
        let session = SessionId::random_of_agent(&secret.agent_id(), &mut entropy);
        let mut replica = Replica::new(ReplicaConfig::default());
        replica.remember_upstream(SERVER);
        Self {
            replica,
            peer: None,
            secret,
            session,
        }
    }

    fn connect(&mut self, port: u16) {
        self.replica.disconnect(SERVER);
        self.peer = Some(Peer::connect(port));
        self.replica.connect(SERVER, PeerRole::Server);
    }

    fn write(&mut self, id: &CoId, changes: &str) {
        let transaction = Transaction::Trusting {
            made_at: Timestamp(1_700_000_000_000),
            changes: changes.into(),
            meta: None,
        };
        let session = self.session.clone();
        self.replica
            .append_local(id, &session, transaction)
            .unwrap();
        self.settle();
    }

    fn settle(&mut self) {
        let signer = self.secret.signer.clone();
        self.replica.flush(|_| Some(signer.clone()));
        while let Some(effect) = self.replica.poll_effect() {
            match effect {
                Effect::Load(id) => self.replica.loaded(&id, None),
                Effect::Store(batch) => self.replica.stored(batch.id),
                Effect::Send { message, .. } => self.say(&message),
                Effect::Rejected { reason, .. } => panic!("{reason}"),
                Effect::Changed(_) | Effect::Unavailable(_) => {}
                Effect::Read(_) | Effect::Pace(_) => panic!("it keeps everything"),
            }
        }
    }

    /// A server that was killed hears nothing; what it missed is told when it is back.
    fn say(&mut self, message: &SyncMessage) {
        if let Some(peer) = &mut self.peer {
            let _ = peer.try_say(message);
        }
    }

    /// Listens for a short while.
    fn listen(&mut self) {
        let heard = self
            .peer
            .as_mut()
            .map(|peer| peer.hear(Duration::from_millis(5)));
        if let Some(Heard::Message(message)) = heard {
            self.replica.receive(SERVER, message);
        }
        self.settle();
    }
}

/// Runs both until this holds.
fn run_until(clients: &mut [Client], mut done: impl FnMut(&[Client]) -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !done(clients) {
        assert!(Instant::now() < end, "the clients did not get there");
        clients.iter_mut().for_each(Client::listen);
    }
}

fn in_sync(clients: &[Client], id: &CoId, count: u32) -> bool {
    clients.iter().all(|client| {
        let state = client.replica.known_state(id);
        client.replica.is_synced() && state.sessions.values().sum::<u32>() == count
    })
}

#[test]
fn r10_two_replicas_agree_over_a_kill_of_the_server_between_them() {
    let place = Place::new();
    let header: Header = Writer::new("shared", 9).header;
    let mut clients = [Client::new(1), Client::new(2)];
    let server = place.server();
    for client in &mut clients {
        client.connect(server.port());
    }
    let id = clients[0].replica.create(header);
    clients[0].write(&id, "[\"first\"]");
    clients[1].replica.load(&id);
    run_until(&mut clients, |clients| in_sync(clients, &id, 1));

    for round in 0..20 {
        clients[round % 2].write(&id, "[\"live\"]");
    }
    run_until(&mut clients, |clients| in_sync(clients, &id, 21));
    server.kill();
    for round in 0..20 {
        clients[round % 2].write(&id, "[\"while it was away\"]");
    }
    assert!(clients.iter().all(|client| !client.replica.is_synced()));
    let server = place.server();
    for client in &mut clients {
        client.connect(server.port());
    }
    run_until(&mut clients, |clients| in_sync(clients, &id, 41));

    let sessions = clients.each_ref().map(|client| client.session.clone());
    for session in &sessions {
        let [left, right] = clients.each_ref().map(|client| {
            let log = client.replica.log(&id).unwrap();
            log.session(session).unwrap().transactions()
        });
        assert_eq!(left, right);
    }
    let mut late = [Client::new(3)];
    late[0].connect(server.port());
    late[0].replica.load(&id);
    run_until(&mut late, |clients| in_sync(clients, &id, 41));
}
