//! The way to the relay for those that must not keep it from ending, and that may come before it is there.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;

use super::Command;

/// Leads to the relay while it serves: nowhere before it was started, and nowhere once everyone who serves has let go.
#[derive(Clone, Debug, Default)]
pub struct RelayLink(Arc<OnceLock<mpsc::WeakSender<Command>>>);

impl RelayLink {
    /// The relay is there now.
    pub fn lead_to(&self, commands: &mpsc::Sender<Command>) {
        let _ = self.0.set(commands.downgrade());
    }

    /// Whether the relay was started.
    pub fn was_started(&self) -> bool {
        self.0.get().is_some()
    }

    /// The way in, if there is one now. Whoever holds it keeps the relay from ending.
    pub fn upgrade(&self) -> Option<mpsc::Sender<Command>> {
        self.0.get()?.upgrade()
    }
}
