//! Timers outlive the process, and ring once.

use std::time::Duration;

use cojson::json::Json;

use crate::fixtures::clock;
use crate::process::Place;

#[test]
fn a_timer_that_was_due_while_the_agent_was_dead_rings_once_when_it_is_back() {
    let place = Place::new(&[clock(300)]);
    let agent = place.start();
    let wound = agent.trigger("clock", "WIND", Json::empty_object());
    assert_eq!(wound.status, 200);
    agent.kill();
    std::thread::sleep(Duration::from_millis(400));
    let rings = |context: &Json| context.get("rings").and_then(Json::as_number).unwrap();
    let agent = place.start();
    agent.wait_for("clock", |context| rings(context) > 0.0);
    agent.kill();
    let agent = place.start();
    std::thread::sleep(Duration::from_millis(400));
    assert!((rings(&agent.context("clock")) - 1.0).abs() < f64::EPSILON);
}
