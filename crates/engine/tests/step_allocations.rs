//! A step to a place where the machine was before allocates nothing: what is left and entered is known, and values are
//! written where the old ones are.

#![expect(clippy::unwrap_used, reason = "a test")]

use cojson::json::Json;
use engine::definition_error::Place;
use engine::machine::{Event, Machine, MachineLibrary, ToolCall, ToolFailure, ToolHost, ToolReply};
use engine::schema::{Pattern, PatternCompiler};

struct NoTools;

impl ToolHost for NoTools {
    fn now_ms(&self) -> f64 {
        0.0
    }

    fn call(&mut self, _call: ToolCall<'_>) -> ToolReply {
        ToolReply::Done(Err(ToolFailure::new("structural", "no tools")))
    }
}

impl PatternCompiler for NoTools {
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String> {
        Err(pattern.to_owned())
    }
}

/// How many blocks of memory the second thousand of these events takes; each must be taken.
fn allocations(state: &str) -> u64 {
    let library = MachineLibrary {
        patterns: &NoTools,
        tools: &[],
        actors: &[],
        allows_unknown_tools: false,
        message_types: None,
        reserved_keys: &["_currentState"],
    };
    let state = Json::parse(state).unwrap();
    let machine = Machine::compile(&state, &library, &Place::root("state")).unwrap();
    let context = Json::parse(r#"{"count":0,"limit":1e9,"name":"a"}"#).unwrap();
    let event = Event::new("PRESS", Json::parse(r#"{"by":1}"#).unwrap());
    let snapshot = machine.start(context, &mut NoTools).snapshot;
    let mut host = NoTools;
    let mut steps = machine.steps(snapshot, &mut host);
    let mut press = || {
        for _ in 0..1_000 {
            assert!(steps.take(&event) && steps.is_plain());
        }
    };
    press();
    allocation_counter::measure(press).count_total
}

#[test]
fn a_step_to_a_known_place_allocates_nothing() {
    let add = r#"{"updateContext":{"count":{"$add":["$count","$$by"]},"name":"$name"}}"#;
    let region = r#"{"initial":"a","states":{"a":{"on":{"PRESS":"b"}},"b":{"on":{"PRESS":"a"}}}}"#;
    for state in [
        format!(
            r#"{{"initial":"off","states":{{"off":{{"on":{{"PRESS":{{"target":"on","actions":{add}}}}}}},
                "on":{{"entry":{add},"exit":{add},"on":{{"PRESS":{{"target":"off","guard":{{"$gt":["$limit","$count"]}}}}}}}}}}}}"#
        ),
        format!(
            r#"{{"type":"parallel","states":{{"one":{region},"two":{region},"three":{region},"four":{region}}}}}"#
        ),
        format!(
            r#"{{"initial":"a","states":{{"a":{{"initial":"b","on":{{"PRESS":{{"actions":{add}}}}},"states":{{"b":{{"always":[{{"target":"c","guard":false}}]}},"c":{{}}}}}}}}}}"#
        ),
    ] {
        assert_eq!(allocations(&state), 0, "{state}");
    }
    // The count is one: a place that is new takes memory.
    let log = r#"{"updateContext":{"log":{"$concat":["$name","$count"]}}}"#;
    let state =
        format!(r#"{{"initial":"a","states":{{"a":{{"on":{{"PRESS":{{"actions":{log}}}}}}}}}}}"#);
    assert!(allocations(&state) > 0);
}
