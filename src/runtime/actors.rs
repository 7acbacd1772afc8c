//! Actors as JavaScript sees them, and the promises of those who wait for one.

use std::rc::Rc;

use cojson::ids::Timestamp;
use cojson::json::Json;
use engine::actor::{
    ActorEngine, ActorError, ActorId, Events, HistoryError, SendError, Ticket, Tickets, When,
};
use engine::machine::{Event, ToolFailure};
use js_sys::{Date, Promise};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Element;

use super::attempts::Stop;
use super::error::{Failure, RuntimeError};
use super::host::Host;
use super::outbox::{self, How};
use super::store::StoreHandle;
use super::waiters::Wish;
use crate::bridge;
use crate::clock::now;
use crate::error::{describe, to_js};

/// An actor that runs here.
#[wasm_bindgen]
pub struct Actor {
    host: Rc<Host>,
    id: ActorId,
    /// What stands for it in JavaScript.
    number: u32,
    context: JsValue,
}

impl Actor {
    /// Creates or restores one, or opens a published one; it runs when that is told.
    pub(crate) fn start(host: &Rc<Host>, definition: &JsValue) -> Result<ActorId, Stop> {
        let definition = bridge::from_js(definition, "The definition")?;
        let Some(id) = definition.as_str() else {
            return Ok(host.input(|engine| engine.create_actor(&definition))??);
        };
        let id = host.shown(id)?;
        let opened = host.input(|engine| engine.open_published(&id))??;
        Ok(opened.ok_or(Failure::Unreadable { id })?)
    }

    /// One that runs.
    pub(crate) fn of(host: &Rc<Host>, id: &ActorId) -> Result<Self, RuntimeError> {
        let store = host.engine(|engine| engine.context_store(id))?;
        let store = store.ok_or_else(RuntimeError::closed)?;
        Ok(Self {
            host: Rc::clone(host),
            id: id.clone(),
            number: host.outbox.number(id),
            context: StoreHandle::of(store).into(),
        })
    }

    fn queue(&self, event: &JsValue) -> Result<Ticket, RuntimeError> {
        let event = event_of(event)?;
        let ticket = self.host.input(|engine| engine.send(&self.id, event))?;
        Ok(ticket?)
    }

    fn queue_all(&self, events: &JsValue) -> Result<Ticket, RuntimeError> {
        let events = match outbox::events_of(events) {
            Some(events) => events?,
            None => events_of(events)?,
        };
        let host = &self.host;
        Ok(host.input(|engine| engine.send_all(&self.id, events))??)
    }

    /// What is told of a ticket, when it is handled.
    fn promise(&self, queued: Result<Ticket, RuntimeError>) -> Promise {
        match queued {
            Ok(ticket) => self.host.outbox.wait(ticket),
            Err(error) => Promise::reject(&error.into()),
        }
    }

    /// What it tells of its past.
    fn told(
        &self,
        tell: impl FnOnce(&mut ActorEngine, &ActorId) -> Result<Json, HistoryError>,
    ) -> Result<JsValue, JsValue> {
        let told = self.host.engine(|engine| tell(engine, &self.id))?;
        Ok(bridge::to_js(&told.map_err(RuntimeError::from)?))
    }

    /// Lets the actor tell or ask something, and keeps the promise until it is known what came of it.
    fn message(
        &self,
        target: &JsValue,
        event: &JsValue,
        timeout_ms: Option<u32>,
        tell: impl FnOnce(&mut ActorEngine, &ActorId, &Json) -> Result<Ticket, SendError>,
    ) -> Result<Promise, RuntimeError> {
        let target = bridge::from_js(target, "The target")?;
        let event = event_of(event)?;
        let timeout = timeout_ms.map(|ms| ("timeout", ms.into()));
        let members = [
            ("target", target),
            ("type", event.event_type.into()),
            ("payload", event.payload),
        ];
        let message = Json::object(members.into_iter().chain(timeout));
        let ticket = self
            .host
            .input(|engine| tell(engine, &self.id, &message))??;
        Ok(self.host.outbox.wait(ticket))
    }

    /// Shows it in an element.
    pub(crate) fn show(&self, element: &Element) -> Result<(), RuntimeError> {
        self.host.attach(&self.id, element)
    }
}

#[wasm_bindgen]
impl Actor {
    /// The definition's id.
    #[wasm_bindgen(getter)]
    pub fn id(&self) -> String {
        self.id.as_str().to_owned()
    }

    /// The active state: its name, or `{ parent: child }`.
    #[wasm_bindgen(getter, unchecked_return_type = "StateValue")]
    pub fn state(&self) -> Result<JsValue, JsValue> {
        let state = self.host.engine(|engine| engine.state(&self.id))?;
        Ok(state.map_or(JsValue::UNDEFINED, |state| bridge::to_js(&state)))
    }

    /// What the actor knows, with its queries' results in place.
    #[wasm_bindgen(getter, unchecked_return_type = "ReactiveStore<Record<string, any>>")]
    pub fn context(&self) -> JsValue {
        self.context.clone()
    }

    /// Gives the actor an event. Resolves when it is handled and what it changed is durable here; `handled` is false if
    /// no transition took it.
    #[wasm_bindgen(unchecked_return_type = "Promise<{ handled: boolean }>")]
    pub fn send(
        &self,
        #[wasm_bindgen(unchecked_param_type = "ActorEvent")] event: &JsValue,
    ) -> Promise {
        let host = &self.host;
        let is_open = !host.is_closed();
        let sent = is_open.then(|| host.outbox.send(self.number, event));
        match sent.flatten() {
            Some(promise) => {
                host.schedule();
                promise
            }
            None => self.promise(self.queue(event)),
        }
    }

    /// Gives the actor many events at once, which are handled one after the other and written together. Resolves when that
    /// is durable here; `handled` is false if some were taken by no transition.
    #[wasm_bindgen(js_name = sendAll, unchecked_return_type = "Promise<{ handled: boolean }>")]
    pub fn send_all(
        &self,
        #[wasm_bindgen(unchecked_param_type = "ActorEvent[]")] events: &JsValue,
    ) -> Promise {
        self.promise(self.queue_all(events))
    }

    /// Every transition that it made, the oldest first. Its definition must say `history`.
    #[wasm_bindgen(unchecked_return_type = "Transition[]")]
    pub fn history(&self) -> Result<JsValue, JsValue> {
        self.told(engine::actor::ActorEngine::history)
    }

    /// Where it was at a time, or right after the transition of an index; `undefined` if it was not there yet. Without
    /// what queries show.
    #[wasm_bindgen(unchecked_return_type = "ActorMoment | undefined")]
    pub fn at(
        &self,
        #[wasm_bindgen(unchecked_param_type = "number | Date")] when: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let when = when_of(when)?;
        let host = &self.host;
        let told = host.engine(|engine| engine.at(&self.id, when))?;
        let told = told.map_err(RuntimeError::from)?;
        Ok(told.map_or(JsValue::UNDEFINED, |told| bridge::to_js(&told)))
    }

    /// Runs every transition of its history through its definition, without calling a tool, and tells the first that
    /// went elsewhere.
    #[wasm_bindgen(unchecked_return_type = "Replay")]
    pub fn replay(&self) -> Result<JsValue, JsValue> {
        self.told(engine::actor::ActorEngine::replay)
    }

    /// Lets the actor tell another something. Resolves when that is durable here; fails if the other does not take it, as
    /// far as that is known, or may not be told.
    #[wasm_bindgen(unchecked_return_type = "Promise<{ handled: boolean }>")]
    pub fn tell(
        &self,
        #[wasm_bindgen(unchecked_param_type = "MessageTarget")] target: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "ActorEvent")] event: &JsValue,
    ) -> Result<Promise, JsValue> {
        Ok(self.message(target, event, None, ActorEngine::tell)?)
    }

    /// Lets the actor ask another something. Resolves to the answer's payload; fails if there is none in time.
    #[wasm_bindgen(unchecked_return_type = "Promise<any>")]
    pub fn ask(
        &self,
        #[wasm_bindgen(unchecked_param_type = "MessageTarget")] target: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "ActorEvent")] event: &JsValue,
        timeout: Option<u32>,
    ) -> Result<Promise, JsValue> {
        Ok(self.message(target, event, timeout, ActorEngine::ask)?)
    }

    /// Ends the actor here. What it knows stays.
    pub fn destroy(&self) {
        let _ = self
            .host
            .input(|engine| engine.destroy_actor(&self.id, now()));
        self.host.actor_ended(&self.id);
    }
}

/// A `Date` is a time, a number an index.
fn when_of(when: &JsValue) -> Result<When, RuntimeError> {
    let date = when.dyn_ref::<Date>().map(Date::get_time);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time or an index; the cast saturates"
    )]
    match (date, when.as_f64()) {
        (Some(ms), _) => Ok(When::At(Timestamp(ms as u64))),
        (None, Some(index)) if index >= 0.0 => Ok(When::After(index as usize)),
        _ => Err(RuntimeError::option(
            "The point in time",
            "a Date, or the index of a transition",
            describe(when).chars().take(64).collect(),
        )),
    }
}

/// Many events, of which some may be none: then that is what is wrong.
fn events_of(events: &JsValue) -> Result<Events, RuntimeError> {
    let events = bridge::from_js(events, "The events")?;
    match events.as_array() {
        Some(events) => events.iter().map(read_event).collect(),
        None => Err(not_an_event("The events", "an array of events", &events)),
    }
}

/// An event as JavaScript gives it.
pub(crate) fn event_of(event: &JsValue) -> Result<Event, RuntimeError> {
    read_event(&bridge::from_js(event, "The event")?)
}

fn read_event(event: &Json) -> Result<Event, RuntimeError> {
    let Some(Json::String(event_type)) = event.get("type") else {
        return Err(not_an_event("The event", "an object with a `type`", event));
    };
    let payload = event.get("payload").cloned().unwrap_or_default();
    Ok(Event::new(event_type.clone(), payload))
}

fn not_an_event(what: &'static str, expected: &'static str, found: &Json) -> RuntimeError {
    RuntimeError::option(what, expected, found.to_string().chars().take(64).collect())
}

impl Host {
    /// The actor runs: who waits for it is told.
    pub(crate) fn actor_ready(self: &Rc<Self>, actor: &ActorId) {
        self.show_awaited(actor);
        let starts = |wish: &Wish| matches!(wish, Wish::Started(started) if started == actor);
        self.waiters.settle(starts);
    }

    /// The actor is gone from here: its lock is for others, its place on the screen is empty.
    pub(crate) fn actor_ended(&self, actor: &ActorId) {
        self.tabs.actors.borrow_mut().remove(actor);
        self.stage.detach(actor);
    }

    /// The actor could not be made, or not be changed: who waits for it is told, else everybody.
    pub(crate) fn actor_failed(&self, actor: &ActorId, error: ActorError) {
        let error = RuntimeError::from(error);
        let starts = |wish: &Wish| matches!(wish, Wish::Started(started) if started == actor);
        if !self.waiters.reject(starts, || to_js(&error)) {
            self.problem(&error);
        }
    }

    /// Events were handled, or not: their senders are told; what nobody sent from a program is told to everybody.
    pub(crate) fn handled(&self, tickets: Tickets, outcome: Result<bool, SendError>) {
        self.counts.borrow_mut().messages += tickets.count as usize;
        match outcome {
            Ok(handled) => drop(self.outbox.settle(tickets, How::Handled, &handled.into())),
            Err(error) => {
                let error = self.send_error(error);
                if !self.outbox.settle(tickets, How::Failed, &to_js(&error)) {
                    self.problem(&error);
                }
            }
        }
    }

    /// A question was answered, or was not.
    pub(crate) fn answered(&self, ticket: Ticket, outcome: Result<Json, ToolFailure>) {
        let (how, value) = match outcome {
            Ok(answer) => (How::Answered, bridge::to_js(&answer)),
            Err(failure) => (How::Failed, Failure::Unanswered { failure }.into()),
        };
        self.outbox.settle(Tickets::one(ticket), how, &value);
    }

    /// A refused write has a cause that the engine does not know.
    fn send_error(&self, error: SendError) -> RuntimeError {
        match (error, self.refused.borrow().clone()) {
            (SendError::Storage, Some(cause)) => Failure::NotStored { cause }.into(),
            (error, _) => error.into(),
        }
    }
}
