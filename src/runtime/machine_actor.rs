//! Machines by themselves: a definition's `state` and `context` as actors in memory, without a runtime around them.
//!
//! Nothing is stored, synced, shown or called here. What an actor asks for (calls, events for later) is told to whoever
//! drives it, who decides what comes of it: so a definition can be tested without a screen, a server or a clock, and a page
//! can have very many small states that nobody has to find again.

use std::cell::RefCell;
use std::rc::Rc;

use cojson::json::Json;
use engine::definition_error::Place;
use engine::machine::{
    CallId, Machine, MachineLibrary, PendingCall, Restored, Snapshot, Step, TimerChange, ToolCall,
    ToolFailure, ToolHost, ToolReply,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::actors::event_of;
use super::error::RuntimeError;
use super::patterns::BrowserPatterns;
use crate::{bridge, clock};

/// A definition's state machine, compiled and checked once for all actors that are made of it.
#[wasm_bindgen(js_name = Machine)]
pub struct SharedMachine(Rc<Compiled>);

struct Compiled {
    machine: Machine,
    context: Json,
}

/// An actor that is nothing but its machine, in memory: it handles an event before `send` returns.
#[wasm_bindgen]
pub struct MachineActor(Rc<RefCell<Actor>>);

/// Many actors in a row, for which JavaScript has one object; one for an actor is made when it is asked for, as ten thousand
/// of them would cost more than the actors do.
#[wasm_bindgen]
pub struct MachineActors(Vec<Rc<RefCell<Actor>>>);

struct Actor {
    of: Rc<Compiled>,
    snapshot: Snapshot,
    calls: Calls,
    asked: Vec<Json>,
}

/// The calls that are under way, and how many were made.
#[derive(Default)]
struct Calls {
    pending: Vec<PendingCall>,
    made: u32,
}

impl Calls {
    fn begin(&mut self) -> ToolReply {
        self.made += 1;
        ToolReply::Pending(CallId::new(self.made.to_string()))
    }

    fn find(&self, id: &str) -> Option<PendingCall> {
        let found = self.pending.iter().find(|it| it.id.as_str() == id);
        found.cloned()
    }
}

impl ToolHost for Calls {
    fn now_ms(&self) -> f64 {
        clock::now_ms()
    }

    fn call(&mut self, _call: ToolCall<'_>) -> ToolReply {
        self.begin()
    }

    fn invoke_actor(&mut self, _actor: &Json, _input: &Json) -> ToolReply {
        self.begin()
    }
}

#[wasm_bindgen(js_class = Machine)]
impl SharedMachine {
    /// Compiles a definition's `state`; its actors start with its `context`. Throws what is wrong with it.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "MachineDefinition")] definition: &JsValue,
    ) -> Result<SharedMachine, JsValue> {
        let definition =
            bridge::from_js(definition, "The definition").map_err(RuntimeError::from)?;
        let library = MachineLibrary {
            patterns: &BrowserPatterns,
            tools: &[],
            allows_unknown_tools: true,
            actors: &[],
            message_types: None,
            reserved_keys: &[],
        };
        let state = definition.get("state").unwrap_or(&Json::Null);
        let machine = Machine::compile(state, &library, &Place::root("state"));
        let machine = machine.map_err(RuntimeError::from)?;
        let context = context_of(&definition, "The definition's `context`")?;
        Ok(Self(Rc::new(Compiled { machine, context })))
    }

    /// An actor at its beginning: what is active at first was entered.
    pub fn start(&self) -> MachineActor {
        MachineActor(Actor::started(&self.0))
    }

    /// So many actors at their beginning.
    #[wasm_bindgen(js_name = startAll)]
    pub fn start_all(&self, count: usize) -> MachineActors {
        MachineActors((0..count).map(|_| Actor::started(&self.0)).collect())
    }

    /// An actor where another was when it gave the snapshot. No action runs; calls that were under way then are not.
    pub fn restore(
        &self,
        #[wasm_bindgen(unchecked_param_type = "MachineSnapshot")] snapshot: &JsValue,
    ) -> Result<MachineActor, JsValue> {
        let snapshot = bridge::from_js(snapshot, "The snapshot").map_err(RuntimeError::from)?;
        Ok(MachineActor(Actor::restored(&self.0, &snapshot)?))
    }

    /// An actor for each snapshot, as `restore` makes one; the snapshots as they are, or as JSON text, which is quicker.
    #[wasm_bindgen(js_name = restoreAll)]
    pub fn restore_all(
        &self,
        #[wasm_bindgen(unchecked_param_type = "MachineSnapshot[] | string")] snapshots: &JsValue,
    ) -> Result<MachineActors, JsValue> {
        let snapshots = bridge::list_from_js(snapshots, "The snapshots");
        let snapshots = snapshots.map_err(RuntimeError::from)?;
        let all = snapshots.iter();
        let restored: Result<_, _> = all.map(|it| Actor::restored(&self.0, it)).collect();
        Ok(MachineActors(restored?))
    }
}

#[wasm_bindgen]
impl MachineActors {
    /// How many there are.
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// The actor in that place, counted from 0; `undefined` where there is none.
    pub fn at(&self, index: usize) -> Option<MachineActor> {
        self.0.get(index).cloned().map(MachineActor)
    }

    /// Where each is, for `restoreAll`: JSON.
    #[wasm_bindgen(unchecked_return_type = "MachineSnapshot[]")]
    pub fn snapshots(&self) -> JsValue {
        let all = self.0.iter().map(|actor| actor.borrow().stored());
        bridge::to_js(&all.collect::<Vec<_>>().into())
    }
}

#[wasm_bindgen]
impl MachineActor {
    /// The active state: its name, or `{ parent: child }`.
    #[wasm_bindgen(getter, unchecked_return_type = "StateValue")]
    pub fn state(&self) -> JsValue {
        bridge::to_js(&self.0.borrow().snapshot.state)
    }

    /// What the actor knows: an object of its own each time.
    #[wasm_bindgen(getter, unchecked_return_type = "Record<string, any>")]
    pub fn context(&self) -> JsValue {
        bridge::to_js(&self.0.borrow().snapshot.context)
    }

    /// Whether it has come to its end and takes no event any more.
    #[wasm_bindgen(getter, js_name = isDone)]
    pub fn is_done(&self) -> bool {
        let actor = self.0.borrow();
        actor.of.machine.is_over(&actor.snapshot)
    }

    /// Where it is, for `restore`: JSON.
    #[wasm_bindgen(unchecked_return_type = "MachineSnapshot")]
    pub fn snapshot(&self) -> JsValue {
        bridge::to_js(&self.0.borrow().stored())
    }

    /// Handles an event, and all that it raises; whether a transition took it.
    pub fn send(
        &self,
        #[wasm_bindgen(unchecked_param_type = "ActorEvent")] event: &JsValue,
    ) -> Result<bool, JsValue> {
        let event = event_of(event)?;
        Ok(self
            .0
            .borrow_mut()
            .step(|machine, snapshot, calls| machine.step(snapshot, &event, calls)))
    }

    /// What it asked for since it was asked this the last time, in order.
    #[wasm_bindgen(unchecked_return_type = "MachineRequest[]")]
    pub fn requests(&self) -> JsValue {
        let asked = std::mem::take(&mut self.0.borrow_mut().asked);
        bridge::to_js(&asked.into())
    }

    /// Says that a call has this result; whether anything still waited for it.
    pub fn succeed(&self, call: &str, result: &JsValue) -> Result<bool, JsValue> {
        let result = bridge::from_js(result, "The result").map_err(RuntimeError::from)?;
        Ok(self.0.borrow_mut().finish(call, Ok(result)))
    }

    /// Says how far a call has come, for its `onProgress`; whether a transition took it.
    pub fn progress(&self, call: &str, progress: &JsValue) -> Result<bool, JsValue> {
        let progress = bridge::from_js(progress, "The progress").map_err(RuntimeError::from)?;
        let mut actor = self.0.borrow_mut();
        let Some(call) = actor.calls.find(call) else {
            return Ok(false);
        };
        Ok(actor.step(|machine, snapshot, calls| {
            machine.tool_progressed(snapshot, &call, &progress, calls)
        }))
    }

    /// Says that a call failed; whether anything still waited for it.
    pub fn fail(&self, call: &str, message: &str) -> bool {
        let failure = ToolFailure::new("tool", message);
        self.0.borrow_mut().finish(call, Err(failure))
    }
}

impl Actor {
    fn started(of: &Rc<Compiled>) -> Rc<RefCell<Self>> {
        let mut calls = Calls::default();
        let step = of.machine.start(of.context.clone(), &mut calls);
        let mut actor = Self::at(of, step.snapshot.clone(), calls);
        actor.take(step);
        Rc::new(RefCell::new(actor))
    }

    fn restored(of: &Rc<Compiled>, snapshot: &Json) -> Result<Rc<RefCell<Self>>, RuntimeError> {
        let part = |key| snapshot.get(key).unwrap_or(&Json::Null);
        let context = context_of(snapshot, "The snapshot's `context`")?;
        match of.machine.restore(part("state"), part("history"), context) {
            Restored::Same(snapshot) => {
                let actor = Self::at(of, snapshot, Calls::default());
                Ok(Rc::new(RefCell::new(actor)))
            }
            Restored::FellBack { missing, .. } => Err(RuntimeError::option(
                "The snapshot's `state`",
                "a state that the machine has",
                missing.to_string(),
            )),
        }
    }

    fn at(of: &Rc<Compiled>, snapshot: Snapshot, calls: Calls) -> Self {
        Self {
            of: Rc::clone(of),
            snapshot,
            calls,
            asked: Vec::new(),
        }
    }

    fn stored(&self) -> Json {
        let Snapshot {
            state,
            history,
            context,
            ..
        } = &self.snapshot;
        let history = (!history.is_null()).then(|| ("history", history.clone()));
        let members = [("state", state.clone()), ("context", context.clone())];
        Json::object(members.into_iter().chain(history))
    }

    fn finish(&mut self, call: &str, outcome: Result<Json, ToolFailure>) -> bool {
        let Some(call) = self.calls.find(call) else {
            return false;
        };
        self.calls.pending.retain(|it| it.id != call.id);
        self.step(|machine, snapshot, calls| machine.tool_finished(snapshot, &call, outcome, calls))
    }

    fn step(&mut self, step: impl FnOnce(&Machine, &Snapshot, &mut Calls) -> Step) -> bool {
        let step = step(&self.of.machine, &self.snapshot, &mut self.calls);
        self.take(step)
    }

    /// Is where the step led, and keeps what it asked for.
    fn take(&mut self, step: Step) -> bool {
        let asked = &mut self.asked;
        let left = step.left.into_iter();
        asked.extend(left.map(|state| request("end", [("state", state.into())])));
        let machine = &self.of.machine;
        asked.extend(step.pending.iter().map(|call| call_request(machine, call)));
        asked.extend(step.timers.into_iter().map(timer_request));
        let runaway = step
            .runaway
            .map(|it| ToolFailure::new("runaway", it.to_string()));
        let failures = step.unheard.into_iter().chain(runaway);
        asked.extend(failures.map(|failure| request("failure", [("failure", failure.to_json())])));
        let output = step.output.into_iter();
        asked.extend(output.map(|output| request("done", [("output", output)])));
        self.calls.pending.extend(step.pending);
        self.snapshot = step.snapshot;
        step.handled
    }
}

/// An object; where there is none, an empty one.
fn context_of(owner: &Json, what: &'static str) -> Result<Json, RuntimeError> {
    match owner.get("context") {
        None => Ok(Json::empty_object()),
        Some(context) if context.as_object().is_some() => Ok(context.clone()),
        Some(other) => Err(RuntimeError::option(what, "an object", other.to_string())),
    }
}

fn request<const COUNT: usize>(name: &str, members: [(&str, Json); COUNT]) -> Json {
    Json::object([("type", name.into())].into_iter().chain(members))
}

fn call_request(machine: &Machine, call: &PendingCall) -> Json {
    let what = match machine.invoked_actor(call) {
        Some(actor) => ("actor", actor.clone()),
        None => ("tool", call.tool.clone().into()),
    };
    let id = ("id", call.id.as_str().into());
    request("call", [id, what, ("payload", call.payload.clone())])
}

fn timer_request(change: TimerChange) -> Json {
    let timer = match change {
        TimerChange::Start(timer) => timer,
        TimerChange::Cancel(id) => return request("cancel", [("id", id.into())]),
    };
    let event = [
        ("type", timer.event.event_type.into()),
        ("payload", timer.event.payload),
    ];
    let id = ("id", timer.id.into());
    let delay = ("delay", timer.delay_ms.into());
    request("later", [id, delay, ("event", Json::object(event))])
}
