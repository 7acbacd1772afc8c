//! Killed in the middle of load, the agent goes on where it was: what it acknowledged is there, nothing is handled twice.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cojson::json::Json;

use crate::fixtures::{counter, numbers, tally};
use crate::process::{Agent, Place, trigger};

/// Messages from several clients at once, until the agent answers no more; the numbers that were acknowledged.
fn load(address: &str, next: &AtomicU32, acknowledged: &Mutex<Vec<u32>>) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let payload = Json::object([("n", n.into())]);
                    match trigger(address, "counter", "COUNT", payload) {
                        Ok(answer) if answer.status == 200 => acknowledged.lock().unwrap().push(n),
                        _ => break,
                    }
                }
            });
        }
    });
}

fn check(agent: &Agent, acknowledged: &[u32]) {
    // Its items are read after it runs. Context and values moved together, so there are as many as it counted.
    let context = agent.wait_for("counter", |context| {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let items = numbers(context, "items").len() as f64;
        context.get("count").and_then(Json::as_number) == Some(items)
    });
    let items = numbers(&context, "items");
    let mut once = items.clone();
    once.dedup();
    assert_eq!(once, items, "each message was handled once");
    let lost: Vec<_> = acknowledged.iter().filter(|n| !items.contains(n)).collect();
    assert_eq!(lost, Vec::<&u32>::new(), "what was acknowledged is there");
    let told = agent.wait_for("tally", |tally| {
        numbers(tally, "tallied").len() >= items.len()
    });
    assert_eq!(numbers(&told, "tallied"), items, "each is tallied once");
}

/// Kills the agent of a place under load, again and again.
fn check_kills(place: &Place) {
    let (next, acknowledged) = (AtomicU32::new(0), Mutex::new(Vec::new()));
    for round in 0..4 {
        let agent = place.start();
        let so_far = acknowledged.lock().unwrap().clone();
        check(&agent, &so_far);
        let address = agent.address().to_owned();
        std::thread::scope(|scope| {
            scope.spawn(|| load(&address, &next, &acknowledged));
            std::thread::sleep(Duration::from_millis(400 + 150 * round));
            agent.kill();
        });
    }
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(
        acknowledged.len() > 20,
        "{} were enough",
        acknowledged.len()
    );
    check(&place.start(), &acknowledged);
}

#[test]
fn r1_r3_r4_an_agent_that_is_killed_under_load_goes_on_where_it_was() {
    check_kills(&Place::new(&[counter(), tally()]));
}

#[test]
#[cfg(feature = "pglite")]
fn r1_r3_r4_an_agent_on_pglite_that_is_killed_under_load_goes_on_where_it_was() {
    let place = Place::new(&[counter(), tally()]).with("AGENT_MAIA_STORAGE", "pglite");
    check_kills(&place);
    let started = place.start();
    assert!(
        started.start_line.contains("pglite"),
        "{}",
        started.start_line
    );
}

#[test]
fn an_agent_that_is_told_to_stop_handles_what_it_took_in_and_ends_well() {
    let place = Place::new(&[counter(), tally()]);
    let (next, acknowledged) = (AtomicU32::new(0), Mutex::new(Vec::new()));
    let agent = place.start();
    let address = agent.address().to_owned();
    let status = std::thread::scope(|scope| {
        scope.spawn(|| load(&address, &next, &acknowledged));
        std::thread::sleep(Duration::from_millis(500));
        agent.terminate();
        agent.wait()
    });
    assert_eq!(status.code(), Some(0));
    check(&place.start(), &acknowledged.into_inner().unwrap());
}
