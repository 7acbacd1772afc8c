//! The storage thread: does what the relay asks in the order it asked, and makes the writes that wait one commit.
//!
//! While one commit runs (a disk's flush), what arrives queues up; the next commit takes all of it. Loads that wait
//! behind writes see them. The thread ends when nobody can ask any more, with everything asked done.

use std::sync::mpsc;
use std::thread::JoinHandle;

use cojson::ids::CoId;
use cojson::sync::{WriteBatch, WriteId};
use tokio::sync::mpsc::UnboundedSender;

use super::{LoadError, Loaded, Storage, WriteError};

/// The most asks that are taken together; bounds how long a load waits behind writes.
const ASKS_TOGETHER_MAX: usize = 256;

/// What the relay asks of storage.
#[derive(Debug)]
pub enum Ask {
    /// Read a value.
    Load(CoId),
    /// Make a batch durable.
    Write(WriteBatch),
    /// Read something, whatever it is.
    Probe,
}

/// What storage answers. Every ask is answered once.
#[derive(Debug)]
pub enum Answer {
    /// What is kept of the value.
    Loaded(CoId, Result<Option<Loaded>, LoadError>),
    /// Whether the batch is durable.
    Written(WriteId, Result<(), WriteError>),
    /// Whether storage can be read.
    Probed(bool),
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
        for answer in answer_all(storage.as_mut(), asks) {
            // A relay that is gone needs no answer, but what it asked to be written still is.
            let _ = answers.send(answer);
        }
    }
}

/// Writes first, in one commit, then reads.
fn answer_all(storage: &mut dyn Storage, asks: Vec<Ask>) -> Vec<Answer> {
    let mut batches = Vec::new();
    let mut loads = Vec::new();
    let mut is_probed = false;
    for ask in asks {
        match ask {
            Ask::Write(batch) => batches.push(batch),
            Ask::Load(id) => loads.push(id),
            Ask::Probe => is_probed = true,
        }
    }
    let mut answers = Vec::with_capacity(batches.len() + loads.len());
    if !batches.is_empty() {
        let results = storage.write(&batches);
        let ids = batches.iter().map(|batch| batch.id);
        answers.extend(
            ids.zip(results)
                .map(|(id, result)| Answer::Written(id, result)),
        );
    }
    answers.extend(loads.into_iter().map(|id| {
        let result = storage.load(&id);
        Answer::Loaded(id, result)
    }));
    answers.extend(is_probed.then(|| Answer::Probed(storage.ids(None, 1).is_ok())));
    answers
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::storage::conformance::{Author, batch, header, read_through, value_write};
    use crate::storage::memory::MemoryStorage;

    /// Notes how many batches each commit takes; the first one waits until it is let on.
    struct SlowDisk {
        memory: MemoryStorage,
        gate: mpsc::Receiver<()>,
        commits: Arc<Mutex<Vec<usize>>>,
    }

    impl Storage for SlowDisk {
        read_through!(memory);

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
