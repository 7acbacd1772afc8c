//! Views over random histories, compared with plain models and over orders of arrival.

mod list;
mod map;
mod text;

use super::*;
use crate::entropy::Entropy;
use crate::ids::CoId;

/// Repeatable choices.
struct Dice(Entropy);

impl Dice {
    fn new(seed: u8) -> Self {
        Self(Entropy::from_seed([seed; 32]))
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_le_bytes(self.0.bytes())) % end.max(1)
    }

    /// A value to tell items apart by.
    fn value(&mut self) -> Json {
        u32::from(u16::from_le_bytes(self.0.bytes())).into()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}

fn session(number: usize) -> SessionId {
    let author = CoId::parse(["co_zA", "co_zB", "co_zC"][number]).unwrap();
    SessionId::parse(&format!("{author}_session_z1")).unwrap()
}

fn transaction(author: usize, index: u32, made_at: u64, changes: Vec<Json>) -> ValidTransaction {
    ValidTransaction {
        id: TransactionId {
            session: session(author),
            index,
        },
        made_at: Timestamp(made_at),
        changes,
        source: None,
    }
}

/// So many transactions of three authors, at few different times (so that many are at the same one), unsorted; each
/// change is made by `change`, which is told the transactions so far.
fn random_history(
    dice: &mut Dice,
    length: usize,
    change: impl Fn(&mut Dice, &[ValidTransaction]) -> Json,
) -> Vec<ValidTransaction> {
    let mut history: Vec<ValidTransaction> = Vec::new();
    let mut lengths = [0; 3];
    for number in 0..length {
        let author = dice.below(3);
        let made_at = 1000 + (number + dice.below(6)) as u64 / 3;
        let changes = (0..=dice.below(2))
            .map(|_| change(dice, &history))
            .collect();
        history.push(transaction(author, lengths[author], made_at, changes));
        lengths[author] += 1;
    }
    history
}

fn sorted(history: &[ValidTransaction]) -> Vec<ValidTransaction> {
    let mut sorted = history.to_vec();
    sorted.sort_by_key(ValidTransaction::position);
    sorted
}

#[test]
fn the_order_is_time_then_session_then_index() {
    let at = |author, index, made_at| transaction(author, index, made_at, vec![]).position();
    let ordered = [
        at(1, 9, 1),
        at(0, 0, 2),
        at(0, 1, 2),
        at(1, 0, 2),
        at(0, 2, 3),
    ];
    assert!(ordered.is_sorted());
    let mut merged = transaction(2, 0, 9, vec![]);
    merged.source = Some(Box::new(ordered[0].clone()));
    assert_eq!(merged.position(), ordered[0]);
}

#[test]
fn what_stands_behind_another_of_its_time_comes_after_it_and_before_what_is_named_later() {
    let at = |author, index, made_at| transaction(author, index, made_at, vec![]).position();
    let leader = at(1, 4, 2);
    let second = at(0, 9, 2).not_before(&leader);
    let third = at(0, 3, 2).not_before(&second);
    let ordered = [
        at(0, 10, 2),
        leader.clone(),
        second.clone(),
        third,
        at(1, 5, 2),
        at(0, 0, 3),
    ];
    assert!(ordered.is_sorted(), "{ordered:?}");
    for (moved, other) in [
        (at(2, 0, 2), &leader), // named later anyway
        (at(0, 0, 1), &leader), // of another time
        (at(1, 3, 2), &leader), // of one session, where the index tells
    ] {
        assert_eq!(moved.clone().not_before(other), moved);
    }
}
