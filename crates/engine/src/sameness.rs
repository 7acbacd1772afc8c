//! What of two lists stayed the very same, told by pointers: how a change of one item among a thousand stays one.

use cojson::json::Json;

/// How many items at the start, and how many of the others at the end, are the very same.
pub(crate) fn common_ends(old: &[Json], new: &[Json]) -> (usize, usize) {
    ends(old, new, Json::is_same)
}

/// The new items, where those at the start and the end that are equal to the old ones are the very same.
pub(crate) fn keep_equal(old: &[Json], mut new: Vec<Json>) -> Vec<Json> {
    let (start, end) = ends(old, &new, |old, new| old == new);
    let kept = |items: &mut [Json], old: &[Json]| items.clone_from_slice(old);
    let (old_tail, new_tail) = (old.len() - end, new.len() - end);
    if let (Some(items), Some(old)) = (new.get_mut(..start), old.get(..start)) {
        kept(items, old);
    }
    if let (Some(items), Some(old)) = (new.get_mut(new_tail..), old.get(old_tail..)) {
        kept(items, old);
    }
    new
}

fn ends(old: &[Json], new: &[Json], is_kept: impl Fn(&Json, &Json) -> bool) -> (usize, usize) {
    let kept = |(old, new): &(&Json, &Json)| is_kept(old, new);
    let start = old.iter().zip(new).take_while(kept).count();
    let (old_rest, new_rest) = (
        old.get(start..).unwrap_or_default(),
        new.get(start..).unwrap_or_default(),
    );
    let rests = old_rest.iter().rev().zip(new_rest.iter().rev());
    (start, rests.take_while(kept).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(texts: &[&str]) -> Vec<Json> {
        let item = |text: &&str| Json::object([("id", Json::from(*text))]);
        texts.iter().map(item).collect()
    }

    #[test]
    fn what_was_read_anew_and_is_equal_stays_the_very_same() {
        let old = items(&["a", "b", "c", "d"]);
        let new = keep_equal(&old, items(&["a", "x", "c", "d"]));
        assert_eq!(common_ends(&old, &new), (1, 2));
        assert_eq!(new, items(&["a", "x", "c", "d"]));
        let shorter = keep_equal(&old, items(&["a", "d"]));
        assert_eq!(common_ends(&old, &shorter), (1, 1));
        assert_eq!(keep_equal(&old, Vec::new()), []);
        assert_eq!(keep_equal(&[], items(&["a"])), items(&["a"]));
    }
}
