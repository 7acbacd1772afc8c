//! The recorded session of the reference implementation, its groups: every role that was given holds when it was given, every
//! key that was wrapped opens for those whom it was wrapped for and for nobody else, and the recorded invitation lets in.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use std::collections::BTreeSet;

use cojson::access::Role;
use cojson::account::account_id;
use cojson::crypto::{AgentSecret, InviteSecret};
use cojson::entropy::Entropy;
use cojson::group::Member;
use cojson::header::Header;
use cojson::ids::{CoId, KeyId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::node::{Node, NodeConfig};
use cojson::sync::{PeerRole, ReplicaConfig, SyncMessage};
use cojson::transaction::Transaction;

#[path = "vectors/recording.rs"]
mod recording;
use recording::*;

/// One key that was set in a group's log, as it is recorded.
struct Setting {
    group: CoId,
    made_at: Timestamp,
    key: String,
    value: String,
}

/// Every setting of every recorded group and account.
fn settings() -> Vec<Setting> {
    let mut found = Vec::new();
    let mut groups = BTreeSet::new();
    for message in lines().flat_map(|line| content_messages(&line)) {
        let SyncMessage::Content(content) = message else {
            continue;
        };
        if content.header.as_ref().is_some_and(Header::has_members) {
            groups.insert(content.id.clone());
        }
        let new = content
            .new
            .values()
            .flat_map(|piece| &piece.new_transactions);
        for transaction in new.filter(|_| groups.contains(&content.id)) {
            let Transaction::Trusting {
                made_at, changes, ..
            } = transaction
            else {
                continue;
            };
            let changes = Json::parse(changes).unwrap();
            let [change] = changes.as_array().unwrap() else {
                continue;
            };
            found.push(Setting {
                group: content.id.clone(),
                made_at: *made_at,
                key: text(change, &["key"]).to_owned(),
                value: text(change, &["value"]).to_owned(),
            });
        }
    }
    found
}

/// What the log says that somebody can open: read from its keys alone, without any cryptography.
fn opened_by(person: &str, settings: &[Setting]) -> BTreeSet<String> {
    let secret = AgentSecret::parse(text(&secrets(), &[person, "secret"])).unwrap();
    let names = [
        account(person).to_string(),
        secret.agent_id().to_string(),
        "everyone".into(),
    ];
    let mut opened = BTreeSet::new();
    loop {
        let before = opened.len();
        for Setting { key, .. } in settings {
            if let Some((wrapped, around)) = key.split_once("_for_")
                && (names.iter().any(|name| name == around) || opened.contains(around))
            {
                opened.insert(wrapped.to_owned());
            }
        }
        if opened.len() == before {
            return opened;
        }
    }
}

#[test]
fn every_key_opens_for_those_whom_it_was_wrapped_for_and_for_nobody_else() {
    let settings = settings();
    let mut wrapped: Vec<(&CoId, &str)> = settings
        .iter()
        .filter_map(|it| Some((&it.group, it.key.split_once("_for_")?.0)))
        .collect();
    wrapped.sort();
    wrapped.dedup();
    let mut verdicts = [0, 0];
    for person in ["alice", "bob", "carol"] {
        let mut node = node_of(person);
        replay_until(&mut node, "");
        let expected = opened_by(person, &settings);
        for (group, key) in &wrapped {
            let opens = node.can_open(group, &KeyId::parse(key).unwrap());
            assert_eq!(opens, expected.contains(*key), "{person} {group} {key}");
            verdicts[usize::from(opens)] += 1;
        }
    }
    assert!(verdicts[0] > 5 && verdicts[1] > 10, "{verdicts:?}");
}

#[test]
fn every_role_holds_from_when_it_was_given() {
    let mut alice = node_of("alice");
    replay_until(&mut alice, "");
    let mut given = BTreeSet::new();
    for it in settings() {
        let (Some(member), Some(role)) = (Member::parse(&it.key), Role::parse(&it.value)) else {
            continue;
        };
        let expected = Some(role).filter(|role| *role != Role::Revoked);
        let held = alice.role_of(&it.group, &member, it.made_at);
        assert_eq!(held, expected, "{} in {}", it.key, it.group);
        if role != Role::Revoked {
            let before = Timestamp(it.made_at.0 - 1);
            let held = alice.role_of(&it.group, &member, before);
            assert_ne!(held, expected, "{} in {}", it.key, it.group);
        }
        given.insert(role.as_str());
    }
    let expected = ["admin", "reader", "readerInvite", "revoked", "writer"];
    assert_eq!(given, expected.into());
}

#[test]
fn the_recorded_invitation_lets_a_stranger_in_who_reads_all_of_it() {
    let secret = AgentSecret::generate(&mut Entropy::from_seed([9; 32]));
    let own = account_id(&secret.agent_id());
    let mut stranger = Node::new(NodeConfig {
        session: SessionId::parse(&format!("{own}_session_zFresh")).unwrap(),
        secret,
        entropy_seed: [9; 32],
        limits: ReplicaConfig::default(),
    });
    stranger.load_own();
    stranger.connect(SERVER, PeerRole::Server);
    settle(&mut stranger);
    stranger.found_account().unwrap();
    replay_until(&mut stranger, "");
    let (group, map) = (value_id("group"), value_id("map"));
    let shows = |node: &mut Node| node.shown(&map).unwrap().to_json();
    // What was written for everyone to read, and nothing else.
    let before = shows(&mut stranger);
    assert!(before.get("plain").is_some() && before.get("hello").is_none());
    let invitation = InviteSecret::parse(text(&secrets(), &["invite"])).unwrap();
    assert_eq!(stranger.invited_to(&group, &invitation), Some(Role::Reader));
    let now = Timestamp(1_795_334_600_000);
    let role = stranger.accept_invite(&group, &invitation, now);
    assert_eq!(role, Ok(Role::Reader));
    let stable = cojson::json::to_stable_string;
    let expected = secrets().get("expected").unwrap().get("map").cloned();
    assert_eq!(stable(&shows(&mut stranger)), stable(&expected.unwrap()));
}
