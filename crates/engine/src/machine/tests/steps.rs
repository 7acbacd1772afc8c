//! Steps whose tools answer at once.

use super::*;

/// Writes down in `log` that it ran.
fn log(entry: &str) -> String {
    format!(r#"{{"updateContext":{{"log":{{"$concat":["$log","{entry}"]}}}}}}"#)
}

#[test]
fn leaving_and_entering_run_in_order() {
    let definition = format!(
        r#"{{"initial":"a","states":{{
            "a":{{"entry":{},"exit":[{}],"on":{{"GO":{{"target":"b","actions":[{}]}}}}}},
            "b":{{"entry":[{}],"on":{{"BACK":"a"}}}}}}}}"#,
        log("enter a"),
        log("exit a"),
        log("go"),
        log("enter b")
    );
    let mut driver = Driver::start(&definition, r#"{"log":[]}"#);
    assert!(driver.send("GO", "{}"));
    driver.check("b", r#"{"log":["enter a","exit a","go","enter b"]}"#);
    assert!(driver.send("BACK", "null"));
    driver.check(
        "a",
        r#"{"log":["enter a","exit a","go","enter b","enter a"]}"#,
    );
}

#[test]
fn b11_a_self_transition_leaves_and_enters_so_five_submits_are_five_creations() {
    let definition = r#"{"initial":"creating","states":{"creating":{
        "entry":{"tool":"@ok","payload":{"text":"$$value"}},
        "exit":{"updateContext":{"left":{"$concat":["$left",1]}}},
        "on":{"CREATE":"creating"}}}}"#;
    let mut driver = Driver::start(definition, r#"{"left":[]}"#);
    for value in 1..=5 {
        assert!(driver.send("CREATE", &format!(r#"{{"value":"{value}"}}"#)));
    }
    driver.check("creating", r#"{"left":[1,1,1,1,1]}"#);
    let created: Vec<String> = (1..=5)
        .map(|n| format!(r#"@ok {{"text":"{n}"}}"#))
        .collect();
    assert_eq!(driver.tools.calls.get(1..).unwrap(), created);
}

#[test]
fn b14_a_later_action_sees_what_an_earlier_one_wrote() {
    let definition = r#"{"initial":"a","states":{"a":{"on":{"GO":{"target":"a","actions":[
        {"updateContext":{"a":"$$v"}}, {"updateContext":{"b":"$a"}},
        {"tool":"@ok","payload":"$b","onSuccess":{"updateContext":{"c":["$$result","$a"]}}},
        {"updateContext":{"d":"$c"}}]}}}}}"#;
    let mut driver = Driver::start(definition, r#"{"a":0}"#);
    driver.send("GO", r#"{"v":7}"#);
    driver.check("a", r#"{"a":7,"b":7,"c":[7,7],"d":[7,7]}"#);
    assert_eq!(driver.tools.contexts, [json(r#"{"a":7,"b":7}"#)]);
}

#[test]
fn an_event_that_no_state_takes_is_not_handled() {
    let mut driver = Driver::start(
        r#"{"initial":"a","states":{"a":{"on":{"GO":{"target":"a","guard":false}}}}}"#,
        "{}",
    );
    let before = driver.snapshot.clone();
    assert!(!driver.send("BACK", "{}"));
    assert!(!driver.send("GO", "{}"));
    assert_eq!(driver.snapshot, before);
}

#[test]
fn the_first_transition_whose_guard_holds_is_taken() {
    let definition = r#"{"initial":"a","states":{"a":{"on":{"GO":[
        {"target":"b","guard":{"$eq":["$$to","b"]}}, {"target":"c","guard":"$isOpen"}, "a"]}},"b":{},"c":{}}}"#;
    for (context, payload, state) in [
        (r#"{"isOpen":true}"#, r#"{"to":"b"}"#, "b"),
        (r#"{"isOpen":true}"#, "{}", "c"),
        (r#"{"isOpen":0}"#, "{}", "a"),
    ] {
        let mut driver = Driver::start(definition, context);
        assert!(driver.send("GO", payload));
        driver.check(state, context);
    }
}

#[test]
fn a_schema_guards_with_the_state_and_the_context() {
    let definition = r#"{"initial":"a","states":{"a":{"on":{
        "GO":{"target":"b","guard":{"schema":{"properties":{
            "state":{"const":"a"},"n":{"minimum":3}},"required":["n"]}}}}},"b":{}}}"#;
    for (context, handled) in [(r#"{"n":3}"#, true), (r#"{"n":2}"#, false), ("{}", false)] {
        let mut driver = Driver::start(definition, context);
        assert_eq!(driver.send("GO", r#"{"n":9}"#), handled, "{context}");
    }
}

#[test]
fn success_carries_the_events_payload_and_the_result() {
    let definition = r#"{"initial":"idle","states":{
        "idle":{"on":{"CREATE":"creating"}},
        "creating":{"entry":[{"tool":"@ok","payload":{"first":1}},{"tool":"@ok","payload":{"id":"new"}}],"on":{
            "SUCCESS":{"target":"idle","actions":{"updateContext":{"got":"$$","id":"$$result.id"}}}}}}}"#;
    let mut driver = Driver::start(definition, "{}");
    driver.send("CREATE", r#"{"value":"milk"}"#);
    driver.check(
        "idle",
        r#"{"got":{"value":"milk","result":{"id":"new"}},"id":"new"}"#,
    );
}

#[test]
fn success_is_not_raised_where_nobody_takes_it_or_nothing_was_called() {
    let definition = r#"{"initial":"a","states":{
        "a":{"entry":"setLoading","on":{"SUCCESS":"b","GO":"c"}},
        "b":{},"c":{"entry":{"tool":"@ok"}}}}"#;
    let mut driver = Driver::start(definition, "{}");
    driver.check("a", r#"{"isLoading":true}"#);
    driver.send("GO", "{}");
    driver.check("c", r#"{"isLoading":true}"#);
    assert!(driver.unheard.is_empty());
}

#[test]
fn a_transitions_only_tool_raises_success_in_the_target() {
    let definition = |actions: &str, entry: &str| {
        format!(
            r#"{{"initial":"a","states":{{"a":{{"on":{{"GO":{{"target":"b","actions":{actions}}}}}}},
            "b":{{"entry":{entry},"on":{{"SUCCESS":{{"target":"c","actions":[{{"updateContext":{{"by":"$$result"}}}}]}}}}}},
            "c":{{}}}}}}"#
        )
    };
    let one = r#"{"tool":"@ok","payload":"one"}"#;
    let two = r#"{"tool":"@ok","payload":"two"}"#;
    for (actions, entry, state, context) in [
        (one.to_owned(), "[]".to_owned(), "c", r#"{"by":"one"}"#),
        (format!("[{one}]"), "[]".to_owned(), "c", r#"{"by":"one"}"#),
        (format!("[{one},{two}]"), "[]".to_owned(), "b", "{}"),
        (one.to_owned(), two.to_owned(), "c", r#"{"by":"two"}"#),
    ] {
        let mut driver = Driver::start(&definition(&actions, &entry), "{}");
        driver.send("GO", "{}");
        driver.check(state, context);
    }
}

#[test]
fn r12_a_failed_tool_anywhere_becomes_error_and_ends_its_list() {
    let fail = r#"[{"tool":"@fail"},{"updateContext":{"after":true}}]"#;
    let error = r#""ERROR":{"target":"failed","actions":{"updateContext":{"error":"$$errors.0.message","type":"$$errors.0.type"}}}"#;
    for (entry, exit, actions) in [(fail, "[]", "[]"), ("[]", fail, "[]"), ("[]", "[]", fail)] {
        let definition = format!(
            r#"{{"initial":"a","states":{{
            "a":{{"exit":{exit},"on":{{"GO":{{"target":"b","actions":{actions}}}}}}},
            "b":{{"entry":{entry},"on":{{{error},"SUCCESS":"a"}}}},"failed":{{}}}}}}"#
        );
        let mut driver = Driver::start(&definition, "{}");
        driver.send("GO", "{}");
        driver.check("failed", r#"{"error":"no","type":"permission"}"#);
    }
}

#[test]
fn r12_a_failure_that_no_state_takes_is_given_to_the_host() {
    let mut driver = Driver::start(
        r#"{"initial":"a","states":{"a":{"on":{"GO":{"target":"a","actions":{"tool":"@fail"}}}}}}"#,
        "{}",
    );
    assert!(driver.send("GO", "{}"));
    assert_eq!(driver.unheard, [ToolFailure::new("permission", "no")]);
}

#[test]
fn an_expression_that_fails_becomes_error_with_its_path() {
    let definition = r#"{"initial":"a","states":{"a":{"on":{
        "GO":{"target":"a","actions":{"updateContext":{"by":{"$$id":1}}}},
        "ADD":{"target":"a","actions":{"updateContext":"$$list"}},
        "BACK":{"target":"a","guard":{"$eq":[1,{"$$id":1}]}},
        "ERROR":{"target":"a","actions":{"updateContext":{"type":"$$errors.0.type","path":"$$errors.0.path"}}}}}}}"#;
    for (event_type, handled, context) in [
        (
            "GO",
            true,
            r#"{"type":"expression","path":"states.a.on.GO.actions.updateContext.by.$$id"}"#,
        ),
        ("ADD", true, r#"{"type":"structural","path":null}"#),
        (
            "BACK",
            false,
            r#"{"type":"expression","path":"states.a.on.BACK.guard.$eq[1].$$id"}"#,
        ),
    ] {
        let mut driver = Driver::start(definition, "{}");
        assert_eq!(driver.send(event_type, r#"{"id":{},"list":[1]}"#), handled);
        driver.check("a", context);
    }
}

#[test]
fn what_is_undefined_becomes_null_in_the_context() {
    let definition = r#"{"initial":"a","states":{"a":{"on":{
        "GO":{"target":"a","actions":[{"updateContext":{"x":"$$gone","y":{"z":"$$gone"}}},"resetError"]},
        "ADD":{"target":"a","actions":{"updateContext":"$$"}}}}}}"#;
    let mut driver = Driver::start(definition, r#"{"x":1,"error":"old"}"#);
    driver.send("GO", "{}");
    driver.check("a", r#"{"x":null,"error":null,"y":{}}"#);
    driver.send("ADD", r#"{"x":2}"#);
    driver.check("a", r#"{"x":2,"error":null,"y":{}}"#);
}

#[test]
fn r9_a_payload_cannot_write_the_runtimes_own_keys() {
    let definition = r#"{"initial":"a","states":{"a":{"on":{
        "GO":{"target":"a","actions":{"updateContext":"$$"}},
        "ADD":{"target":"a","actions":{"updateContext":{"x":1,"$$key":"b"}}}}}}}"#;
    for (event_type, payload) in [
        ("GO", r#"{"_currentState":"b","x":1}"#),
        ("ADD", r#"{"key":"_currentState"}"#),
    ] {
        let mut driver = Driver::start(definition, "{}");
        driver.send(event_type, payload);
        driver.check("a", "{}");
        assert_eq!(&*driver.unheard[0].errors[0].error_type, "structural");
    }
}

#[test]
fn map_data_writes_queries_with_evaluated_filters() {
    let definition = r#"{"initial":"a","states":{"a":{"on":{"GO":{"target":"a","actions":[
        {"mapData":{"todos":{"op":"read","schema":"todos","filter":{"owner":"$$owner"}},"gone":{"schema":"x"}}},
        {"updateContext":{"gone":null}}]}}}}}"#;
    let machine = machine(definition);
    let snapshot = machine.initial(json("{}"));
    let event = Event::new("GO", json(r#"{"owner":"$secret"}"#));
    let step = machine.step(&snapshot, &event, &mut Tools::default());
    let query = json(r#"{"schema":"todos","filter":{"owner":"$secret"}}"#);
    let expected = Json::object([("todos", query.clone()), ("gone", Json::Null)]);
    assert_eq!(step.snapshot.context, expected);
    assert_eq!(
        Json::from(JsonObjectOf(step.queries)),
        Json::object([("todos", query)])
    );
}

struct JsonObjectOf(OrderedMap<Arc<str>, Json>);

impl From<JsonObjectOf> for Json {
    fn from(members: JsonObjectOf) -> Self {
        Json::object(members.0)
    }
}

#[test]
fn existing_is_asked_for_with_what_is_known_of_the_payload() {
    let definition = r#"{"initial":"a","states":{"a":{"on":{"GO":{"target":"a","actions":
        {"tool":"@db","payload":{"id":"$$id","data":{"done":{"$not":"$existing.done"}}}}}}}}}"#;
    let mut driver = Driver::start(definition, "{}");
    driver.tools.existing = Some(json(r#"{"done":true}"#));
    driver.send("GO", r#"{"id":"x"}"#);
    let calls = [
        r#"existing {"id":"x","data":{"done":true}}"#,
        r#"@db {"id":"x","data":{"done":false}}"#,
    ];
    assert_eq!(driver.tools.calls, calls);
}

#[test]
fn a_loop_of_raised_events_is_cut_and_told() {
    let definition =
        r#"{"initial":"a","states":{"a":{"entry":{"tool":"@ok"},"on":{"SUCCESS":"a"}}}}"#;
    let machine = machine(definition);
    let mut tools = Tools::default();
    let step = machine.start(json("{}"), &mut tools);
    let runaway = step.runaway.unwrap();
    assert_eq!(
        (&runaway.state, &*runaway.event_type),
        (&"a".into(), "SUCCESS")
    );
    assert_eq!(tools.calls.len(), RAISED_EVENTS_MAX + 1);

    let failing = r#"{"initial":"a","states":{"a":{"entry":{"tool":"@fail"},"on":{"ERROR":"a"}}}}"#;
    let step = self::machine(failing).start(json("{}"), &mut tools);
    assert!(step.runaway.is_some() && !step.unheard.is_empty());
}

#[test]
fn a_step_changes_nothing_of_the_snapshot_it_was_given() {
    let definition = r#"{"initial":"a","states":{"a":{"on":{"ADD":{"target":"a","actions":
        {"updateContext":{"n":{"$concat":["$n","$$v"]}}}}}}}}"#;
    let machine = machine(definition);
    let first = machine.initial(json(r#"{"n":[],"same":[1]}"#));
    let kept = first.clone();
    let event = Event::new("ADD", json(r#"{"v":1}"#));
    let once = machine.step(&first, &event, &mut Tools::default());
    let again = machine.step(&first, &event, &mut Tools::default());
    assert_eq!(first, kept);
    assert_eq!(once.snapshot, again.snapshot);
    assert_eq!(once.snapshot.changed_keys(&first.context), ["n".into()]);
    assert_eq!(once.transitions, 1);
}

#[test]
fn r3_a_restored_machine_runs_no_entry_action() {
    let definition = r#"{"initial":"a","states":{"a":{},"creating":{"entry":{"tool":"@fail"}}}}"#;
    let machine = machine(definition);
    let context = json(r#"{"kept":1}"#);
    let Restored::Same(snapshot) =
        machine.restore(&"creating".into(), &Json::Null, context.clone())
    else {
        panic!("the state is there")
    };
    assert_eq!(
        (&snapshot.state, &snapshot.context),
        (&"creating".into(), &context)
    );
    let Restored::FellBack { snapshot, missing } =
        machine.restore(&"gone".into(), &Json::Null, context)
    else {
        panic!("the state is not there")
    };
    assert_eq!((snapshot.state, missing), ("a".into(), "gone".into()));
}
