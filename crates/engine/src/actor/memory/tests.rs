//! What a memory writes, and what it shows.

use super::*;

fn object(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn defaults(text: &str) -> JsonObject {
    object(text).as_object().cloned().unwrap()
}

fn session() -> SessionId {
    SessionId::parse("co_zA_session_zB").unwrap()
}

#[test]
fn r1_state_context_and_cursor_are_written_together() {
    let mut memory = Memory::first(&defaults(r#"{"a":1}"#));
    memory.take_unwritten();
    memory.set_place(CURRENT_STATE, &"busy".into());
    memory.set_context(&object(r#"{"a":2}"#));
    let cursor = Cursor {
        handled: 3,
        is_aligned: true,
    };
    memory.set_cursor(&session(), cursor);
    let keys: Vec<String> = memory
        .take_unwritten()
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_eq!(keys, ["_currentState", "a", "_inbox/co_zA_session_zB"]);
    assert!(!memory.has_unwritten());
}

#[test]
fn what_is_stored_covers_the_defaults_and_bookkeeping_stays_hidden() {
    let mut memory = Memory::default();
    let stored = object(
        r#"{"a":2,"_currentState":"busy","_inbox/co_zA_session_zB":4,"_call/x":{"tool":"@t"}}"#,
    );
    memory.read(&defaults(r#"{"a":1,"b":1}"#), &stored);
    assert_eq!(memory.visible().to_string(), r#"{"a":2,"b":1}"#);
    assert_eq!(*memory.state(), "busy".into());
    assert_eq!(memory.cursor(&session()), 4);
    assert_eq!(memory.calls().len(), 1);
}

#[test]
fn a_call_that_answers_in_its_own_task_leaves_no_trace() {
    let mut memory = Memory::default();
    let call = CallId::new("x");
    memory.begin_call(&call, Json::empty_object());
    memory.end_call(&call);
    assert!(!memory.has_unwritten());
}

#[test]
fn a_query_result_is_shown_but_never_written() {
    let mut memory = Memory::default();
    let item = object(r#"{"id":"co_zA"}"#);
    assert!(memory.set_result(&"list".into(), vec![item.clone()].into()));
    assert!(
        !memory.set_result(&"list".into(), vec![item].into()),
        "the same items"
    );
    memory.set_context(&object(r#"{"list":[],"other":1}"#));
    assert_eq!(
        memory
            .visible()
            .get("list")
            .unwrap()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(!memory.take_unwritten().contains_key("list"));
}
