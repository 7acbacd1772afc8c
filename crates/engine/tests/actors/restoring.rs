//! Actors after a reload: restored, never run again (R3).

use super::device::{Device, Storage, mail_tool};
use super::fixtures::{json, mailer};

#[test]
fn r3_restored_not_rerun() {
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(false)]);
    let actor = device.create(&mailer());
    device.send(&actor, "SEND", r#"{"to":"ada"}"#);
    device.answer(Ok(json(r#"{"count":1}"#)));
    let mut restarted = device.restart(1, &[mail_tool(false)]);
    let actor = restarted.create(&mailer());
    assert_eq!(restarted.state(&actor), "idle");
    assert_eq!(
        restarted.context(&actor).to_string(),
        r#"{"sent":1,"problem":null,"entered":1}"#
    );
    assert!(restarted.calls.is_empty());
}

#[test]
fn r3_a_call_that_was_cut_off_is_told_as_interrupted() {
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(false)]);
    let actor = device.create(&mailer());
    device.send(&actor, "SEND", r#"{"to":"ada"}"#);
    assert_eq!(device.state(&actor), "sending");
    let mut restarted = device.restart(1, &[mail_tool(false)]);
    let actor = restarted.create(&mailer());
    assert!(
        restarted.calls.is_empty(),
        "b08: the entry tool does not run again"
    );
    assert_eq!(restarted.state(&actor), "idle");
    assert_eq!(
        restarted.context(&actor).get("problem").unwrap().as_str(),
        Some("interrupted")
    );
}

#[test]
fn r3_an_idempotent_call_is_made_again_with_the_same_key() {
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(true)]);
    let actor = device.create(&mailer());
    device.send(&actor, "SEND", r#"{"to":"ada"}"#);
    let first = device.calls[0].clone();
    let mut restarted = device.restart(1, &[mail_tool(true)]);
    let actor = restarted.create(&mailer());
    assert_eq!(restarted.calls[0].call, first.call);
    assert_eq!(restarted.calls[0].payload.to_string(), r#"{"to":"ada"}"#);
    restarted.answer(Ok(json(r#"{"count":5}"#)));
    assert_eq!(restarted.state(&actor), "idle");
    assert_eq!(
        restarted.context(&actor).get("sent").unwrap().as_number(),
        Some(5.0)
    );
}

#[test]
fn r3_a_state_that_the_definition_lost_falls_back_with_a_warning() {
    let mut device = Device::over(Storage::default(), 1, &[mail_tool(false)]);
    let actor = device.create(&mailer());
    device.send(&actor, "SEND", r#"{"to":"ada"}"#);
    let mut restarted = device.restart(2, &[]);
    let shrunk = json(
        r#"{"id":"mailer","context":{"sent":0},"state":{"initial":"ready","states":{"ready":{}}}}"#,
    );
    let actor = restarted.create(&shrunk);
    assert_eq!(restarted.state(&actor), "ready");
    let warning = &restarted.warnings[0];
    assert!(
        warning.message.contains("sending") && warning.message.contains("ready"),
        "{warning:?}"
    );
}

#[test]
fn b08_a_reload_while_a_tool_runs_does_not_run_it_again() {
    let tools = [mail_tool(false)];
    let mut device = Device::over(Storage::default(), 1, &tools);
    let actor = device.create(&mailer());
    device.send(&actor, "SEND", r#"{"to":"ada"}"#);
    for _ in 0..3 {
        device = device.restart(1, &tools);
        device.create(&mailer());
        assert!(device.calls.is_empty());
    }
    assert_eq!(device.state(&actor), "idle");
}
