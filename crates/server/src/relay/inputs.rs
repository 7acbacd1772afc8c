//! What wakes the relay besides storage: clients, and the servers that share its storage.

use tokio::sync::mpsc;

use super::Command;
use crate::wakeups::{News, Wakeups};

/// What comes in from clients and from other servers.
pub(super) struct Inputs {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) wakeups: Wakeups,
}

/// One of them.
pub(super) enum Input {
    Command(Command),
    News(News),
}

impl Inputs {
    /// What comes next, neither side before the other; `None` when no socket is left.
    pub(super) async fn next(&mut self) -> Option<Input> {
        tokio::select! {
            command = self.commands.recv() => command.map(Input::Command),
            news = self.wakeups.next() => Some(Input::News(news)),
        }
    }
}
