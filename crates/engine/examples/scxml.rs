//! Runs charts of the SCXML suite: reads `[{name, definition, initial, events}]` from standard input and writes
//! `[{name, found}]`, where `found` is null if every configuration was the expected one, else what was different.
//!
//! Time is simulated: a timer is due when the events say that so much time passed. It decides nothing of a machine.

#![expect(clippy::print_stdout, reason = "its answer")]

use std::io::Read as _;

use cojson::json::Json;
use engine::definition_error::Place;
use engine::machine::{
    CallId, Event, Machine, MachineLibrary, Snapshot, Step, Timer, TimerChange, ToolCall, ToolHost,
    ToolReply,
};
use engine::schema::{Pattern, PatternCompiler};

/// No tools and no patterns.
struct Nothing;

impl ToolHost for Nothing {
    fn now_ms(&self) -> f64 {
        0.0
    }

    fn call(&mut self, call: ToolCall<'_>) -> ToolReply {
        ToolReply::Pending(CallId::new(call.tool.clone()))
    }
}

impl PatternCompiler for Nothing {
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String> {
        Err(format!("no patterns here: {pattern}"))
    }
}

/// A machine with its queue of timers.
struct Chart {
    machine: Machine,
    snapshot: Snapshot,
    now_ms: f64,
    timers: Vec<(f64, Timer)>,
}

impl Chart {
    fn start(definition: &Json) -> Result<Self, String> {
        let library = MachineLibrary {
            patterns: &Nothing,
            tools: &[],
            allows_unknown_tools: false,
            actors: &[],
            message_types: None,
            reserved_keys: &[],
        };
        let state = definition.get("state").unwrap_or(&Json::Null);
        let machine = Machine::compile(state, &library, &Place::root("state"));
        let machine = machine.map_err(|error| error.to_string())?;
        let context = definition.get("context").cloned().unwrap_or_default();
        let step = machine.start(context, &mut Nothing);
        let mut chart = Self {
            machine,
            snapshot: step.snapshot.clone(),
            now_ms: 0.0,
            timers: Vec::new(),
        };
        chart.take(step);
        Ok(chart)
    }

    fn take(&mut self, step: Step) {
        for change in step.timers {
            match change {
                TimerChange::Start(timer) => {
                    self.timers.push((self.now_ms + timer.delay_ms, timer));
                }
                TimerChange::Cancel(id) => self.timers.retain(|(_, timer)| timer.id != id),
            }
        }
        self.snapshot = step.snapshot;
    }

    fn give(&mut self, event: &Event) {
        let step = self.machine.step(&self.snapshot, event, &mut Nothing);
        self.take(step);
    }

    /// Lets time pass and gives the machine what is due, in order.
    fn pass(&mut self, ms: f64) {
        let end = self.now_ms + ms;
        while let Some(next) = self.next_until(end) {
            let (due, timer) = self.timers.remove(next);
            self.now_ms = self.now_ms.max(due);
            self.give(&timer.event);
        }
        self.now_ms = end;
    }

    fn next_until(&self, end: f64) -> Option<usize> {
        let due = self
            .timers
            .iter()
            .enumerate()
            .filter(|(_, (due, _))| *due <= end);
        let first = due.min_by(|(_, (one, _)), (_, (other, _))| one.total_cmp(other));
        first.map(|(index, _)| index)
    }

    /// What is active, without the states around it.
    fn differs(&self, expected: Option<&Json>, when: &str) -> Option<String> {
        let mut expected: Vec<&str> = expected
            .and_then(Json::as_array)
            .map_or_else(Vec::new, |ids| {
                ids.iter().filter_map(Json::as_str).collect()
            });
        expected.sort_unstable();
        let active = self.machine.active_leaves(&self.snapshot);
        let mut active: Vec<&str> = active.iter().map(AsRef::as_ref).collect();
        active.sort_unstable();
        (active != expected).then(|| {
            format!(
                "{when}: {} instead of {}",
                active.join(" "),
                expected.join(" ")
            )
        })
    }
}

/// What is different from what was expected.
fn run(case: &Json) -> Option<String> {
    let definition = case.get("definition").unwrap_or(&Json::Null);
    let mut chart = match Chart::start(definition) {
        Ok(chart) => chart,
        Err(error) => return Some(error),
    };
    if let Some(different) = chart.differs(case.get("initial"), "at first") {
        return Some(different);
    }
    for event in case
        .get("events")
        .and_then(Json::as_array)
        .unwrap_or_default()
    {
        let after = event.get("after").and_then(Json::as_number);
        chart.pass(after.unwrap_or_default());
        let name = event.get("name").and_then(Json::as_str).unwrap_or_default();
        let data = event.get("data").cloned().unwrap_or_default();
        chart.give(&Event::new(name, data));
        if let Some(different) = chart.differs(event.get("expected"), &format!("after {name}")) {
            return Some(different);
        }
    }
    None
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let cases = Json::parse(&text)?;
    let found = cases.as_array().unwrap_or_default().iter().map(|case| {
        let different = run(case).map_or(Json::Null, Json::from);
        Json::object([
            ("name", case.get("name").cloned().unwrap_or_default()),
            ("found", different),
        ])
    });
    println!("{}", Json::from(found.collect::<Vec<_>>()));
    Ok(())
}
