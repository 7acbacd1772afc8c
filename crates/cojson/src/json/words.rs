//! Short texts that come again and again, each kept once: names of members, operations, letters.
//!
//! A log of 100,000 transactions says `op`, `key` and `set` as often; reading them costs a comparison instead of an
//! allocation. What is kept is bounded and never told: a text is the same whether it came from here or not.

use std::cell::RefCell;
use std::sync::Arc;

/// The longest text that is kept.
const WORD_BYTES_MAX: usize = 12;

/// How many are kept; one that falls to another's place takes it.
const WORDS_MAX: usize = 64;

thread_local! {
    static WORDS: RefCell<[Option<Arc<str>>; WORDS_MAX]> = const { RefCell::new([const { None }; WORDS_MAX]) };
}

/// The text, shared with others of the same letters where it is short.
pub(super) fn shared(text: &str) -> Arc<str> {
    if text.len() > WORD_BYTES_MAX {
        return text.into();
    }
    WORDS.with_borrow_mut(|words| match words.get_mut(place_of(text)) {
        Some(Some(word)) if **word == *text => Arc::clone(word),
        Some(place) => Arc::clone(place.insert(text.into())),
        None => text.into(),
    })
}

fn place_of(text: &str) -> usize {
    let mix = |mixed: usize, byte: u8| mixed.wrapping_mul(31) ^ usize::from(byte);
    text.bytes().fold(text.len(), mix) % WORDS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_shared_and_all_are_what_they_were() {
        let long = "longer than what is kept";
        assert!(Arc::ptr_eq(&shared("op"), &shared("op")));
        assert!(!Arc::ptr_eq(&shared(long), &shared(long)));
        let words: Vec<String> = (0..1_000).map(|number| format!("word {number}")).collect();
        let found: Vec<_> = words.iter().map(|word| shared(word)).collect();
        assert!(found.iter().zip(&words).all(|(one, word)| **one == **word));
        assert_eq!(&*shared(""), "");
    }
}
