//! The application's tools: functions of JavaScript that machines call.

use std::rc::Rc;

use cojson::json::Json;
use engine::actor::{ActorId, ToolDeclaration};
use engine::machine::{CallId, ToolFailure};
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::error::RuntimeError;
use super::host::Host;
use crate::bridge;
use crate::error::describe;

impl Host {
    /// Adds a tool, or replaces the one of that name.
    pub(crate) fn register_tool(
        self: &Rc<Self>,
        name: &str,
        tool: &JsValue,
    ) -> Result<(), RuntimeError> {
        let member = |key: &str| Reflect::get(tool, &key.into()).unwrap_or_default();
        let execute = member("execute").dyn_into::<Function>();
        let execute = execute.map_err(|found| RuntimeError::Option {
            what: "The tool's `execute`",
            expected: "a function",
            found: found.js_typeof().as_string().unwrap_or_default(),
        })?;
        let parameters = member("parameters");
        let parameters = (!parameters.is_undefined())
            .then(|| bridge::from_js(&parameters, "The tool's `parameters`"))
            .transpose()?;
        let declaration = ToolDeclaration {
            name: name.into(),
            parameters,
            is_idempotent: member("idempotent").is_truthy(),
        };
        self.engine(|engine| engine.register_tool(&declaration))??;
        // `execute` may use `this`.
        let execute = execute.bind0(tool);
        self.tools.borrow_mut().insert(name.to_owned(), execute);
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
        let execute = self.tools.borrow().get(tool).cloned();
        let Some(execute) = execute else {
            let message = format!("no tool {tool} is registered: call runtime.registerTool first");
            self.finish(&call, Err(ToolFailure::new("unknownTool", message)));
            return;
        };
        let caller = Json::object([
            ("id", Json::from(actor.as_str())),
            ("idempotencyKey", call.as_str().into()),
        ]);
        let answer = execute.call2(
            &JsValue::UNDEFINED,
            &bridge::to_js(payload),
            &bridge::to_js(&caller),
        );
        let host = Rc::clone(self);
        spawn_local(async move {
            let outcome = match answer {
                Ok(answer) => JsFuture::from(Promise::resolve(&answer)).await,
                Err(thrown) => Err(thrown),
            };
            host.finish(&call, outcome_of(outcome));
        });
    }

    fn finish(self: &Rc<Self>, call: &CallId, outcome: Result<Json, ToolFailure>) {
        let _ = self.input(|engine| engine.tool_finished(call, outcome));
    }
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
