//! Laws of statecharts, on charts and events that nobody would write: made from a seed, to be repeatable.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test"
)]

mod chart;
mod naive;

use cojson::json::Json;
use engine::definition_error::Place;
use engine::machine::{
    Event, Machine, MachineLibrary, Restored, Snapshot, Step, ToolCall, ToolHost, ToolReply,
};
use engine::schema::{Pattern, PatternCompiler};

use chart::{Chart, EVENTS, Random};
use naive::Interpreter;

const CHARTS: u64 = 400;
const EVENTS_PER_CHART: usize = 12;

struct Nothing;

/// What a machine told the tool `@log`.
#[derive(Default)]
struct Log(Vec<String>);

impl ToolHost for Log {
    fn now_ms(&self) -> f64 {
        0.0
    }

    fn call(&mut self, call: ToolCall<'_>) -> ToolReply {
        self.0.push(call.payload.as_str().unwrap().to_owned());
        ToolReply::Done(Ok(Json::Null))
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
        tools: &["@log"],
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
fn check(
    chart: &Chart,
    naive: &Interpreter<'_>,
    machine: &Machine,
    snapshot: &Snapshot,
    log: &Log,
) {
    let mut leaves: Vec<usize> = naive.configuration.clone();
    leaves.retain(|state| chart.nodes[*state].children.is_empty());
    leaves.sort_unstable();
    let leaves: Vec<String> = leaves.iter().map(|state| format!("s{state}")).collect();
    let active = machine.active_leaves(snapshot);
    let active: Vec<String> = active.iter().map(ToString::to_string).collect();
    assert_eq!(
        (active, &log.0),
        (leaves, &naive.log),
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

#[test]
fn r3_a_compiled_chart_does_what_the_recommendation_says_and_the_same_when_it_is_stopped_after_every_step()
 {
    let (mut handled, mut loops, mut largest) = (0, 0, 0);
    for seed in 1..=CHARTS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let chart = Chart::random(&mut random);
        largest = largest.max(chart.nodes.len());
        let machine = compile(&chart);
        let mut naive = Interpreter::interpret(&chart);
        let (mut log, mut stopped_log) = (Log::default(), Log::default());
        let step = machine.start(Json::empty_object(), &mut log);
        assert_eq!(step.runaway.is_some(), naive.is_loop, "{}", chart.to_json());
        if naive.is_loop {
            loops += 1;
            continue;
        }
        let mut snapshot = step.snapshot;
        // The same machine, stopped and restored after every step of its life.
        let mut stopped = snapshot.clone();
        let started = log.0.len();
        check(&chart, &naive, &machine, &snapshot, &log);
        for _ in 0..EVENTS_PER_CHART {
            stopped = reload(&chart, &machine, &stopped);
            let event = EVENTS[random.below(EVENTS.len())];
            let is_handled = naive.external_event(event);
            let event = Event::new(event, Json::Null);
            let step = machine.step(&stopped, &event, &mut stopped_log);
            let unstopped = machine.step(&snapshot, &event, &mut log);
            assert_eq!(step.runaway.is_some(), naive.is_loop, "{}", chart.to_json());
            if naive.is_loop {
                loops += 1;
                break;
            }
            let seen = |it: &Step| {
                let told = (it.handled, it.transitions, it.timers.clone());
                (told, stored(&it.snapshot))
            };
            assert_eq!(
                (seen(&step), &stopped_log.0[..]),
                (seen(&unstopped), &log.0[started..]),
                "seed {seed} {event:?} {}",
                chart.to_json()
            );
            assert_eq!(step.handled, is_handled);
            (snapshot, stopped) = (unstopped.snapshot, step.snapshot);
            check(&chart, &naive, &machine, &snapshot, &log);
            handled += usize::from(is_handled);
        }
    }
    // The charts are worth it: most of them move, few run in circles, some have more states than one word has bits.
    assert!(
        handled > 1_000 && loops < 200 && largest > 64,
        "{handled} handled, {loops} loops, {largest} states"
    );
}
