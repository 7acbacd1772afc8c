//! Forged access: what nobody may do to a group is refused by a server that judges, and leaves the group as it was.

use cojson::ids::Timestamp;
use cojson::sync::SyncMessage;
use cojson::transaction::Transaction;

use crate::author::{Author, content, set};
use crate::cast::ALICE;
use crate::town::{JOINED, Town, private};

const REFUSED: Option<&str> = Some("group_change");

#[test]
fn r11_an_invitation_lifts_and_lowers_nobody_though_the_format_lets_it() {
    let [alice, bob, carol, invite] = [1, 2, 3, 6].map(Author::new);
    for (held, key, wanted, refusal) in [
        ("readerInvite", alice.account.as_str(), "reader", REFUSED),
        ("readerInvite", bob.account.as_str(), "reader", REFUSED),
        ("readerInvite", carol.account.as_str(), "reader", None),
        ("readerInvite", carol.account.as_str(), "admin", REFUSED),
        (
            "readerInvite",
            invite.agent.as_str(),
            "adminInvite",
            REFUSED,
        ),
        ("adminInvite", bob.account.as_str(), "admin", None),
        ("adminInvite", "everyone", "reader", REFUSED),
        ("writeOnlyInvite", "readKey", "key_z1", REFUSED),
    ] {
        let mut town = Town::with_members(&[(&bob, "writer")]);
        let group = town.group.clone();
        let role = set(invite.agent.as_str(), held, JOINED);
        town.check(&alice, &group, role, None);
        town.found_account(&carol);
        let one = set(key, wanted, JOINED + 1);
        town.check_in(&invite.agent_session(0), &invite, &group, one, refusal);
    }
}

#[test]
fn what_readers_ignore_is_taken_from_admins_alone_at_the_end_of_what_they_may_do() {
    let [alice, bob] = [1, 2].map(Author::new);
    let mut town = Town::with_members(&[(&bob, "writer")]);
    let group = town.group.clone();
    let ignored = |at| Transaction::Trusting {
        made_at: Timestamp(at),
        changes: r#"[{"op":"del","key":"key_z1_for_everyone"}]"#.into(),
        meta: None,
    };
    town.check(&alice, &group, ignored(JOINED + 1), None);
    town.check(&bob, &group, ignored(JOINED + 1), REFUSED);
    town.check(
        &alice,
        &group,
        set("everyone", "writeOnly", JOINED + 2),
        None,
    );

    // As the reference founds a group in which everyone may only write, all in one piece.
    let header = alice.group_header("box");
    let (id, session) = (header.id(), alice.session(3));
    let log = [
        set(alice.account.as_str(), "admin", JOINED),
        set("readKey", "key_z1", JOINED),
        set("everyone", "writeOnly", JOINED),
        private("encrypted_Uabcd", None, JOINED),
    ];
    let piece = alice.content(&session, &log, 0);
    let message = content(&id, Some(header), &session, piece);
    town.server.rejections.clear();
    town.server.tell(ALICE, SyncMessage::Content(message));
    assert_eq!(town.server.rejection_codes(), [""; 0]);
    assert_eq!(town.server.replica.known_state(&id).count(&session), 4);
}

#[test]
fn r11_a_circle_of_parents_is_refused_and_counted_however_long_and_costs_the_groups_nothing() {
    let [alice, bob] = [1, 2].map(Author::new);
    let mut town = Town::with_members(&[(&bob, "writer")]);
    let map = town.map.clone();
    let mut groups = vec![town.group.clone()];
    for name in ["second", "third", "fourth"] {
        let header = alice.group_header(name);
        let id = header.id();
        town.headers.insert(id.clone(), header);
        let founding = set(alice.account.as_str(), "admin", JOINED);
        town.check(&alice, &id, founding, None);
        let below = groups.last().unwrap().clone();
        let parent = set(&format!("parent_{below}"), "extend", JOINED + 10);
        town.check(&alice, &id, parent, None);
        groups.push(id);
    }
    let first = groups[0].clone();
    for (life, parent) in (10..).zip(&groups) {
        let circle = set(&format!("parent_{parent}"), "extend", JOINED + 20);
        town.check_in(&alice.session(life), &alice, &first, circle, REFUSED);
    }
    town.check(&bob, &map, set("k", "v", JOINED + 30), None);
}

#[test]
fn r11_an_invitation_that_was_taken_back_opens_nothing_however_far_back_it_dates() {
    let [alice, carol, invite] = [1, 3, 6].map(Author::new);
    let mut town = Town::with_members(&[]);
    town.found_account(&carol);
    let group = town.group.clone();
    for (role, at) in [("writerInvite", JOINED), ("revoked", JOINED + 10)] {
        town.check(&alice, &group, set(invite.agent.as_str(), role, at), None);
    }
    for (life, at) in [(0, JOINED + 11), (1, JOINED + 5)] {
        let one = set(carol.account.as_str(), "writer", at);
        town.check_in(&invite.agent_session(life), &invite, &group, one, REFUSED);
    }
}

#[test]
fn r11_who_may_only_write_because_everyone_may_names_its_own_key_and_nothing_else() {
    let [alice, bob, mallory] = [1, 2, 5].map(Author::new);
    let own = mallory.account.to_string();
    for (key, value, refusal) in [
        (format!("writeKeyFor_{own}"), "key_z5", None),
        (format!("writeKeyFor_{}", bob.account), "key_z5", REFUSED),
        (format!("key_z6_for_{}", alice.account), "sealed_U", REFUSED),
        (own.clone(), "writer", REFUSED),
        (own.clone(), "revoked", REFUSED),
        ("readKey".to_owned(), "key_z5", REFUSED),
        ("everyone".to_owned(), "writer", REFUSED),
    ] {
        let mut town = Town::with_members(&[(&bob, "writeOnly")]);
        town.found_account(&mallory);
        let (group, map) = (town.group.clone(), town.map.clone());
        town.check(&alice, &group, set("everyone", "writeOnly", JOINED), None);
        town.check(&mallory, &group, set(&key, value, JOINED + 1), refusal);
        if refusal.is_none() {
            let revealed = format!("key_z5_for_{}", alice.account);
            let reveal = set(&revealed, "sealed_U", JOINED + 2);
            town.check(&mallory, &group, reveal, None);
        }
        town.check(&mallory, &map, set("k", "v", JOINED + 3), None);
    }
}
