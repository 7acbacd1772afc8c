//! The whole server: started from settings, and stopped so that nothing that was taken in is lost.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::accept::Door;
use crate::guard::connections::Connections;
use crate::http::{self, HttpContext};
use crate::refusals::Refusals;
use crate::relay::{self, Command, RelayLimits};
use crate::settings::{PageSettings, Settings, StorageSettings};
use crate::shutdown::{StopSwitch, stop_switch};
use crate::static_files::StaticFiles;
use crate::storage::{self, Storage};

/// How long stopping may take: goodbyes and the last writes.
const STOP_MAX: Duration = Duration::from_millis(4_500);

/// Why the server did not start. Each names the setting that is to be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
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
    stop: StopSwitch,
    commands: mpsc::Sender<Command>,
    relay: oneshot::Receiver<()>,
    http: JoinHandle<()>,
}

impl Server {
    /// Opens storage, listens, and serves.
    ///
    /// # Errors
    /// When a setting names something that cannot be used.
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        let pages = settings.pages.clone().map(checked_pages).transpose()?;
        let storage = open_storage(settings.storage.clone()).await?;
        let listener = listen(settings.listen).await?;
        let address = listener.local_addr().unwrap_or(settings.listen);
        let refusals = Refusals::default();
        let limits = &settings.limits;
        let (commands, relay) =
            relay::spawn(storage, RelayLimits::from(settings), refusals.clone())
                .map_err(StartError::Thread)?;
        let (stop, watch) = stop_switch();
        let door = Door {
            connections: Connections::new(
                limits.connections_max,
                limits.connections_per_address_max,
            ),
            proxies: settings.proxies.clone(),
            handshake_max: Duration::from_secs(limits.handshake_seconds_max),
            refusals: refusals.clone(),
            stop: watch.clone(),
        };
        let context = HttpContext {
            commands: commands.downgrade(),
            limits: limits.into(),
            connections: door.connections.clone(),
            proxies: door.proxies.clone(),
            pages,
            refusals,
            stop: watch,
            peers: std::sync::Arc::default(),
        };
        Ok(Self {
            address,
            stop,
            commands,
            relay,
            http: tokio::spawn(door.serve(listener, http::router(context))),
        })
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

    /// Says goodbye to every client, writes what was taken in, and ends.
    ///
    /// # Errors
    /// When that took too long or a part of the server failed.
    pub async fn stop(self) -> Result<(), StopError> {
        let deadline = Instant::now() + STOP_MAX;
        self.stop.stop();
        // The relay ends when the last socket has said goodbye and nobody else can hand it anything.
        drop(self.commands);
        let ended = timeout_at(deadline, self.relay).await;
        let ended = ended.map_err(|_| StopError::Deadline)?;
        ended.map_err(|_| StopError::Failed)
    }
}

/// Opening storage waits for disks and databases, so it is not done among futures.
async fn open_storage(settings: StorageSettings) -> Result<Box<dyn Storage>, StartError> {
    let opened = tokio::task::spawn_blocking(move || storage::open(&settings));
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
