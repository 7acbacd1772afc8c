//! What an actor shows and what comes back from its screen.

use cojson::json::Json;

use super::super::{ActorId, SendError, Ticket};
use super::ActorEngine;
use crate::machine::Event;
use crate::view::{DomMarkers, Patch};

impl ActorEngine {
    /// The actors whose screens are out of date. A change that comes while they are rendered marks them again (R5).
    pub fn take_pending_rerenders(&mut self) -> Vec<ActorId> {
        std::mem::take(&mut self.pending_rerenders).into_iter().collect()
    }

    /// Adds to a patch what makes an actor's screen show its context. Nothing is added for what did not change (R6).
    pub fn render(&mut self, actor: &ActorId, patch: &mut Patch) {
        let Some(running) = self.actors.get_mut(actor).and_then(|actor| actor.running.as_mut()) else {
            return;
        };
        if let Some(view) = &mut running.view {
            view.patch(running.memory.visible(), patch);
        }
    }

    /// Forgets what an actor's screen shows: the next render builds all of it.
    pub fn reset_screen(&mut self, actor: &ActorId) {
        if let Some(running) = self.actors.get_mut(actor).and_then(|actor| actor.running.as_mut()) {
            if let Some(view) = &mut running.view {
                view.reset();
            }
        }
        self.request_render(actor);
    }

    /// An event of an actor's screen: its payload is resolved now and queued. `None`: the view has no use for it.
    pub fn dom_event(
        &mut self,
        actor: &ActorId,
        node_id: u32,
        dom_event: &str,
        markers: &DomMarkers,
    ) -> Result<Option<Ticket>, SendError> {
        let context = self.running(actor).map(|running| running.memory.visible().clone());
        let outgoing = self.actors.get_mut(actor).and_then(|actor| {
            let view = actor.running.as_mut()?.view.as_mut()?;
            view.event(node_id, dom_event, markers, &context.unwrap_or_default())
        });
        let Some(outgoing) = outgoing else { return Ok(None) };
        let payload = if outgoing.payload.is_null() { Json::empty_object() } else { outgoing.payload };
        self.send(actor, Event::new(outgoing.event_type, payload)).map(Some)
    }
}
