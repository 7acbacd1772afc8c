//! What is sent to actors and who awaits it. An event stays in JavaScript, with its promise, until the engine is next
//! spoken to; then all that wait cross the border at once, in one list of numbers and one text.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use cojson::collections::OrderedSet;
use cojson::json::{Json, JsonError};
use engine::actor::{ActorEngine, ActorId, Events, Ticket, Tickets};
use engine::machine::Event;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::RuntimeError;
use crate::bridge::ValueError;

#[wasm_bindgen(module = "/src/browser.js")]
extern "C" {
    /// Events for one crossing.
    type Packed;

    /// The numbers.
    #[wasm_bindgen(method, getter)]
    fn records(this: &Packed) -> Vec<u32>;

    /// Each in a line of JSON.
    #[wasm_bindgen(method, getter)]
    fn texts(this: &Packed) -> String;

    /// `undefined`: some of them are not events.
    fn pack(events: &JsValue) -> Option<Packed>;

    /// The promises, by the tickets of what they await.
    type Promises;

    #[wasm_bindgen(constructor)]
    fn new() -> Promises;

    /// Keeps an event until it is taken; `undefined`: it is not one.
    #[wasm_bindgen(method)]
    fn send(this: &Promises, actor: u32, event: &JsValue) -> Option<Promise>;

    /// What was kept.
    #[wasm_bindgen(method)]
    fn take(this: &Promises) -> Packed;

    /// The next of what was taken have these tickets; or the next one is refused, if there is an error.
    #[wasm_bindgen(method)]
    fn accept(this: &Promises, first: f64, count: u32, error: &JsValue);

    #[wasm_bindgen(method)]
    fn wait(this: &Promises, ticket: f64) -> Promise;

    /// Whether anybody waited for them.
    #[wasm_bindgen(method)]
    fn settle(this: &Promises, first: f64, count: u32, how: u32, value: &JsValue) -> bool;

    #[wasm_bindgen(method, js_name = failAll)]
    fn fail_all(this: &Promises, error: &JsValue);
}

/// How promises are settled.
#[derive(Clone, Copy)]
pub(crate) enum How {
    /// With whether each event was handled.
    Handled = 0,
    /// With an answer.
    Answered = 1,
    /// Rejected, with an error.
    Failed = 2,
}

/// Events on their way to the engine, and the promises of all that was sent.
pub(crate) struct Outbox {
    promises: Promises,
    is_waiting: Cell<bool>,
    /// The actors by the numbers that stand for them in JavaScript.
    actors: RefCell<OrderedSet<ActorId>>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            promises: Promises::new(),
            is_waiting: Cell::default(),
            actors: RefCell::default(),
        }
    }
}

impl Outbox {
    /// The number that stands for an actor.
    pub(crate) fn number(&self, actor: &ActorId) -> u32 {
        let number = self.actors.borrow_mut().place_of(actor.clone());
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Keeps an event for the next [`deliver`](Self::deliver). `None`: it is not one.
    pub(crate) fn send(&self, actor: u32, event: &JsValue) -> Option<Promise> {
        let promise = self.promises.send(actor, event)?;
        self.is_waiting.set(true);
        Some(promise)
    }

    /// Hands the engine what waits, before it is asked for anything else.
    pub(crate) fn deliver(&self, engine: &mut ActorEngine) {
        if !self.is_waiting.replace(false) {
            return;
        }
        let packed = Unpacked::of(&self.promises.take());
        let actors = self.actors.borrow();
        let mut accepted: Option<Tickets> = None;
        for [event_type, payload, actor, count] in packed.records() {
            let actor = actors.get_index(actor as usize);
            match (actor, packed.event(event_type, payload)) {
                (Some(actor), Ok(event)) => {
                    let first = engine.send_times(actor, event, count);
                    let tickets = accepted.get_or_insert(Tickets { first, count: 0 });
                    tickets.count += count;
                }
                (_, event) => {
                    self.accept(accepted.take());
                    let error = event
                        .err()
                        .map_or_else(RuntimeError::closed, RuntimeError::from);
                    let error = error.into();
                    (0..count).for_each(|_| self.promises.accept(0.0, 1, &error));
                }
            }
        }
        self.accept(accepted);
    }

    fn accept(&self, tickets: Option<Tickets>) {
        if let Some(Tickets { first, count }) = tickets {
            let first = number_of(first);
            self.promises.accept(first, count, &JsValue::UNDEFINED);
        }
    }

    /// A promise of what becomes of a ticket.
    pub(crate) fn wait(&self, ticket: Ticket) -> Promise {
        self.promises.wait(number_of(ticket))
    }

    /// Settles the promises of these tickets; whether there are any.
    pub(crate) fn settle(&self, tickets: Tickets, how: How, value: &JsValue) -> bool {
        let Tickets { first, count } = tickets;
        self.promises
            .settle(number_of(first), count, how as u32, value)
    }

    /// Rejects all promises, of what waits too.
    pub(crate) fn fail_all(&self, error: &JsValue) {
        self.is_waiting.set(false);
        self.promises.fail_all(error);
    }
}

/// Many events at once. `None`: something else is among them.
pub(crate) fn events_of(events: &JsValue) -> Option<Result<Events, ValueError>> {
    let packed = Unpacked::of(&pack(events)?);
    let mut all = Events::default();
    for [event_type, payload, _, count] in packed.records() {
        match packed.event(event_type, payload) {
            Ok(event) => all.push(event, count as usize),
            Err(error) => return Some(Err(error)),
        }
    }
    Some(Ok(all))
}

/// What came over the border: of each event the place of its type among the texts, one more than that of its payload, or 0
/// if it has none, its actor's number, and how many times it comes in a row.
struct Unpacked {
    records: Vec<u32>,
    texts: Vec<Result<Json, JsonError>>,
    none: Json,
}

impl Unpacked {
    fn of(packed: &Packed) -> Self {
        Self {
            records: packed.records(),
            texts: packed.texts().split('\n').map(Json::parse).collect(),
            none: Json::empty_object(),
        }
    }

    fn records(&self) -> impl Iterator<Item = [u32; 4]> {
        let (records, _) = self.records.as_chunks();
        records.iter().copied()
    }

    fn event(&self, event_type: u32, payload: u32) -> Result<Event, ValueError> {
        let event_type = match self.texts.get(event_type as usize) {
            Some(Ok(Json::String(text))) => Arc::clone(text),
            _ => Arc::default(),
        };
        let payload = match payload.checked_sub(1) {
            None => &self.none,
            Some(place) => match self.texts.get(place as usize) {
                Some(Ok(payload)) => payload,
                Some(Err(error)) => return Err(ValueError::of_text("The event", error)),
                None => &self.none,
            },
        };
        Ok(Event::new(event_type, payload.clone()))
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn number_of(Ticket(number): Ticket) -> f64 {
    number as f64
}
