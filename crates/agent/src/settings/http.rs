//! What the tool `@http/request` may do: which hosts it may ask, for how long, for how much.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use service::setting::{number, value};

/// What is said about the tool.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The tool @http/request")]
pub struct RawHttpTool {
    /// The hosts that actors may ask, separated by commas: `api.example.org`, `localhost:8080`, `*.example.org`, or `*` for
    /// every one with a public address [default: none]
    #[arg(long = "http-hosts", env = "AGENT_MAIA_HTTP_HOSTS", value_name = "HOSTS", value_delimiter = ',',
        value_parser = value(HostRule::ALLOWED, HostRule::parse))]
    hosts: Vec<HostRule>,
    /// How long one request may take, in seconds
    #[arg(long = "http-seconds-max", env = "AGENT_MAIA_HTTP_SECONDS_MAX", value_name = "SECONDS", default_value = "30",
        value_parser = number::<u32>(1..=600, "a number of seconds"))]
    seconds_max: u32,
    /// How long a request's or an answer's body may be, in bytes
    #[arg(long = "http-bytes-max", env = "AGENT_MAIA_HTTP_BYTES_MAX", value_name = "BYTES", default_value = "524288",
        value_parser = number::<u32>(1..=8_388_608, "a number of bytes"))]
    bytes_max: u32,
}

/// What the tool may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpToolSettings {
    /// Whom it may ask.
    pub hosts: Vec<HostRule>,
    /// How long one request may take.
    pub time_max: Duration,
    /// How long a body may be, in bytes.
    pub bytes_max: usize,
}

impl From<RawHttpTool> for HttpToolSettings {
    fn from(raw: RawHttpTool) -> Self {
        Self {
            hosts: raw.hosts,
            time_max: Duration::from_secs(raw.seconds_max.into()),
            bytes_max: raw.bytes_max as usize,
        }
    }
}

/// Hosts that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostRule {
    /// One that is named, at any of its addresses.
    Named {
        /// Its name or address.
        host: String,
        /// At this port only; none for the scheme's own.
        port: Option<u16>,
    },
    /// Every name that ends so (`.example.org`), at a public address.
    Below(String),
    /// Every name, at a public address.
    Public,
}

/// Whether a host may be asked, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// At any address: it was named.
    Anywhere,
    /// Not within this machine or its networks: the name may lead anywhere.
    PublicOnly,
}

impl Admission {
    /// Whether the host may be asked at this address.
    pub(crate) fn admits(self, address: &SocketAddr) -> bool {
        self == Self::Anywhere || is_public(address.ip())
    }
}

impl HostRule {
    const ALLOWED: &str = "hosts (`api.example.org`, `localhost:8080`, `*.example.org` or `*`)";

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text == "*" {
            return Some(Self::Public);
        }
        let is_name = |name: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            !name.is_empty() && name.chars().all(allowed)
        };
        if let Some(domain) = text.strip_prefix('*') {
            let name = domain.strip_prefix('.')?;
            return is_name(name).then(|| Self::Below(domain.to_owned()));
        }
        if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            let host = address.to_string();
            return Some(Self::Named { host, port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text.as_str(), None),
        };
        let host = host.trim_matches(['[', ']']);
        let is_host = is_name(host) || host.parse::<Ipv6Addr>().is_ok();
        let host = host.to_owned();
        is_host.then_some(Self::Named { host, port })
    }

    /// Whether this rule lets a request to that host through. A port that is not the scheme's own must be named.
    fn admission(&self, host: &str, port: u16, own_port: u16) -> Option<Admission> {
        let is_own = port == own_port;
        match self {
            Self::Named {
                host: named,
                port: at,
            } => {
                let is_port = at.map_or(is_own, |at| at == port);
                (named == host && is_port).then_some(Admission::Anywhere)
            }
            Self::Below(domain) => {
                (is_own && host.ends_with(domain.as_str())).then_some(Admission::PublicOnly)
            }
            Self::Public => is_own.then_some(Admission::PublicOnly),
        }
    }

    /// What the rules together say of a host; none if it may not be asked. Names are in lower case.
    pub(crate) fn judge(rules: &[Self], host: &str, port: u16, own_port: u16) -> Option<Admission> {
        let found: Vec<Admission> = rules
            .iter()
            .filter_map(|rule| rule.admission(host, port, own_port))
            .collect();
        let is_named = found.contains(&Admission::Anywhere);
        if is_named {
            return Some(Admission::Anywhere);
        }
        found.first().copied()
    }
}

/// Whether an address is reachable by everybody: not this machine's, its networks', or a special one.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            let is_test = first == 198 && (second == 18 || second == 19);
            let is_protocol = first == 192 && second == 0;
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_documentation()
                || is_shared
                || is_test
                || is_protocol
                || first == 0
                || first >= 224)
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            let embedded = v6.to_ipv4_mapped().map(IpAddr::V4);
            match embedded {
                Some(v4) => is_public(v4),
                // Only global unicast, without the parts that lead to addresses of version 4 or are for examples.
                None => {
                    first & 0xe000 == 0x2000
                        && first != 0x2002
                        && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<HostRule> {
        text.split(',')
            .map(|rule| HostRule::parse(rule).unwrap())
            .collect()
    }

    #[test]
    fn a_host_is_asked_only_where_a_rule_says_so() {
        use Admission::{Anywhere, PublicOnly};
        for (text, host, port, expected) in [
            ("api.example.org", "api.example.org", 443, Some(Anywhere)),
            ("api.example.org", "api.example.org", 8443, None),
            (
                "API.example.org:8443",
                "api.example.org",
                8443,
                Some(Anywhere),
            ),
            ("api.example.org:8443", "api.example.org", 443, None),
            ("api.example.org", "evil-api.example.org", 443, None),
            ("*.example.org", "api.example.org", 443, Some(PublicOnly)),
            ("*.example.org", "example.org", 443, None),
            ("*.example.org", "evilexample.org", 443, None),
            ("*", "any.thing", 443, Some(PublicOnly)),
            ("*", "any.thing", 22, None),
            ("*,localhost:80", "localhost", 80, Some(Anywhere)),
            ("[::1]:9", "::1", 9, Some(Anywhere)),
            ("::1", "::1", 443, Some(Anywhere)),
        ] {
            let judged = HostRule::judge(&rules(text), host, port, 443);
            assert_eq!(judged, expected, "{text} for {host}:{port}");
        }
    }

    #[test]
    fn r12_what_is_no_host_is_refused() {
        for text in ["", "http://a", "a/b", "*.", "a:port", "a b", "**"] {
            assert_eq!(HostRule::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_that_was_not_named_leads_nowhere_private() {
        for (address, expected) in [
            ("93.184.215.14", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:2800:21f:cb07::1", true),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:93.184.215.14", true),
            ("64:ff9b::a00:1", false),
            ("2002:a00:1::", false),
            ("2001:db8::1", false),
        ] {
            let address = SocketAddr::new(address.parse().unwrap(), 443);
            assert_eq!(
                Admission::PublicOnly.admits(&address),
                expected,
                "{address}"
            );
            assert!(Admission::Anywhere.admits(&address));
        }
    }
}
