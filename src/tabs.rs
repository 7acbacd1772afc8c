//! The tabs of one database: each is a node with a session of its own, and they tell each other what they wrote.
//!
//! A session is claimed by a lock that the browser frees when the tab dies, however it dies; so no two tabs ever write
//! one log (a fork nobody could mend), and a session left behind is taken up by the next tab instead of piling up.
//! Where the browser has no locks (a page that is not served securely) every opening takes a fresh session.

mod channel;
mod identity;
mod locks;

pub use channel::Channel;
pub use identity::{IdentityError, kept_secret};
pub use locks::{Held, LockWish, live, supported, try_hold};

use cojson::ids::{CoId, SessionId};

use crate::storage::{Storage, StorageError};

const SESSION_KEY: &str = "session:";

/// The name of a session's lock.
fn session_lock(database: &str, session: &str) -> String {
    format!("pleione:{database}:session:{session}")
}

/// The name of the lock that the driver of an actor holds.
pub fn actor_lock(database: &str, actor: &str) -> String {
    format!("pleione:{database}:actor:{actor}")
}

/// A session that is this tab's alone while it is held.
pub struct Claim {
    /// The session.
    pub session: SessionId,
    /// Its lock; none where the browser has no locks, or nothing is kept.
    pub held: Option<Held>,
}

/// Claims a free session of the account on this device, or else `fresh()`.
pub async fn claim_session(
    storage: &Storage,
    database: &str,
    account: &CoId,
    fresh: impl FnOnce() -> SessionId,
) -> Result<Claim, StorageError> {
    if !storage.is_persistent() || !supported() {
        let session = fresh();
        return Ok(Claim {
            session,
            held: None,
        });
    }
    let kept = device_sessions(storage).await?.into_iter();
    for session in kept.filter(|session| session.author() == account.as_str()) {
        if let Some(held) = hold(database, &session).await {
            let held = Some(held);
            return Ok(Claim { session, held });
        }
    }
    let session = fresh();
    let held = hold(database, &session).await;
    let key = format!("{SESSION_KEY}{session}");
    match storage.device_or_put(&key, "").await {
        // On a full disk what is there can still be read. A session that is not noted is used once and never taken up.
        Ok(_) | Err(StorageError::Quota { .. }) => Ok(Claim { session, held }),
        Err(error) => Err(error),
    }
}

/// Never takes a session up again: of what it wrote something cannot be read here, and it would be continued otherwise.
pub async fn retire_session(storage: &Storage, session: &SessionId) -> Result<(), StorageError> {
    storage
        .forget_device(&[format!("{SESSION_KEY}{session}")])
        .await
}

async fn hold(database: &str, session: &SessionId) -> Option<Held> {
    try_hold(&session_lock(database, session.as_str())).await
}

/// The sessions of this device, held by some tab or not.
pub async fn device_sessions(storage: &Storage) -> Result<Vec<SessionId>, StorageError> {
    let kept = storage.device_keys(SESSION_KEY).await?;
    Ok(kept
        .iter()
        .filter_map(|text| SessionId::parse(text).ok())
        .collect())
}

/// The sessions that some tab of this database holds now.
pub async fn live_sessions(database: &str) -> Vec<SessionId> {
    let prefix = session_lock(database, "");
    let names = live().await;
    let sessions = names.iter().filter_map(|name| name.strip_prefix(&prefix));
    sessions
        .filter_map(|text| SessionId::parse(text).ok())
        .collect()
}
