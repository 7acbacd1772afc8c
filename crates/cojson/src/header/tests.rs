//! Headers: their ids, their forms, and what is refused.

use super::*;
use crate::json::Wire as _;

fn parse(text: &str) -> Result<Header, HeaderError> {
    Header::from_json(&Json::parse(text).unwrap())
}

fn owned(created_at: &str) -> String {
    format!(
        r#"{{"type":"comap","ruleset":{{"type":"ownedByGroup","group":"co_zA"}},"meta":null,{created_at}"uniqueness":{{"b":"1","a":"2"}}}}"#
    )
}

#[test]
fn the_order_of_members_does_not_change_the_id() {
    let one = parse(&owned("")).unwrap();
    let other = parse(
        r#"{"uniqueness":{"a":"2","b":"1"},"meta":null,"ruleset":{"group":"co_zA","type":"ownedByGroup"},"type":"comap"}"#,
    )
    .unwrap();
    assert_eq!(one.id(), other.id());
    let named = Header {
        uniqueness: Uniqueness::named([("a", "2"), ("b", "1")]),
        ..other
    };
    assert_eq!(named.id(), one.id());
}

#[test]
fn missing_null_and_given_times_are_three_ids() {
    let ids = ["", r#""createdAt":null,"#, r#""createdAt":"2026","#]
        .map(|created_at| parse(&owned(created_at)).unwrap().id());
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[test]
fn to_json_and_back_is_the_same_header() {
    for text in [
        owned(r#""createdAt":"2026","#),
        r#"{"type":"costream","ruleset":{"type":"unsafeAllowAll"},"meta":{"type":"binary"},"createdAt":null,"uniqueness":7}"#.to_owned(),
        r#"{"type":"new","ruleset":{"type":"ownedByGroup","group":"co_zA","restrictDeletion":true},"meta":null,"uniqueness":false}"#.to_owned(),
    ] {
        let header = parse(&text).unwrap();
        assert_eq!(header.to_json().to_string(), text);
        assert_eq!(Header::from_text(&text).unwrap(), header);
    }
}

#[test]
fn priorities_put_groups_first_and_binaries_last() {
    let agent = AgentId::parse("sealer_zA/signer_zB").unwrap();
    let account = Header::account(&agent);
    assert!(account.is_account() && !account.is_group());
    assert_eq!(account.account_agent(), Some(agent));
    assert_eq!(account.priority(), Priority::High);
    assert_eq!(parse(&owned("")).unwrap().priority(), Priority::Medium);
    let binary = parse(
        r#"{"type":"costream","ruleset":{"type":"unsafeAllowAll"},"meta":{"type":"binary"},"uniqueness":""}"#,
    );
    assert_eq!(binary.unwrap().priority(), Priority::Low);
}

#[test]
fn r11_a_header_that_is_none_is_refused_with_the_member() {
    let ruleset = r#""ruleset":{"type":"unsafeAllowAll"}"#;
    for (text, member) in [
        ("[]".to_owned(), "whole"),
        (
            format!(r#"{{{ruleset},"meta":null,"uniqueness":""}}"#),
            "type",
        ),
        (
            r#"{"type":"comap","meta":null,"uniqueness":""}"#.to_owned(),
            "ruleset",
        ),
        (
            format!(r#"{{"type":"comap",{ruleset},"uniqueness":""}}"#),
            "meta",
        ),
        (
            format!(r#"{{"type":"comap",{ruleset},"meta":[],"uniqueness":""}}"#),
            "meta",
        ),
        (
            format!(r#"{{"type":"comap",{ruleset},"meta":null}}"#),
            "uniqueness",
        ),
        (
            format!(r#"{{"type":"comap",{ruleset},"meta":null,"uniqueness":1.5}}"#),
            "uniqueness",
        ),
        (
            format!(r#"{{"type":"comap",{ruleset},"meta":null,"uniqueness":{{"a":1}}}}"#),
            "uniqueness",
        ),
        (
            format!(r#"{{"type":"comap",{ruleset},"meta":null,"uniqueness":"","x":1}}"#),
            "members",
        ),
        (
            format!(r#"{{"type":"comap",{ruleset},"meta":null,"uniqueness":"","createdAt":1}}"#),
            "createdAt",
        ),
        (owned("").replace("co_zA", "co_z"), "ruleset.group"),
        (owned("").replace("ownedByGroup", "group"), "ruleset"),
        (owned("").replace("ownedByGroup", "other"), "ruleset.type"),
    ] {
        assert_eq!(parse(&text).unwrap_err().member, member, "{text}");
    }
}
