//! The book: which keys are trusted to sign tokens, which tokens the tool made, and which are revoked. No secret is in it.
//!
//! Pure: a document that is read, changed and written as a whole ([`super::shelf`]). A token that has expired is left out
//! with the next change, its revocation with it.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::key::PublicKey;

/// How many keys may be trusted at once: each costs a signature check of every token that none of them signed.
pub const KEYS_MAX: usize = 8;

/// What cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// So many keys are trusted already.
    #[error("{KEYS_MAX} keys are trusted, the most that may be: `token distrust` one first")]
    TooManyKeys,
    /// Nothing of this name is in it.
    #[error("there is no {0} in the book: `token list` shows what there is")]
    Unknown(&'static str),
}

/// A key that is trusted.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct TrustedKey {
    /// What it is called.
    pub id: String,
    /// The key.
    pub public: String,
    /// Since when, in seconds since 1970.
    pub since: u64,
}

/// A token that the tool made or revoked.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Entry {
    /// What it is called.
    pub id: String,
    /// Until when it is good, in seconds since 1970.
    pub expires_at: u64,
    /// Whom it is for, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose sessions alone may be written with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whether it was taken back.
    #[serde(default)]
    pub is_revoked: bool,
}

impl Entry {
    /// A good token.
    pub fn of(id: String, expires_at: u64) -> Self {
        Self {
            id,
            expires_at,
            name: None,
            account: None,
            is_revoked: false,
        }
    }
}

/// The book.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
pub struct Book {
    /// The keys that are trusted.
    pub keys: Vec<TrustedKey>,
    /// The tokens that the tool made or revoked, and that have not expired.
    pub tokens: Vec<Entry>,
}

impl Book {
    /// Trusts a key, if it is not trusted yet.
    ///
    /// # Errors
    /// When too many are.
    pub fn trust(&mut self, key: PublicKey, now_seconds: u64) -> Result<(), BookError> {
        let id = key.id();
        if self.keys.iter().any(|known| known.id == id) {
            return Ok(());
        }
        if self.keys.len() >= KEYS_MAX {
            return Err(BookError::TooManyKeys);
        }
        self.keys.push(TrustedKey {
            id,
            public: key.to_string(),
            since: now_seconds,
        });
        Ok(())
    }

    /// Trusts a key no more: nothing that it signed is good from now on.
    ///
    /// # Errors
    /// When it is not trusted anyway.
    pub fn distrust(&mut self, id: &str) -> Result<(), BookError> {
        let before = self.keys.len();
        self.keys.retain(|key| key.id != id);
        if self.keys.len() == before {
            return Err(BookError::Unknown("such key"));
        }
        Ok(())
    }

    /// Revokes a token that is in the book.
    ///
    /// # Errors
    /// When it is not.
    pub fn revoke(&mut self, id: &str) -> Result<(), BookError> {
        let mut tokens = self.tokens.iter_mut();
        let entry = tokens.find(|entry| entry.id == id);
        entry.ok_or(BookError::Unknown("such token"))?.is_revoked = true;
        Ok(())
    }

    /// Notes a token, unless it is noted.
    pub fn note(&mut self, entry: Entry) {
        if !self.tokens.iter().any(|known| known.id == entry.id) {
            self.tokens.push(entry);
        }
    }

    /// Adds what another book has besides: its keys are trusted here too, and what is revoked in either is revoked.
    ///
    /// # Errors
    /// When more keys would be trusted than may be.
    pub fn merge(&mut self, other: Self) -> Result<(), BookError> {
        for key in other.keys {
            if self.keys.iter().any(|known| known.id == key.id) {
                continue;
            }
            if self.keys.len() >= KEYS_MAX {
                return Err(BookError::TooManyKeys);
            }
            self.keys.push(key);
        }
        for entry in other.tokens {
            let known = self.tokens.iter_mut().find(|known| known.id == entry.id);
            match known {
                Some(known) => known.is_revoked |= entry.is_revoked,
                None => self.tokens.push(entry),
            }
        }
        Ok(())
    }

    /// Leaves out what has expired.
    pub fn forget_expired(&mut self, now_seconds: u64) {
        self.tokens.retain(|entry| entry.expires_at > now_seconds);
    }

    /// What a server needs of it.
    pub fn trust_list(&self) -> Trust {
        let keys = self
            .keys
            .iter()
            .filter_map(|key| PublicKey::parse(&key.public));
        let revoked = self.tokens.iter().filter(|entry| entry.is_revoked);
        Trust {
            keys: keys.take(KEYS_MAX).collect(),
            revoked: revoked.map(|entry| entry.id.clone()).collect(),
        }
    }
}

/// What tells good tokens from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The keys that are trusted.
    pub keys: Vec<PublicKey>,
    /// The tokens that were taken back.
    pub revoked: HashSet<String>,
}

#[cfg(test)]
mod tests {
    use super::super::key::SigningKey;
    use super::*;

    fn entry(id: &str, expires_at: u64) -> Entry {
        Entry::of(id.into(), expires_at)
    }

    #[test]
    fn what_is_revoked_stays_so_until_it_has_expired_anyway() {
        let mut book = Book::default();
        book.note(entry("a", 100));
        book.note(entry("b", 200));
        assert_eq!(book.revoke("a"), Ok(()));
        assert_eq!(book.revoke("c"), Err(BookError::Unknown("such token")));
        // Noted again, it does not come back to life.
        book.note(entry("a", 100));
        let text = serde_json::to_string(&book).unwrap();
        let mut book: Book = serde_json::from_str(&text).unwrap();
        book.forget_expired(99);
        assert_eq!(book.trust_list().revoked, HashSet::from(["a".to_owned()]));
        book.forget_expired(100);
        assert_eq!(book.tokens, [entry("b", 200)]);
    }

    #[test]
    fn what_either_of_two_books_revoked_is_revoked_in_both_together() {
        let book = |revoked: &str| {
            let mut book = Book::default();
            let key = SigningKey::random().unwrap().public();
            book.trust(key, 1).unwrap();
            for id in ["a", "b", "c"] {
                book.note(entry(id, 100));
            }
            book.revoke(revoked).unwrap();
            book
        };
        let (mut here, mut there) = (book("a"), book("b"));
        there.note(entry("d", 100));
        let keys = [here.keys[0].clone(), there.keys[0].clone()];
        here.merge(there.clone()).unwrap();
        here.merge(there).unwrap();
        assert_eq!(here.keys, keys);
        assert_eq!(here.tokens.len(), 4);
        let revoked = ["a", "b"].map(str::to_owned);
        assert_eq!(here.trust_list().revoked, HashSet::from(revoked));
        let mut full = Book::default();
        for _ in 0..KEYS_MAX {
            full.trust(SigningKey::random().unwrap().public(), 1)
                .unwrap();
        }
        assert_eq!(full.merge(here), Err(BookError::TooManyKeys));
    }

    #[test]
    fn keys_are_trusted_beside_each_other_but_not_without_end() {
        let mut book = Book::default();
        let keys = [(); KEYS_MAX + 1].map(|()| SigningKey::random().unwrap().public());
        for key in &keys[..KEYS_MAX] {
            assert_eq!(book.trust(*key, 1), Ok(()));
            assert_eq!(book.trust(*key, 2), Ok(()));
        }
        assert_eq!(book.trust_list().keys, keys[..KEYS_MAX]);
        assert_eq!(book.trust(keys[KEYS_MAX], 3), Err(BookError::TooManyKeys));
        assert_eq!(book.distrust(&keys[0].id()), Ok(()));
        assert!(book.distrust(&keys[0].id()).is_err());
        assert_eq!(book.trust(keys[KEYS_MAX], 4), Ok(()));
        assert_eq!(book.trust_list().keys, keys[1..]);
    }
}
