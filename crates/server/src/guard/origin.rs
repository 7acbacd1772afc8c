//! Which pages may connect: a browser names the origin of the page in the handshake, and pages of others are refused.
//!
//! Nothing but browsers names one truthfully, so a request without an origin is let in: this keeps foreign pages from
//! using their visitors' browsers, and tokens keep out everybody else.

use axum::http::{HeaderMap, header};

/// The page was served from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pages of this origin may not connect (SYNC_MAIA_ORIGINS)")]
pub struct ForeignOrigin;

/// The origins whose pages may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// All.
    Any,
    /// These.
    Only(Vec<Allowed>),
}

/// An origin whose pages may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// The one that the server is reached under.
    Same,
    /// `https://app.example`, in small letters, without its scheme's own port.
    Named(String),
}

impl Origins {
    /// Reads `any`, or origins separated by commas, among them perhaps `same`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "any" {
            return Some(Self::Any);
        }
        let origins = text.split(',').map(|origin| match origin.trim() {
            "same" => Some(Allowed::Same),
            origin => normal(origin).map(Allowed::Named),
        });
        origins.collect::<Option<_>>().map(Self::Only)
    }

    /// Whether the page that this request comes from may connect.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), ForeignOrigin> {
        let (Self::Only(allowed), Some(origin)) = (self, headers.get(header::ORIGIN)) else {
            return Ok(());
        };
        let origin = origin.to_str().ok().and_then(normal).ok_or(ForeignOrigin)?;
        let is_allowed = |allowed: &Allowed| match allowed {
            Allowed::Same => is_same(&origin, headers),
            Allowed::Named(named) => *named == origin,
        };
        if allowed.iter().any(is_allowed) {
            Ok(())
        } else {
            Err(ForeignOrigin)
        }
    }
}

/// Whether the origin is the host that was asked for.
fn is_same(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let scheme = origin.split_once("://").map(|(scheme, _)| scheme);
    let (Some(host), Some(scheme)) = (host, scheme) else {
        return false;
    };
    normal(&format!("{scheme}://{host}")).is_some_and(|asked| asked == origin)
}

/// An origin in the form in which origins are compared; `None` if it is none.
fn normal(origin: &str) -> Option<String> {
    let origin = origin.to_ascii_lowercase();
    let (scheme, host) = origin.split_once("://")?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let is_origin = !scheme.is_empty() && scheme.bytes().all(is_scheme);
    if !is_origin || host.is_empty() || !host.bytes().all(is_host) {
        return None;
    }
    let port = match scheme {
        "http" | "ws" => ":80",
        "https" | "wss" => ":443",
        _ => "",
    };
    let host = host.strip_suffix(port).unwrap_or(host);
    Some(format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(origins: &str, origin: Option<&str>, host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        Origins::parse(origins).unwrap().check(&headers).is_ok()
    }

    #[test]
    fn a_page_connects_only_from_an_origin_that_may() {
        let origins = "same, https://app.example:443,http://localhost:5173,tauri://localhost";
        for (origin, expected) in [
            (None, true),
            (Some("https://app.example"), true),
            (Some("https://APP.example"), true),
            (Some("http://localhost:5173"), true),
            (Some("tauri://localhost"), true),
            (Some("https://sync.example:8443"), true),
            (Some("http://app.example"), false),
            (Some("https://app.example.evil"), false),
            (Some("https://evil-app.example"), false),
            (Some("https://app.example:8443"), false),
            (Some("http://localhost"), false),
            (Some("https://sync.example"), false),
            (Some("null"), false),
            (Some(""), false),
        ] {
            let allowed = is_allowed(origins, origin, "sync.example:8443");
            assert_eq!(allowed, expected, "{origin:?}");
            assert!(is_allowed("any", origin, "sync.example"));
        }
        assert!(is_allowed("same", Some("http://localhost"), "localhost:80"));
        assert!(!is_allowed(
            "same",
            Some("http://localhost"),
            "localhost:8080"
        ));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "app.example",
            "https://",
            "https://a/path",
            "https://a b",
            "any,same",
            "*",
        ] {
            assert_eq!(Origins::parse(text), None, "{text}");
        }
    }
}
