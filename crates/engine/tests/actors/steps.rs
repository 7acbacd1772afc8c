//! Actors over the data layer: what the rules promise of their steps, their memory and their inboxes.

use super::device::{Device, Storage, mail_tool};
use cojson::json::Json;
use engine::actor::ActorId;

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// A list of to-dos: one actor that writes and shows them.
fn todos() -> Json {
    json(
        r#"{
        "id": "todos",
        "context": {"list": {"schema": "todos"}, "draft": "", "error": null},
        "messageTypes": ["CREATE", "TOGGLE", "DELETE"],
        "schemas": {"todos": {"properties": {"text": {"type": "string", "minLength": 1}}, "required": ["text"]}},
        "state": {"initial": "idle", "states": {
            "idle": {"on": {"CREATE": "creating", "TOGGLE": "toggling", "DELETE": "deleting"}},
            "creating": {
                "entry": {"tool": "@db", "payload": {"op": "create", "schema": "todos", "data": {"text": "$$text", "done": false}}},
                "on": {"CREATE": "creating", "SUCCESS": {"target": "idle", "actions": [{"updateContext": {"draft": ""}}]}, "ERROR": "failed"}
            },
            "toggling": {
                "entry": {"tool": "@db", "payload": {"op": "update", "id": "$$id", "data": {"done": {"$not": "$existing.done"}}}},
                "on": {"SUCCESS": "idle", "ERROR": "failed"}
            },
            "deleting": {
                "entry": {"tool": "@db", "payload": {"op": "delete", "id": "$$id"}},
                "on": {"SUCCESS": "idle", "ERROR": "failed"}
            },
            "failed": {"entry": {"updateContext": {"error": "$$errors.0.message"}}, "on": {"CREATE": "creating"}}
        }}
    }"#,
    )
}

/// An actor whose state `sending` waits for an application's tool.
fn mailer() -> Json {
    json(
        r#"{
        "id": "mailer",
        "context": {"sent": 0, "problem": null, "entered": 0},
        "state": {"initial": "idle", "states": {
            "idle": {"on": {"SEND": "sending"}},
            "sending": {
                "entry": [{"updateContext": {"entered": 1}}, {"tool": "@mail/send", "payload": {"to": "$$to"}}],
                "on": {
                    "SUCCESS": {"target": "idle", "actions": [{"updateContext": {"sent": "$$result.count"}}]},
                    "ERROR": {"target": "idle", "actions": [{"updateContext": {"problem": "$$errors.0.type"}}]}
                }
            }
        }}
    }"#,
    )
}

fn texts(device: &mut Device, actor: &ActorId) -> Vec<String> {
    let context = device.context(actor);
    let list = context
        .get("list")
        .and_then(Json::as_array)
        .unwrap_or_default();
    list.iter()
        .map(|item| item.get("text").unwrap().as_str().unwrap().to_owned())
        .collect()
}

fn first_id(device: &mut Device, actor: &ActorId) -> String {
    let context = device.context(actor);
    let list = context
        .get("list")
        .and_then(Json::as_array)
        .unwrap_or_default();
    list[0].get("id").unwrap().as_str().unwrap().to_owned()
}

#[test]
fn r1_a_create_is_three_transactions_in_one_write() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    device.send(&actor, "CREATE", r#"{"text":"warm up"}"#);
    device.take_transactions();
    assert!(device.send(&actor, "CREATE", r#"{"text":"milk"}"#));
    assert_eq!(device.writes.len(), 1, "one storage write");
    assert!(device.take_transactions() <= 3);
    assert_eq!(texts(&mut device, &actor), ["warm up", "milk"]);
    assert_eq!(device.state(&actor), "idle");
}

#[test]
fn r1_what_cannot_be_stored_is_told_and_kept_for_the_next_write() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    device.refuses_writes = true;
    let ticket = device.queue(&actor, "CREATE", r#"{"text":"milk"}"#);
    device.engine.process_inbox(device.now.plus_ms(1));
    device.engine.flush();
    while let Some(effect) = device.engine.poll_effect() {
        if let engine::actor::Effect::Node(cojson::sync::Effect::Store(batch)) = effect {
            device.engine.store_failed(batch.id);
        } else if let engine::actor::Effect::Handled { ticket, outcome } = effect {
            device.handled.insert(ticket, outcome);
        }
    }
    assert!(device.handled[&ticket].is_err());
    device.refuses_writes = false;
    device.settle();
    let mut restarted = device.restart(1, &[]);
    let actor = restarted.create(&todos());
    assert_eq!(texts(&mut restarted, &actor), ["milk"]);
}

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
fn b11_five_submits_in_one_task_are_five_creations() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    for number in 0..5 {
        device.queue(&actor, "CREATE", &format!(r#"{{"text":"{number}"}}"#));
    }
    device.settle();
    assert_eq!(texts(&mut device, &actor), ["0", "1", "2", "3", "4"]);
}

#[test]
fn b04_b05_b17_what_a_user_types_is_text() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    let typed = [
        "$draft",
        "why? because: x",
        "[1,2]",
        r#"{\"a\":1}"#,
        " leading",
        "$5 off",
        "$$text",
    ];
    for text in typed {
        assert!(
            device.send(&actor, "CREATE", &format!(r#"{{"text":"{text}"}}"#)),
            "{text}"
        );
    }
    let expected: Vec<String> = typed.iter().map(|text| text.replace('\\', "")).collect();
    assert_eq!(texts(&mut device, &actor), expected);
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
fn data_that_its_schema_refuses_is_not_written() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    device.send(&actor, "CREATE", r#"{"text":""}"#);
    assert_eq!(device.state(&actor), "failed");
    assert!(texts(&mut device, &actor).is_empty());
    assert!(!device.context(&actor).get("error").unwrap().is_null());
}

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
fn an_event_that_no_state_takes_is_not_handled_and_writes_nothing() {
    let mut device = Device::new(1);
    let actor = device.create(&mailer_without_tool());
    device.take_transactions();
    assert!(!device.send(&actor, "NOTHING", "{}"));
    assert_eq!(device.take_transactions(), 0);
}

fn mailer_without_tool() -> Json {
    json(r#"{"id":"plain","state":{"initial":"idle","states":{"idle":{}}}}"#)
}

#[test]
fn r12_an_event_outside_the_contract_is_refused_with_the_types_there_are() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    let event = engine::machine::Event::new("REMOVE", Json::Null);
    let error = device.engine.send(&actor, event).unwrap_err();
    assert_eq!(error.code(), "PLEIONE_E_NOT_IN_CONTRACT");
    assert!(error.to_string().contains("CREATE"), "{error}");
}

#[test]
fn r12_a_wrong_definition_names_document_path_and_expectation() {
    let check = |definition: &str, document: &str, path: &str| {
        let mut device = Device::new(1);
        let result = device.engine.create_actor(&json(definition));
        device.settle();
        let message = match result {
            Err(error) => error.to_string(),
            Ok(_) => device
                .failures
                .pop()
                .unwrap_or_else(|| panic!("{definition} was accepted")),
        };
        assert!(
            message.contains(document) && message.contains(path),
            "{definition}: {message}"
        );
    };
    check(r#"{"context":{}}"#, "actor", "id");
    check(r#"{"id":"a","colour":1}"#, "actor", "colour");
    check(
        r#"{"id":"a","state":{"initial":"x","states":{"x":{"on":{"E":"gone"}}}}}"#,
        "state",
        "states.x.on.E",
    );
    check(
        r#"{"id":"a","state":{"initial":"x","states":{"x":{"entry":{"tool":"@no/tool"}}}}}"#,
        "state",
        "states.x.entry",
    );
    check(
        r#"{"id":"a","messageTypes":["A"],"state":{"initial":"x","states":{"x":{"on":{"B":"x"}}}}}"#,
        "state",
        "states.x.on.B",
    );
    check(
        r#"{"id":"a","view":{"content":{"tag":"script"}}}"#,
        "view",
        "content",
    );
    check(
        r#"{"id":"a","context":{"q":{"schema":"s","options":{"order":1}}}}"#,
        "context",
        "q.options.order",
    );
    check(
        r#"{"id":"a","messageTypes":{"A":{"type":"nothing"}}}"#,
        "actor",
        "messageTypes.A",
    );
}

#[test]
fn r4_a_message_to_an_actor_is_handled_once_over_reloads() {
    let counter = json(
        r#"{"id":"counter","context":{"count":0,"list":[]},"state":{"initial":"idle","states":{"idle":{"on":{
            "COUNT":{"target":"idle","actions":[{"updateContext":{"list":{"$concat":["$list",["$$number"]]}}}]}}}}}}"#,
    );
    let teller = json(
        r#"{"id":"teller","state":{"initial":"idle","states":{"idle":{"on":{"TELL":{"target":"idle","actions":[
            {"tool":"@core/publishMessage","payload":{"type":"COUNT","target":"counter","payload":{"number":"$$number"}}}]}}}}}}"#,
    );
    let mut device = Device::new(1);
    let teller_id = device.create(&teller);
    device.send(&teller_id, "TELL", r#"{"number":1}"#);
    let counter_id = device.create(&counter);
    assert_eq!(
        device.context(&counter_id).get("list").unwrap().to_string(),
        "[1]",
        "sent before it ran"
    );
    device.send(&teller_id, "TELL", r#"{"number":2}"#);
    let mut restarted = device.restart(1, &[]);
    let counter_id = restarted.create(&counter);
    assert_eq!(
        restarted
            .context(&counter_id)
            .get("list")
            .unwrap()
            .to_string(),
        "[1,2]"
    );
}

#[test]
fn r4_a_dead_tabs_messages_are_handled_by_the_driver_alone() {
    let counter = json(
        r#"{"id":"counter","context":{"list":[]},"state":{"initial":"idle","states":{"idle":{"on":{
            "COUNT":{"target":"idle","actions":[{"updateContext":{"list":{"$concat":["$list",["$$number"]]}}}]}}}}}}"#,
    );
    let teller = json(
        r#"{"id":"teller","state":{"initial":"idle","states":{"idle":{"on":{"TELL":{"target":"idle","actions":[
            {"tool":"@core/publishMessage","payload":{"type":"COUNT","target":"counter","payload":{"number":"$$number"}}}]}}}}}}"#,
    );
    let mut dead = Device::new(1);
    let teller_id = dead.create(&teller);
    dead.send(&teller_id, "TELL", r#"{"number":7}"#);
    let mut other = dead.restart(2, &[]);
    let counter_id = other.create(&counter);
    assert_eq!(
        other.context(&counter_id).get("list").unwrap().to_string(),
        "[]",
        "not its driver"
    );
    other.engine.set_driver(&counter_id, true);
    other.settle();
    assert_eq!(
        other.context(&counter_id).get("list").unwrap().to_string(),
        "[7]"
    );
    other.engine.set_driver(&counter_id, true);
    other.settle();
    assert_eq!(
        other.context(&counter_id).get("list").unwrap().to_string(),
        "[7]"
    );
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
fn a_definition_edited_live_keeps_state_and_context() {
    let mut device = Device::new(1);
    let actor = device.create(&todos());
    device.send(&actor, "CREATE", r#"{"text":"milk"}"#);
    device.send(&actor, "CREATE", r#"{"text":""}"#);
    assert_eq!(device.state(&actor), "failed");
    let edited = todos().to_string().replace(
        r#""on":{"CREATE":"creating"}}"#,
        r#""on":{"CREATE":"creating","TOGGLE":"idle"}}"#,
    );
    device.create(&json(&edited));
    assert_eq!(device.state(&actor), "failed");
    assert_eq!(texts(&mut device, &actor), ["milk"]);
    assert!(device.send(&actor, "TOGGLE", "{}"));
    assert_eq!(device.state(&actor), "idle");
}
