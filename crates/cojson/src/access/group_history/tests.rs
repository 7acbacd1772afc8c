//! Judging group transactions, from plain data.

use super::*;
use crate::ids::SessionId;

const ALICE: &str = "co_zAA";
const BOB: &str = "co_zBB";
const CAROL: &str = "co_zCC";
const INVITE: &str = "sealer_zE1/signer_zE2";

/// Author, time, key, value, and whether it must be accepted.
type Step<'a> = (&'a str, u64, &'a str, &'a str, bool);

struct Known(Vec<GroupHistory>);

impl Groups for Known {
    fn is_group(&self, id: &CoId) -> bool {
        self.0.iter().any(|group| group.identity().id == *id)
    }

    fn role_in(&self, group: &CoId, member: &str, at: Timestamp) -> Option<Role> {
        let history = self.0.iter().find(|known| known.identity().id == *group)?;
        history.role_of(member, at, self)
    }
}

fn identity(id: &str) -> GroupIdentity {
    GroupIdentity {
        id: CoId::parse(id).unwrap(),
        is_account: false,
        initial_admin: ALICE.into(),
    }
}

fn transactions(steps: &[Step<'_>]) -> Vec<GroupTransaction> {
    let mut lengths: SortedMap<&str, u32> = SortedMap::new();
    let mut transactions = Vec::new();
    for (author, made_at, key, value, _) in steps {
        let index = lengths.get_or_default(author);
        transactions.push(GroupTransaction {
            id: TransactionId {
                session: SessionId::parse(&format!("{author}_session_z1")).unwrap(),
                index: *index,
            },
            made_at: Timestamp(*made_at),
            change: GroupChange::Set {
                key: (*key).into(),
                value: (*value).into(),
            },
        });
        *index += 1;
    }
    transactions
}

fn judge(id: &str, steps: &[Step<'_>], parents: Vec<GroupHistory>) -> (GroupHistory, Known) {
    let known = Known(parents);
    let history = GroupHistory::judge(identity(id), transactions(steps), &known);
    (history, known)
}

/// Every step has the verdict that stands with it, for every order of arrival.
fn check(steps: &[Step<'_>]) -> GroupHistory {
    let (history, known) = judge("co_zG", steps, Vec::new());
    let all = transactions(steps);
    for (transaction, (author, at, key, value, expected)) in all.iter().zip(steps) {
        let is_accepted = history.accepted().contains(&transaction.id);
        assert_eq!(is_accepted, *expected, "{author} at {at}: {key} = {value}");
    }
    for rotation in 0..all.len() {
        let mut arrived = all.clone();
        arrived.rotate_left(rotation);
        arrived.reverse();
        let other = GroupHistory::judge(identity("co_zG"), arrived, &known);
        assert_eq!(other.accepted(), history.accepted());
    }
    history
}

const FOUNDED: Step<'static> = (ALICE, 1, ALICE, "admin", true);

#[test]
fn only_the_initial_admin_founds_a_group() {
    check(&[
        (BOB, 1, BOB, "admin", false),
        (ALICE, 2, ALICE, "admin", true),
    ]);
    check(&[(ALICE, 1, ALICE, "writer", false)]);
    check(&[(ALICE, 1, BOB, "admin", false)]);
}

#[test]
fn an_admin_who_left_does_not_come_back_by_itself() {
    check(&[
        FOUNDED,
        (ALICE, 2, ALICE, "revoked", true),
        (ALICE, 3, ALICE, "admin", false),
    ]);
}

#[test]
fn admins_set_every_role_but_demote_no_other_admin() {
    check(&[
        FOUNDED,
        (ALICE, 2, BOB, "admin", true),
        (ALICE, 3, BOB, "reader", false),
        (BOB, 4, ALICE, "revoked", false),
        (BOB, 5, BOB, "reader", true),
        (BOB, 6, CAROL, "reader", false),
        (ALICE, 7, CAROL, "owner", false),
    ]);
}

#[test]
fn managers_touch_no_admin_and_make_none() {
    check(&[
        FOUNDED,
        (ALICE, 2, BOB, "manager", true),
        (BOB, 3, CAROL, "writer", true),
        (BOB, 4, CAROL, "admin", false),
        (BOB, 5, CAROL, "adminInvite", false),
        (BOB, 6, CAROL, "managerInvite", false),
        (BOB, 7, ALICE, "revoked", false),
        (BOB, 8, "readKey", "key_z1", true),
        (CAROL, 9, CAROL, "revoked", true),
    ]);
}

#[test]
fn an_invitation_hands_out_its_own_role_only() {
    check(&[
        FOUNDED,
        (ALICE, 2, INVITE, "readerInvite", true),
        (INVITE, 3, BOB, "writer", false),
        (INVITE, 4, BOB, "reader", true),
        (INVITE, 5, "key_z1_for_co_zBB", "sealed_U", true),
        (INVITE, 6, "readKey", "key_z2", false),
    ]);
}

#[test]
fn everyone_is_given_few_roles() {
    check(&[
        FOUNDED,
        (ALICE, 2, EVERYONE, "admin", false),
        (ALICE, 3, EVERYONE, "reader", true),
        (ALICE, 4, EVERYONE, "writer", true),
        (BOB, 5, CAROL, "reader", false),
    ]);
}

#[test]
fn strangers_and_readers_change_nothing() {
    check(&[
        FOUNDED,
        (ALICE, 2, BOB, "reader", true),
        (BOB, 3, "readKey", "key_z9", false),
        (BOB, 4, "key_z9_for_co_zAA", "sealed_U", false),
        (BOB, 5, "key_z9_for_everyone", "keySecret_z", false),
        (CAROL, 6, "profile", "co_zP", false),
        (ALICE, 7, "child_co_zX", "extend", false),
        (ALICE, 8, "parent_co_zMissing", "extend", false),
        (ALICE, 9, "parent_co_zG", "extend", false),
    ]);
}

#[test]
fn a_write_only_member_reveals_its_own_key_and_no_other() {
    check(&[
        FOUNDED,
        (ALICE, 2, BOB, "writeOnly", true),
        (BOB, 3, "writeKeyFor_co_zBB", "key_z5", true),
        (BOB, 4, "key_z5_for_co_zAA", "sealed_U", true),
        (BOB, 5, "key_z6_for_co_zAA", "sealed_U", false),
        (BOB, 6, "writeKeyFor_co_zBB", "key_z7", false),
        (ALICE, 7, "writeKeyFor_co_zBB", "key_z8", true),
    ]);
}

#[test]
fn r10_a_tie_is_broken_by_session_not_by_arrival() {
    let history = check(&[
        FOUNDED,
        (ALICE, 2, BOB, "admin", true),
        (ALICE, 5, CAROL, "reader", true),
        (BOB, 5, CAROL, "writer", true),
    ]);
    let role = history.direct_role(CAROL, Timestamp(5));
    assert_eq!(role, Some(Role::Writer));
}

#[test]
fn a_role_holds_from_when_it_was_given_until_it_was_taken() {
    let (history, known) = judge(
        "co_zG",
        &[
            FOUNDED,
            (ALICE, 10, BOB, "writer", true),
            (ALICE, 20, BOB, "revoked", true),
            (ALICE, 30, EVERYONE, "reader", true),
        ],
        Vec::new(),
    );
    for (at, expected) in [
        (9, None),
        (10, Some(Role::Writer)),
        (19, Some(Role::Writer)),
        (20, None),
        (30, Some(Role::Reader)),
    ] {
        assert_eq!(
            history.role_of(BOB, Timestamp(at), &known),
            expected,
            "{at}"
        );
    }
}

#[test]
fn members_of_a_parent_are_members_of_the_child() {
    let (parent, _) = judge(
        "co_zP",
        &[
            FOUNDED,
            (ALICE, 5, BOB, "writer", true),
            (ALICE, 50, BOB, "revoked", true),
            (ALICE, 60, CAROL, "admin", true),
        ],
        Vec::new(),
    );
    let steps = [
        FOUNDED,
        (ALICE, 10, "parent_co_zP", "extend", true),
        (ALICE, 30, "parent_co_zP", "reader", true),
        (CAROL, 65, INVITE, "readerInvite", false),
        (ALICE, 70, "parent_co_zP", "extend", true),
        (CAROL, 75, INVITE, "readerInvite", true),
        (ALICE, 80, "parent_co_zP", "revoked", true),
    ];
    let (child, known) = judge("co_zG", &steps, vec![parent]);
    assert!(
        !child
            .accepted()
            .iter()
            .any(|id| id.session.author() == CAROL && id.index == 0)
    );
    assert!(
        child
            .accepted()
            .iter()
            .any(|id| id.session.author() == CAROL && id.index == 1)
    );
    for (member, at, expected) in [
        (BOB, 9, None),
        (BOB, 10, Some(Role::Writer)),
        (BOB, 30, Some(Role::Reader)),
        (BOB, 50, None),
        (CAROL, 65, Some(Role::Reader)),
        (CAROL, 75, Some(Role::Admin)),
        (CAROL, 80, None),
    ] {
        assert_eq!(
            child.role_of(member, Timestamp(at), &known),
            expected,
            "{member} at {at}"
        );
    }
}

#[test]
fn a_parent_of_which_nothing_known_is_taken_over_gives_nothing() {
    let (parent, _) = judge(
        "co_zP",
        &[FOUNDED, (ALICE, 2, BOB, "writer", true)],
        Vec::new(),
    );
    for word in ["revoked", "writeOnly", "writerInvite", "owner", ""] {
        let steps = [
            FOUNDED,
            (ALICE, 10, "parent_co_zP", "extend", true),
            (ALICE, 20, "parent_co_zP", word, true),
        ];
        let (child, known) = judge("co_zG", &steps, vec![parent.clone()]);
        let role = |at| child.role_of(BOB, Timestamp(at), &known);
        assert_eq!((role(10), role(20)), (Some(Role::Writer), None), "{word}");
    }
}

#[test]
fn a_change_that_sets_not_one_key_is_malformed() {
    for changes in [
        "",
        "[]",
        "{}",
        r#"[{"op":"del","key":"co_zBB"}]"#,
        r#"[{"op":"set","value":"admin"}]"#,
        r#"[{"op":"set","key":"a","value":"admin"},{"op":"set","key":"b","value":"admin"}]"#,
    ] {
        assert!(
            matches!(GroupChange::parse(changes), GroupChange::Malformed),
            "{changes}"
        );
    }
    let change = GroupChange::parse(r#"[{"op":"set","key":"co_zBB","value":"reader"}]"#);
    assert!(matches!(change, GroupChange::Set { .. }));
}
