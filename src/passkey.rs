//! An account that a passkey stands for: the secret is made from what the passkey gives (`WebAuthn`'s PRF extension), each
//! time anew, and kept nowhere.

use cojson::crypto::AgentSecret;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::error::Told;

#[wasm_bindgen(module = "/src/browser.js")]
extern "C" {
    #[wasm_bindgen(js_name = askPasskey, catch)]
    async fn ask_passkey() -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = makePasskey, catch)]
    async fn make_passkey(name: &str) -> Result<JsValue, JsValue>;
}

/// Which passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passkey {
    /// One that the person has; the browser asks which.
    Ask,
    /// A new one, under the name that the person sees.
    Make(String),
}

/// No secret was had from a passkey.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The person, the browser or the authenticator did not want to.
    #[error(
        "No passkey was given: the person refused, it took too long, or this page cannot have passkeys (they need HTTPS or localhost)."
    )]
    NotGiven(JsValue),
    /// The passkey signs in, but gives no bytes for a secret.
    #[error(
        "This passkey cannot hold an account's secret, as its authenticator has no PRF; use another, or open with `secret`."
    )]
    NoPrf,
}

impl Told for PasskeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotGiven(_) => "PLEIONE_E_PASSKEY",
            Self::NoPrf => "PLEIONE_E_PASSKEY_NO_PRF",
        }
    }

    fn cause(&self) -> Option<JsValue> {
        match self {
            Self::NotGiven(cause) => Some(cause.clone()),
            Self::NoPrf => None,
        }
    }
}

/// The secret that the passkey stands for.
pub async fn secret_of(passkey: &Passkey) -> Result<AgentSecret, PasskeyError> {
    let given = match passkey {
        Passkey::Ask => ask_passkey().await,
        Passkey::Make(name) => make_passkey(name).await,
    };
    let given = given.map_err(PasskeyError::NotGiven)?;
    let bytes = given.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec);
    let seed: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
    seed.map(|seed| AgentSecret::from_seed(&seed))
        .ok_or(PasskeyError::NoPrf)
}
