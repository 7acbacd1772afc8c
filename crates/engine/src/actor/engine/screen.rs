//! What an actor shows and what comes back from its screen.

use std::sync::Arc;

use super::super::{ActorId, SendError, Ticket};
use super::{ActorEngine, running_mut};
use crate::machine::Event;
use crate::view::{CompiledView, DomMarkers, NodeId, Patch, ViewInstance};

impl ActorEngine {
    /// The actors whose screens are out of date. A change that comes while they are rendered marks them again (R5).
    pub fn take_pending_rerenders(&mut self) -> Vec<ActorId> {
        std::mem::take(&mut self.pending_rerenders)
            .into_iter()
            .collect()
    }

    /// Adds to a patch what makes an actor's screen show its context. Nothing is added for what did not change (R6).
    pub fn render(&mut self, actor: &ActorId, patch: &mut Patch) {
        let Some(running) = running_mut(&mut self.actors, actor) else {
            return;
        };
        let Some(view) = &mut running.view else {
            return;
        };
        view.patch(running.memory.visible(), patch);
        for problem in view.take_problems() {
            self.warn(actor, "PLEIONE_W_VIEW", problem.to_string());
        }
    }

    /// An actor's view, which tells the screen its templates.
    pub fn view(&self, actor: &ActorId) -> Option<Arc<CompiledView>> {
        self.running(actor)?.definition.view.clone()
    }

    /// Forgets what an actor's screen shows: the next render builds all of it.
    pub fn reset_screen(&mut self, actor: &ActorId) {
        let running = running_mut(&mut self.actors, actor);
        if let Some(view) = running.and_then(|running| running.view.as_mut()) {
            *view = ViewInstance::new(Arc::clone(view.view()));
        }
        self.request_render(actor);
    }

    /// An event of an actor's screen, as the screen was told to report it: its payload is resolved now and queued.
    /// `None`: the node is not there any more.
    pub fn dom_event(
        &mut self,
        actor: &ActorId,
        node: NodeId,
        handler: u32,
        markers: &DomMarkers,
    ) -> Result<Option<Ticket>, SendError> {
        let Some(running) = running_mut(&mut self.actors, actor) else {
            return Ok(None);
        };
        let Some(view) = &mut running.view else {
            return Ok(None);
        };
        match view.event(node, handler, markers, running.memory.visible()) {
            Ok(None) => Ok(None),
            Ok(Some(outgoing)) => self
                .send(actor, Event::new(outgoing.event_type, outgoing.payload))
                .map(Some),
            Err(error) => Err(SendError::Step {
                actor: actor.clone(),
                event_type: "$on".into(),
                message: error.to_string(),
            }),
        }
    }
}
