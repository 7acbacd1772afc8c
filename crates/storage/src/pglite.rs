//! Storage in a folder of `PGlite`: a `PostgreSQL` within this process, with the tables and the promises of
//! [`postgres`](super::postgres) but for one: it never asks the disk to flush (`fsync` is off, as it is wherever `PGlite`
//! runs). What was acknowledged outlives this process however that ends, but not the machine's loss of power.
//!
//! The database runs on a thread of its own and takes one connection at a time, by a socket in the folder that nobody else
//! may open. It ends when its client is lost in the middle of something; it is then started again on what it wrote.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use deadpool_postgres::{Connect, Manager, ManagerConfig, RecyclingMethod};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pglite_oxide::PgliteServer;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_postgres::{Client, Config, Error, NoTls};

use super::postgres::{self, PostgresStorage};
use super::{LoadError, NoteChange, Notes, Storage, WriteError};
use crate::through;

/// The name that clients of `PostgreSQL` look for in a folder, and the port in it.
const SOCKET: &str = ".s.PGSQL.5432";
const PORT: u16 = 5432;
/// The longest path of a socket.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// A folder that cannot be used as storage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder cannot be made, or its path is too long.
    #[error("{path}: {detail}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The database does not start.
    #[error("{path}: PGlite does not start: {detail}")]
    Start {
        /// The folder.
        path: PathBuf,
        /// What it says.
        detail: String,
    },
    /// The database started and cannot be used.
    #[error("{path}: PGlite cannot be used: {cause}")]
    Database {
        /// The folder.
        path: PathBuf,
        /// What it says.
        cause: postgres::OpenError,
    },
}

/// An open folder.
#[derive(Debug)]
pub struct PgliteStorage {
    /// Dropped first: while a client is connected, the database does not end.
    postgres: PostgresStorage,
    _running: Running,
}

impl PgliteStorage {
    /// Starts the database in a folder, which is made if it is missing. Call it where waiting is allowed: not from a future.
    ///
    /// # Errors
    /// When the folder cannot be used, or another process has it open.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let database = Database::new(path)?;
        database.start().map_err(|detail| OpenError::Start {
            path: path.to_owned(),
            detail,
        })?;
        Self::on(database)
    }

    fn on(database: Database) -> Result<Self, OpenError> {
        let database = Arc::new(database);
        let mut config = Config::new();
        config
            .host_path(database.socket_folder())
            .port(PORT)
            .user("postgres")
            .dbname("postgres");
        let client = DatabaseClient(Arc::clone(&database));
        let recycling_method = RecyclingMethod::Fast;
        let manager = Manager::from_connect(config, client, ManagerConfig { recycling_method });
        let opened = PostgresStorage::with_one_connection(manager);
        let postgres = opened.map_err(|cause| OpenError::Database {
            path: database.folder.clone(),
            cause,
        })?;
        Ok(Self {
            postgres,
            _running: Running(database),
        })
    }
}

/// The database of a folder.
struct Database {
    folder: PathBuf,
    running: Mutex<Option<PgliteServer>>,
}

impl Database {
    fn new(folder: &Path) -> Result<Self, OpenError> {
        let unusable = |detail: String| OpenError::Folder {
            path: folder.to_owned(),
            detail,
        };
        let database = Self {
            folder: folder.to_owned(),
            running: Mutex::new(None),
        };
        let socket_bytes = database.socket().as_os_str().len();
        if socket_bytes > SOCKET_PATH_BYTES_MAX {
            let bytes_max = folder.as_os_str().len() + SOCKET_PATH_BYTES_MAX - socket_bytes;
            return Err(unusable(format!(
                "the path is too long for a socket in it: at most {bytes_max} bytes"
            )));
        }
        let mut builder = DirBuilder::new();
        let made = builder
            .recursive(true)
            .mode(0o700)
            .create(database.socket_folder());
        made.map_err(|error| unusable(error.to_string()))?;
        Ok(database)
    }

    fn socket_folder(&self) -> PathBuf {
        self.folder.join("socket")
    }

    fn socket(&self) -> PathBuf {
        self.socket_folder().join(SOCKET)
    }

    /// Starts it anew. What ran before has ended, or ends now.
    fn start(&self) -> Result<(), String> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        drop(running.take());
        let server = PgliteServer::builder()
            .path(&self.folder)
            .username("postgres")
            .database("postgres")
            .unix(self.socket())
            .start()
            .map_err(|error| format!("{error:#}"))?;
        *running = Some(server);
        Ok(())
    }

    fn stop(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        drop(running.take());
    }
}

/// Ends the database with it.
#[derive(Debug)]
struct Running(Arc<Database>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Connects to the database, and starts it again if it has ended.
struct DatabaseClient(Arc<Database>);

impl Connect for DatabaseClient {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        let config = config.clone();
        let database = Arc::clone(&self.0);
        async move {
            let (client, connection) = match config.connect(NoTls).await {
                Err(error) if has_ended(&error) => {
                    restart(database).await;
                    config.connect(NoTls).await?
                }
                connected => connected?,
            };
            let connection = tokio::spawn(async move {
                // Whoever waits for an answer is told of its end.
                let _ = connection.await;
            });
            Ok((client, connection))
        }
        .boxed()
    }
}

/// Whether nobody listens at the socket.
fn has_ended(error: &Error) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    let cause = std::error::Error::source(error);
    let cause = cause.and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| matches!(cause.kind(), ConnectionRefused | NotFound))
}

async fn restart(database: Arc<Database>) {
    tracing::warn!("PGlite has ended and is started again");
    let restarted = spawn_blocking(move || database.start()).await;
    if let Ok(Err(detail)) = restarted {
        tracing::error!("PGlite does not start: {detail}");
    }
}

impl Storage for PgliteStorage {
    through!(postgres: outline, read, ids, count, stats, write);
}

impl Notes for PgliteStorage {
    fn notes(&mut self, prefix: &str) -> Result<Vec<(String, String)>, LoadError> {
        self.postgres.notes(prefix)
    }

    fn change_notes(&mut self, change: &NoteChange) -> Result<(), WriteError> {
        self.postgres.change_notes(change)
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Database")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
