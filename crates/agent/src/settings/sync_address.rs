//! Where the sync server is: a domain, or a whole address.

use std::fmt::{Display, Formatter};

use hyper::Uri;

use crate::net::Target;

/// The sync server's address. What stands behind the `?` may be a token and is never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncAddress {
    pub(crate) target: Target,
    path_and_query: String,
}

impl SyncAddress {
    /// What an address looks like.
    pub const ALLOWED: &str = "a domain (`sync.example.org`, `localhost:4203`) or an address (`wss://sync.example.org/sync`)";

    /// Reads an address. A domain alone is asked at `/sync`, encrypted unless it is this machine.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains("://") {
            return Self::parse_whole(text);
        }
        let host = text.split(':').next()?;
        let is_local = matches!(host, "localhost" | "127.0.0.1") || text.starts_with("[::1]");
        let scheme = if is_local { "ws" } else { "wss" };
        let is_plain = !text.contains(['/', '?', '@']);
        is_plain.then(|| Self::parse_whole(&format!("{scheme}://{text}/sync")))?
    }

    fn parse_whole(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let is_encrypted = match uri.scheme_str()? {
            "ws" => false,
            "wss" => true,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?;
        let default_port = if is_encrypted { 443 } else { 80 };
        Some(Self {
            target: Target {
                host: host.trim_matches(['[', ']']).to_owned(),
                port: uri.port_u16().unwrap_or(default_port),
                is_encrypted,
            },
            path_and_query: uri.path_and_query()?.as_str().to_owned(),
        })
    }

    /// The whole address, its token included: for the one place that connects.
    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.origin(), self.path_and_query)
    }

    fn origin(&self) -> String {
        let Target {
            host,
            port,
            is_encrypted,
        } = &self.target;
        let scheme = if *is_encrypted { "wss" } else { "ws" };
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        format!("{scheme}://{host}:{port}")
    }
}

impl Display for SyncAddress {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let path = self.path_and_query.split('?').next().unwrap_or_default();
        write!(f, "{}{path}", self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_asked_encrypted_unless_it_is_this_machine() {
        for (text, url) in [
            ("sync.example.org", "wss://sync.example.org:443/sync"),
            ("sync.example.org:8443", "wss://sync.example.org:8443/sync"),
            ("localhost:4203", "ws://localhost:4203/sync"),
            ("127.0.0.1:1", "ws://127.0.0.1:1/sync"),
            ("[::1]:1", "ws://[::1]:1/sync"),
            ("ws://there/a?token=b", "ws://there:80/a?token=b"),
        ] {
            assert_eq!(SyncAddress::parse(text).unwrap().url(), url, "{text}");
        }
    }

    #[test]
    fn r12_what_is_no_address_is_refused_and_a_token_is_not_shown() {
        for text in [
            "",
            "http://there/",
            "ws://",
            "there/sync",
            "me@there",
            "a b",
        ] {
            assert_eq!(SyncAddress::parse(text), None, "{text}");
        }
        let address = SyncAddress::parse("wss://there/sync?token=hunter2").unwrap();
        assert_eq!(address.to_string(), "wss://there:443/sync");
    }
}
