//! How many connections there are, in all and from each address.
//!
//! A [`Permit`] is held as long as its connection; dropping it makes room.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::address::network_of;

/// There is no room for one more connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// In all.
    #[error("{0} connections, the most that are allowed")]
    InAll(usize),
    /// From this address.
    #[error("{0} connections from one address, the most that are allowed")]
    FromAddress(usize),
}

impl Full {
    /// A stable name for counters.
    pub fn code(self) -> &'static str {
        match self {
            Self::InAll(_) => "too_many_connections",
            Self::FromAddress(_) => "too_many_connections_of_address",
        }
    }
}

/// The count, shared by all who let clients in.
#[derive(Clone, Debug)]
pub struct Connections {
    in_all_max: usize,
    per_address_max: usize,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    in_all: usize,
    per_address: HashMap<IpAddr, usize>,
}

/// The right to one connection.
#[derive(Debug)]
pub struct Permit {
    counts: Arc<Mutex<Counts>>,
    is_in_all: bool,
    address: Option<IpAddr>,
}

impl Connections {
    /// Counts from zero.
    pub fn new(in_all_max: usize, per_address_max: usize) -> Self {
        Self {
            in_all_max,
            per_address_max,
            counts: Arc::default(),
        }
    }

    /// Lets in a connection, whose client's address is known or (behind a proxy) not yet.
    ///
    /// # Errors
    /// When there is no room.
    pub fn enter(&self, address: Option<IpAddr>) -> Result<Permit, Full> {
        let mut counts = lock(&self.counts);
        if counts.in_all >= self.in_all_max {
            return Err(Full::InAll(self.in_all_max));
        }
        let address = self.count_address(&mut counts, address)?;
        counts.in_all += 1;
        Ok(self.permit(true, address))
    }

    /// Counts the client of a connection that was let in without its address.
    ///
    /// # Errors
    /// When that address has no room.
    pub fn enter_address(&self, address: IpAddr) -> Result<Permit, Full> {
        let address = self.count_address(&mut lock(&self.counts), Some(address))?;
        Ok(self.permit(false, address))
    }

    fn count_address(
        &self,
        counts: &mut Counts,
        address: Option<IpAddr>,
    ) -> Result<Option<IpAddr>, Full> {
        let Some(network) = address.map(network_of) else {
            return Ok(None);
        };
        let count = counts.per_address.entry(network).or_default();
        if *count >= self.per_address_max {
            return Err(Full::FromAddress(self.per_address_max));
        }
        *count += 1;
        Ok(Some(network))
    }

    fn permit(&self, is_in_all: bool, address: Option<IpAddr>) -> Permit {
        Permit {
            counts: Arc::clone(&self.counts),
            is_in_all,
            address,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.in_all -= usize::from(self.is_in_all);
        let Some(address) = self.address else {
            return;
        };
        if let Some(count) = counts.per_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.per_address.remove(&address);
            }
        }
    }
}

/// Nothing is done under the lock that could leave a count half made.
fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_full_address_keeps_no_other_out_and_makes_room_again() {
        let connections = Connections::new(4, 2);
        let held = [(); 2].map(|()| connections.enter(Some(address("10.0.0.1"))).unwrap());
        let refused = connections.enter(Some(address("10.0.0.1"))).unwrap_err();
        assert_eq!(refused, Full::FromAddress(2));
        let other = connections.enter(Some(address("10.0.0.2"))).unwrap();
        drop(held);
        let again = connections.enter(Some(address("10.0.0.1"))).unwrap();
        drop((other, again));
        assert!(lock(&connections.counts).per_address.is_empty());
        assert_eq!(lock(&connections.counts).in_all, 0);
    }

    #[test]
    fn there_are_never_more_than_the_most() {
        let connections = Connections::new(2, 2);
        let _held = [
            connections.enter(None).unwrap(),
            connections.enter(Some(address("10.0.0.1"))).unwrap(),
        ];
        let refused = connections.enter(Some(address("10.0.0.2"))).unwrap_err();
        assert_eq!(refused, Full::InAll(2));
        // Who was let in unnamed is counted by name when the name is known.
        let named = connections.enter_address(address("10.0.0.1"));
        let more = connections.enter_address(address("10.0.0.1"));
        assert!(named.is_ok());
        assert_eq!(more.unwrap_err(), Full::FromAddress(2));
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let connections = Connections::new(9, 1);
        let _held = connections.enter(Some(address("2001:db8:1:2::1"))).unwrap();
        assert!(
            connections
                .enter(Some(address("2001:db8:1:2:ffff::9")))
                .is_err()
        );
        assert!(connections.enter(Some(address("2001:db8:1:3::1"))).is_ok());
    }
}
