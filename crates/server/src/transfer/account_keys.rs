//! The keys that accounts sign with, as far as they were met: an account's header tells its key.
//!
//! Bounded: a full table is emptied, and what it knew is looked up again.

use std::collections::HashMap;

use cojson::crypto::SignerId;
use cojson::header::Header;
use cojson::ids::{AgentId, CoId, SessionId};

const ACCOUNTS_MAX: usize = 20_000;

/// Who has to have signed a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// This key's owner.
    Signer(SignerId),
    /// The owner of this account's key.
    Account(CoId),
    /// Nobody who can sign.
    Nobody,
}

/// Whose session it is, by its name alone.
pub fn author_of(session: &SessionId) -> Author {
    if let Ok(agent) = AgentId::parse(session.author()) {
        return agent.signer().map_or(Author::Nobody, Author::Signer);
    }
    CoId::parse(session.author()).map_or(Author::Nobody, Author::Account)
}

/// The accounts' keys.
#[derive(Debug, Default)]
pub struct AccountKeys {
    keys: HashMap<CoId, SignerId>,
}

impl AccountKeys {
    /// The key of an account that was noted.
    pub fn get(&self, account: &CoId) -> Option<&SignerId> {
        self.keys.get(account)
    }

    /// Notes the key that a header tells, if it is an account's.
    pub fn note(&mut self, account: &CoId, header: &Header) {
        let Some(signer) = header.account_signer() else {
            return;
        };
        if self.keys.len() >= ACCOUNTS_MAX {
            self.keys.clear();
        }
        self.keys.insert(account.clone(), signer);
    }
}
