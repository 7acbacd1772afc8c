//! Texts: what makes one of another, checked by doing it, and by how little it takes.

use super::*;

fn graphemes(text: &str) -> Vec<&str> {
    text.split("")
        .filter(|grapheme| !grapheme.is_empty())
        .collect()
}

fn done(old: &[&str], new: &[&str], splices: &[Splice]) -> String {
    let mut text: Vec<&str> = old.to_vec();
    for splice in splices.iter().rev() {
        let inserted = new[splice.inserted.clone()].iter().copied();
        text.splice(splice.removed.clone(), inserted);
    }
    text.concat()
}

/// The length of the longest common subsequence, by the plain table.
fn shared_len(old: &[&str], new: &[&str]) -> usize {
    let mut row = vec![0; new.len() + 1];
    for one in old {
        let mut diagonal = 0;
        for (place, other) in new.iter().enumerate() {
            let above = row[place + 1];
            row[place + 1] = if one == other {
                diagonal + 1
            } else {
                above.max(row[place])
            };
            diagonal = above;
        }
    }
    row[new.len()]
}

#[test]
fn what_changed_is_told_in_the_fewest_graphemes() {
    let mut dice = Dice::new(9);
    for round in 0..400 {
        let mut random = |length: usize| -> String {
            (0..length)
                .map(|_| ["a", "b", "c", "d"][dice.below(4)])
                .collect()
        };
        let (old, new) = (random(round % 23), random(round % 19));
        let (old, new) = (graphemes(&old), graphemes(&new));
        let found = splices(&old, &new);
        assert_eq!(done(&old, &new, &found), new.concat());
        let removed: usize = found.iter().map(|splice| splice.removed.len()).sum();
        assert_eq!(
            removed,
            old.len() - shared_len(&old, &new),
            "{old:?} {new:?} {found:?}"
        );
        let is_apart = |pair: &[Splice]| pair[0].removed.end < pair[1].removed.start;
        assert!(found.windows(2).all(is_apart), "{found:?}");
    }
}

#[test]
fn texts_with_nothing_in_common_are_replaced_whole_however_long() {
    let (old, new) = ("a".repeat(5_000), "b".repeat(6_000));
    let found = splices(&graphemes(&old), &graphemes(&new));
    assert_eq!(
        found,
        [Splice {
            removed: 0..5_000,
            inserted: 0..6_000
        }]
    );
    let longer = format!("{old}!");
    let found = splices(&graphemes(&old), &graphemes(&longer));
    assert_eq!(
        found,
        [Splice {
            removed: 5_000..5_000,
            inserted: 5_000..5_001
        }]
    );
    assert_eq!(splices(&graphemes(&old), &graphemes(&old)), []);
}
