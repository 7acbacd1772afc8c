//! A chart by itself: a machine, and when its timers are due.

use cojson::json::Json;
use engine::definition_error::Place;
use engine::machine::{
    CallId, Event, Machine, MachineLibrary, Snapshot, Step, Timer, TimerChange, ToolCall, ToolHost,
    ToolReply,
};

use super::{Interpreter, NoPatterns};

/// No tools.
struct NoTools;

impl ToolHost for NoTools {
    fn now_ms(&self) -> f64 {
        0.0
    }

    fn call(&mut self, call: ToolCall<'_>) -> ToolReply {
        ToolReply::Pending(CallId::new(call.tool.clone()))
    }
}

/// A machine with its queue of timers.
pub(super) struct Chart {
    machine: Machine,
    snapshot: Snapshot,
    now_ms: f64,
    timers: Vec<(f64, Timer)>,
}

impl Chart {
    pub(super) fn start(definition: &Json) -> Result<Self, String> {
        let library = MachineLibrary {
            patterns: &NoPatterns,
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
        let step = machine.start(context, &mut NoTools);
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

    fn next_until(&self, end: f64) -> Option<usize> {
        let due = self
            .timers
            .iter()
            .enumerate()
            .filter(|(_, (due, _))| *due <= end);
        let first = due.min_by(|(_, (one, _)), (_, (other, _))| one.total_cmp(other));
        first.map(|(index, _)| index)
    }
}

impl Interpreter for Chart {
    fn give(&mut self, event: Event) {
        let step = self.machine.step(&self.snapshot, &event, &mut NoTools);
        self.take(step);
    }

    fn pass(&mut self, ms: f64) {
        let end = self.now_ms + ms;
        while let Some(next) = self.next_until(end) {
            let (due, timer) = self.timers.remove(next);
            self.now_ms = self.now_ms.max(due);
            self.give(timer.event);
        }
        self.now_ms = end;
    }

    fn leaves(&self) -> Vec<String> {
        let active = self.machine.active_leaves(&self.snapshot);
        active.iter().map(ToString::to_string).collect()
    }
}
