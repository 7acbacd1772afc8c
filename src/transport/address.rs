//! Where the server is: a URL, or a function of the application that says it anew for each connection, as a token in it may
//! have expired. An error repeats no query: a token may be in it.

use cojson::json::quoted;
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::error::Told;

/// A server's address that is none.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{found} is not the address of a sync server; it must be like ws://localhost:4203/sync.")]
pub struct BadAddress {
    /// What was given, without its query; or what a function failed with, or gave in its place.
    found: String,
}

impl Told for BadAddress {
    fn code(&self) -> &'static str {
        "PLEIONE_E_SYNC_ADDRESS"
    }
}

/// Where the server is.
#[derive(Clone, Debug)]
pub enum Address {
    /// Always there.
    Fixed(String),
    /// Where this function says, or a promise of it.
    Asked(Function),
}

impl Address {
    /// Checks what is known before anybody is asked.
    pub(super) fn check(&self) -> Result<(), BadAddress> {
        match self {
            Self::Fixed(url) => checked(url),
            Self::Asked(_) => Ok(()),
        }
    }
}

/// What the function says now.
pub(super) async fn ask(function: &Function) -> Result<String, BadAddress> {
    let said = function.call0(&JsValue::UNDEFINED).map_err(|_| failed())?;
    let said = JsFuture::from(Promise::resolve(&said)).await;
    let said = said.map_err(|_| failed())?;
    match said.as_string() {
        Some(url) => checked(&url).map(|()| url),
        None => Err(BadAddress {
            found: said.js_typeof().as_string().unwrap_or_default(),
        }),
    }
}

/// What it failed with is not repeated: whoever fetches a token may have it in an error.
fn failed() -> BadAddress {
    BadAddress {
        found: "What the function `sync` failed with".into(),
    }
}

fn checked(url: &str) -> Result<(), BadAddress> {
    if url.starts_with("ws://") || url.starts_with("wss://") {
        return Ok(());
    }
    let shown = url.split(['?', '#']).next().unwrap_or_default();
    Err(BadAddress {
        found: quoted(shown),
    })
}
