//! The storage thread: does what the host asks in the order it asked. It ends when nobody can ask any more, with
//! everything asked done.

use std::sync::mpsc;
use std::thread::JoinHandle;

use cojson::ids::CoId;
use cojson::sync::{WriteBatch, WriteId};
use storage::{LoadError, Loaded, NoteChange, Notes, WriteError};
use tokio::sync::mpsc::UnboundedSender;

use crate::host::Input;

/// What the host asks of storage.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Read a value.
    Load(CoId),
    /// Make notes durable, then the batch: a note without its value costs a read, a value without its note is never sent.
    Write(WriteBatch, NoteChange),
    /// Make notes durable.
    Note(NoteChange),
}

/// What storage answers. Every `Load` and `Write` is answered once.
#[derive(Debug)]
pub(crate) enum Answer {
    /// What is kept of the value.
    Loaded(CoId, Result<Option<Loaded>, LoadError>),
    /// Whether the batch is durable.
    Written(WriteId, Result<(), WriteError>),
}

/// The thread, and how it is asked.
#[derive(Debug)]
pub(crate) struct Store {
    asks: mpsc::Sender<Ask>,
    thread: JoinHandle<()>,
}

impl Store {
    /// Starts the thread.
    pub(crate) fn spawn(
        storage: Box<dyn Notes>,
        answers: UnboundedSender<Input>,
    ) -> std::io::Result<Self> {
        let (asks, queue) = mpsc::channel();
        let thread = std::thread::Builder::new().name("storage".into());
        let thread = thread.spawn(move || run(storage, &queue, &answers))?;
        Ok(Self { asks, thread })
    }

    /// Asks. A thread that has failed answers nothing.
    pub(crate) fn ask(&self, ask: Ask) {
        let _ = self.asks.send(ask);
    }

    /// Ends it when everything that was asked is done.
    pub(crate) fn end(self) {
        drop(self.asks);
        let _ = self.thread.join();
    }
}

fn run(mut storage: Box<dyn Notes>, queue: &mpsc::Receiver<Ask>, answers: &UnboundedSender<Input>) {
    while let Ok(ask) = queue.recv() {
        let answer = match ask {
            Ask::Load(id) => {
                let found = find(storage.as_mut(), &id);
                Answer::Loaded(id, found)
            }
            Ask::Write(batch, notes) => {
                let written = write(storage.as_mut(), &batch, &notes);
                Answer::Written(batch.id, written)
            }
            Ask::Note(change) => {
                if let Err(error) = storage.change_notes(&change) {
                    tracing::warn!("a note could not be kept: {error}");
                }
                continue;
            }
        };
        let _ = answers.send(Input::Storage(answer));
    }
}

fn find(storage: &mut dyn Notes, id: &CoId) -> Result<Option<Loaded>, LoadError> {
    let outline = storage.outline(id)?;
    outline
        .map(|outline| storage.whole(id, outline))
        .transpose()
}

fn write(
    storage: &mut dyn Notes,
    batch: &WriteBatch,
    notes: &NoteChange,
) -> Result<(), WriteError> {
    if *notes != NoteChange::default() {
        storage.change_notes(notes)?;
    }
    let written = storage.write(std::slice::from_ref(batch));
    written.into_iter().next().unwrap_or(Ok(()))
}
