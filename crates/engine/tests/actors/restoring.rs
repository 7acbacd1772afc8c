//! Actors after a reload: restored, never run again (R3).

use super::device::{Device, Storage, mail_tool};
use super::fixtures::{json, mailer, texts};
use cojson::json::Json;
use engine::actor::ActorId;

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

/// An actor that writes to what it has not asked for before: the built-in call has to wait for storage.
fn filer() -> Json {
    json(
        r#"{"id":"filer","context":{"kept":null},"state":{"initial":"idle","states":{
            "idle":{"on":{"FILE":"filing","TELL":"telling"}},
            "filing":{"entry":{"tool":"@db","payload":{"op":"create","schema":"files","data":{"text":"$$text"}}},
                "on":{"SUCCESS":{"target":"idle","actions":[{"updateContext":{"kept":"$$result.text"}}]}}},
            "telling":{"entry":{"tool":"@core/publishMessage","payload":{"type":"NOTE","target":"reader","payload":{"text":"$$text"}}},
                "on":{"SUCCESS":{"target":"idle","actions":[{"updateContext":{"kept":"told"}}]}}}}}}"#,
    )
}

/// A tab that died while storage was being read for the call of that event; started again, and its actor.
fn restarted_while_waiting(event_type: &str) -> (Device, ActorId) {
    let mut device = Device::new(1);
    let actor = device.create(&filer());
    device.is_slow = true;
    device.send(&actor, event_type, r#"{"text":"a page"}"#);
    assert_ne!(device.state(&actor), "idle");
    assert_eq!(device.unanswered.len(), 1, "what the call waits for");
    let mut restarted = device.restart(1, &[]);
    let actor = restarted.create(&filer());
    (restarted, actor)
}

#[test]
fn r3_a_built_in_call_that_waited_when_the_tab_died_is_made_once_after_the_reload() {
    let (mut restarted, actor) = restarted_while_waiting("FILE");
    assert_eq!(restarted.state(&actor), "idle");
    let kept = restarted.context(&actor).get("kept").cloned();
    assert_eq!(kept.unwrap().as_str(), Some("a page"));
    let reader = json(r#"{"id":"reader","context":{"list":{"schema":"files"}}}"#);
    let reader_id = restarted.create(&reader);
    assert_eq!(texts(&mut restarted, &reader_id), ["a page"]);
    let mut again = restarted.restart(1, &[]);
    again.create(&filer());
    let reader_id = again.create(&reader);
    assert_eq!(texts(&mut again, &reader_id), ["a page"], "not once more");
}

#[test]
fn r3_r4_a_message_that_waited_when_the_tab_died_is_sent_once_after_the_reload() {
    let (mut restarted, actor) = restarted_while_waiting("TELL");
    assert_eq!(restarted.state(&actor), "idle");
    let reader = json(
        r#"{"id":"reader","context":{"heard":[]},"state":{"initial":"idle","states":{"idle":{"on":{
            "NOTE":{"target":"idle","actions":[{"updateContext":{"heard":{"$concat":["$heard",["$$text"]]}}}]}}}}}}"#,
    );
    let mut again = restarted.restart(1, &[]);
    for device in [&mut restarted, &mut again] {
        device.create(&filer());
        let reader = device.create(&reader);
        let heard = device.context(&reader).get("heard").unwrap().to_string();
        assert_eq!(heard, r#"["a page"]"#);
    }
}
