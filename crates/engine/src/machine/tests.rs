//! What a machine does with events, tools and bad definitions.

mod charts;
mod conditions;
mod definitions;
mod invokes;
mod named;
mod pending;
mod steps;

use std::collections::VecDeque;

use cojson::json::Json;

use super::*;
use crate::definition_error::{DefinitionError, Place};
use crate::schema::Pattern;

/// No patterns at all.
struct NoPatterns;

impl PatternCompiler for NoPatterns {
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String> {
        Err(format!("no patterns here: {pattern}"))
    }
}

/// `$literal`-free short form of a JSON text.
fn json(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A state's name, or the object of active names.
fn json_of(state: &str) -> Json {
    if state.starts_with('{') {
        json(state)
    } else {
        state.into()
    }
}

/// When every step of a test is.
const NOW_MS: f64 = 1_795_776_245_678.0;

const LIBRARY: MachineLibrary<'static> = MachineLibrary {
    patterns: &NoPatterns,
    tools: &["@ok", "@fail", "@later", "@db"],
    allows_unknown_tools: false,
    actors: &[],
    message_types: Some(&["GO", "BACK", "ADD", "CREATE"]),
    reserved_keys: &["_currentState"],
};

fn compile(definition: &str) -> Result<Machine, DefinitionError> {
    Machine::compile(&json(definition), &LIBRARY, &Place::root("state"))
}

fn machine(definition: &str) -> Machine {
    compile(definition).unwrap()
}

/// Tools: `@ok` echoes its payload, `@fail` fails, `@later` is pending. Keeps what it was called with.
#[derive(Default)]
struct Tools {
    calls: Vec<String>,
    contexts: Vec<Json>,
    existing: Option<Json>,
    ids: VecDeque<u32>,
}

impl ToolHost for Tools {
    fn now_ms(&self) -> f64 {
        NOW_MS
    }

    fn call(&mut self, call: ToolCall<'_>) -> ToolReply {
        self.calls.push(format!("{} {}", call.tool, call.payload));
        self.contexts.push(call.context.clone());
        match &**call.tool {
            "@fail" => ToolReply::Done(Err(ToolFailure::new("permission", "no"))),
            "@later" => {
                let id = self.ids.back().copied().unwrap_or_default() + 1;
                self.ids.push_back(id);
                ToolReply::Pending(CallId::new(id.to_string()))
            }
            _ => ToolReply::Done(Ok(call.payload.clone())),
        }
    }

    fn existing(&mut self, call: ToolCall<'_>) -> Option<Json> {
        self.calls.push(format!("existing {}", call.payload));
        self.existing.clone()
    }
}

/// A machine being driven: its snapshot goes from step to step.
struct Driver {
    machine: Machine,
    snapshot: Snapshot,
    tools: Tools,
    pending: Vec<PendingCall>,
    unheard: Vec<ToolFailure>,
    left: Vec<Arc<str>>,
}

impl Driver {
    fn start(definition: &str, context: &str) -> Self {
        let machine = machine(definition);
        let mut tools = Tools::default();
        let step = machine.start(json(context), &mut tools);
        let mut driver = Self {
            snapshot: step.snapshot.clone(),
            machine,
            tools,
            pending: Vec::new(),
            unheard: Vec::new(),
            left: Vec::new(),
        };
        driver.keep(step);
        driver
    }

    fn keep(&mut self, step: Step) -> bool {
        self.snapshot = step.snapshot;
        self.left.extend(step.left);
        self.pending.extend(step.pending);
        self.unheard.extend(step.unheard);
        step.handled
    }

    fn send(&mut self, event_type: &str, payload: &str) -> bool {
        let event = Event::new(event_type, json(payload));
        let step = self.machine.step(&self.snapshot, &event, &mut self.tools);
        self.keep(step)
    }

    fn finish(&mut self, position: usize, outcome: Result<Json, ToolFailure>) -> bool {
        let call = self.pending[position].clone();
        let step = self
            .machine
            .tool_finished(&self.snapshot, &call, outcome, &mut self.tools);
        self.keep(step)
    }

    fn check(&self, state: &str, context: &str) {
        assert_eq!(
            self.snapshot.state,
            json_of(state),
            "{}",
            self.snapshot.context
        );
        assert_eq!(
            self.snapshot.context,
            json(context),
            "{}",
            self.snapshot.context
        );
    }
}
