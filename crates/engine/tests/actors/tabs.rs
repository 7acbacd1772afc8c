//! Tabs over one storage, which takes its time: what one writes while the other still reads is nobody's loss.

use std::rc::Rc;

use super::device::Device;
use super::fixtures::{json, texts, todos};

#[test]
fn r4_what_comes_while_storage_is_read_waits_for_it_and_is_not_refused() {
    let mut first = Device::new(1);
    let mut second = Device::over(Rc::clone(&first.storage), 2, &[]);
    let actor = first.create(&todos());
    second.create(&todos());
    first.writes.clear();
    first.send(&actor, "CREATE", r#"{"text":"first"}"#);

    // The second tab hears of a list that it knows to be nowhere, and asks storage again.
    second.is_slow = true;
    second.hear(&first.writes);
    assert!(!second.unanswered.is_empty(), "storage was not asked");
    second.queue(&actor, "CREATE", r#"{"text":"second"}"#);
    second.settle();
    second.answer_loads();

    assert_eq!(second.state(&actor), "idle", "{}", second.context(&actor));
    assert_eq!(texts(&mut second, &actor), ["first", "second"]);
    first.hear(&second.writes);
    assert_eq!(texts(&mut first, &actor), ["first", "second"]);
}

#[test]
fn an_actor_that_two_tabs_found_at_once_runs_in_both() {
    let mut first = Device::new(1);
    let mut second = Device::over(Rc::clone(&first.storage), 2, &[]);
    second.is_slow = true;
    let counter = json(
        r#"{"id":"counter","context":{"count":0},"state":{"initial":"idle","states":{"idle":{"on":{
        "ADD":{"target":"idle","actions":[{"updateContext":{"count":1}}]}}}}}}"#,
    );
    let actor = first.create(&counter);
    second.engine.create_actor(&counter).unwrap();
    second.settle();
    // Storage was asked before the first tab wrote, and had nothing; then the second hears of it and asks again.
    for id in std::mem::take(&mut second.unanswered) {
        second.engine.node_mut().loaded(&id, None);
        second.hear(&first.writes);
    }
    second.answer_loads();
    assert!(second.failures.is_empty(), "{:?}", second.failures);
    assert!(second.send(&actor, "ADD", "{}"));
}

#[test]
fn what_another_tab_wrote_while_storage_was_read_is_shown() {
    let mut first = Device::new(1);
    let actor = first.create(&todos());
    let mut second = Device::over(Rc::clone(&first.storage), 2, &[]);
    let reader = second.create(&json(r#"{"id":"reader"}"#));
    let shows = json(r#"{"id":"reader","context":{"list":{"schema":"todos"}}}"#);
    second.is_slow = true;
    second.engine.create_actor(&shows).unwrap();
    second.settle();
    let asked = std::mem::take(&mut second.unanswered);
    assert_eq!(asked.len(), 1, "the list");
    first.writes.clear();
    first.send(&actor, "CREATE", r#"{"text":"meanwhile"}"#);
    second.hear(&first.writes);
    // What storage had when it was asked.
    second.engine.node_mut().loaded(&asked[0], None);
    second.settle();
    second.answer_loads();
    assert_eq!(texts(&mut second, &reader), ["meanwhile"]);
}
