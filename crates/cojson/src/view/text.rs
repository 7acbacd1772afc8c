//! How a text becomes another: what is removed and inserted where, the least that does it as far as that is found quickly.
//!
//! A user types into a field, and all that is known afterwards is the field's whole text. What stays keeps its identity, so
//! that others' edits beside it stay where they were made.

use std::ops::Range;

/// The most removals and insertions that are looked for between the common beginning and the common end; of texts that
/// differ more, all between is replaced. Looking costs its square.
const EDITS_MAX: usize = 256;

/// Graphemes of a text that give way to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Those that are removed, by their places in the old text.
    pub removed: Range<usize>,
    /// Those that come in their place, by their places in the new text.
    pub inserted: Range<usize>,
}

/// What makes the new text of the old one, in order, none touching the next.
pub fn splices(old: &[&str], new: &[&str]) -> Vec<Splice> {
    let start = common(old.iter().zip(new));
    let (old_rest, new_rest) = (after(old, start), after(new, start));
    let end = common(old_rest.iter().rev().zip(new_rest.iter().rev()));
    let old_middle = before(old_rest, old_rest.len() - end);
    let new_middle = before(new_rest, new_rest.len() - end);
    let whole = Splice {
        removed: start..start + old_middle.len(),
        inserted: start..start + new_middle.len(),
    };
    match (old_middle, new_middle) {
        ([], []) => Vec::new(),
        ([], _) | (_, []) => vec![whole],
        _ => match shortest(old_middle, new_middle) {
            Some(shared) => joined(shared.iter().map(|(x, y)| (start + x, start + y)), &whole),
            None => vec![whole],
        },
    }
}

fn common<'a>(pairs: impl Iterator<Item = (&'a &'a str, &'a &'a str)>) -> usize {
    pairs.take_while(|(left, right)| left == right).count()
}

fn after<'a, 'b>(text: &'a [&'b str], start: usize) -> &'a [&'b str] {
    text.get(start..).unwrap_or_default()
}

fn before<'a, 'b>(text: &'a [&'b str], end: usize) -> &'a [&'b str] {
    text.get(..end).unwrap_or_default()
}

/// The graphemes that both have, each by its place in either: as many as can be, by Myers' greedy algorithm ("An O(ND)
/// difference algorithm", 1986). `None` if more than [`EDITS_MAX`] edits are needed.
///
/// A diagonal is a distance between the places in the old and in the new text, shifted so that it is never negative.
fn shortest(old: &[&str], new: &[&str]) -> Option<Vec<(usize, usize)>> {
    let edits_max = EDITS_MAX.min(old.len() + new.len());
    let middle = edits_max + 1;
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut reached = vec![0; 2 * middle + 1];
    for edits in 0..=edits_max {
        for diagonal in (middle - edits..=middle + edits).step_by(2) {
            let begin = step(&reached, diagonal, middle, edits);
            let y = begin + middle - diagonal;
            let x = begin + common(after(old, begin).iter().zip(after(new, y)));
            if x >= old.len() && x + middle - diagonal >= new.len() {
                return Some(trace(&rounds, (diagonal, middle), x));
            }
            if let Some(furthest) = reached.get_mut(diagonal) {
                *furthest = x;
            }
        }
        rounds.push(reached.clone());
    }
    None
}

/// Where a diagonal is entered with so many edits: by an insertion from the one above or by a removal from the one below.
fn step(reached: &[usize], diagonal: usize, middle: usize, edits: usize) -> usize {
    if comes_from_above(reached, diagonal, middle, edits) {
        at(reached, diagonal + 1)
    } else {
        at(reached, diagonal - 1) + 1
    }
}

fn comes_from_above(reached: &[usize], diagonal: usize, middle: usize, edits: usize) -> bool {
    diagonal == middle - edits
        || (diagonal != middle + edits && at(reached, diagonal - 1) < at(reached, diagonal + 1))
}

fn at(reached: &[usize], diagonal: usize) -> usize {
    reached.get(diagonal).copied().unwrap_or_default()
}

/// Goes back from the end to the beginning, and tells what both have on the way.
fn trace(
    rounds: &[Vec<usize>],
    (mut diagonal, middle): (usize, usize),
    mut x: usize,
) -> Vec<(usize, usize)> {
    let mut shared = Vec::new();
    for (before, reached) in rounds.iter().enumerate().rev() {
        let edits = before + 1;
        let begin = step(reached, diagonal, middle, edits);
        shared.extend((begin..x).rev().map(|x| (x, x + middle - diagonal)));
        if comes_from_above(reached, diagonal, middle, edits) {
            diagonal += 1;
            x = begin;
        } else {
            diagonal -= 1;
            x = begin - 1;
        }
    }
    shared.extend((0..x).rev().map(|x| (x, x)));
    shared.reverse();
    shared
}

/// What lies between the places that both have, within the whole.
fn joined(shared: impl Iterator<Item = (usize, usize)>, whole: &Splice) -> Vec<Splice> {
    let mut found = Vec::new();
    let (mut old, mut new) = (whole.removed.start, whole.inserted.start);
    let end = (whole.removed.end, whole.inserted.end);
    for (x, y) in shared.chain([end]) {
        if (old, new) != (x, y) {
            found.push(Splice {
                removed: old..x,
                inserted: new..y,
            });
        }
        (old, new) = (x + 1, y + 1);
    }
    found
}
