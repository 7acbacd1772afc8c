//! Clients that go from server to server, as browsers behind a balancer do: one writes a session, one reads values and
//! verifies all it is told.

use std::collections::BTreeMap;
use std::time::Duration;

use cojson::ids::{AgentId, CoId, SessionId};
use cojson::known_state::KnownState;
use cojson::session_log::SessionLog;
use cojson::sync::{ContentMessage, KnownMessage, SyncMessage};

use crate::peer::{Heard, Peer};
use crate::writer::Writer;

/// How long one look at a connection waits.
const LOOK: Duration = Duration::from_millis(1);

/// How long after a connection failed the next is tried.
const LOOKS_BEFORE_RETRY: u32 = 20;

/// A connection to one server after the other.
#[derive(Default)]
struct Line {
    peer: Option<Peer>,
    tried: usize,
    rest: u32,
}

impl Line {
    /// Connects if there is no connection. Returns whether it is a new one.
    fn connect(&mut self, ports: &[u16]) -> bool {
        if self.peer.is_some() || ports.is_empty() {
            return false;
        }
        if self.rest > 0 {
            self.rest -= 1;
            std::thread::sleep(LOOK);
            return false;
        }
        self.tried += 1;
        self.rest = LOOKS_BEFORE_RETRY;
        self.peer = Peer::try_connect(ports[self.tried % ports.len()]);
        self.peer.is_some()
    }

    fn say(&mut self, message: &SyncMessage) {
        if let Some(peer) = &mut self.peer
            && peer.try_say(message).is_err()
        {
            self.peer = None;
        }
    }

    fn leave(&mut self) {
        self.peer = None;
        self.rest = 0;
    }

    fn hear(&mut self) -> Option<SyncMessage> {
        match self.peer.as_mut()?.hear(LOOK) {
            Heard::Message(message) => return Some(message),
            Heard::Nothing => {}
            Heard::Lost | Heard::Closed(_) => self.peer = None,
        }
        None
    }
}

/// Writes one session, and goes to another server when the one it talks to is gone.
pub(crate) struct Hand {
    pub(crate) writer: Writer,
    line: Line,
    /// What a server said that it has stored.
    pub(crate) acknowledged: u32,
}

impl Hand {
    pub(crate) fn new(name: &str, seed: u8, first: usize) -> Self {
        let line = Line {
            tried: first,
            ..Line::default()
        };
        Self {
            writer: Writer::new(name, seed),
            line,
            acknowledged: 0,
        }
    }

    /// Writes so many more transactions, whether it is connected or not.
    pub(crate) fn write(&mut self, count: u32) {
        for _ in 0..count {
            let index = self.writer.count();
            self.write_text(&format!("[{index}]"));
        }
    }

    /// Writes one more transaction.
    pub(crate) fn write_text(&mut self, changes: &str) {
        let message = self.writer.write(changes);
        self.line.say(&message);
    }

    /// Leaves its server in the middle of whatever it said; the next look finds another.
    pub(crate) fn leave(&mut self) {
        self.line.leave();
    }

    pub(crate) fn look(&mut self, ports: &[u16]) {
        if self.line.connect(ports) {
            // What it has is said once more from a place before the acknowledged end: two servers get some of it twice.
            self.say_from(self.acknowledged.saturating_sub(3));
        }
        while let Some(message) = self.line.hear() {
            self.take(&message);
        }
    }

    fn say_from(&mut self, start: u32) {
        for content in self.writer.log.content_since(start, usize::MAX) {
            let message = self.writer.carry(content);
            self.line.say(&message);
        }
    }

    fn take(&mut self, message: &SyncMessage) {
        let SyncMessage::Known(KnownMessage {
            state,
            is_correction,
        }) = message
        else {
            return;
        };
        if state.id != self.writer.id() {
            return;
        }
        let count = state.count(&self.writer.session);
        self.acknowledged = self.acknowledged.max(count);
        if *is_correction {
            self.say_from(count);
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.acknowledged == self.writer.count()
    }
}

/// Reads values, each transaction once, and goes to another server when the one it talks to is gone.
pub(crate) struct Reader {
    line: Line,
    logs: BTreeMap<CoId, BTreeMap<SessionId, SessionLog>>,
}

impl Reader {
    pub(crate) fn new(ids: impl IntoIterator<Item = CoId>, first: usize) -> Self {
        let line = Line {
            tried: first,
            ..Line::default()
        };
        let logs = ids.into_iter().map(|id| (id, BTreeMap::new()));
        Self {
            line,
            logs: logs.collect(),
        }
    }

    pub(crate) fn look(&mut self, ports: &[u16]) {
        if self.line.connect(ports) {
            for (id, sessions) in &self.logs {
                let counts = sessions.iter().map(|(id, log)| (id.clone(), log.len()));
                let known = KnownState {
                    id: id.clone(),
                    header: !sessions.is_empty(),
                    sessions: counts.collect(),
                };
                self.line.say(&SyncMessage::Load(known));
            }
        }
        while let Some(message) = self.line.hear() {
            if let SyncMessage::Content(content) = message {
                self.take(content);
            }
        }
    }

    /// Leaves its server; the next look finds another.
    pub(crate) fn leave(&mut self) {
        self.line.leave();
    }

    /// Verifies what came, and that none of it was there already.
    fn take(&mut self, content: ContentMessage) {
        let Some(sessions) = self.logs.get_mut(&content.id) else {
            return;
        };
        for (session, piece) in content.new {
            let signer = AgentId::parse(session.author()).unwrap().signer().unwrap();
            let log = sessions
                .entry(session.clone())
                .or_insert_with(|| SessionLog::new(session));
            assert_eq!(piece.after, log.len(), "each transaction comes once");
            log.receive(piece, &signer).expect("what comes verifies");
        }
    }

    /// Whether it has all that this hand wrote.
    pub(crate) fn has_all_of(&self, hand: &Hand) -> bool {
        let writer = &hand.writer;
        let log = self
            .logs
            .get(&writer.id())
            .and_then(|sessions| sessions.get(&writer.session));
        log.is_some_and(|log| log.transactions() == writer.log.transactions())
    }
}
