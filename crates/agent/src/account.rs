//! Who the agent is: an account from its secret, loaded if it exists anywhere, else made.
//!
//! An account's id follows from its secret, and so does its founding: made twice, it is the same. So "load or create" asks
//! for no choice; what came of it is told as an [`AccountOutcome`].

use cojson::account::account_id;
use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::ids::{CoId, SessionId};
use storage::{LoadError, NoteChange, Notes, WriteError};
use zeroize::Zeroizing;

use crate::clock::{NoEntropy, entropy_seed};

const SECRET: &str = "secret";
const SESSION: &str = "session:";

/// What came of loading or creating the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountOutcome {
    /// It was in this agent's storage.
    LoadedFromStorage,
    /// Storage did not have it; the sync server did.
    LoadedFromServer,
    /// Neither had it: it is made now.
    Created,
    /// Storage did not have it, and there is no server, or none that answers yet. It is made now; should the server have
    /// it, it is the same one.
    CreatedOffline,
}

impl AccountOutcome {
    /// The outcome as one word of a log line.
    pub fn name(self) -> &'static str {
        match self {
            Self::LoadedFromStorage => "loaded-from-storage",
            Self::LoadedFromServer => "loaded-from-server",
            Self::Created => "created",
            Self::CreatedOffline => "created-offline",
        }
    }
}

/// Why there is no account to go on with. Each names the setting that is to be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// An id without a secret: nobody can write as that account.
    #[error(
        "AGENT_MAIA_AGENT_SECRET is not set, and storage keeps no secret: expected the secret of {account}"
    )]
    NoSecret {
        /// The account that is asked for.
        account: CoId,
    },
    /// The id is another account's than the secret.
    #[error("AGENT_MAIA_AGENT_ACCOUNT_ID={named}: expected {actual}, the account of the secret")]
    OtherSecret {
        /// What is asked for.
        named: CoId,
        /// The account whose secret it is.
        actual: CoId,
    },
    /// Storage is another account's.
    #[error(
        "AGENT_MAIA_DB_PATH: expected the storage of {given}, whose secret was given; this one is that of {kept}"
    )]
    OtherStorage {
        /// The account whose secret was given.
        given: CoId,
        /// The account that the storage belongs to.
        kept: CoId,
    },
    /// What storage keeps for a secret is none.
    #[error("the secret kept in storage is damaged: give the account's as AGENT_MAIA_AGENT_SECRET")]
    DamagedSecret,
    /// Storage cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Storage takes nothing.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// No key can be made.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// The account to run as, and the session to write in.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) secret: AgentSecret,
    pub(crate) session: SessionId,
}

/// A new account: its id and its secret's text.
///
/// # Errors
/// When no key can be made.
pub fn new_account() -> Result<(CoId, Zeroizing<String>), AccountError> {
    let secret = AgentSecret::generate(&mut Entropy::from_seed(entropy_seed()?));
    Ok((account_of(&secret), secret.to_text()))
}

/// The account of a secret.
pub(crate) fn account_of(secret: &AgentSecret) -> CoId {
    account_id(&secret.agent_id())
}

/// The identity to open this storage with: of the given secret, else the kept one, else a new one. What was not kept is
/// kept from now on. `named` is the account that it must be.
///
/// A storage is one process's, which holds its lock; so its session is taken up again each time. In memory, where nothing
/// is kept, each opening has a session of its own.
pub(crate) fn identify(
    given: Option<&AgentSecret>,
    named: Option<&CoId>,
    notes: &mut dyn Notes,
    entropy: &mut Entropy,
) -> Result<Identity, AccountError> {
    let secret = match (given.cloned(), kept_secret(notes)?, named) {
        (Some(given), Some(kept), _) if account_of(&given) != account_of(&kept) => {
            return Err(AccountError::OtherStorage {
                given: account_of(&given),
                kept: account_of(&kept),
            });
        }
        (Some(secret), ..) | (None, Some(secret), _) => secret,
        (None, None, Some(named)) => {
            let account = named.clone();
            return Err(AccountError::NoSecret { account });
        }
        (None, None, None) => AgentSecret::generate(entropy),
    };
    let actual = account_of(&secret);
    if let Some(named) = named
        && *named != actual
    {
        let named = named.clone();
        return Err(AccountError::OtherSecret { named, actual });
    }
    let session = kept_session(notes)?;
    let session = session.unwrap_or_else(|| SessionId::random_of_account(&actual, entropy));
    keep(notes, &secret, &session)?;
    Ok(Identity { secret, session })
}

/// The session is not taken up again: of what it wrote something cannot be read, and it would be continued otherwise.
pub(crate) fn retirement(session: &SessionId) -> NoteChange {
    NoteChange {
        put: Vec::new(),
        forget: vec![format!("{SESSION}{session}")],
    }
}

fn kept_secret(notes: &mut dyn Notes) -> Result<Option<AgentSecret>, AccountError> {
    let kept = notes.notes(SECRET)?.into_iter().next();
    kept.map(|(_, text)| AgentSecret::parse(&text).map_err(|_| AccountError::DamagedSecret))
        .transpose()
}

fn kept_session(notes: &mut dyn Notes) -> Result<Option<SessionId>, AccountError> {
    let kept = notes.notes(SESSION)?;
    let parse = |(key, _): &(String, String)| SessionId::parse(key.strip_prefix(SESSION)?).ok();
    Ok(kept.iter().find_map(parse))
}

fn keep(
    notes: &mut dyn Notes,
    secret: &AgentSecret,
    session: &SessionId,
) -> Result<(), WriteError> {
    notes.change_notes(&NoteChange {
        put: vec![
            (SECRET.to_owned(), secret.to_text().to_string()),
            (format!("{SESSION}{session}"), String::new()),
        ],
        forget: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
