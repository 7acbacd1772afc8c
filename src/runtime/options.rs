//! What `Runtime.open` is given, checked.

use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use super::error::RuntimeError;
use crate::passkey::Passkey;
use crate::transport::Address;
use cojson::json::quoted;

/// The options of one runtime.
pub(crate) struct Options {
    pub(crate) name: String,
    pub(crate) is_persistent: bool,
    pub(crate) sync: Option<Address>,
    pub(crate) identity: Identity,
}

/// Who opens it.
pub(crate) enum Identity {
    /// Whose secret is kept, or made the first time.
    Kept,
    /// Who has this secret.
    Secret(String),
    /// Who has a passkey.
    Passkey(Passkey),
}

impl Options {
    /// Reads them; `undefined` members are as absent ones.
    pub(crate) fn read(options: &JsValue) -> Result<Self, RuntimeError> {
        if !(options.is_undefined() || options.is_object()) {
            let expected = "an object like {name, storage, sync, secret, passkey}";
            return Err(wrong("Runtime.open's argument", expected, options));
        }
        let name = text(options, "name", "a database's name")?;
        if name.as_deref() == Some("") {
            return Err(wrong("name", "a database's name, not empty", &"".into()));
        }
        let storage = text(options, "storage", STORAGES)?;
        let is_persistent = match storage.as_deref() {
            None | Some("indexeddb") => true,
            Some("memory") => false,
            Some(other) => return Err(wrong("storage", STORAGES, &other.into())),
        };
        Ok(Self {
            name: name.unwrap_or_else(|| "pleione".to_owned()),
            is_persistent,
            sync: address(options)?,
            identity: identity(options)?,
        })
    }
}

fn identity(options: &JsValue) -> Result<Identity, RuntimeError> {
    let secret = text(options, "secret", "an agent secret")?;
    match (secret, passkey(options)?) {
        (None, None) => Ok(Identity::Kept),
        (Some(secret), None) => Ok(Identity::Secret(secret)),
        (None, Some(passkey)) => Ok(Identity::Passkey(passkey)),
        (Some(_), Some(_)) => Err(wrong("passkey", "absent where `secret` is given", options)),
    }
}

fn passkey(options: &JsValue) -> Result<Option<Passkey>, RuntimeError> {
    let member = Reflect::get(options, &"passkey".into()).unwrap_or_default();
    if member.is_undefined() || member.is_null() || member == false {
        return Ok(None);
    }
    if member == true {
        return Ok(Some(Passkey::Ask));
    }
    let expected = "true, or {create: the name of a new one}";
    match text(&member, "create", "the name of a new passkey")? {
        Some(name) if !name.is_empty() => Ok(Some(Passkey::Make(name))),
        _ => Err(wrong("passkey", expected, &member)),
    }
}

const STORAGES: &str = "\"indexeddb\" or \"memory\"";

fn address(options: &JsValue) -> Result<Option<Address>, RuntimeError> {
    let member = Reflect::get(options, &"sync".into()).unwrap_or_default();
    if let Ok(function) = member.dyn_into::<Function>() {
        return Ok(Some(Address::Asked(function)));
    }
    let expected =
        "a sync server's address like ws://localhost:4203/sync, or a function that returns it";
    Ok(text(options, "sync", expected)?.map(Address::Fixed))
}

fn text(
    options: &JsValue,
    what: &'static str,
    expected: &'static str,
) -> Result<Option<String>, RuntimeError> {
    let member = Reflect::get(options, &what.into()).unwrap_or_default();
    if member.is_undefined() || member.is_null() {
        return Ok(None);
    }
    match member.as_string() {
        Some(text) => Ok(Some(text)),
        None => Err(wrong(what, expected, &member)),
    }
}

/// An error that names what was found; never a secret's text.
fn wrong(what: &'static str, expected: &'static str, found: &JsValue) -> RuntimeError {
    let found = match found.as_string() {
        Some(text) => quoted(&text),
        None => found.js_typeof().as_string().unwrap_or_default(),
    };
    RuntimeError::option(what, expected, found)
}
