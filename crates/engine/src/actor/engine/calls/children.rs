//! Actors that states invoke: each is made for one call and named by it, so that a reload finds it again in the state it
//! was in, and the next visit of the state gets another.

use std::rc::Rc;

use cojson::json::{Json, JsonObject};

use super::super::super::builtin::Stop;
use super::super::super::input::Input;
use super::super::super::running::Running;
use super::super::super::tools::TELL;
use super::super::super::{ActorId, Effect, SendError};
use super::super::ActorEngine;
use crate::machine::{CallId, Event, Machine, PendingCall, ToolFailure};

/// The name of the actor that a call invokes.
pub(super) fn child_of(parent: &ActorId, call: &CallId) -> ActorId {
    ActorId::new(format!("{parent}/{call}"))
}

impl ActorEngine {
    /// Makes the actor of a call, or finds it again.
    pub(super) fn run_child(&mut self, parent: &ActorId, id: &CallId, pending: &PendingCall) {
        let child = child_of(parent, id);
        if let Some(call) = self.calls.get_mut(id) {
            call.child = Some(child.clone());
        }
        let result = self
            .child_source(parent, &child, pending)
            .and_then(|source| {
                let space = self.actors.get(parent).map(|actor| actor.space.clone());
                let made = self.create_in(&source, space);
                made.map_err(|error| ToolFailure::new("definition", error.to_string()))
            });
        if let Err(failure) = result {
            self.tool_finished(id, Err(failure));
        }
    }

    /// The child's definition under the name that it has for this call, with the input in its context.
    fn child_source(
        &self,
        parent: &ActorId,
        child: &ActorId,
        pending: &PendingCall,
    ) -> Result<Json, ToolFailure> {
        let gone = |what: &str| ToolFailure::new("structural", format!("{what} is gone"));
        let running = self.running(parent);
        let definition = running.map(|running| Rc::clone(&running.definition));
        let definition = definition.ok_or_else(|| gone("the actor"))?;
        let invoked = definition.machine.invoked_actor(pending);
        let invoked = invoked.ok_or_else(|| gone("what the state invoked"))?;
        let source = match invoked {
            Json::String(name) => definition.children.get(name),
            other => Some(other),
        };
        let source = source.and_then(Json::as_object);
        let mut source = source
            .cloned()
            .ok_or_else(|| gone("the child's definition"))?;
        source.insert("id".into(), child.as_str().into());
        let input = pending
            .payload
            .as_object()
            .filter(|input| !input.is_empty());
        if let Some(input) = input {
            let mut context = match source.get("context") {
                None | Some(Json::Null) => JsonObject::default(),
                Some(Json::Object(context)) => (**context).clone(),
                Some(_) => {
                    let message = "an input needs a context that is given in place";
                    return Err(ToolFailure::new("structural", message));
                }
            };
            context.extend(input.clone());
            source.insert("context".into(), context.into());
        }
        Ok(source.into())
    }

    /// Takes an event that the actor is sent; whether it took it, or an actor that it invokes and that gets what it is sent.
    pub(in super::super) fn take_event(
        &mut self,
        actor: &ActorId,
        running: &mut Running,
        event: Event,
    ) -> Result<bool, SendError> {
        let is_passed_on = self.forward(actor, &running.definition.machine, &event);
        let result = self.step(actor, running, &Input::Event(event));
        result.map(|handled| handled || is_passed_on)
    }

    /// Passes an event on to those that the actor invokes and that are to get what it is sent, if they take it; whether any
    /// does.
    fn forward(&mut self, actor: &ActorId, machine: &Machine, event: &Event) -> bool {
        if !machine.forwards() {
            return false;
        }
        let is_asked = |call: &super::Call| call.is_of(actor) && machine.forwards_to(&call.pending);
        let calls = self.calls.iter().filter(|(_, call)| is_asked(call));
        let children: Vec<ActorId> = calls.map(|(id, _)| child_of(actor, id)).collect();
        let mut is_taken = false;
        for child in children {
            // One that is not there yet reads it in its inbox.
            let running = self.running(&child);
            if running.is_some_and(|it| !it.definition.machine.takes(&event.event_type)) {
                continue;
            }
            let told = Json::object([
                ("target", Json::object([("actor", child.as_str().into())])),
                ("type", event.event_type.clone().into()),
                ("payload", event.payload.clone()),
            ]);
            match self.tell_message(actor, &told, None) {
                Ok(()) => is_taken = true,
                Err(Stop::Needs(_)) => {
                    self.begin_host_call(actor, TELL, &told, None);
                    is_taken = true;
                }
                // Its contract says that it does not take that.
                Err(Stop::Failed(_)) => {}
            }
        }
        is_taken
    }

    fn call_of_child(&self, child: &ActorId) -> Option<CallId> {
        let is_it = |call: &super::Call| call.child.as_ref() == Some(child);
        let found = self.calls.iter().find(|(_, call)| is_it(call));
        found.map(|(id, _)| id.clone())
    }

    /// If an actor has come to its end, whoever invoked it is to be told.
    pub(in super::super) fn tell_of_end(&mut self, actor: &ActorId, running: &Running) {
        if !running.definition.machine.is_over(&running.snapshot) {
            return;
        }
        if let Some(call) = self.call_of_child(actor) {
            self.ended.insert(call, running.memory.output().clone());
        }
    }

    /// Tells of ends, each after what the actor told before it: whoever invoked it has nothing of that left to handle.
    pub(in super::super) fn tell_ends(&mut self) -> bool {
        let mut is_any = false;
        for (call, output) in std::mem::take(&mut self.ended) {
            let parent = self.calls.get(&call).map(|call| call.actor.clone());
            let waits = parent.is_some_and(|it| self.is_host(&it) && self.has_unhandled(&it));
            if waits {
                self.ended.insert(call, output);
            } else {
                self.tool_finished(&call, Ok(output));
                is_any = true;
            }
        }
        is_any
    }

    /// An actor could not be made; whether that concerns whoever invoked it, and nobody else.
    pub(in super::super) fn tell_of_failure(&mut self, actor: &ActorId, message: String) -> bool {
        let Some(call) = self.call_of_child(actor) else {
            return false;
        };
        self.tool_finished(&call, Err(ToolFailure::new("definition", message)));
        true
    }

    /// Ends an invoked actor here; what it knows stays.
    pub(super) fn end_child(&mut self, child: &ActorId) {
        self.destroy_actor(child, self.world.now);
        self.effects.push_back(Effect::ActorEnded(child.clone()));
    }
}
