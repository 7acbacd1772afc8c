//! Nested and parallel states, histories, endings, events for later.

use super::*;

/// Writes down in `log` that it ran.
fn log(entry: &str) -> String {
    format!(r#"{{"updateContext":{{"log":{{"$concat":["$log","{entry}"]}}}}}}"#)
}

/// Starts a chart, sends events, and checks where each leads; `-` before an event: it is not handled.
fn check_path(definition: &str, initial: &str, path: &[(&str, &str)]) {
    let mut driver = Driver::start(definition, "{}");
    driver.check(initial, "{}");
    for (event, state) in path {
        let handled = driver.send(event.trim_start_matches('-'), "{}");
        assert_eq!(handled, !event.starts_with('-'), "{event} to {state}");
        driver.check(state, "{}");
    }
}

#[test]
fn an_inner_states_transition_comes_before_an_outer_ones() {
    check_path(
        r#"{"initial":"a","states":{
            "a":{"initial":"x","states":{"x":{"on":{"GO":"y"}},"y":{"on":{"ADD":"x"}}},
                "on":{"GO":"b","ADD":{"guard":false,"target":"b"}}},
            "b":{"on":{"BACK":"a.y","GO":"a"}}}}"#,
        r#"{"a":"x"}"#,
        &[
            ("-ADD", r#"{"a":"x"}"#),
            ("GO", r#"{"a":"y"}"#),
            ("GO", "b"),
            ("BACK", r#"{"a":"y"}"#),
            ("ADD", r#"{"a":"x"}"#),
        ],
    );
}

const REGIONS: &str = r#"{"initial":"p","states":{
    "p":{"type":"parallel","on":{"BACK":"out"},"states":{
        "one":{"initial":"a","states":{"a":{"on":{"GO":"b"}},"b":{"on":{"ADD":{"target":"a","guard":{"in":"y"}}}}}},
        "two":{"initial":"x","states":{"x":{"on":{"GO":{"target":"y","guard":{"not":{"in":"b"}}}}},"y":{}}},
        "lone":{}}},
    "out":{"on":{"GO":{"target":["b","y"]}}}}}"#;

#[test]
fn every_region_of_a_parallel_state_takes_an_event() {
    check_path(
        REGIONS,
        r#"{"p":{"one":"a","two":"x","lone":{}}}"#,
        &[
            // Both guards are asked before either region moves.
            ("GO", r#"{"p":{"one":"b","two":"y","lone":{}}}"#),
            ("ADD", r#"{"p":{"one":"a","two":"y","lone":{}}}"#),
            ("GO", r#"{"p":{"one":"b","two":"y","lone":{}}}"#),
            ("BACK", "out"),
            ("GO", r#"{"p":{"one":"b","two":"y","lone":{}}}"#),
        ],
    );
}

#[test]
fn states_are_left_from_inside_and_entered_from_outside() {
    let state = |name: &str, rest: &str| {
        let (entry, exit) = (log(&format!("+{name}")), log(&format!("-{name}")));
        format!(r#""{name}":{{"entry":{entry},"exit":{exit}{rest}}}"#)
    };
    let inner = format!("{},{}", state("x", ""), state("y", ""));
    let inner = format!(
        r#","initial":{{"target":"x","actions":{}}},"states":{{{inner}}}"#,
        log("first")
    );
    let one = state("one", &inner);
    let p = state(
        "p",
        &format!(
            r#","type":"parallel","states":{{{one},{}}},"on":{{"GO":{{"target":"b","actions":{}}}}}"#,
            state("two", ""),
            log("go")
        ),
    );
    let definition = format!(
        r#"{{"initial":"p","states":{{{p},{}}}}}"#,
        state("b", r#","on":{"BACK":"y"}"#)
    );
    let mut driver = Driver::start(&definition, r#"{"log":[]}"#);
    driver.send("GO", "{}");
    driver.send("BACK", "{}");
    let expected = r#"{"log":["+p","+one","first","+x","+two","-two","-x","-one","-p","go","+b","-b","+p","+one","+y","+two"]}"#;
    driver.check(r#"{"p":{"one":"y","two":{}}}"#, expected);
}

#[test]
fn internal_and_targetless_transitions_do_not_leave_their_state() {
    let definition = format!(
        r#"{{"initial":"a","states":{{"a":{{"exit":{exit},"initial":"x","states":{{"x":{{}},"y":{{}}}},"on":{{
            "GO":{{"target":".y","internal":true}},"ADD":{{"target":".x"}},"BACK":{{"actions":{stay}}},"CREATE":{{}}}}}}}}}}"#,
        exit = log("left"),
        stay = log("stayed")
    );
    let mut driver = Driver::start(&definition, r#"{"log":[]}"#);
    for (event, state, log) in [
        ("GO", r#"{"a":"y"}"#, r#"{"log":[]}"#),
        ("BACK", r#"{"a":"y"}"#, r#"{"log":["stayed"]}"#),
        ("CREATE", r#"{"a":"y"}"#, r#"{"log":["stayed"]}"#),
        ("ADD", r#"{"a":"x"}"#, r#"{"log":["stayed","left"]}"#),
    ] {
        assert!(driver.send(event, "{}"));
        driver.check(state, log);
    }
}

const HISTORIES: &str = r#"{"initial":"out","states":{
    "a":{"initial":"x","on":{"BACK":"out"},"states":{
        "shallow":{"type":"history","target":"y"},
        "deep":{"type":"history","history":"deep"},
        "x":{},
        "y":{"initial":"p","states":{"p":{"on":{"GO":"q"}},"q":{}}}}},
    "out":{"on":{"GO":"a.shallow","ADD":"a.deep"}}}}"#;

#[test]
fn a_history_leads_back_to_what_was_active() {
    check_path(
        HISTORIES,
        "out",
        &[
            ("GO", r#"{"a":{"y":"p"}}"#),
            ("GO", r#"{"a":{"y":"q"}}"#),
            ("BACK", "out"),
            ("GO", r#"{"a":{"y":"p"}}"#),
            ("GO", r#"{"a":{"y":"q"}}"#),
            ("BACK", "out"),
            ("ADD", r#"{"a":{"y":"q"}}"#),
        ],
    );
    // Without a target of its own, an empty history is its state as it is at first.
    check_path(HISTORIES, "out", &[("ADD", r#"{"a":"x"}"#)]);
}

#[test]
fn r3_states_and_histories_are_restored_exactly() {
    let mut driver = Driver::start(HISTORIES, "{}");
    for event in ["GO", "GO", "BACK"] {
        driver.send(event, "{}");
    }
    let stored = (
        driver.snapshot.state.to_string(),
        driver.snapshot.history.to_string(),
    );
    assert_eq!(
        stored,
        (r#""out""#.to_owned(), r#"{"a":{"y":"q"}}"#.to_owned())
    );
    let (state, history) = (json(&stored.0), json(&stored.1));
    driver.snapshot = driver
        .machine
        .restore(&state, &history, json("{}"))
        .into_snapshot();
    driver.send("ADD", "{}");
    driver.check(r#"{"a":{"y":"q"}}"#, "{}");

    let machine = machine(REGIONS);
    let state = json(r#"{"p":{"one":"b","two":"y","lone":{}}}"#);
    let Restored::Same(snapshot) = machine.restore(&state, &Json::Null, json("{}")) else {
        panic!("the states are there")
    };
    assert_eq!(snapshot.state, state);
}

#[test]
fn r3_what_a_grown_definition_has_beside_the_stored_is_as_at_first_and_what_is_gone_is_told() {
    let machine = machine(REGIONS);
    for (stored, state) in [
        (r#""p""#, r#"{"p":{"one":"a","two":"x","lone":{}}}"#),
        (
            r#"{"p":{"two":"y"}}"#,
            r#"{"p":{"one":"a","two":"y","lone":{}}}"#,
        ),
        (
            r#"{"p":{"two":"x","lone":"old"}}"#,
            r#"{"p":{"one":"a","two":"x","lone":{}}}"#,
        ),
    ] {
        let restored = machine.restore(&json(stored), &json(r#"{"gone":"x","p":1}"#), json("{}"));
        assert_eq!(restored.into_snapshot().state, json(state), "{stored}");
    }
    for gone in [
        r#"{"p":{"two":"z"}}"#,
        r#"{"p":{"three":"x"}}"#,
        r#"{"p":"one","out":{}}"#,
        "1",
        "null",
        "{}",
    ] {
        let restored = machine.restore(&json(gone), &Json::Null, json("{}"));
        assert!(matches!(restored, Restored::FellBack { .. }), "{gone}");
    }
}

#[test]
fn a_state_is_done_when_its_final_state_is_entered_and_a_parallel_one_when_all_regions_are() {
    let definition = r#"{"initial":"p","states":{
        "p":{"type":"parallel","onDone":{"target":"end"},"states":{
            "one":{"initial":"a","onDone":{"actions":{"updateContext":{"one":"$$output"}}},
                "states":{"a":{"on":{"GO":"f"}},"f":{"type":"final","output":{"by":"$$by"}}}},
            "two":{"initial":"a","states":{"a":{"on":{"ADD":"f"}},"f":{"type":"final"}}}}},
        "end":{"type":"final"}}}"#;
    let mut driver = Driver::start(definition, "{}");
    driver.send("GO", r#"{"by":7}"#);
    driver.check(r#"{"p":{"one":"f","two":"a"}}"#, r#"{"one":{"by":7}}"#);
    assert!(!driver.machine.is_over(&driver.snapshot));
    driver.send("ADD", "{}");
    driver.check("end", r#"{"one":{"by":7}}"#);
    assert!(driver.machine.is_over(&driver.snapshot));
    assert!(!driver.send("GO", "{}"));
}

#[test]
fn always_follows_without_an_event_and_raise_within_the_step() {
    let definition = r#"{"initial":"a","states":{
        "a":{"on":{"GO":{"target":"b","actions":[{"raise":"next"},{"raise":{"type":"more","payload":{"n":"$$n"}}}]}}},
        "b":{"always":[{"target":"a","guard":false},{"target":"c","guard":"$$n"}]},
        "c":{"on":{"next":"d"}},
        "d":{"on":{"more":{"target":"e","guard":{"$eq":["$$n",5]}}}},"e":{}}}"#;
    for (payload, state) in [
        (r#"{"n":5}"#, "e"),
        (r#"{"n":4}"#, "d"),
        (r#"{"n":0}"#, "b"),
    ] {
        let mut driver = Driver::start(definition, "{}");
        driver.send("GO", payload);
        driver.check(state, "{}");
    }
}

#[test]
fn a_loop_of_transitions_without_an_event_is_cut_and_told() {
    let machine = machine(r#"{"initial":"a","states":{"a":{"always":"b"},"b":{"always":"a"}}}"#);
    let step = machine.start(json("{}"), &mut Tools::default());
    assert!(step.runaway.is_some());
}

#[test]
fn wildcards_and_prefixes_take_what_no_earlier_transition_takes() {
    let library = MachineLibrary {
        message_types: None,
        ..LIBRARY
    };
    let definition = json(
        r#"{"initial":"a","states":{"a":{"on":[
            {"event":"list.add","target":"b"},{"event":["list","item.*"],"target":"c"},{"event":"*","target":"d"}]},
            "b":{},"c":{},"d":{}}}"#,
    );
    let machine = Machine::compile(&definition, &library, &Place::root("state")).unwrap();
    for (event, state) in [
        ("list.add", "b"),
        ("list.add.first", "b"),
        ("list.added", "c"),
        ("list", "c"),
        ("item", "c"),
        ("item.x.y", "c"),
        ("lists", "d"),
    ] {
        let step = machine.step(
            &machine.initial(json("{}")),
            &Event::new(event, Json::Null),
            &mut Tools::default(),
        );
        assert_eq!(step.snapshot.state, state.into(), "{event}");
    }
}

#[test]
fn after_asks_for_time_on_entry_and_takes_it_back_on_exit() {
    let definition = r#"{"initial":"a","states":{
        "a":{"after":{"1000":"b","2500":{"target":"c"}},"on":{"GO":{"actions":[
            {"raise":{"type":"late","delay":"$$in","id":"x"}},{"cancel":"x"}]},"late":"c"}},
        "b":{"after":[{"delay":{"$length":"$$list"},"target":"a"}]},"c":{}}}"#;
    let machine = machine(definition);
    let tools = &mut Tools::default();
    let started = machine.start(json("{}"), tools);
    let timer = |id: &str, delay_ms| {
        let event = Event::new(id, Json::Null);
        TimerChange::Start(Timer {
            id: id.into(),
            delay_ms,
            event,
            on_restore: OnRestore::Fire,
            cause: Cause::default(),
        })
    };
    let cancel = |id: &str| TimerChange::Cancel(id.into());
    assert_eq!(
        started.timers,
        [timer("after.1000.a", 1000.0), timer("after.2500.a", 2500.0)]
    );

    let raised = machine.step(
        &started.snapshot,
        &Event::new("GO", json(r#"{"in":50}"#)),
        tools,
    );
    let late = Timer {
        id: "x".into(),
        delay_ms: 50.0,
        event: Event::new("late", Json::Null),
        on_restore: OnRestore::Fire,
        cause: Cause::default(),
    };
    assert_eq!(raised.timers, [TimerChange::Start(late), cancel("x")]);

    let due = Event::new("after.1000.a", json(r#"{"list":[1,2]}"#));
    let step = machine.step(&started.snapshot, &due, tools);
    assert_eq!(step.snapshot.state, "b".into());
    assert_eq!(
        step.timers,
        [
            cancel("after.1000.a"),
            cancel("after.2500.a"),
            timer("after.0.b", 2.0)
        ]
    );

    let wrong = machine.step(
        &started.snapshot,
        &Event::new("GO", json(r#"{"in":"soon"}"#)),
        tools,
    );
    assert!(wrong.unheard[0].errors[0].message.contains("milliseconds"));
}

#[test]
fn a_tools_outcome_is_for_the_region_that_called_it() {
    let region = |name: &str, tool: &str| {
        format!(
            r#""{name}":{{"initial":"idle","states":{{"idle":{{"on":{{"GO":"busy","SUCCESS":"wrong","ERROR":"wrong"}}}},
            "busy":{{"entry":{{"tool":"{tool}"}},"on":{{"SUCCESS":"done","ERROR":"failed"}}}},
            "done":{{}},"failed":{{}},"wrong":{{}}}}}}"#
        )
    };
    let definition = format!(
        r#"{{"type":"parallel","states":{{{},{},{}}}}}"#,
        region("one", "@later"),
        region("two", "@fail"),
        region("three", "@later").replace("GO", "BACK")
    );
    let mut driver = Driver::start(&definition, "{}");
    driver.send("GO", "{}");
    driver.check(r#"{"one":"busy","two":"failed","three":"idle"}"#, "{}");
    driver.send("BACK", "{}");
    // The other region's transitions do not make the call stale.
    assert!(driver.finish(0, Ok(Json::Null)));
    driver.check(r#"{"one":"done","two":"failed","three":"busy"}"#, "{}");
    let again = PendingCall::from_json(
        &driver.pending[1].to_json(&driver.snapshot),
        &driver.snapshot,
    );
    assert_eq!(again.as_ref(), Some(&driver.pending[1]));
    driver.finish(1, Err(ToolFailure::new("network", "offline")));
    driver.check(r#"{"one":"done","two":"failed","three":"failed"}"#, "{}");
}

#[test]
fn a_failure_that_its_own_region_does_not_take_is_told_to_the_others() {
    let definition = r#"{"type":"parallel","states":{
        "work":{"initial":"a","states":{"a":{"on":{"GO":"b"}},"b":{"entry":{"tool":"@fail"}}}},
        "errors":{"initial":"none","states":{"none":{"on":{"ERROR":"some"}},"some":{}}}}}"#;
    let mut driver = Driver::start(definition, "{}");
    driver.send("GO", "{}");
    driver.check(r#"{"work":"b","errors":"some"}"#, "{}");
    assert!(driver.unheard.is_empty());
}

#[test]
fn r12_a_chart_that_cannot_be_meant_is_refused_with_its_place() {
    let check = |definition: &str, path: &str, expected: &str| {
        let error = compile(definition).expect_err(definition);
        assert_eq!(error.path, path, "{error}");
        assert!(error.expected.contains(expected), "{error}");
    };
    let nested = |on: &str| {
        format!(
            r#"{{"initial":"a","states":{{"a":{{"initial":"x","states":{{"x":{{}},"y":{{}}}}}},
            "b":{{"initial":"x","states":{{"x":{{}},"z":{{}}}}}},"c":{{"on":{{"GO":{on}}}}}}}}}"#
        )
    };
    check(
        &nested(r#""x""#),
        "states.c.on.GO",
        r#"say which of "a.x" or "b.x""#,
    );
    check(
        &nested(r#"{"target":["y","z"]}"#),
        "states.c.on.GO.target[1]",
        "active together",
    );
    let with_history = r#"{"initial":"a","states":{"a":{"type":"parallel","states":{"x":{},"h":{"type":"history"}}},
        "b":{"on":{"GO":{"target":["x","h"]}}}}}"#;
    check(with_history, "states.b.on.GO.target[1]", "active together");
    check(
        &nested(r#"{"target":["y","w"]}"#),
        "states.c.on.GO.target[1]",
        "the name of a state",
    );
    check(
        &nested(r#"{"guard":{"in":"w"}}"#),
        "states.c.on.GO.guard.in",
        "the name of a state",
    );
    check(
        &nested(r#"{"guard":{"and":[true,{"not":1}]}}"#),
        "states.c.on.GO.guard.and[1].not",
        "boolean",
    );
    check(
        &nested(r#"{"internal":1}"#),
        "states.c.on.GO.internal",
        "true or false",
    );
    let state = |state: &str| format!(r#"{{"initial":"a","states":{{"a":{state},"b":{{}}}}}}"#);
    check(
        &state(r#"{"states":{"x":{}}}"#),
        "states.a.initial",
        "the name of a state",
    );
    check(
        &state(r#"{"initial":"b","states":{"x":{}}}"#),
        "states.a.initial",
        r#"inside: "a.x""#,
    );
    check(
        &state(r#"{"type":"parallel"}"#),
        "states.a.type",
        "only a compound or parallel",
    );
    check(
        &state(r#"{"type":"final","on":{}}"#),
        "states.a",
        r#""output""#,
    );
    check(
        &state(r#"{"type":"history","history":"long"}"#),
        "states.a.history",
        "deep",
    );
    check(&state(r#"{"id":"b"}"#), "states.b", "id no other has");
    check(
        &state(r#"{"after":{"soon":"b"}}"#),
        "states.a.after.soon",
        "milliseconds",
    );
    check(&state(r#"{"after":5}"#), "states.a.after", "milliseconds");
    check(
        &state(r#"{"on":[{"target":"b"}]}"#),
        "states.a.on[0].event",
        "type of an event",
    );
    check(
        &state(r#"{"entry":{"raise":1}}"#),
        "states.a.entry.raise",
        "payload",
    );
    check(
        &state(r#"{"on":{"unknown.*":"b"}}"#),
        r#"states.a.on["unknown.*"]"#,
        "messageTypes",
    );
    assert!(
        compile(&state(
            r#"{"entry":{"raise":"own"},"on":{"own":"b","GO.*":"b","*":"b","done.x":"b","done.state.b":"b","done.state.*":"b"}}"#
        ))
        .is_ok()
    );
}

#[test]
fn r12_a_state_that_nothing_leads_to_is_remarked() {
    let machine = machine(
        r#"{"initial":"a","states":{"a":{"on":{"GO":"b.h"}},"b":{"initial":"x","states":{
            "h":{"type":"history","target":"y"},"x":{},"y":{},"z":{}}},"c":{}}}"#,
    );
    let paths: Vec<&str> = machine
        .unreachable()
        .iter()
        .map(|it| it.path.as_str())
        .collect();
    assert_eq!(paths, ["states.b.states.z", "states.c"]);
}

#[test]
fn r12_the_end_of_a_state_that_is_not_there_is_refused() {
    let chart = |event: &str| {
        let chart = r#"{"initial":"a","states":{"a":{"on":{"done.state.EVENT":"b"}},"b":{"initial":"x","states":{"x":{"type":"final"}}}}}"#;
        compile(&chart.replace("EVENT", event))
    };
    assert!(chart("b").is_ok() && chart("*").is_ok() && chart("b.*").is_ok());
    let error = chart("gone").unwrap_err();
    assert_eq!(error.path, r#"states.a.on["done.state.gone"]"#);
    assert_eq!(error.expected, r#"the end of one of the states "b""#);
}

#[test]
fn r12_a_transition_that_another_is_always_taken_before_is_remarked() {
    let remarks = |on: &str| -> Vec<String> {
        let machine = machine(&format!(
            r#"{{"initial":"a","states":{{"a":{{"on":{on},"always":[{{"guard":"$x","target":"b"}},"b"]}},"b":{{}}}}}}"#
        ));
        machine
            .unreachable()
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let told = remarks(r#"{"GO":[{"guard":"$x","target":"b"},"b",{"target":"a"}],"BACK":"b"}"#);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(r#"wrong at states.a: expected a guard on the transition for "GO""#));
    assert_eq!(
        remarks(r#"{"GO":[{"guard":"$x","target":"b"},"b"],"*":"b"}"#),
        [""; 0]
    );
}

#[test]
fn a_chart_of_more_than_64_states_works_like_a_small_one() {
    let regions: Vec<String> = (0..50)
        .map(|n| format!(r#""r{n}":{{"initial":"a","states":{{"a":{{"on":{{"GO":"b"}}}},"b":{{"on":{{"GO":"a"}}}}}}}}"#))
        .collect();
    let mut driver = Driver::start(
        &format!(
            r#"{{"type":"parallel","states":{{{}}}}}"#,
            regions.join(",")
        ),
        "{}",
    );
    driver.send("GO", "{}");
    let all = |name: &str| Json::object((0..50).map(|n| (format!("r{n}"), name.into())));
    assert_eq!(driver.snapshot.state, all("b"));
    let restored = driver.machine.restore(&all("b"), &Json::Null, json("{}"));
    driver.snapshot = restored.into_snapshot();
    driver.send("GO", "{}");
    assert_eq!(driver.snapshot.state, all("a"));
}

/// The documentation's chart with a condition.
fn check_shop(chart: &Json) {
    let chart = chart
        .to_string()
        .replace("PAY", "GO")
        .replace("OPEN", "BACK");
    let mut driver = Driver::start(&chart, r#"{"orders":8}"#);
    for (orders, discount) in [(9, 0), (10, 5)] {
        assert!(driver.send("GO", "{}"));
        driver.check(
            "paid",
            &format!(r#"{{"orders":{orders},"discount":{discount}}}"#),
        );
        assert!(driver.send("BACK", "{}"));
    }
}

#[test]
fn the_documentations_charts_compile_and_run() {
    let library = MachineLibrary {
        message_types: None,
        allows_unknown_tools: true,
        ..LIBRARY
    };
    let page = include_str!("../../../../../docs/charts.md");
    let blocks = page.split("```json\n").skip(1);
    let mut charts = blocks.map(|block| json(block.split("```").next().unwrap()));
    let machine =
        Machine::compile(&charts.next().unwrap(), &library, &Place::root("state")).unwrap();
    assert!(machine.unreachable().is_empty());
    check_shop(&charts.next().unwrap());
    let uploading =
        Machine::compile(&charts.next().unwrap(), &library, &Place::root("state")).unwrap();
    assert!(uploading.unreachable().is_empty());
    assert!(charts.next().is_none());
    let mut snapshot = machine.start(json("{}"), &mut Tools::default()).snapshot;
    for (event, state) in [
        ("PLAY", r#"{"on":{"playing":"running","sound":"loud"}}"#),
        ("MUTE", r#"{"on":{"playing":"running","sound":"mute"}}"#),
        (
            "after.1000.on.playing.running",
            r#"{"on":{"playing":"running","sound":"mute"}}"#,
        ),
        ("SEEK", r#"{"on":{"playing":"running","sound":"mute"}}"#),
        ("POWER", r#""off""#),
        ("POWER", r#"{"on":{"playing":"running","sound":"loud"}}"#),
    ] {
        snapshot = machine
            .step(
                &snapshot,
                &Event::new(event, Json::Null),
                &mut Tools::default(),
            )
            .snapshot;
        assert_eq!(snapshot.state, json(state), "{event}");
    }
}
