//! Machines by themselves: a definition's `state` and `context` as actors in memory, without a runtime around them.
//!
//! Nothing is stored, synced, shown or called here. What an actor asks for (calls, events for later) is told to whoever
//! drives it, who decides what comes of it: so a definition can be tested without a screen, a server or a clock, and a page
//! can have very many small states that nobody has to find again.

use std::rc::Rc;

use cojson::json::Json;
use engine::definition_error::Place;
use engine::machine::{
    CallId, Machine, MachineLibrary, PendingCall, Restored, Snapshot, Step, TimerChange, ToolCall,
    ToolFailure, ToolHost, ToolReply,
};
use js_sys::{Array, Date};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::actors::event_of;
use super::error::RuntimeError;
use super::patterns::BrowserPatterns;
use crate::bridge;

/// A definition's state machine, compiled and checked once for all actors that are made of it.
#[wasm_bindgen(js_name = Machine)]
pub struct SharedMachine(Rc<Compiled>);

struct Compiled {
    machine: Machine,
    context: Json,
}

/// An actor that is nothing but its machine, in memory: it handles an event before `send` returns.
#[wasm_bindgen]
pub struct MachineActor {
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

    fn take(&mut self, id: &str) -> Option<PendingCall> {
        let place = self.pending.iter().position(|it| it.id.as_str() == id)?;
        Some(self.pending.remove(place))
    }
}

impl ToolHost for Calls {
    fn now_ms(&self) -> f64 {
        Date::now()
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
        let Compiled { machine, context } = &*self.0;
        let mut calls = Calls::default();
        let step = machine.start(context.clone(), &mut calls);
        let mut actor = self.at(step.snapshot.clone(), calls);
        actor.take(step);
        actor
    }

    /// So many actors at their beginning, for one crossing into the module.
    #[wasm_bindgen(js_name = startAll, unchecked_return_type = "MachineActor[]")]
    pub fn start_all(&self, count: usize) -> Array {
        (0..count).map(|_| JsValue::from(self.start())).collect()
    }

    /// An actor where another was when it gave the snapshot. No action runs; calls that were under way then are not.
    pub fn restore(
        &self,
        #[wasm_bindgen(unchecked_param_type = "MachineSnapshot")] snapshot: &JsValue,
    ) -> Result<MachineActor, JsValue> {
        let snapshot = bridge::from_js(snapshot, "The snapshot").map_err(RuntimeError::from)?;
        Ok(self.restored(&snapshot)?)
    }

    /// An actor for each snapshot, as `restore` makes one.
    #[wasm_bindgen(js_name = restoreAll, unchecked_return_type = "MachineActor[]")]
    pub fn restore_all(
        &self,
        #[wasm_bindgen(unchecked_param_type = "MachineSnapshot[]")] snapshots: &JsValue,
    ) -> Result<Array, JsValue> {
        let snapshots = bridge::from_js(snapshots, "The snapshots").map_err(RuntimeError::from)?;
        let all = snapshots.as_array().unwrap_or_default().iter();
        let restored: Result<_, RuntimeError> =
            all.map(|it| self.restored(it).map(JsValue::from)).collect();
        Ok(restored?)
    }

    fn restored(&self, snapshot: &Json) -> Result<MachineActor, RuntimeError> {
        let part = |key| snapshot.get(key).unwrap_or(&Json::Null);
        let context = context_of(snapshot, "The snapshot's `context`")?;
        match self
            .0
            .machine
            .restore(part("state"), part("history"), context)
        {
            Restored::Same(snapshot) => Ok(self.at(snapshot, Calls::default())),
            Restored::FellBack { missing, .. } => Err(RuntimeError::option(
                "The snapshot's `state`",
                "a state that the machine has",
                missing.to_string(),
            )),
        }
    }

    fn at(&self, snapshot: Snapshot, calls: Calls) -> MachineActor {
        MachineActor {
            of: Rc::clone(&self.0),
            snapshot,
            calls,
            asked: Vec::new(),
        }
    }
}

#[wasm_bindgen]
impl MachineActor {
    /// The active state: its name, or `{ parent: child }`.
    #[wasm_bindgen(getter, unchecked_return_type = "StateValue")]
    pub fn state(&self) -> JsValue {
        bridge::to_js(&self.snapshot.state)
    }

    /// What the actor knows: an object of its own each time.
    #[wasm_bindgen(getter, unchecked_return_type = "Record<string, any>")]
    pub fn context(&self) -> JsValue {
        bridge::to_js(&self.snapshot.context)
    }

    /// Whether it has come to its end and takes no event any more.
    #[wasm_bindgen(getter, js_name = isDone)]
    pub fn is_done(&self) -> bool {
        self.of.machine.is_over(&self.snapshot)
    }

    /// Where it is, for `restore`: JSON.
    #[wasm_bindgen(unchecked_return_type = "MachineSnapshot")]
    pub fn snapshot(&self) -> JsValue {
        let Snapshot {
            state,
            history,
            context,
            ..
        } = &self.snapshot;
        let history = (!history.is_null()).then(|| ("history", history.clone()));
        let members = [("state", state.clone()), ("context", context.clone())];
        bridge::to_js(&Json::object(members.into_iter().chain(history)))
    }

    /// Handles an event, and all that it raises; whether a transition took it.
    pub fn send(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "ActorEvent")] event: &JsValue,
    ) -> Result<bool, JsValue> {
        let event = event_of(event)?;
        let of = Rc::clone(&self.of);
        let step = of.machine.step(&self.snapshot, &event, &mut self.calls);
        Ok(self.take(step))
    }

    /// What it asked for since it was asked this the last time, in order.
    #[wasm_bindgen(unchecked_return_type = "MachineRequest[]")]
    pub fn requests(&mut self) -> JsValue {
        bridge::to_js(&std::mem::take(&mut self.asked).into())
    }

    /// Says that a call has this result; whether anything still waited for it.
    pub fn succeed(&mut self, call: &str, result: &JsValue) -> Result<bool, JsValue> {
        let result = bridge::from_js(result, "The result").map_err(RuntimeError::from)?;
        Ok(self.finish(call, Ok(result)))
    }

    /// Says that a call failed; whether anything still waited for it.
    pub fn fail(&mut self, call: &str, message: &str) -> bool {
        self.finish(call, Err(ToolFailure::new("tool", message)))
    }

    fn finish(&mut self, call: &str, outcome: Result<Json, ToolFailure>) -> bool {
        let Some(call) = self.calls.take(call) else {
            return false;
        };
        let of = Rc::clone(&self.of);
        let step = of
            .machine
            .tool_finished(&self.snapshot, &call, outcome, &mut self.calls);
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
