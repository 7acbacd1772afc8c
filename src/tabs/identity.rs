//! Who this device is: the agent's secret, made once and kept under the database's name.

use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;

use crate::error::Told;
use crate::storage::{Storage, StorageError};

const SECRET_KEY: &str = "secret";

/// A secret that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IdentityError {
    /// The caller's is none.
    #[error(
        "The secret given to Runtime.open is not an agent secret (sealerSecret_z…/signerSecret_z…)."
    )]
    BadSecret,
    /// The kept one is none.
    #[error(
        "The secret kept in this database is damaged. Open with the account's secret to go on."
    )]
    DamagedSecret,
    /// It could not be read or kept.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Told for IdentityError {
    fn code(&self) -> &'static str {
        match self {
            Self::BadSecret => "PLEIONE_E_SECRET",
            Self::DamagedSecret => "PLEIONE_E_SECRET_DAMAGED",
            Self::Storage(error) => error.code(),
        }
    }

    fn cause(&self) -> Option<wasm_bindgen::JsValue> {
        match self {
            Self::Storage(error) => error.cause(),
            _ => None,
        }
    }
}

/// The secret to open with: the given one, else the kept one, else a new one. A given or new one is kept if none was;
/// a kept one is never replaced. Tabs that open for the first time at once agree on one.
pub async fn kept_secret(
    storage: &Storage,
    given: Option<&str>,
    entropy: &mut Entropy,
) -> Result<AgentSecret, IdentityError> {
    if let Some(text) = given {
        let secret = AgentSecret::parse(text).map_err(|_| IdentityError::BadSecret)?;
        storage.device_or_put(SECRET_KEY, text).await?;
        return Ok(secret);
    }
    let kept = if let Some(kept) = storage.device(SECRET_KEY).await? {
        kept
    } else {
        let fresh = AgentSecret::generate(entropy).to_text();
        storage.device_or_put(SECRET_KEY, &fresh).await?
    };
    AgentSecret::parse(&kept).map_err(|_| IdentityError::DamagedSecret)
}
