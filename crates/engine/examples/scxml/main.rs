//! Runs charts of the SCXML suite: reads `[{name, definition, initial, events}]` from standard input and writes
//! `[{name, found}]`, where `found` is null if every configuration was the expected one, else what was different.
//!
//! A chart by itself is a machine; one that runs others is an actor of an engine, with what it invokes.
//! Time is simulated: a timer is due when the events say that so much time passed. It decides nothing of a machine.

#![expect(clippy::print_stdout, reason = "its answer")]

mod actors;
mod chart;

use std::io::Read as _;

use cojson::json::Json;
use engine::machine::Event;
use engine::schema::{Pattern, PatternCompiler};

use actors::Actors;
use chart::Chart;

/// No patterns.
struct NoPatterns;

impl PatternCompiler for NoPatterns {
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String> {
        Err(format!("no patterns here: {pattern}"))
    }
}

/// What runs a test.
trait Interpreter {
    fn give(&mut self, event: Event);

    /// Lets time pass and gives the machines what is due, in order.
    fn pass(&mut self, ms: f64);

    /// What is active, without the states around it.
    fn leaves(&self) -> Vec<String>;
}

/// How what is active differs from what is expected, if anything is.
fn differs(interpreter: &dyn Interpreter, expected: Option<&Json>, when: &str) -> Option<String> {
    let expected = expected.and_then(Json::as_array)?;
    let mut expected: Vec<&str> = expected.iter().filter_map(Json::as_str).collect();
    expected.sort_unstable();
    let mut active = interpreter.leaves();
    active.sort_unstable();
    (active != expected).then(|| {
        let (active, expected) = (active.join(" "), expected.join(" "));
        format!("{when}: {active} instead of {expected}")
    })
}

fn start(case: &Json) -> Result<Box<dyn Interpreter>, String> {
    let definition = case.get("definition").unwrap_or(&Json::Null);
    let runs_others = case.get("runsOthers").is_some_and(Json::is_truthy);
    if runs_others {
        Ok(Box::new(Actors::start(definition)?))
    } else {
        Ok(Box::new(Chart::start(definition)?))
    }
}

/// What is different from what was expected.
fn run(case: &Json) -> Option<String> {
    let mut chart = match start(case) {
        Ok(chart) => chart,
        Err(error) => return Some(error),
    };
    let at_first = differs(&*chart, case.get("initial"), "at first");
    if at_first.is_some() {
        return at_first;
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
        chart.give(Event::new(name, data));
        let after = differs(&*chart, event.get("expected"), &format!("after {name}"));
        if after.is_some() {
            return after;
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
