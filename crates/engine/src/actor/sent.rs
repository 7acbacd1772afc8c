//! What a host sends: events on their way to an actor, and what became of each.

use std::iter;
use std::sync::Arc;

use super::{ActorId, SendError, Ticket, Tickets};
use crate::machine::Event;

/// Events in their order. Those that follow each other and are the very same are kept once.
#[derive(Clone, Debug, Default)]
pub struct Events {
    runs: Vec<(Event, usize)>,
}

impl Events {
    /// Adds an event so many times.
    pub fn push(&mut self, event: Event, count: usize) {
        match self.runs.last_mut() {
            Some((last, times)) if is_same(last, &event) => *times += count,
            _ => self.runs.push((event, count)),
        }
    }

    /// All of them, in their order.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Event> {
        let runs = self.runs.iter();
        runs.flat_map(|(event, count)| iter::repeat_n(event, *count))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.runs.iter().map(|(_, count)| count).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Without those that are the same as the one before.
    pub(crate) fn distinct(&self) -> impl Iterator<Item = &Event> {
        self.runs.iter().map(|(event, _)| event)
    }
}

impl FromIterator<Event> for Events {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let mut all = Self::default();
        for event in events {
            all.push(event, 1);
        }
        all
    }
}

fn is_same(one: &Event, other: &Event) -> bool {
    Arc::ptr_eq(&one.event_type, &other.event_type) && one.payload.is_same(&other.payload)
}

/// Events that wait to be handled by an actor, one right after the other.
pub(crate) struct Sent {
    pub(crate) actor: ActorId,
    pub(crate) events: Events,
    pub(crate) receipt: Receipt,
}

/// How many sends of an actor are put together; the rest is handled apart, so that a task can end in between.
const SENDS_TOGETHER_MAX: u32 = 1_000;

impl Sent {
    /// Adds an event as many times as there are tickets for it, if it may be put to these; whether it was.
    pub(crate) fn takes_more(&mut self, actor: &ActorId, event: &Event, next: Tickets) -> bool {
        let Receipt::Each(tickets) = &mut self.receipt else {
            return false;
        };
        let count = tickets.count.saturating_add(next.count);
        let is_next = tickets.first.0 + u64::from(tickets.count) == next.first.0;
        if !is_next || count > SENDS_TOGETHER_MAX || self.actor != *actor {
            return false;
        }
        tickets.count = count;
        self.events.push(event.clone(), next.count as usize);
        true
    }
}

/// Who is told what became of events.
pub(crate) enum Receipt {
    /// The tickets are theirs, one for each.
    Each(Tickets),
    /// The ticket is of all: they count as handled if each was; of those that failed the first is told. With what became of
    /// those before.
    All(Ticket, Result<bool, SendError>),
}

/// What became of one send, or of several that came to the same.
pub(crate) struct Outcome {
    pub(crate) tickets: Tickets,
    pub(crate) actor: ActorId,
    pub(crate) result: Result<bool, SendError>,
}

/// Puts together what became of the events of a [`Sent`].
pub(crate) struct Report {
    actor: ActorId,
    next: Ticket,
    is_for_all: bool,
    outcomes: Vec<Outcome>,
}

impl Report {
    pub(crate) fn new(actor: ActorId, receipt: Receipt) -> Self {
        let (next, before) = match receipt {
            Receipt::Each(tickets) => (tickets.first, None),
            Receipt::All(ticket, before) => (ticket, Some(before)),
        };
        let mut report = Self {
            actor,
            next,
            is_for_all: before.is_some(),
            outcomes: Vec::new(),
        };
        if let Some(before) = before {
            report.push(before);
        }
        report
    }

    /// What became of the next event.
    pub(crate) fn tell(&mut self, result: Result<bool, SendError>) {
        match (self.outcomes.last_mut(), result) {
            (_, Ok(handled)) => self.tell_handled(handled),
            (Some(last), error) if self.is_for_all => {
                if last.result.is_ok() {
                    last.result = error;
                }
            }
            (_, error) => self.push(error),
        }
    }

    /// The next event was handled, or not.
    pub(crate) fn tell_handled(&mut self, handled: bool) {
        match self.outcomes.last_mut() {
            Some(last) if self.is_for_all => {
                if let Ok(all) = &mut last.result {
                    *all &= handled;
                }
            }
            Some(Outcome {
                tickets,
                result: Ok(last),
                ..
            }) if *last == handled => {
                tickets.count += 1;
                self.next.0 += 1;
            }
            _ => self.push(Ok(handled)),
        }
    }

    fn push(&mut self, result: Result<bool, SendError>) {
        self.outcomes.push(Outcome {
            tickets: Tickets::one(self.next),
            actor: self.actor.clone(),
            result,
        });
        self.next.0 += 1;
    }

    /// What is to be told, and the receipt of those that are left, if any are.
    pub(crate) fn into_parts(mut self, left: usize) -> (Vec<Outcome>, Option<Receipt>) {
        let Some(count) = u32::try_from(left).ok().filter(|left| *left > 0) else {
            return (self.outcomes, None);
        };
        if !self.is_for_all {
            let first = self.next;
            return (self.outcomes, Some(Receipt::Each(Tickets { first, count })));
        }
        let all = self.outcomes.pop();
        let receipt = all.map(|all| Receipt::All(all.tickets.first, all.result));
        (self.outcomes, receipt)
    }
}
