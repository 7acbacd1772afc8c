//! The names by which a host speaks of an actor and of one `send`.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// An actor's name in its space: its definition's `id`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId(Arc<str>);

impl ActorId {
    /// The actor of that name.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ActorId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One `send`: what became of it is told by [`Effect::Handled`](super::Effect::Handled).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Tickets that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tickets {
    /// The first of them.
    pub first: Ticket,
    /// How many there are.
    pub count: u32,
}

impl Tickets {
    /// A single one.
    pub fn one(ticket: Ticket) -> Self {
        Self {
            first: ticket,
            count: 1,
        }
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Ticket> {
        let Ticket(first) = self.first;
        (first..first + u64::from(self.count)).map(Ticket)
    }
}
