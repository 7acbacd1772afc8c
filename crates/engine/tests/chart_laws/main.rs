//! Laws of statecharts, on charts and events that nobody would write: made from a seed, to be repeatable.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test"
)]

mod chart;
mod naive;

use std::collections::BTreeSet;
use std::sync::Arc;

use cojson::json::Json;
use engine::definition_error::Place;
use engine::machine::{
    CallId, Event, Machine, MachineLibrary, PendingCall, Restored, Snapshot, Step, ToolCall,
    ToolHost, ToolReply,
};
use engine::schema::{Pattern, PatternCompiler};

use chart::{Chart, EVENTS, Random};
use naive::Interpreter;

const CHARTS: u64 = 400;
const EVENTS_PER_CHART: usize = 12;

struct Nothing;

/// What a machine told the tool `@log`, and what it invokes.
#[derive(Default)]
struct Log {
    lines: Vec<String>,
    calls: u32,
}

impl ToolHost for Log {
    fn now_ms(&self) -> f64 {
        0.0
    }

    fn call(&mut self, call: ToolCall<'_>) -> ToolReply {
        let told = call.payload.as_str().unwrap();
        if &**call.tool == "@log" {
            self.lines.push(told.to_owned());
            return ToolReply::Done(Ok(Json::Null));
        }
        self.lines.push(told.replace('s', "!"));
        self.calls += 1;
        ToolReply::Pending(CallId::new(self.calls.to_string()))
    }
}

impl PatternCompiler for Nothing {
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String> {
        Err(pattern.to_owned())
    }
}

fn compile(chart: &Chart) -> Machine {
    let library = MachineLibrary {
        patterns: &Nothing,
        tools: &["@log", "@invoked"],
        allows_unknown_tools: false,
        actors: &[],
        message_types: None,
        reserved_keys: &[],
    };
    let definition = chart.to_json();
    Machine::compile(&definition, &library, &Place::root("state"))
        .unwrap_or_else(|error| panic!("{error}: {definition}"))
}

/// What the interpreter and the machine must agree on.
fn check(chart: &Chart, naive: &Interpreter<'_>, machine: &Machine, life: &Life) {
    let mut leaves: Vec<usize> = naive.configuration.clone();
    leaves.retain(|state| chart.nodes[*state].children.is_empty());
    leaves.sort_unstable();
    let leaves: Vec<String> = leaves.iter().map(|state| format!("s{state}")).collect();
    let active = machine.active_leaves(&life.snapshot);
    let active: Vec<String> = active.iter().map(ToString::to_string).collect();
    let invoked = naive.invoked.iter().map(|state| format!("s{state}"));
    let invoked: BTreeSet<String> = invoked.collect();
    assert_eq!(
        (active, life.invoking(), &life.log.lines),
        (leaves, invoked, &naive.log),
        "{}",
        chart.to_json()
    );
}

/// What is stored of a machine, as text.
fn stored(snapshot: &Snapshot) -> [String; 3] {
    [&snapshot.state, &snapshot.history, &snapshot.context].map(ToString::to_string)
}

/// Through what is stored and back, which must be the identity.
fn reload(chart: &Chart, machine: &Machine, snapshot: &Snapshot) -> Snapshot {
    let text = stored(snapshot);
    let [state, history, context] = text.each_ref().map(|it| Json::parse(it).unwrap());
    let Restored::Same(again) = machine.restore(&state, &history, context) else {
        panic!("{state} is not there: {}", chart.to_json())
    };
    assert_eq!(stored(&again), text);
    assert_eq!(
        machine.active_leaves(&again),
        machine.active_leaves(snapshot)
    );
    again
}

/// A machine's life: where it is, what it told, and what runs for it.
struct Life {
    snapshot: Snapshot,
    log: Log,
    invoked: Vec<PendingCall>,
}

impl Life {
    fn begin(machine: &Machine) -> (Self, Step) {
        let mut log = Log::default();
        let step = machine.start(Json::empty_object(), &mut log);
        let mut life = Self {
            snapshot: step.snapshot.clone(),
            log,
            invoked: Vec::new(),
        };
        life.note(&step);
        (life, step)
    }

    fn note(&mut self, step: &Step) {
        self.snapshot = step.snapshot.clone();
        self.invoked
            .retain(|call| !step.left.contains(call.state()));
        self.invoked.extend(step.pending.iter().cloned());
    }

    /// Takes an event, or the end of what a state invokes.
    fn take(&mut self, machine: &Machine, input: &Input) -> Step {
        let (snapshot, log) = (&self.snapshot, &mut self.log);
        let step = match input {
            Input::Event(event) => machine.step(snapshot, &Event::new(*event, Json::Null), log),
            Input::End(state) => {
                let place = self.invoked.iter().position(|it| it.state() == state);
                let call = self.invoked.remove(place.unwrap());
                machine.tool_finished(snapshot, &call, Ok(Json::Null), log)
            }
        };
        self.note(&step);
        step
    }

    fn invoking(&self) -> BTreeSet<String> {
        self.invoked
            .iter()
            .map(|it| it.state().to_string())
            .collect()
    }

    /// Through what is stored and back.
    fn reload(&mut self, chart: &Chart, machine: &Machine) {
        let again = reload(chart, machine, &self.snapshot);
        let call = |call: &PendingCall| {
            let text = call.to_json(&self.snapshot).to_string();
            PendingCall::from_json(&Json::parse(&text).unwrap(), &again).unwrap()
        };
        self.invoked = self.invoked.iter().map(call).collect();
        self.snapshot = again;
    }
}

/// What happens to a machine.
#[derive(Debug)]
enum Input {
    Event(&'static str),
    /// What that state invokes comes to its end.
    End(Arc<str>),
}

impl Input {
    fn random(random: &mut Random, naive: &Interpreter<'_>) -> Self {
        let running: Vec<&usize> = naive.invoked.iter().collect();
        if running.is_empty() || random.below(3) > 0 {
            return Self::Event(EVENTS[random.below(EVENTS.len())]);
        }
        let state = running[random.below(running.len())];
        Self::End(format!("s{state}").into())
    }

    /// What it is in the recommendation; whether a transition took it.
    fn tell(&self, naive: &mut Interpreter<'_>) -> bool {
        match self {
            Self::Event(event) => naive.external_event(event),
            Self::End(state) => {
                let number = state.trim_start_matches('s').parse().unwrap();
                naive.invoked.remove(&number);
                naive.external_event(&format!("done.invoke.{state}"))
            }
        }
    }
}

#[test]
fn r3_a_compiled_chart_does_what_the_recommendation_says_and_the_same_when_it_is_stopped_after_every_step()
 {
    let (mut handled, mut loops, mut largest, mut ended) = (0, 0, 0, 0);
    for seed in 1..=CHARTS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let chart = Chart::random(&mut random);
        largest = largest.max(chart.nodes.len());
        let machine = compile(&chart);
        let mut naive = Interpreter::interpret(&chart);
        let (mut life, step) = Life::begin(&machine);
        assert_eq!(step.runaway.is_some(), naive.is_loop, "{}", chart.to_json());
        if naive.is_loop {
            loops += 1;
            continue;
        }
        // The same machine, stopped and restored after every step of its life.
        let (mut stopped, _) = Life::begin(&machine);
        check(&chart, &naive, &machine, &life);
        for _ in 0..EVENTS_PER_CHART {
            stopped.reload(&chart, &machine);
            let input = Input::random(&mut random, &naive);
            let is_handled = input.tell(&mut naive);
            let step = stopped.take(&machine, &input);
            let unstopped = life.take(&machine, &input);
            assert_eq!(step.runaway.is_some(), naive.is_loop, "{}", chart.to_json());
            if naive.is_loop {
                loops += 1;
                break;
            }
            let seen = |it: &Step, life: &Life| {
                let told = (it.handled, it.transitions, it.timers.clone());
                (told, stored(&it.snapshot), life.invoking())
            };
            assert_eq!(
                (seen(&step, &stopped), &stopped.log.lines),
                (seen(&unstopped, &life), &life.log.lines),
                "seed {seed} {input:?} {}",
                chart.to_json()
            );
            match input {
                Input::Event(_) => assert_eq!(step.handled, is_handled),
                Input::End(_) => ended += 1,
            }
            check(&chart, &naive, &machine, &life);
            handled += usize::from(is_handled);
        }
    }
    // The charts are worth it: most of them move, few run in circles, some have more states than one word has bits.
    assert!(
        handled > 1_000 && loops < 200 && largest > 64 && ended > 300,
        "{handled} handled, {loops} loops, {largest} states, {ended} ended"
    );
}

/// Events that are the very same each time they come, as those of a batch are.
fn events(random: &mut Random, count: usize) -> Vec<Event> {
    let all = EVENTS.map(|event| Event::new(event, Json::Null));
    let any = |_| all[random.below(all.len())].clone();
    (0..count).map(any).collect()
}

#[test]
fn events_that_follow_each_other_lead_where_each_would_lead_alone() {
    let (mut taken, mut charts) = (0, 0);
    for seed in 1..=CHARTS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let chart = Chart::random(&mut random);
        let machine = compile(&chart);
        let mut log = Log::default();
        let begun = machine.start(Json::empty_object(), &mut log);
        let events = events(&mut random, 2 * EVENTS_PER_CHART);
        let (mut alone, mut handled) = (begun.snapshot.clone(), Vec::new());
        let is_loop = begun.runaway.is_some()
            || events.iter().any(|event| {
                let step = machine.step(&alone, event, &mut log);
                alone = step.snapshot;
                handled.push(step.handled);
                step.runaway.is_some()
            });
        if is_loop {
            continue;
        }
        // What was found in the first round is known in the second.
        for _ in 0..2 {
            let mut log_of_all = Log::default();
            let begun = machine.start(Json::empty_object(), &mut log_of_all);
            let mut steps = machine.steps(begun.snapshot, &mut log_of_all);
            let all: Vec<bool> = events.iter().map(|event| steps.take(event)).collect();
            let snapshot = steps.finish(true).snapshot;
            assert_eq!(
                (&all, stored(&snapshot), &log_of_all.lines),
                (&handled, stored(&alone), &log.lines),
                "seed {seed} {}",
                chart.to_json()
            );
        }
        charts += 1;
        taken += handled.iter().filter(|it| **it).count();
    }
    assert!(
        charts > 200 && taken > 1_000,
        "{taken} taken in {charts} charts"
    );
}
