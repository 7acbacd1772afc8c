//! An honest writer and a reader, whose value must come through whatever else happens.

use cojson::sync::SyncMessage;

use crate::peer::Peer;
use crate::process::ServerProcess;
use crate::writer::Writer;

pub(crate) struct Honest {
    pub(crate) writer: Writer,
    writing: Peer,
    reading: Peer,
}

impl Honest {
    pub(crate) fn new(server: &ServerProcess) -> Self {
        let mut honest = Self {
            writer: Writer::new("honest", 1),
            writing: Peer::connect(server.port()),
            reading: Peer::connect(server.port()),
        };
        let first = honest.writer.write("[0]");
        honest.writing.say(&first);
        let (id, session) = (honest.writer.id(), honest.writer.session.clone());
        honest.writing.await_known(&id, &session, 1);
        let answer = honest.reading.ask(&id);
        assert!(matches!(answer, SyncMessage::Content(_)), "{answer:?}");
        honest
    }

    /// The honest pair goes on: the next genuine transaction is taken and arrives, and it alone.
    pub(crate) fn check(&mut self) {
        let next = self.writer.write("[\"genuine\"]");
        self.writing.say(&next);
        let (id, session) = (self.writer.id(), self.writer.session.clone());
        self.writing.await_known(&id, &session, self.writer.count());
        let piece = self.reading.await_message(|message| match message {
            SyncMessage::Content(mut content) => {
                assert_eq!(content.new.len(), 1, "a stranger's session came along");
                content.new.remove(&session)
            }
            _ => None,
        });
        assert_eq!(piece.end(), self.writer.count() as usize);
        let written = self.writer.log.transactions();
        assert_eq!(piece.new_transactions, written[piece.after as usize..]);
    }
}
