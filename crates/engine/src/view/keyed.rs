//! Which row is which: keys of rows, matching old rows with new items, and which rows can stay where they are.

use std::sync::Arc;

use cojson::collections::SortedMap;
use cojson::json::Json;

/// What a row is known by among its siblings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RowKey {
    /// Nothing but where it is.
    Position,
    /// A text.
    Text(Arc<str>),
    /// Any other value, as JSON.
    Other(Arc<str>),
}

impl RowKey {
    /// The key that a value makes; null and undefined make none.
    pub(super) fn of(value: Option<Json>) -> Self {
        match value {
            None | Some(Json::Null) => Self::Position,
            Some(Json::String(text)) => Self::Text(text),
            Some(other) => Self::Other(other.to_string().into()),
        }
    }
}

/// For each new row the old one that it continues. Of rows with the same key the first continues the first.
pub(super) fn match_rows(old: &[RowKey], new: &[RowKey]) -> Vec<Option<usize>> {
    let by_key: SortedMap<(RowKey, usize), usize> = numbered(old)
        .enumerate()
        .map(|(index, key)| (key, index))
        .collect();
    numbered(new).map(|key| by_key.get(&key).copied()).collect()
}

/// Each key with how often it came before; a row without a key is told by its position.
fn numbered(keys: &[RowKey]) -> impl Iterator<Item = (RowKey, usize)> {
    let mut seen: SortedMap<RowKey, usize> = SortedMap::new();
    keys.iter().map(move |key| {
        let count = seen.get_or_default(key.clone());
        let occurrence = *count;
        *count += 1;
        (key.clone(), occurrence)
    })
}

/// Which of the rows keep their order, as many as possible: a longest increasing subsequence of the old positions,
/// by patience sorting. The others are to be moved; `None`, a new row, never stays.
pub(super) fn staying(old_positions: &[Option<usize>]) -> Vec<bool> {
    // The last row of the best subsequence of each length, and for each row the one before it.
    let mut ends: Vec<(usize, usize)> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; old_positions.len()];
    for (row, position) in old_positions.iter().enumerate() {
        let Some(position) = *position else { continue };
        let length = ends.partition_point(|(end, _)| *end < position);
        let previous = length.checked_sub(1).and_then(|index| ends.get(index));
        if let Some(slot) = before.get_mut(row) {
            *slot = previous.map(|(_, row)| *row);
        }
        match ends.get_mut(length) {
            Some(end) => *end = (position, row),
            None => ends.push((position, row)),
        }
    }
    let mut stays = vec![false; old_positions.len()];
    let mut row = ends.last().map(|(_, row)| *row);
    while let Some(current) = row {
        if let Some(slot) = stays.get_mut(current) {
            *slot = true;
        }
        row = before.get(current).copied().flatten();
    }
    stays
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_staying(old_positions: &[Option<usize>], count: usize) {
        let stays = staying(old_positions);
        let kept: Vec<usize> = old_positions
            .iter()
            .zip(&stays)
            .filter(|(_, stays)| **stays)
            .map(|(position, _)| position.unwrap())
            .collect();
        assert!(kept.is_sorted(), "{old_positions:?} keeps {kept:?}");
        assert_eq!(kept.len(), count, "{old_positions:?} keeps {kept:?}");
    }

    #[test]
    fn as_many_rows_as_possible_stay() {
        check_staying(&[], 0);
        check_staying(&[None, None], 0);
        check_staying(&[Some(0), Some(1), Some(2)], 3);
        check_staying(&[Some(2), Some(0), Some(1)], 2);
        check_staying(&[Some(3), Some(2), Some(1), Some(0)], 1);
        check_staying(
            &[Some(1), None, Some(0), Some(4), None, Some(2), Some(3)],
            3,
        );
    }

    #[test]
    fn rows_are_found_again_by_key_and_duplicates_in_turn() {
        let key = |text: &str| RowKey::Text(text.into());
        let old = [key("a"), key("b"), key("a"), RowKey::Position];
        let new = [
            key("a"),
            key("c"),
            key("a"),
            key("a"),
            RowKey::Position,
            key("b"),
        ];
        assert_eq!(
            match_rows(&old, &new),
            [Some(0), None, Some(2), None, Some(3), Some(1)]
        );
    }

    #[test]
    fn a_text_and_a_number_are_different_keys() {
        assert_ne!(RowKey::of(Some("1".into())), RowKey::of(Some(1.into())));
        assert_eq!(RowKey::of(Some(Json::Null)), RowKey::Position);
    }
}
