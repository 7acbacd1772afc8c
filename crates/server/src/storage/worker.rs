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
}

/// What storage answers. Every ask is answered once.
#[derive(Debug)]
pub enum Answer {
    /// What is kept of the value.
    Loaded(CoId, Result<Option<Loaded>, LoadError>),
    /// Whether the batch is durable.
    Written(WriteId, Result<(), WriteError>),
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
    for ask in asks {
        match ask {
            Ask::Write(batch) => batches.push(batch),
            Ask::Load(id) => loads.push(id),
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
    answers
}
