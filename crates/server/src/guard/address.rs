//! Whose connection it is: the address that connected or, if that is a trusted proxy, the one that it forwards for.
//!
//! What others claim in `X-Forwarded-For` counts for nothing.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The header in which proxies name whom they forward for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The networks whose word is taken for a client's address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads networks (`10.0.0.0/8`) and single addresses, separated by commas.
    pub fn parse(text: &str) -> Option<Self> {
        let networks = text.split(',').map(str::trim);
        let networks = networks.map(|text| match text.parse() {
            Ok(address) => Some(IpNet::from(IpAddr::to_canonical(&address))),
            Err(_) => text.parse().ok(),
        });
        networks.collect::<Option<_>>().map(Self)
    }

    /// Whether this address is a trusted proxy's.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: of those that the proxies noted, each at the end of what it was told, the last one that is
    /// not a trusted proxy's itself.
    pub fn client_of(&self, connected: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = connected;
        let mut noted: Vec<&str> = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        while self.trust(client) {
            let Some(address) = noted
                .pop()
                .and_then(|text| text.trim().parse::<IpAddr>().ok())
            else {
                break;
            };
            client = address.to_canonical();
        }
        client
    }
}

/// What counts as one address: an IPv4 address, or the /64 network that one IPv6 customer has for itself.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &str, connected: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let proxies = TrustedProxies::parse(proxies).unwrap();
        let connected = connected.parse().unwrap();
        proxies.client_of(connected, &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_say_whom_they_forward_for() {
        let proxies = "10.0.0.0/8, ::1, 192.0.2.7";
        for (connected, forwarded, expected) in [
            // Nobody's word counts.
            ("203.0.113.5", &["198.51.100.1"][..], "203.0.113.5"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.1"], "198.51.100.1"),
            // What the client itself claimed stands before what the proxy saw.
            ("10.1.2.3", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            ("10.1.2.3", &["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
            // A chain of proxies.
            (
                "::1",
                &["198.51.100.1, 192.0.2.7, 10.9.9.9"],
                "198.51.100.1",
            ),
            ("10.1.2.3", &["not an address"], "10.1.2.3"),
            ("10.1.2.3", &["::ffff:198.51.100.1"], "198.51.100.1"),
        ] {
            assert_eq!(
                client(proxies, connected, forwarded),
                expected,
                "{forwarded:?}"
            );
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["10.0.0.0/33", "proxy", "10.0.0.1,", ""] {
            assert_eq!(TrustedProxies::parse(text), None, "{text}");
        }
    }
}
