//! The application's tools: functions of JavaScript that machines call.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use cojson::collections::SortedMap;
use cojson::json::Json;
use engine::actor::{ActorId, ToolDeclaration};
use engine::machine::{CallId, ToolFailure};
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortController;

use super::error::RuntimeError;
use super::host::Host;
use crate::bridge;
use crate::error::describe;
use crate::futures::spawn_local;

impl Host {
    /// Adds a tool, or replaces the one of that name.
    pub(crate) fn register_tool(
        self: &Rc<Self>,
        name: &str,
        tool: &JsValue,
    ) -> Result<(), RuntimeError> {
        let member = |key: &str| Reflect::get(tool, &key.into()).unwrap_or_default();
        let execute = member("execute").dyn_into::<Function>();
        let execute = execute
            .map_err(|found| RuntimeError::kind("The tool's `execute`", "a function", &found))?;
        let parameters = member("parameters");
        let parameters = (!parameters.is_undefined())
            .then(|| bridge::from_js(&parameters, "The tool's `parameters`"))
            .transpose()?;
        let declaration = ToolDeclaration {
            name: name.into(),
            parameters,
            is_idempotent: member("idempotent").is_truthy(),
            description: member("description").as_string().map(Into::into),
            timeout_ms: count_of(&member("timeout"), "The tool's `timeout`")?,
            retries: count_of(&member("retries"), "The tool's `retries`")?.unwrap_or_default(),
            backoff_ms: count_of(&member("backoff"), "The tool's `backoff`")?,
        };
        self.engine(|engine| engine.register_tool(&declaration))??;
        // `execute` may use `this`.
        let execute = execute.bind0(tool);
        self.tools
            .executes
            .borrow_mut()
            .insert(name.to_owned(), execute);
        Ok(())
    }

    /// Calls a tool; the machine is told what came of it.
    pub(crate) fn call_tool(
        self: &Rc<Self>,
        call: CallId,
        actor: &ActorId,
        tool: &str,
        payload: &Json,
    ) {
        let execute = self.tools.executes.borrow().get(tool).cloned();
        let (Some(execute), Ok(controller)) = (execute, AbortController::new()) else {
            let message = format!("no tool {tool} is registered: call runtime.registerTool first");
            self.finish(&call, Err(ToolFailure::new("unknownTool", message)));
            return;
        };
        let open = self
            .tools
            .open
            .borrow_mut()
            .insert(call.clone(), controller.clone());
        if let Some(earlier) = open {
            earlier.abort();
        }
        let caller = self.caller(&call, actor, &controller);
        let answer = execute.call2(&JsValue::UNDEFINED, &bridge::to_js(payload), &caller);
        let host = Rc::clone(self);
        spawn_local(async move {
            let outcome = match answer {
                Ok(answer) => JsFuture::from(Promise::resolve(&answer)).await,
                Err(thrown) => Err(thrown),
            };
            let mut open = host.tools.open.borrow_mut();
            // Of an attempt that was given up nobody wants to know.
            if open.get(&call) == Some(&controller) {
                open.remove(&call);
                drop(open);
                host.finish(&call, outcome_of(outcome));
            }
        });
    }

    /// What a tool knows of who calls it.
    fn caller(
        self: &Rc<Self>,
        call: &CallId,
        actor: &ActorId,
        controller: &AbortController,
    ) -> JsValue {
        let caller = Json::object([
            ("id", Json::from(actor.as_str())),
            ("idempotencyKey", call.as_str().into()),
        ]);
        let caller = bridge::to_js(&caller);
        let progress = self
            .tools
            .progress(self)
            .bind1(&JsValue::UNDEFINED, &call.as_str().into());
        let members: [(&str, &JsValue); 2] =
            [("signal", &controller.signal()), ("progress", &progress)];
        for (key, value) in members {
            let _ = Reflect::set(&caller, &key.into(), value);
        }
        caller
    }

    /// Nobody waits for that call any more: its `signal` says so.
    pub(crate) fn cancel_call(&self, call: &CallId) {
        let controller = self.tools.open.borrow_mut().remove(call);
        if let Some(controller) = controller {
            controller.abort();
        }
    }

    fn finish(self: &Rc<Self>, call: &CallId, outcome: Result<Json, ToolFailure>) {
        let _ = self.input(|engine| engine.tool_finished(call, outcome));
    }
}

/// The functions of the application's tools, and their calls under way.
#[derive(Default)]
pub(crate) struct Tools {
    executes: RefCell<SortedMap<String, Function>>,
    open: RefCell<SortedMap<CallId, AbortController>>,
    /// Takes a call's id and what it says. One for all calls.
    progress: OnceCell<Closure<dyn Fn(String, JsValue)>>,
}

impl Tools {
    fn progress(&self, host: &Rc<Host>) -> &Function {
        let progress = self.progress.get_or_init(|| {
            let host = Rc::downgrade(host);
            Closure::new(move |call: String, said: JsValue| {
                let said = bridge::from_js(&said, "A tool's progress");
                if let (Some(host), Ok(said)) = (host.upgrade(), said) {
                    let _ = host.input(|engine| engine.tool_progressed(&CallId::new(call), said));
                }
            })
        });
        progress.as_ref().unchecked_ref()
    }

    /// Every call under way is told that nobody waits for it.
    pub(crate) fn cancel_all(&self) {
        for controller in self.open.take().into_values() {
            controller.abort();
        }
    }
}

/// A whole number that is not below zero, if there is one.
fn count_of(value: &JsValue, what: &'static str) -> Result<Option<u32>, RuntimeError> {
    if value.is_undefined() {
        return Ok(None);
    }
    let number = value
        .as_f64()
        .filter(|number| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an integer of 32 bits"
    )]
    let count = number.map(|number| number as u32);
    let refused = || RuntimeError::option(what, "a whole number, not below zero", describe(value));
    count.map(Some).ok_or_else(refused)
}

/// What a tool returned, as the machine gets it: nothing is `null`; what it threw is an error with its `code`, if it has
/// one, for its type.
fn outcome_of(outcome: Result<JsValue, JsValue>) -> Result<Json, ToolFailure> {
    match outcome {
        Ok(nothing) if nothing.is_undefined() => Ok(Json::Null),
        Ok(answer) => bridge::from_js(&answer, "The tool's answer")
            .map_err(|error| ToolFailure::new("invalidAnswer", error.to_string())),
        Err(thrown) => {
            let code = Reflect::get(&thrown, &"code".into())
                .unwrap_or_default()
                .as_string();
            let message = Reflect::get(&thrown, &"message".into())
                .unwrap_or_default()
                .as_string();
            let message = message.unwrap_or_else(|| describe(&thrown));
            Err(ToolFailure::new(
                code.as_deref().unwrap_or("error"),
                message,
            ))
        }
    }
}
