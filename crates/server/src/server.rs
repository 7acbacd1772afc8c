//! The whole server: started from settings, and stopped so that nothing that was taken in is lost.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::accept::Door;
use crate::auth::gate::Gate;
use crate::auth::shelf::ShelfError;
use crate::guard::address::TrustedProxies;
use crate::guard::connections::Connections;
use crate::http::{self, HttpContext};
use crate::metrics::Metrics;
use crate::operator::Operator;
use crate::refusals::Refusals;
use crate::relay::{self, Command, RelayLink};
use crate::settings::{PageSettings, Settings};
use crate::shutdown::{StopSwitch, StopWatch, stop_switch};
use crate::static_files::StaticFiles;
use crate::storage::{self, Storage};
use crate::tls::{self, TlsError};
use crate::wakeups;

/// How many connections there may be to the address for metrics.
const OPERATORS_MAX: usize = 64;

/// How long stopping may take: goodbyes and the last writes.
const STOP_MAX: Duration = Duration::from_millis(4_500);

/// Why the server did not start. Each names the setting that is to be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address or port for metrics is taken or not ours to use.
    #[error("METRICS_ADDRESS={address}: expected a free address: {cause}")]
    ListenForMetrics {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The address or port is taken or not ours to use.
    #[error("PORT={port}: expected a free port on {address}: {cause}")]
    Listen {
        /// The port.
        port: u16,
        /// The address.
        address: IpAddr,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file cannot be used as storage.
    #[error(transparent)]
    Storage(#[from] storage::OpenError),
    /// A folder of pages is not there.
    #[error("{variable}={path}: expected a folder")]
    Pages {
        /// The environment variable.
        variable: &'static str,
        /// What it says.
        path: PathBuf,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The book of tokens cannot be read.
    #[error(transparent)]
    Tokens(#[from] ShelfError),
    /// The system gives no thread.
    #[error("the system gives no thread: {0}")]
    Thread(std::io::Error),
}

/// The server did not end in time, or a part of it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// Writing what was taken in took too long. What was acknowledged is on the disk.
    #[error("stopped before everything was written; what was acknowledged is on the disk")]
    Deadline,
    /// A thread failed. What was acknowledged is on the disk.
    #[error("the relay or its storage failed; what was acknowledged is on the disk")]
    Failed,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    stop: StopSwitch,
    close: StopSwitch,
    commands: mpsc::Sender<Command>,
    relay: oneshot::Receiver<()>,
    /// Tells other servers what this one writes, if it shares its storage.
    carrier: JoinHandle<()>,
    http: JoinHandle<()>,
}

/// What the parts of a server share.
struct Shared {
    link: RelayLink,
    refusals: Refusals,
    metrics: Arc<Metrics>,
    stop: StopWatch,
}

impl Shared {
    fn new(stop: StopWatch) -> Self {
        let refusals = Refusals::default();
        Self {
            link: RelayLink::default(),
            metrics: Arc::new(Metrics::new(&refusals)),
            refusals,
            stop,
        }
    }

    fn operator(&self) -> Operator {
        Operator::new(
            self.link.clone(),
            Arc::clone(&self.metrics),
            self.refusals.clone(),
            self.stop.clone(),
        )
    }

    fn http_context(
        &self,
        settings: &Settings,
        door: &Door,
        gate: Option<Gate>,
        pages: Option<StaticFiles>,
    ) -> HttpContext {
        HttpContext {
            relay: self.link.clone(),
            deflates: settings.operator.deflates(),
            limits: (&settings.limits).into(),
            connections: door.connections.clone(),
            proxies: door.proxies.clone(),
            origins: settings.access.origins.clone(),
            gate,
            pages,
            refusals: self.refusals.clone(),
            metrics: Arc::clone(&self.metrics),
            stop: self.stop.clone(),
            peers: Arc::default(),
        }
    }
}

impl Server {
    /// Listens, opens storage, and serves. Until storage is open, clients are turned away and `/ready` says so.
    ///
    /// # Errors
    /// When a setting names something that cannot be used.
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        let storage = settings.storage.clone();
        Self::start_on(settings, move || storage::open(&storage)).await
    }

    /// Starts on the storage that `open` opens.
    async fn start_on(
        settings: &Settings,
        open: impl FnOnce() -> Result<Box<dyn Storage>, storage::OpenError> + Send + 'static,
    ) -> Result<Self, StartError> {
        let pages = settings.pages.clone().map(checked_pages).transpose()?;
        let listener = listen(settings.listen).await?;
        let address = listener.local_addr().unwrap_or(settings.listen);
        let (stop, stopping) = stop_switch();
        let (close, closing) = stop_switch();
        let shared = Shared::new(stopping);
        let door = door(settings, shared.refusals.clone(), closing)?;
        let gate = settings.access.tokens.clone().map(Gate::new).transpose()?;
        let (gate, keeper) = gate.unzip();
        let operator = shared.operator();
        let metrics_address = settings.operator.metrics_address;
        let metrics_address = serve_metrics(metrics_address, &operator, &door).await?;
        let context = shared.http_context(settings, &door, gate, pages);
        let operator = operator.beside_clients(metrics_address.is_none());
        let http = tokio::spawn(door.serve(listener, http::router(context, operator)));
        let Shared {
            link,
            refusals,
            metrics,
            ..
        } = shared;
        if let Some(keeper) = keeper {
            keeper.start(refusals.clone()).await?;
        }
        let storage = open_storage(open).await?;
        let (wakeups, carrier) = wakeups::of(settings, &refusals)?;
        let (commands, relay) = relay::spawn(storage, settings.into(), refusals, metrics, wakeups)
            .map_err(StartError::Thread)?;
        link.lead_to(&commands);
        Ok(Self {
            address,
            metrics_address,
            stop,
            close,
            commands,
            relay,
            carrier,
            http,
        })
    }

    /// Where metrics are served, if that is another address.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns only if the server can serve no more: a part of it failed.
    pub async fn failed(&mut self) {
        tokio::select! {
            _ = &mut self.relay => {}
            _ = &mut self.http => {}
        }
    }

    /// Says goodbye to every client, writes what was taken in, and ends. Until then `/ready` says that it stops.
    ///
    /// # Errors
    /// When that took too long or a part of the server failed.
    pub async fn stop(self) -> Result<(), StopError> {
        let deadline = Instant::now() + STOP_MAX;
        self.stop.stop();
        // The relay ends when the last socket has said goodbye and nobody else can hand it anything.
        drop(self.commands);
        let ended = timeout_at(deadline, self.relay).await;
        self.close.stop();
        let ended = ended.map_err(|_| StopError::Deadline)?;
        // What was written last is told before the end; if that is not possible, the others find it by themselves.
        let _ = timeout_at(deadline, self.carrier).await;
        ended.map_err(|_| StopError::Failed)
    }
}

fn door(settings: &Settings, refusals: Refusals, stop: StopWatch) -> Result<Door, TlsError> {
    let limits = &settings.limits;
    let tls = settings.tls.clone();
    let tls = tls
        .map(|tls| tls::start(tls, refusals.clone()))
        .transpose()?;
    Ok(Door {
        connections: Connections::new(limits.connections_max, limits.connections_per_address_max),
        proxies: settings.proxies.clone(),
        tls,
        handshake_max: Duration::from_secs(limits.handshake_seconds_max),
        refusals,
        stop,
    })
}

/// Serves what operators ask at an address of its own, if there is one. Clients that use up every connection of the server
/// leave this one free.
async fn serve_metrics(
    address: Option<SocketAddr>,
    operator: &Operator,
    door: &Door,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(address) = address else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address)
        .await
        .map_err(|cause| StartError::ListenForMetrics { address, cause })?;
    let address = listener.local_addr().unwrap_or(address);
    let door = Door {
        connections: Connections::new(OPERATORS_MAX, OPERATORS_MAX),
        proxies: TrustedProxies::default(),
        tls: None,
        ..door.clone()
    };
    tokio::spawn(door.serve(listener, operator.router()));
    Ok(Some(address))
}

/// Opening storage waits for disks and databases, so it is not done among futures.
async fn open_storage(
    open: impl FnOnce() -> Result<Box<dyn Storage>, storage::OpenError> + Send + 'static,
) -> Result<Box<dyn Storage>, StartError> {
    let opened = tokio::task::spawn_blocking(open);
    let opened = opened
        .await
        .map_err(|error| StartError::Thread(error.into()))?;
    Ok(opened?)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|cause| StartError::Listen {
        port: address.port(),
        address: address.ip(),
        cause,
    })
}

fn checked_pages(pages: PageSettings) -> Result<StaticFiles, StartError> {
    let is_missing = |variable, path: &PathBuf| StartError::Pages {
        variable,
        path: path.clone(),
    };
    if !pages.www.is_dir() {
        return Err(is_missing("WWW_DIR", &pages.www));
    }
    if pages.pkg_is_named && !pages.pkg.is_dir() {
        return Err(is_missing("PKG_DIR", &pages.pkg));
    }
    Ok(pages.into())
}

#[cfg(test)]
mod tests;
