//! Sets of states: one bit each, by the state's number. A chart of up to 64 states needs no memory of its own for one.

const BITS: usize = u64::BITS as usize;

/// A set of small numbers below a bound that was given when it was made.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    first: u64,
    more: Vec<u64>,
}

impl Clone for Bits {
    fn clone(&self) -> Self {
        Self {
            first: self.first,
            more: self.more.clone(),
        }
    }

    /// The memory that is there is used again.
    fn clone_from(&mut self, other: &Self) {
        self.first = other.first;
        if !(self.more.is_empty() && other.more.is_empty()) {
            self.more.clone_from(&other.more);
        }
    }
}

impl Bits {
    /// The empty set of numbers below `bound`.
    pub(super) fn new(bound: usize) -> Self {
        Self {
            first: 0,
            more: vec![0; bound.saturating_sub(1) / BITS],
        }
    }

    fn word(&self, place: usize) -> u64 {
        match place.checked_sub(1) {
            None => self.first,
            Some(place) => self.more.get(place).copied().unwrap_or_default(),
        }
    }

    fn word_mut(&mut self, number: usize) -> Option<&mut u64> {
        match (number / BITS).checked_sub(1) {
            None => Some(&mut self.first),
            Some(place) => self.more.get_mut(place),
        }
    }

    /// Whether the number is in it.
    pub(super) fn has(&self, number: usize) -> bool {
        self.word(number / BITS) >> (number % BITS) & 1 == 1
    }

    /// Adds a number; whether it was not there before.
    pub(super) fn add(&mut self, number: usize) -> bool {
        let is_new = !self.has(number);
        if let Some(word) = self.word_mut(number) {
            *word |= 1 << (number % BITS);
        }
        is_new
    }

    /// Removes a number.
    pub(super) fn remove(&mut self, number: usize) {
        if let Some(word) = self.word_mut(number) {
            *word &= !(1 << (number % BITS));
        }
    }

    /// The least member from `start` on.
    pub(super) fn next(&self, start: usize) -> Option<usize> {
        let mut place = start / BITS;
        let mut word = self.word(place) & (u64::MAX << (start % BITS));
        while word == 0 {
            place += 1;
            if place > self.more.len() {
                return None;
            }
            word = self.word(place);
        }
        Some(place * BITS + word.trailing_zeros() as usize)
    }

    /// The greatest member below `end`.
    pub(super) fn previous(&self, end: usize) -> Option<usize> {
        let mut place = end / BITS;
        let mut word = self.word(place) & !(u64::MAX << (end % BITS));
        while word == 0 {
            place = place.checked_sub(1)?;
            word = self.word(place);
        }
        Some(place * BITS + word.ilog2() as usize)
    }

    /// Whether there is a member in `first..=last`.
    pub(super) fn meets(&self, first: usize, last: usize) -> bool {
        self.next(first).is_some_and(|member| member <= last)
    }

    /// The members in `first..=last`, in order.
    pub(super) fn within(&self, first: usize, last: usize) -> impl Iterator<Item = usize> {
        let mut start = first;
        std::iter::from_fn(move || {
            let member = self.next(start).filter(|member| *member <= last)?;
            start = member + 1;
            Some(member)
        })
    }

    /// A number that sets which differ seldom have in common.
    #[expect(clippy::cast_possible_truncation, reason = "any bits do")]
    pub(super) fn mixed(&self) -> usize {
        let mix = |mixed: u64, word: &u64| mixed.rotate_left(5) ^ word;
        let mixed = self.more.iter().fold(self.first, mix);
        (mixed ^ (mixed >> 32) ^ (mixed >> 17)) as usize
    }

    /// Whether both have a member in common.
    pub(super) fn intersects(&self, other: &Self) -> bool {
        let shared = |(one, other): (&u64, &u64)| one & other != 0;
        self.first & other.first != 0 || self.more.iter().zip(&other.more).any(shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_knows_its_members_in_order_beyond_one_word_too() {
        let mut bits = Bits::new(200);
        for number in [0, 63, 64, 127, 128, 199] {
            assert!(bits.add(number) && !bits.add(number));
        }
        assert_eq!(bits.within(1, 198).collect::<Vec<_>>(), [63, 64, 127, 128]);
        assert!(bits.meets(129, 199) && !bits.meets(129, 198) && !bits.meets(65, 126));
        bits.remove(128);
        assert_eq!(bits.next(128), Some(199));
        assert_eq!(bits.next(200), None);
        let below = |end| bits.previous(end);
        assert_eq!(
            [199, 127, 1, 0].map(below),
            [Some(127), Some(64), Some(0), None]
        );
        assert_eq!(below(500), Some(199));
        let mut other = Bits::new(200);
        other.add(128);
        assert!(!bits.intersects(&other));
        other.add(199);
        assert!(bits.intersects(&other));
    }
}
