//! Live queries: what they show, and who keeps them alive (R7).

use std::cell::Cell;
use std::rc::Rc;

use super::device::Device;
use super::fixtures::{first_id, json, texts, todos};

#[test]
fn b07_a_query_shows_what_another_actor_created_after_a_restart_too() {
    let mut device = Device::new(1);
    let writer = device.create(&todos());
    device.send(&writer, "CREATE", r#"{"text":"milk"}"#);
    let mut restarted = device.restart(1, &[]);
    let reader = restarted.create(&json(r#"{"id":"reader","context":{"list":{"schema":"todos"},"one":{"schema":"todos","filter":{"done":true}}}}"#));
    assert_eq!(texts(&mut restarted, &reader), ["milk"]);
    assert_eq!(
        restarted.context(&reader).get("one").unwrap().to_string(),
        "[]"
    );
}

#[test]
fn a_toggle_and_a_delete_change_what_the_query_shows() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    device.send(&actor, "CREATE", r#"{"text":"milk"}"#);
    let id = first_id(&mut device, &actor);
    device.send(&actor, "TOGGLE", &format!(r#"{{"id":"{id}"}}"#));
    let context = device.context(&actor);
    assert_eq!(
        context.get("list").unwrap().as_array().unwrap()[0]
            .get("done")
            .unwrap()
            .as_bool(),
        Some(true)
    );
    device.send(&actor, "DELETE", &format!(r#"{{"id":"{id}"}}"#));
    assert!(texts(&mut device, &actor).is_empty());
}

#[test]
fn b01_r7_updates_add_no_subscriptions_and_the_last_reader_frees_them() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    let before = device.engine.subscription_counts();
    for number in 0..10 {
        device.send(&actor, "CREATE", &format!(r#"{{"text":"{number}"}}"#));
    }
    assert_eq!(device.engine.subscription_counts(), before);
    let now = device.now;
    device.engine.destroy_actor(&actor, now);
    assert_eq!(device.engine.next_deadline(), Some(now.plus_ms(5000)));
    device.engine.expire(now.plus_ms(5000));
    assert_eq!(device.engine.subscription_counts(), (0, 0));
}

#[test]
fn b16_a_value_that_another_still_uses_is_kept() {
    let mut device = Device::new(1);
    let first = device.create(&todos());
    let second = device.create(&json(
        r#"{"id":"reader","context":{"list":{"schema":"todos"}}}"#,
    ));
    let now = device.now;
    device.engine.destroy_actor(&second, now);
    device.engine.expire(now.plus_ms(10_000));
    device.send(&first, "CREATE", r#"{"text":"milk"}"#);
    assert_eq!(texts(&mut device, &first), ["milk"]);
}

#[test]
fn b02_a_toggle_leaves_every_other_item_the_very_same() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    for number in 0..100 {
        device.queue(&actor, "CREATE", &format!(r#"{{"text":"{number}"}}"#));
    }
    device.settle();
    let id = first_id(&mut device, &actor);
    let before = device
        .context(&actor)
        .get("list")
        .unwrap()
        .as_array()
        .unwrap()
        .to_vec();
    device.take_transactions();
    device.send(&actor, "TOGGLE", &format!(r#"{{"id":"{id}"}}"#));
    let after = device
        .context(&actor)
        .get("list")
        .unwrap()
        .as_array()
        .unwrap()
        .to_vec();
    let changed = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| !before.is_same(after))
        .count();
    assert_eq!(changed, 1);
    assert!(
        device.take_transactions() <= 2,
        "the item, and the context at most"
    );
}

#[test]
fn b02_a_change_leaves_every_other_mapped_item_the_very_same() {
    let mut device = Device::new(1);
    let writer = device.create(&todos());
    for text in ["a", "b", "c"] {
        device.send(&writer, "CREATE", &format!(r#"{{"text":"{text}"}}"#));
    }
    let reader = device.create(&json(
        r#"{"id":"reader","context":{"list":{"schema":"todos","options":{"map":{"label":"$$text"}}}}}"#,
    ));
    let list = |device: &mut Device| device.context(&reader).get("list").unwrap().clone();
    let before = list(&mut device);
    let id = before.as_array().unwrap()[1].get("id").unwrap().clone();
    device.send(&writer, "TOGGLE", &format!(r#"{{"id":{id}}}"#));
    let after = list(&mut device);
    let pairs = before
        .as_array()
        .unwrap()
        .iter()
        .zip(after.as_array().unwrap());
    let same: Vec<bool> = pairs.map(|(before, after)| before.is_same(after)).collect();
    assert_eq!(same, [true, false, true]);
}

#[test]
fn b03_many_changes_in_a_task_ask_for_one_frame() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    device.engine.take_pending_rerenders();
    device.frames = 0;
    for number in 0..20 {
        device.queue(&actor, "CREATE", &format!(r#"{{"text":"{number}"}}"#));
    }
    device.settle();
    assert_eq!(device.frames, 1);
    assert_eq!(device.engine.take_pending_rerenders(), [actor]);
}

#[test]
fn b09_r5_a_change_during_a_render_asks_for_another() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    let rendering = device.engine.take_pending_rerenders();
    assert_eq!(rendering, std::slice::from_ref(&actor));
    device.send(&actor, "CREATE", r#"{"text":"meanwhile"}"#);
    assert_eq!(device.engine.take_pending_rerenders(), [actor]);
}

#[test]
fn b18_b19_a_headless_actor_runs_and_reads_its_queries() {
    let mut device = Device::new(1);
    let agent = r#"{"id":"agent","role":"agent","context":{"open":{"schema":"todos","filter":{"done":false}}}}"#;
    let agent = device.create(&json(agent));
    let writer = device.create(&todos());
    device.send(&writer, "CREATE", r#"{"text":"milk"}"#);
    assert_eq!(
        device
            .context(&agent)
            .get("open")
            .unwrap()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_query_finds_one_follows_references_sorts_and_cuts() {
    let mut device = Device::new(1);
    let writer = device.create(&todos());
    for text in ["b", "c", "a"] {
        device.send(&writer, "CREATE", &format!(r#"{{"text":"{text}"}}"#));
    }
    let id = first_id(&mut device, &writer);
    let reader = format!(
        r#"{{"id":"reader","context":{{"chosen":"{id}",
            "one":{{"schema":"todos","filter":{{"id":"$chosen"}}}},
            "none":{{"schema":"todos","filter":{{"id":"co_zNobody"}}}},
            "last":{{"schema":"todos","options":{{"sort":"-text","limit":2}}}},
            "mapped":{{"schema":"todos","filter":{{"text":"a"}},"options":{{"map":{{"label":"$$text"}}}}}}}}}}"#
    );
    let reader = device.create(&json(&reader));
    let context = device.context(&reader);
    assert_eq!(
        context.get("one").unwrap().get("text").unwrap().as_str(),
        Some("b")
    );
    assert!(context.get("none").unwrap().is_null());
    let last = context.get("last").unwrap().as_array().unwrap();
    let last: Vec<_> = last
        .iter()
        .map(|item| item.get("text").unwrap().as_str().unwrap())
        .collect();
    assert_eq!(last, ["c", "b"]);
    assert_eq!(
        context.get("mapped").unwrap().as_array().unwrap()[0]
            .get("label")
            .unwrap()
            .as_str(),
        Some("a")
    );
}

#[test]
fn a_change_is_told_to_a_subscriber_once() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    device.context(&actor);
    let told = Rc::new(Cell::new(0));
    let count = Rc::clone(&told);
    let store = device.engine.context_store(&actor).unwrap();
    let subscription = store.subscribe(
        move |_| {
            count.set(count.get() + 1);
            Ok(())
        },
        true,
    );
    device.queue(&actor, "CREATE", r#"{"text":"milk"}"#);
    for _ in 0..5 {
        device.turn();
    }
    assert_eq!(told.get(), 1);
    drop(subscription);
}
