//! Inboxes: what has come and is not handled, behind a cursor for each session that writes there (R4).
//!
//! A log forgets nothing, and whoever wants to know what was told finds it there. The actor needs nothing before its cursors:
//! that is neither opened at a start nor kept opened.

use cojson::ids::{CoId, SessionId};
use cojson::view::StreamItem;

use super::super::ActorId;
use super::super::memory::Cursor;
use super::super::message::Message;
use super::messages::Origin;
use super::{ActorEngine, Pending, PendingMessage, running_mut};

/// How many messages of a session are handled before they are let go of together.
const PRUNED_AT_ONCE: u32 = 256;

impl ActorEngine {
    /// Before anything of an actor's inbox is opened: what is handled is not to be.
    pub(super) fn skip_handled(&mut self, actor: &ActorId) {
        let Some(found) = self.actors.get(actor) else {
            return;
        };
        let Some(running) = found.running.as_deref() else {
            return;
        };
        if !self.stores.is_whole(&found.inbox) {
            let cursors = running.memory.cursors();
            let aligned = cursors.filter(|(_, cursor)| cursor.is_aligned);
            let handled = aligned.map(|(session, cursor)| (session.clone(), cursor.handled));
            self.world.node.skip(&found.inbox, handled.collect());
        }
    }

    /// Lets go of what is handled of an actor's inbox, where that is much of a session.
    pub(super) fn prune_inbox(&mut self, actor: &ActorId) {
        let Some(found) = self.actors.get(actor) else {
            return;
        };
        let (Some(running), Some(stream)) = (&found.running, self.world.node.stream(&found.inbox))
        else {
            return;
        };
        let is_much = |(session, cursor): (&SessionId, Cursor)| {
            cursor.is_aligned && cursor.handled >= stream.skipped(session) + PRUNED_AT_ONCE
        };
        if running.memory.cursors().any(is_much) {
            self.skip_handled(actor);
        }
    }

    /// Queues the messages of an actor's inbox that it has not handled (R4).
    pub(super) fn collect_inbox(&mut self, actor: &ActorId) {
        if !self.is_host(actor) {
            return;
        }
        let Some(inbox) = self.actors.get(actor).map(|actor| actor.inbox.clone()) else {
            return;
        };
        let Some(stream) = self.world.node.stream(&inbox) else {
            return;
        };
        let sessions = stream.sessions().map(|(session, _)| session.clone());
        let mut queued = Vec::new();
        for session in sessions.collect::<Vec<SessionId>>() {
            self.collect_session(actor, &inbox, &session, &mut queued);
        }
        self.pending_messages
            .extend(queued.into_iter().map(Pending::Told));
    }

    fn collect_session(
        &mut self,
        actor: &ActorId,
        inbox: &CoId,
        session: &SessionId,
        queued: &mut Vec<PendingMessage>,
    ) {
        let Some(running) = running_mut(&mut self.actors, actor) else {
            return;
        };
        let handled = running.memory.cursor(session);
        let begun = running.queued.get_or_default(session.clone());
        let first = handled.max(*begun);
        let skipped = |stream: &cojson::view::StreamView| stream.skipped(session);
        if self
            .world
            .node
            .stream(inbox)
            .is_some_and(|it| first < skipped(it))
        {
            // What was written of its cursor was lost again.
            self.world.node.show_whole(inbox);
        }
        let Some(stream) = self.world.node.stream(inbox) else {
            return;
        };
        let items = stream.items(session);
        let from = first - stream.skipped(session);
        let mut cursor = Cursor {
            handled: first,
            is_aligned: false,
        };
        for (place, item) in items.iter().enumerate().skip(from as usize) {
            cursor.handled += 1;
            cursor.is_aligned = is_aligned(item, items.get(place + 1), cursor.handled);
            queued.push(PendingMessage {
                actor: actor.clone(),
                message: Message::read(&item.value),
                origin: Origin::Inbox(session.clone(), cursor),
            });
        }
        *begun = cursor.handled;
    }

    /// Whether something has come that is not handled.
    pub(super) fn has_unhandled(&mut self, actor: &ActorId) -> bool {
        let Some(found) = self.actors.get(actor) else {
            return false;
        };
        let (Some(running), Some(stream)) = (&found.running, self.world.node.stream(&found.inbox))
        else {
            return false;
        };
        let mut sessions = stream.sessions();
        sessions.any(|(session, items)| {
            let skipped = stream.skipped(session) as usize;
            (running.memory.cursor(session) as usize) < skipped + items.len()
        })
    }
}

/// Whether that many items are that many transactions, if this is the last of them.
fn is_aligned(item: &StreamItem, next: Option<&StreamItem>, count: u32) -> bool {
    let index = item.position.id.index;
    index + 1 == count && next.is_none_or(|next| next.position.id.index != index)
}
