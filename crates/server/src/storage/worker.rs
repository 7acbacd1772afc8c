//! The storage thread: does what the relay asks in the order it asked, and makes the writes that wait one commit.
//!
//! While one commit runs (a disk's flush), what arrives queues up; the next commit takes all of it. Loads that wait
//! behind writes see them. The thread ends when nobody can ask any more, with everything asked done.

use std::sync::mpsc;
use std::thread::JoinHandle;

use cojson::ids::CoId;
use cojson::sync::{
    OutlinedSession, ReadId, ReadRequest, Segment, StoredLog, StoredOutline, WriteBatch, WriteId,
};
use cojson::transaction::content_bytes_of;
use tokio::sync::mpsc::UnboundedSender;

use super::{Damage, LoadError, Loaded, Outline, Storage, Stretch, WriteError};

/// The most asks that are taken together; bounds how long a load waits behind writes.
const ASKS_TOGETHER_MAX: usize = 256;

/// A value that is longer is outlined, and read in parts where it is needed; groups and accounts are read whole.
const WHOLE_BYTES_MAX: u64 = 64 << 10;

/// What a transaction takes in memory besides its changes, roughly.
const TRANSACTION_BYTES: u64 = 200;

/// What the relay asks of storage.
#[derive(Debug)]
pub enum Ask {
    /// Read a value, or its outline if it is long.
    Load(CoId),
    /// Read a part of a value.
    Read(ReadRequest),
    /// Make a batch durable.
    Write(WriteBatch),
    /// Read something, whatever it is.
    Probe,
}

/// What storage answers. Every ask is answered once.
#[derive(Debug)]
pub enum Answer {
    /// What is kept of the value.
    Loaded(CoId, Result<Option<Found>, LoadError>),
    /// What could be read.
    Read(ReadId, Result<Part, LoadError>),
    /// Whether the batch is durable.
    Written(WriteId, Result<(), WriteError>),
    /// Whether storage can be read.
    Probed(bool),
}

/// What is kept of a value.
#[derive(Debug)]
pub struct Found {
    /// Its log, or how long that is.
    pub log: FoundLog,
    /// The sessions that could be read only in part.
    pub damage: Vec<Damage>,
}

/// A short value's log, or a long one's outline.
#[derive(Debug)]
pub enum FoundLog {
    /// The log.
    Whole(StoredLog),
    /// How long it is.
    Outlined(StoredOutline),
}

/// A part of a value.
#[derive(Debug, Default)]
pub struct Part {
    /// The pieces, those of one session in order.
    pub segments: Vec<Segment>,
    /// The sessions that could be read only in part.
    pub damage: Vec<Damage>,
}

/// Starts the thread. Answers go to `answers`; drop the returned sender to end it, and join to know that all is done.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn(
    storage: Box<dyn Storage>,
    answers: UnboundedSender<Answer>,
) -> std::io::Result<(mpsc::Sender<Ask>, JoinHandle<()>)> {
    let (asks, queue) = mpsc::channel();
    let thread = std::thread::Builder::new().name("storage".into());
    let thread = thread.spawn(move || run(storage, &queue, &answers))?;
    Ok((asks, thread))
}

fn run(
    mut storage: Box<dyn Storage>,
    queue: &mpsc::Receiver<Ask>,
    answers: &UnboundedSender<Answer>,
) {
    while let Ok(first) = queue.recv() {
        let waiting = queue.try_iter().take(ASKS_TOGETHER_MAX - 1);
        let asks: Vec<Ask> = std::iter::once(first).chain(waiting).collect();
        // A relay that is gone needs no answer, but what it asked to be written still is.
        answer_all(storage.as_mut(), asks, &mut |answer| {
            let _ = answers.send(answer);
        });
    }
}

/// Writes first, in one commit, then reads.
fn answer_all(storage: &mut dyn Storage, asks: Vec<Ask>, answer: &mut dyn FnMut(Answer)) {
    let mut batches = Vec::new();
    let mut others = Vec::new();
    for ask in asks {
        match ask {
            Ask::Write(batch) => batches.push(batch),
            other => others.push(other),
        }
    }
    if !batches.is_empty() {
        let results = storage.write(&batches);
        let ids = batches.iter().map(|batch| batch.id);
        for (id, result) in ids.zip(results) {
            answer(Answer::Written(id, result));
        }
    }
    let mut reads = Reads {
        storage,
        away: None,
    };
    for other in others {
        match other {
            Ask::Load(id) => {
                let found = reads.ask(|storage| find(storage, &id));
                answer(Answer::Loaded(id, found));
            }
            Ask::Read(request) => {
                let part = reads.ask(|storage| read(storage, &request));
                answer(Answer::Read(request.id, part));
            }
            Ask::Probe => {
                let found = reads.ask(|storage| storage.ids(None, 1));
                answer(Answer::Probed(found.is_ok()));
            }
            Ask::Write(_) => {}
        }
    }
}

/// Reads that are asked together: once storage did not answer one, the others are not asked, since each would wait as
/// long for the same.
struct Reads<'a> {
    storage: &'a mut dyn Storage,
    away: Option<LoadError>,
}

impl Reads<'_> {
    fn ask<T>(
        &mut self,
        read: impl FnOnce(&mut dyn Storage) -> Result<T, LoadError>,
    ) -> Result<T, LoadError> {
        if let Some(error) = &self.away {
            return Err(error.clone());
        }
        let answer = read(self.storage);
        self.away = answer
            .as_ref()
            .err()
            .filter(|error| error.is_away())
            .cloned();
        answer
    }
}

/// A value's log if it is short or a group's, else its outline.
fn find(storage: &mut dyn Storage, id: &CoId) -> Result<Option<Found>, LoadError> {
    let Some(outline) = storage.outline(id)? else {
        return Ok(None);
    };
    if !outline.header.has_members() && memory_bytes(&outline) > WHOLE_BYTES_MAX {
        return Ok(Some(outlined(outline)));
    }
    let Loaded { log, damage } = storage.whole(id, outline)?;
    Ok(Some(Found {
        log: FoundLog::Whole(log),
        damage,
    }))
}

fn memory_bytes(outline: &Outline) -> u64 {
    let sessions = outline.sessions.iter();
    let bytes = sessions.map(|session| {
        let transactions = u64::from(session.count).saturating_mul(TRANSACTION_BYTES);
        session.bytes_least.saturating_add(transactions)
    });
    bytes.fold(0, u64::saturating_add)
}

fn outlined(outline: Outline) -> Found {
    let sessions = outline.sessions.into_iter();
    let sessions = sessions.map(|session| OutlinedSession {
        session: session.session,
        count: session.count,
        last_signature: session.last_signature,
    });
    Found {
        log: FoundLog::Outlined(StoredOutline {
            header: outline.header,
            sessions: sessions.collect(),
        }),
        damage: outline.damage,
    }
}

/// Of each session what follows, until there are so many bytes as were asked for.
fn read(storage: &mut dyn Storage, request: &ReadRequest) -> Result<Part, LoadError> {
    let mut part = Part::default();
    let mut bytes_left = request.bytes_max.max(1);
    for (session, after) in &request.from {
        let Stretch { pieces, damage } =
            storage.read(&request.value, session, *after, bytes_left)?;
        let bytes = pieces
            .iter()
            .map(|piece| content_bytes_of(&piece.new_transactions));
        let bytes: usize = bytes.sum();
        let segments = pieces.into_iter().map(|content| Segment {
            session: session.clone(),
            content,
        });
        part.segments.extend(segments);
        part.damage.extend(damage);
        bytes_left = bytes_left.saturating_sub(bytes);
        if bytes_left == 0 {
            break;
        }
    }
    Ok(part)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::storage::conformance::{Author, batch, header, value_write};
    use crate::storage::memory::MemoryStorage;
    use ::storage::through;

    /// Notes how many batches each commit takes; the first one waits until it is let on.
    struct SlowDisk {
        memory: MemoryStorage,
        gate: mpsc::Receiver<()>,
        commits: Arc<Mutex<Vec<usize>>>,
    }

    impl Storage for SlowDisk {
        through!(memory: outline, read, ids, count, stats);

        fn write(&mut self, batches: &[WriteBatch]) -> Vec<Result<(), WriteError>> {
            self.commits.lock().unwrap().push(batches.len());
            let _ = self.gate.recv();
            self.memory.write(batches)
        }
    }

    #[test]
    fn writes_that_wait_for_a_commit_share_the_next_one_and_loads_see_them() {
        let (open, gate) = mpsc::channel();
        let commits = Arc::default();
        let disk = SlowDisk {
            memory: MemoryStorage::default(),
            gate,
            commits: Arc::clone(&commits),
        };
        let (answers, mut answered) = tokio::sync::mpsc::unbounded_channel();
        let (asks, thread) = spawn(Box::new(disk), answers).unwrap();
        let write = |index: u64| {
            let mut author = Author::new(1);
            let piece = author.piece(&["[]"]);
            let value = header(&index.to_string());
            let segments = vec![author.segment(piece)];
            Ask::Write(batch(index, vec![value_write(&value, true, segments)]))
        };
        asks.send(write(0)).unwrap();
        while commits.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        for index in 1..=9 {
            asks.send(write(index)).unwrap();
        }
        asks.send(Ask::Load(header("9").id())).unwrap();
        drop((asks, open));
        thread.join().unwrap();
        assert_eq!(*commits.lock().unwrap(), [1, 9]);
        for index in 0..=9 {
            let answer = answered.try_recv().unwrap();
            assert!(matches!(answer, Answer::Written(WriteId(id), Ok(())) if id == index));
        }
        let loaded = answered.try_recv().unwrap();
        assert!(
            matches!(loaded, Answer::Loaded(_, Ok(Some(_)))),
            "{loaded:?}"
        );
    }
}
