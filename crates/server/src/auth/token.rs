//! A token's text: a JWT (RFC 7519) signed with Ed25519 (`alg` is `EdDSA`), and nothing else that a JWT may be.
//!
//! Claims that count: `exp` (must be there), `nbf`, `account` (whose sessions alone may be written over the connection),
//! and `sub`, a name for people. Whoever signs with a trusted key may add others. Pure: it is told the time. A refusal
//! never repeats a word of the token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cojson::ids::CoId;
use ring::digest;
use serde::{Deserialize, Serialize};

use super::key::{PublicKey, SigningKey};

/// The longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 4_096;

/// How much the clocks of who signs and who checks may differ.
const CLOCK_SKEW_SECONDS: u64 = 60;

/// How many bytes of its digest name a token.
const ID_BYTES: usize = 12;

/// Why a client may not connect, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It shows none.
    #[error("a token is needed: `?token=…` in the URL, or `Authorization: Bearer …`")]
    Missing,
    /// It shows more than one.
    #[error("more than one token")]
    Several,
    /// It is no token.
    #[error("the token is malformed: expected a JWT of `alg` EdDSA with `exp`")]
    Malformed,
    /// No trusted key signed it.
    #[error("the token is signed by no key that is trusted here")]
    Untrusted,
    /// It was good until some time ago.
    #[error("the token has expired")]
    Expired,
    /// It is not good yet.
    #[error("the token is not valid yet")]
    TooEarly,
    /// It was taken back.
    #[error("the token is revoked")]
    Revoked,
}

impl TokenRefusal {
    /// A stable name for counters.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Several => "token_several",
            Self::Malformed => "token_malformed",
            Self::Untrusted => "token_untrusted",
            Self::Expired => "token_expired",
            Self::TooEarly => "token_too_early",
            Self::Revoked => "token_revoked",
        }
    }
}

/// What a token says.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Claims {
    /// Until when it is good, in seconds since 1970.
    #[serde(rename = "exp")]
    pub expires_at: u64,
    /// From when on it is good.
    #[serde(rename = "nbf", default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// Whose sessions alone may be written with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// A name for people.
    #[serde(rename = "sub", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A token whose signature is a trusted key's and whose time is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is called where it is revoked.
    pub id: String,
    /// The key that signed it.
    pub key: String,
    /// Until when it is good, in seconds since 1970.
    pub expires_at: u64,
    /// Whose sessions alone may be written with it.
    pub account: Option<CoId>,
}

impl Claims {
    /// Claims of a token that is good until then.
    pub fn new(expires_at: u64, account: Option<&CoId>, name: Option<String>) -> Self {
        Self {
            expires_at,
            not_before: None,
            account: account.map(ToString::to_string),
            name,
        }
    }

    /// The token that says this.
    pub fn sign(&self, key: &SigningKey) -> String {
        // Two small objects of strings and numbers: they have a text.
        let payload = serde_json::to_string(self).unwrap_or_default();
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"JWT"}"#);
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    /// What must be understood to take it: we understand nothing of the kind.
    crit: Option<serde_json::Value>,
}

/// What a token is called: a digest of what is signed, so that it can be revoked whoever made it. `None` if it is none.
pub fn id_of(token: &str) -> Option<String> {
    let (signed, _) = parts(token)?;
    let digest = digest::digest(&digest::SHA256, signed.as_bytes());
    let short = digest.as_ref().get(..ID_BYTES)?;
    Some(URL_SAFE_NO_PAD.encode(short))
}

/// Until when a token says that it is good, whoever signed it.
pub fn expiry_of(token: &str) -> Option<u64> {
    let (signed, _) = parts(token)?;
    let (_, payload) = signed.split_once('.')?;
    decoded::<Claims>(payload).map(|claims| claims.expires_at)
}

/// What was signed, and the signature's text.
fn parts(token: &str) -> Option<(&str, &str)> {
    if token.len() > TOKEN_BYTES_MAX || token.split('.').count() != 3 {
        return None;
    }
    token.rsplit_once('.')
}

fn decoded<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Takes a token if one of these keys signed it and its time is now.
///
/// # Errors
/// Why it is not taken.
pub fn verify(token: &str, keys: &[PublicKey], now_seconds: u64) -> Result<Token, TokenRefusal> {
    let (signed, signature) = parts(token).ok_or(TokenRefusal::Malformed)?;
    let (head, payload) = signed.split_once('.').ok_or(TokenRefusal::Malformed)?;
    let head: Head = decoded(head).ok_or(TokenRefusal::Malformed)?;
    if head.alg != "EdDSA" || head.crit.is_some() {
        return Err(TokenRefusal::Malformed);
    }
    let signature = URL_SAFE_NO_PAD.decode(signature);
    let signature = signature.map_err(|_| TokenRefusal::Malformed)?;
    let key = keys
        .iter()
        .find(|key| key.has_signed(signed.as_bytes(), &signature));
    let key = key.ok_or(TokenRefusal::Untrusted)?;
    let claims: Claims = decoded(payload).ok_or(TokenRefusal::Malformed)?;
    let account = claims.account.as_deref().map(CoId::parse).transpose();
    let account = account.map_err(|_| TokenRefusal::Malformed)?;
    if claims.expires_at <= now_seconds {
        return Err(TokenRefusal::Expired);
    }
    if claims
        .not_before
        .is_some_and(|from| from > now_seconds.saturating_add(CLOCK_SKEW_SECONDS))
    {
        return Err(TokenRefusal::TooEarly);
    }
    Ok(Token {
        id: id_of(token).ok_or(TokenRefusal::Malformed)?,
        key: key.id(),
        expires_at: claims.expires_at,
        account,
    })
}

#[cfg(test)]
mod tests;
