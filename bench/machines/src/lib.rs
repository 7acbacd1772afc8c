//! Machines and expressions as JavaScript drives them for `npm run bench:machines`: no node, no storage, no screen. Who
//! measures owns the clock.

#[cfg(target_arch = "wasm32")]
mod exports;

use cojson::json::Json;
use engine::definition_error::Place;
use engine::expression::{Expression, Scope};
use engine::machine::{Event, Machine, MachineLibrary, ToolCall, ToolFailure, ToolHost, ToolReply};
use engine::schema::{Pattern, PatternCompiler};

/// A machine and what its actors start with.
pub struct Machines {
    machine: Machine,
    context: Json,
}

struct NoTools;

impl ToolHost for NoTools {
    fn now_ms(&self) -> f64 {
        0.0
    }

    fn call(&mut self, _call: ToolCall<'_>) -> ToolReply {
        ToolReply::Done(Err(ToolFailure::new(
            "structural",
            "there are no tools here",
        )))
    }
}

impl PatternCompiler for NoTools {
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String> {
        Err(pattern.to_owned())
    }
}

impl Machines {
    /// Compiles a `state` document; actors start with that context.
    pub fn new(state: &str, context: &str) -> Result<Self, String> {
        let library = MachineLibrary {
            patterns: &NoTools,
            tools: &[],
            actors: &[],
            allows_unknown_tools: false,
            message_types: None,
            reserved_keys: &[],
        };
        let machine = Machine::compile(&parse(state)?, &library, &Place::root("state"));
        Ok(Self {
            machine: machine.map_err(|error| error.to_string())?,
            context: parse(context)?,
        })
    }

    /// Gives an actor so many events of a type; whether each was handled.
    pub fn send(&self, event_type: &str, count: usize) -> bool {
        let started = self.machine.start(self.context.clone(), &mut NoTools);
        let event = Event::new(event_type, Json::Null);
        let mut host = NoTools;
        let mut steps = self.machine.steps(started.snapshot, &mut host);
        (0..count).all(|_| steps.take(&event) && steps.is_plain())
    }

    /// Evaluates an expression so many times over the context and an item; how often it was true.
    pub fn evaluate(&self, expression: &str, item: &str, count: usize) -> Result<usize, String> {
        let (expression, item) = (parse(expression)?, parse(item)?);
        let compiled = Expression::compile_in_step(&expression, &Place::root("state"));
        let compiled = compiled.map_err(|error| error.to_string())?;
        let scope = Scope::new(&self.context).with_item(&item);
        let mut truths = 0;
        for _ in 0..count {
            let value = compiled.is_truthy(&scope);
            truths += usize::from(value.map_err(|error| error.to_string())?);
        }
        Ok(truths)
    }
}

fn parse(text: &str) -> Result<Json, String> {
    Json::parse(text).map_err(|error| error.to_string())
}
