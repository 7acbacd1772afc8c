//! What is named by expressions: the types of events, and the ids under which they are taken back.

use super::*;

/// A state that does this for GO, and keeps the type of any other event.
fn chart(actions: &str) -> String {
    format!(
        r#"{{"initial":"a","states":{{"a":{{"on":{{
            "GO":{{"actions":{actions}}},
            "*":{{"actions":{{"updateContext":{{"was":{{"$eventType":null}}}}}}}}}}}}}}}}"#
    )
}

#[test]
fn the_type_of_what_is_raised_may_be_evaluated_and_is_known_to_who_takes_it() {
    let mut driver = Driver::start(
        &chart(r#"{"raise":{"type":"$$next","payload":"$$"}}"#),
        "{}",
    );
    driver.send("GO", r#"{"next":"ADD"}"#);
    driver.check("a", r#"{"was":"ADD"}"#);
    driver.send("BACK", "{}");
    driver.check("a", r#"{"was":"BACK"}"#);
    for next in ["{}", r#"{"next":""}"#, r#"{"next":["ADD"]}"#] {
        driver.send("GO", next);
        driver.check("a", r#"{"was":"ERROR"}"#);
    }
}

#[test]
fn what_is_raised_for_later_is_taken_back_by_an_id_that_is_evaluated() {
    let raise = r#"[{"raise":{"type":"ADD","delay":"$$ms","id":"$$key"}},{"cancel":"$$no"}]"#;
    let machine = machine(&chart(raise));
    let mut tools = Tools::default();
    let started = machine.start(json("{}"), &mut tools).snapshot;
    let event = Event::new("GO", json(r#"{"ms":5,"key":"milk","no":"eggs"}"#));
    let step = machine.step(&started, &event, &mut tools);
    let [TimerChange::Start(timer), TimerChange::Cancel(id)] = step.timers.as_slice() else {
        panic!("{:?}", step.timers)
    };
    assert_eq!((&*timer.id, &**id), ("milk", "eggs"));
    let event = Event::new("GO", json(r#"{"ms":5,"key":7}"#));
    let step = machine.step(&started, &event, &mut tools);
    assert!(step.timers.is_empty());
    assert_eq!(step.snapshot.context, json(r#"{"was":"ERROR"}"#));
}

#[test]
fn what_has_no_id_is_not_taken_back_by_an_id_that_is_none() {
    let actions = r#"[{"raise":{"type":"ADD","delay":5}},{"cancel":"$$no"}]"#;
    let machine = machine(&chart(actions));
    let mut tools = Tools::default();
    let started = machine.start(json("{}"), &mut tools).snapshot;
    for payload in ["{}", r#"{"no":""}"#, r#"{"no":7}"#] {
        let step = machine.step(&started, &Event::new("GO", json(payload)), &mut tools);
        assert!(matches!(step.timers.as_slice(), [TimerChange::Start(_)]));
        assert_eq!(step.snapshot.context, json(r#"{"was":"ERROR"}"#));
    }
}
