//! A network that can fail: a TCP proxy between a server and what it depends on. It can be cut (connections end, new
//! ones are refused at once), be silent (everything stays open and nothing passes, as when packets are lost), or be slow.
//!
//! What was on the way when it fell silent passes when it heals, unless it was cut: as TCP does it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const OPEN: u8 = 0;
const SILENT: u8 = 1;
const CUT: u8 = 2;
const ENDED: u8 = 3;

/// How often a waiting thread looks at the state of the network.
const LOOK: Duration = Duration::from_millis(10);

/// A proxy on a free loopback port. Dropping it cuts what passes through it.
pub(crate) struct Proxy {
    port: u16,
    network: Network,
    listener: Option<JoinHandle<()>>,
}

/// What the threads of a proxy share.
#[derive(Clone, Default)]
struct Network {
    state: Arc<AtomicU8>,
    delay_ms: Arc<AtomicU64>,
}

impl Proxy {
    /// To this port of this machine.
    pub(crate) fn to(port: u16) -> Self {
        Self::to_address(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
    }

    pub(crate) fn to_address(target: SocketAddrV4) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = Network::default();
        let accepted = network.clone();
        let listener = std::thread::spawn(move || accepted.accept(&listener, target));
        Self {
            port,
            network,
            listener: Some(listener),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection and refuses new ones.
    pub(crate) fn cut(&self) {
        self.network.become_state(CUT);
    }

    /// Lets nothing pass any more; connections stay open.
    pub(crate) fn silence(&self) {
        self.network.become_state(SILENT);
    }

    /// Lets everything pass again.
    pub(crate) fn heal(&self) {
        self.network.become_state(OPEN);
    }

    /// Holds back each piece by so much, each way.
    pub(crate) fn slow_down(&self, delay: Duration) {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap();
        self.network.delay_ms.store(delay_ms, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.network.become_state(ENDED);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Network {
    fn become_state(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
    }

    fn is(&self, state: u8) -> bool {
        self.state.load(Ordering::SeqCst) == state
    }

    fn accept(&self, listener: &TcpListener, target: SocketAddrV4) {
        while !self.is(ENDED) {
            match listener.accept() {
                Ok((stream, _)) => self.connect(stream, target),
                Err(_) => std::thread::sleep(LOOK),
            }
        }
    }

    /// A connection in a silent network is taken by nobody; the one who asked waits.
    fn connect(&self, near: TcpStream, target: SocketAddrV4) {
        if self.is(CUT) {
            return;
        }
        let Ok(far) = TcpStream::connect(target) else {
            return;
        };
        for stream in [&near, &far] {
            stream.set_nonblocking(false).unwrap();
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(LOOK)).unwrap();
        }
        let ends = [
            (near.try_clone().unwrap(), far.try_clone().unwrap()),
            (far, near),
        ];
        for (from, to) in ends {
            let network = self.clone();
            std::thread::spawn(move || network.pass(&from, &to));
        }
    }

    /// Passes bytes one way until an end closes or the network is cut.
    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream) {
        let mut piece = [0; 16 << 10];
        while let Some(count) = self.read(&mut from, &mut piece) {
            std::thread::sleep(Duration::from_millis(self.delay_ms.load(Ordering::SeqCst)));
            while self.is(SILENT) {
                std::thread::sleep(LOOK);
            }
            if self.is(CUT) || self.is(ENDED) || to.write_all(&piece[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    /// The next bytes; `None` when there will be none.
    fn read(&self, from: &mut &TcpStream, piece: &mut [u8]) -> Option<usize> {
        use std::io::ErrorKind::{TimedOut, WouldBlock};
        loop {
            if self.is(CUT) || self.is(ENDED) {
                return None;
            }
            match from.read(piece) {
                Ok(0) => return None,
                Ok(count) => return Some(count),
                Err(error) if matches!(error.kind(), TimedOut | WouldBlock) => {}
                Err(_) => return None,
            }
        }
    }
}
