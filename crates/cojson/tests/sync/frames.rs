//! The frame codec: what genuine peers send is read, what nobody sends is refused before it costs anything.

use cojson::sync::{FrameError, FrameLimits, SyncMessage, decode_frame, encode_frame, encode_ping};

const LOAD: &str = r#"{"action":"load","id":"co_zA","header":false,"sessions":{}}"#;
const LIMITS: FrameLimits = FrameLimits {
    frame_bytes_max: 400,
    message_bytes_max: 100,
    frame_messages_max: 4,
};

fn codes(frame: &str) -> Vec<&'static str> {
    let decoded = decode_frame(frame, &LIMITS);
    let code = |message: &Result<SyncMessage, FrameError>| match message {
        Ok(_) => "ok",
        Err(error) => error.code(),
    };
    decoded.iter().map(code).collect()
}

#[test]
fn r11_a_bad_line_costs_only_itself() {
    let long = format!(r#"{{"action":"load","id":"{}"}}"#, "x".repeat(100));
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("\n\n", &[]),
        (LOAD, &["ok"]),
        (&format!("{LOAD}\n{LOAD}"), &["ok", "ok"]),
        (
            &format!("{LOAD}\nnonsense\n{LOAD}"),
            &["ok", "not_json", "ok"],
        ),
        (&format!("{long}\n{LOAD}"), &["message_too_large", "ok"]),
        (
            &[LOAD; 6].join("\n"),
            &["ok", "ok", "ok", "ok", "too_many_messages"],
        ),
        (&"x".repeat(401), &["frame_too_large"]),
        (r#"{"type":"ping","time":1,"dc":"x"}"#, &[]),
        (r#"{"action":"done","id":"co_zA"}"#, &[]),
        (r#"{"action":"dance","id":"co_zA"}"#, &["unknown_action"]),
        (r#"{"type":"pong"}"#, &["unknown_action"]),
        ("[]", &["malformed"]),
        ("{}", &["unknown_action"]),
        ("null", &["malformed"]),
        (&LOAD[..LOAD.len() - 1], &["not_json"]),
        (&format!("{LOAD},"), &["not_json"]),
        (r#"{"action":7}"#, &["malformed"]),
        (
            r#"{"action":"load","id":"co_z0","header":false,"sessions":{}}"#,
            &["malformed"],
        ),
        (
            r#"{"action":"load","id":"co_zA","header":1,"sessions":{}}"#,
            &["malformed"],
        ),
        (
            r#"{"action":"load","id":"co_zA","header":true,"sessions":{"x":1}}"#,
            &["malformed"],
        ),
        (
            r#"{"action":"known","id":"co_zA","header":true}"#,
            &["malformed"],
        ),
        (
            r#"{"action":"content","id":"co_zA","new":7}"#,
            &["malformed"],
        ),
        (
            r#"{"action":"reconcile","id":"z","values":[["co_zA"]]}"#,
            &["malformed"],
        ),
    ];
    for (frame, expected) in cases {
        assert_eq!(codes(frame), *expected, "{frame}");
    }
}

#[test]
fn r11_the_action_may_stand_anywhere_and_of_several_the_last_counts() {
    let members = r#""id":"co_zA","header":false,"sessions":{}"#;
    for (frame, action) in [
        (format!(r#"{{"action":"load",{members}}}"#), "load"),
        (format!(r#"{{{members},"action":"load"}}"#), "load"),
        (format!(r#"{{ "action" : "load",{members}}}"#), "load"),
        (format!(r#"{{"\u0061ction":"load",{members}}}"#), "load"),
        (format!(r#"{{"action":"lo\u0061d",{members}}}"#), "load"),
        (
            format!(r#"{{"action":"load",{members},"action":"load"}}"#),
            "load",
        ),
        (
            format!(r#"{{"action":"load",{members},"action":"known"}}"#),
            "known",
        ),
        (
            format!(r#"{{"action":"load",{members},"x":{{"action":"known"}}}}"#),
            "load",
        ),
    ] {
        let decoded = decode_frame(&frame, &FrameLimits::default());
        let [Ok(message)] = &decoded[..] else {
            panic!("{frame}: {decoded:?}");
        };
        let written = encode_frame([message]);
        assert_eq!(written, format!(r#"{{"action":"{action}",{members}}}"#));
    }
    let unclear = format!(r#"{{"action":"load",{members},"action":null}}"#);
    assert_eq!(codes(&unclear), ["unknown_action"]);
}

#[test]
fn r11_nesting_does_not_overflow_the_stack() {
    let deep = format!(r#"{{"action":"content","x":{}"#, "[".repeat(1 << 20));
    let decoded = decode_frame(&deep, &FrameLimits::default());
    assert!(matches!(decoded[..], [Err(FrameError::NotJson { .. })]));
}

#[test]
fn a_correction_says_so_and_a_plain_known_does_not() {
    let plain =
        r#"{"action":"known","id":"co_zA","header":true,"sessions":{"co_zB_session_z1":2}}"#;
    let correction = plain.replace("}}", r#"},"isCorrection":true}"#);
    for frame in [plain, &correction] {
        let decoded: Vec<_> = decode_frame(frame, &FrameLimits::default());
        assert_eq!(encode_frame(decoded.iter().flatten()), frame);
    }
}

#[test]
fn a_ping_is_what_clients_expect() {
    let ping = encode_ping(cojson::ids::Timestamp(12), "here\"");
    assert_eq!(ping, r#"{"type":"ping","time":12,"dc":"here\""}"#);
}
