//! Who may write: what the rules allow is taken, what they do not is refused with its reason, costs nobody else anything,
//! and does not keep its author from writing when it may again.

use cojson::sync::{Segment, SyncMessage, WriteRule};

use crate::author::{Author, content, map_header, set};
use crate::cast::{ALICE, forge};
use crate::erasure::deletion;
use crate::town::{FOUNDED, JOINED, Town, private};

#[test]
fn content_is_taken_from_members_who_may_write_and_from_nobody_else() {
    let refused = Some("not_a_writer");
    for (role, refusal) in [
        ("admin", None),
        ("manager", None),
        ("writer", None),
        ("writeOnly", None),
        ("reader", refused),
        ("revoked", refused),
        ("writerInvite", refused),
        ("adminInvite", refused),
    ] {
        let bob = Author::new(2);
        let mut town = Town::with_members(&[(&bob, role)]);
        let map = town.map.clone();
        town.check(&bob, &map, set("k", role, JOINED + 1), refusal);
        // Before it joined it was nobody, whatever it is now.
        let mut town = Town::with_members(&[(&bob, role)]);
        town.check(&bob, &map, set("k", role, JOINED - 1), refused);
    }
    let stranger = Author::new(3);
    let mut town = Town::with_members(&[]);
    town.found_account(&stranger);
    let map = town.map.clone();
    town.check(&stranger, &map, set("k", "v", JOINED), refused);
    town.join(&Author::new(4), "reader", JOINED);
    // What everyone may do, a stranger may.
    let (alice, group) = (Author::new(1), town.group.clone());
    town.check(&alice, &group, set("everyone", "writer", JOINED + 1), None);
    town.check(&stranger, &map, set("k", "v", JOINED + 2), None);
}

#[test]
fn a_removed_member_is_refused_however_far_back_it_dates_and_may_write_again_when_it_is_back() {
    let bob = Author::new(2);
    let mut town = Town::with_members(&[(&bob, "writer")]);
    let map = town.map.clone();
    town.check(&bob, &map, set("k", "in time", JOINED + 1), None);
    town.join(&bob, "revoked", JOINED + 10);
    town.check(
        &bob,
        &map,
        set("k", "late", JOINED + 11),
        Some("not_a_writer"),
    );
    town.check(
        &bob,
        &map,
        set("k", "back-dated", JOINED + 2),
        Some("not_a_writer"),
    );
    // Others go on as ever.
    let alice = Author::new(1);
    town.check(&alice, &map, set("k", "v", JOINED + 12), None);
    town.join(&bob, "writer", JOINED + 20);
    town.check(&bob, &map, set("k", "back", JOINED + 21), None);
    assert_eq!(
        town.server.replica.known_state(&map).count(&bob.session(0)),
        4
    );
}

/// Sends an author's transactions, dated so, each as a piece of its own and all together. Returns what was refused, and how
/// many were taken.
fn write_together(town: &mut Town, author: &Author, dates: &[u64]) -> (Vec<&'static str>, u32) {
    let session = author.session(0);
    let log: Vec<_> = dates.iter().map(|at| set("k", "v", *at)).collect();
    let messages = (0..log.len()).map(|n| {
        let piece = author.content(&session, &log[..=n], n as u32);
        let message = content(&town.map, None, &session, piece);
        (ALICE, SyncMessage::Content(message))
    });
    town.server.rejections.clear();
    town.server.replica.receive_all(messages);
    town.server.settle();
    let count = town.server.replica.known_state(&town.map).count(&session);
    (town.server.rejection_codes(), count)
}

#[test]
fn what_is_verified_together_is_judged_as_if_it_came_alone() {
    for (role, dates, refused, count) in [
        ("writer", [1, 2, 3], &[][..], 3),
        // Back-dated to before it joined: that one alone.
        ("writer", [1, 2, -1], &["not_a_writer"], 2),
        // What builds on one that is refused has nothing to build on.
        ("reader", [1, 2, 3], &["not_a_writer"], 0),
    ] {
        let bob = Author::new(2);
        let mut town = Town::with_members(&[(&bob, role)]);
        let dates = dates.map(|after: i64| JOINED.saturating_add_signed(after));
        let outcome = write_together(&mut town, &bob, &dates);
        assert_eq!(outcome, (refused.to_vec(), count), "{role} {dates:?}");
    }
}

#[test]
fn a_group_changes_only_as_its_members_may_change_it() {
    let [bob, carol] = [2, 3].map(Author::new);
    let refused = Some("group_change");
    let carols = carol.account.to_string();
    let bobs = bob.account.to_string();
    for (role, key, value, refusal) in [
        ("admin", &*carols, "admin", None),
        ("manager", &carols, "writer", None),
        ("manager", &carols, "admin", refused),
        ("writer", &carols, "writer", refused),
        ("reader", &bobs, "admin", refused),
        ("reader", &bobs, "revoked", None),
        ("writer", "readKey", "key_z1", refused),
        ("admin", "readKey", "key_z1", None),
        ("admin", &carols, "owner", refused),
        ("writerInvite", &carols, "writer", None),
        ("writerInvite", &carols, "admin", refused),
        ("writer", "key_z1_for_everyone", "keySecret_z1", refused),
        ("revoked", &bobs, "admin", refused),
        ("revoked", &bobs, "revoked", refused),
    ] {
        let mut town = Town::with_members(&[(&bob, role)]);
        town.found_account(&carol);
        let group = town.group.clone();
        town.check(&bob, &group, set(key, value, JOINED + 1), refusal);
    }
}

#[test]
fn a_stranger_leaves_no_trace_in_a_group_not_even_by_leaving_it() {
    let mallory = Author::new(5);
    let mut town = Town::with_members(&[]);
    town.found_account(&mallory);
    let (own, group) = (mallory.account.to_string(), town.group.clone());
    for (index, one) in [
        set(&own, "admin", JOINED),
        set(&own, "revoked", JOINED),
        set(&own, "admin", 1),
        set("everyone", "writer", JOINED),
        private("encrypted_Uabcd", None, JOINED),
    ]
    .into_iter()
    .enumerate()
    {
        // Each in a session of its own, so that none hides behind another.
        let session = mallory.session(index as u32);
        town.check_in(&session, &mallory, &group, one, Some("group_change"));
    }
}

#[test]
fn who_may_no_longer_change_a_group_cannot_do_it_in_the_past_either() {
    let [bob, carol] = [2, 3].map(Author::new);
    for (role, refusal) in [("admin", None), ("writer", Some("group_change"))] {
        let mut town = Town::with_members(&[(&bob, "admin")]);
        town.found_account(&carol);
        // Bob steps down himself: no admin may demote another.
        let group = town.group.clone();
        let own = set(bob.account.as_str(), role, JOINED + 10);
        town.check_in(&bob.session(0), &bob, &group, own, None);
        let back_dated = set(carol.account.as_str(), "admin", JOINED + 5);
        town.check_in(&bob.session(1), &bob, &group, back_dated, refusal);
    }
}

#[test]
fn a_member_of_a_parent_group_writes_until_the_parent_removes_it() {
    let [alice, bob] = [1, 2].map(Author::new);
    let mut town = Town::with_members(&[]);
    town.found_account(&bob);
    let parent = alice.group_header("parent");
    let parent_id = parent.id();
    town.headers.insert(parent.id(), parent);
    town.check(
        &alice,
        &parent_id,
        set(alice.account.as_str(), "admin", FOUNDED),
        None,
    );
    let extend = set(&format!("parent_{parent_id}"), "extend", JOINED);
    let (group, map) = (town.group.clone(), town.map.clone());
    town.check(&alice, &group, extend, None);
    town.check(&bob, &map, set("k", "v", JOINED + 1), Some("not_a_writer"));
    town.check(
        &alice,
        &parent_id,
        set(bob.account.as_str(), "writer", JOINED + 2),
        None,
    );
    town.check(&bob, &map, set("k", "v", JOINED + 3), None);
    town.check(
        &alice,
        &parent_id,
        set(bob.account.as_str(), "revoked", JOINED + 4),
        None,
    );
    town.check(&bob, &map, set("k", "v", JOINED + 3), Some("not_a_writer"));
}

#[test]
fn a_reader_may_note_that_it_made_a_branch_and_nothing_else() {
    let refused = Some("not_a_writer");
    for (one, refusal) in [
        (
            private("encrypted_UW10=", Some("encrypted_Uabcd"), JOINED + 1),
            None,
        ),
        (private("encrypted_UW10=", None, JOINED + 1), refused),
        (
            private("encrypted_UW10x", Some("encrypted_Uabcd"), JOINED + 1),
            refused,
        ),
        (
            private("encrypted_UW10xW10=", Some("encrypted_Uabcd"), JOINED + 1),
            refused,
        ),
    ] {
        let bob = Author::new(2);
        let mut town = Town::with_members(&[(&bob, "reader")]);
        let map = town.map.clone();
        town.check(&bob, &map, one, refusal);
    }
}

#[test]
fn what_belongs_to_an_account_is_written_by_it_alone() {
    let [alice, bob] = [1, 2].map(Author::new);
    let mut town = Town::with_members(&[(&bob, "admin")]);
    let profile = map_header(&alice.account, "profile");
    let id = profile.id();
    town.headers.insert(id.clone(), profile);
    town.check(&alice, &id, set("name", "Alice", FOUNDED), None);
    town.check(&bob, &id, set("name", "Bob", JOINED), Some("not_a_writer"));
    let agent = alice.agent_session(0);
    town.check_in(
        &agent,
        &alice,
        &alice.account.clone(),
        set("root", "co_z1", 2),
        None,
    );
    // Another agent's key does not open an account, and neither does another account's.
    let account = alice.account.clone();
    let own = set(bob.account.as_str(), "admin", 2);
    town.check(&bob, &account, own, Some("group_change"));
}

#[test]
fn a_value_of_a_group_that_nobody_has_is_not_taken() {
    let alice = Author::new(1);
    let mut town = Town::with_members(&[]);
    let nowhere = map_header(&alice.group_header("nowhere").id(), "map");
    let id = nowhere.id();
    town.headers.insert(id.clone(), nowhere);
    let codes = town.write(&alice, &id, &alice.session(0), set("k", "v", JOINED));
    // Alice was asked for the group, and has not got it.
    assert!(codes.is_empty());
    let group = alice.group_header("nowhere").id();
    town.server
        .tell(ALICE, crate::cast::known(&group, false, &[]));
    assert_eq!(town.server.rejection_codes(), ["no_group"]);
}

#[test]
fn r11_a_refused_session_costs_the_others_of_its_message_nothing() {
    let [alice, bob] = [1, 2].map(Author::new);
    let mut town = Town::with_members(&[(&bob, "reader")]);
    let map = town.map.clone();
    let session = alice.session(7);
    let good = alice.content(&session, &[set("k", "good", JOINED + 1)], 0);
    let bad = bob.content(&bob.session(0), &[set("k", "bad", JOINED + 1)], 0);
    let mut message = content(&map, None, &session, good);
    message.new.insert(bob.session(0), bad);
    let answer = town.server.tell(ALICE, SyncMessage::Content(message));
    let first = (&alice.session(0), 1);
    assert_eq!(
        answer,
        [crate::cast::known(&map, true, &[first, (&session, 1)])]
    );
    assert_eq!(town.server.rejection_codes(), ["not_a_writer"]);
}

#[test]
fn r11_a_forged_change_of_a_group_is_known_by_its_signature() {
    let alice = Author::new(1);
    let mut town = Town::with_members(&[]);
    let (group, session) = (town.group.clone(), alice.session(3));
    let piece = alice.content(&session, &[set("everyone", "reader", JOINED)], 0);
    let forged = forge(content(&group, None, &session, piece));
    town.server.tell(ALICE, SyncMessage::Content(forged));
    assert_eq!(town.server.rejection_codes(), ["bad_signature"]);
}

#[test]
fn a_value_is_deleted_by_an_admin_of_its_group_and_by_nobody_else() {
    for rule in [WriteRule::AdminsDelete, WriteRule::MembersWrite] {
        for (role, refusal) in [
            ("admin", None),
            ("manager", Some("not_an_admin")),
            ("writer", Some("not_an_admin")),
            ("reader", Some("not_an_admin")),
            ("revoked", Some("not_an_admin")),
        ] {
            let bob = Author::new(2);
            let mut town = Town::new(rule);
            town.join(&bob, role, JOINED);
            let map = town.map.clone();
            let (session, one) = deletion(&bob, &map, JOINED + 1);
            town.check_in(&session, &bob, &map, one, refusal);
        }
    }
}

#[test]
fn only_a_value_itself_is_deleted_and_never_a_group_or_an_account() {
    for rule in [WriteRule::AdminsDelete, WriteRule::MembersWrite] {
        let alice = Author::new(1);
        let mut town = Town::new(rule);
        let (group, map) = (town.group.clone(), town.map.clone());
        let refused = Some("not_a_deletion");
        for (id, deleted) in [
            (&group, &group),
            (&alice.account, &alice.account),
            (&map, &group),
        ] {
            let (session, one) = deletion(&alice, deleted, JOINED);
            town.check_in(&session, &alice, id, one, refused);
        }
        let (session, _) = deletion(&alice, &map, JOINED + 1);
        town.check_in(&session, &alice, &map, set("k", "v", JOINED + 1), refused);
        let (session, one) = deletion(&alice, &map, JOINED + 2);
        town.check_in(&session, &alice, &map, one.clone(), None);
        town.check_in(&session, &alice, &map, one, refused);
    }
}

#[test]
fn a_member_that_another_server_saw_removed_is_refused_here_too() {
    let (alice, bob) = (Author::new(1), Author::new(2));
    let mut town = Town::with_members(&[(&bob, "writer")]);
    let (group, map) = (town.group.clone(), town.map.clone());
    let session = alice.session(0);
    let log = town
        .logs
        .get_mut(&(group.clone(), session.clone()))
        .unwrap();
    let after = log.len() as u32;
    log.push(set(bob.account.as_str(), "revoked", JOINED + 10));
    let content = alice.content(&session, log, after);
    let stored = town.server.disk.values.get_mut(&group).unwrap();
    stored.segments.push(Segment { session, content });
    town.server.replica.appeared(&group);
    town.server.settle();
    let late = set("k", "late", JOINED + 1);
    town.check(&bob, &map, late, Some("not_a_writer"));
}

#[test]
fn where_only_deletions_are_judged_everything_else_that_is_signed_is_taken() {
    let mallory = Author::new(5);
    let mut town = Town::new(WriteRule::AdminsDelete);
    town.found_account(&mallory);
    let (group, map) = (town.group.clone(), town.map.clone());
    town.check(&mallory, &map, set("k", "v", JOINED), None);
    town.check(
        &mallory,
        &group,
        set(mallory.account.as_str(), "admin", JOINED),
        None,
    );
    let (session, one) = deletion(&mallory, &map, JOINED);
    town.check_in(&session, &mallory, &map, one, Some("not_an_admin"));
}
