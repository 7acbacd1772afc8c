//! Storage in a database that speaks `PostgreSQL`'s protocol; several servers may share one ([`schema`], [`write`]).
//!
//! A commit is as durable as the database makes it. What cannot be done because the database is away is tried again for a
//! short while, then refused: nothing is acknowledged meanwhile, and connections come back by themselves. Reading and
//! writing here is asked for by a thread that waits; the connections live on a thread of their own.

mod body;
pub mod connect;
mod connection;
mod failure;
mod notes;
mod plan;
mod read;
mod schema;
mod write;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cojson::ids::{CoId, SessionId};
use cojson::sync::WriteBatch;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Timeouts};
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep, timeout};

use super::{LoadError, NoteChange, Notes, Outline, Stats, Storage, Stretch, WriteError};
pub use connect::connector;
use connection::{Connection, Keeping};
use failure::Failure;

/// How long one asking may take, the database's own limit included.
const ASK_MAX: Duration = Duration::from_secs(40);
/// For how long what may pass is tried again.
const PATIENCE: Duration = Duration::from_secs(3);
/// The first pause before trying again; each is twice the last.
const PAUSE: Duration = Duration::from_millis(5);
/// How long an answer of the pool may take.
const POOL_WAIT: Duration = Duration::from_secs(6);
/// The connections of one server.
const CONNECTIONS_MAX: usize = 8;

/// What each connection is told first: nothing takes for ever, and a server that dies holds no lock for long.
const LIMITS: &str =
    "SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '30s'";

/// What a connection is told that reads the database as it is at that moment. Whoever takes what is read may be slow.
const SNAPSHOT: &str = "SET idle_in_transaction_session_timeout = 0;
    BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// A database that cannot be used as storage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL cannot be used.
    #[error("SYNC_MAIA_DB_URL: {detail}")]
    Url {
        /// What is wrong with it.
        detail: String,
    },
    /// Encryption cannot be set up.
    #[error("SYNC_MAIA_DB_URL: TLS cannot be set up: {detail}")]
    Tls {
        /// Why.
        detail: String,
    },
    /// The root certificate cannot be used.
    #[error("SYNC_MAIA_DB_ROOT_CERT={path}: expected a file of PEM certificates: {detail}")]
    RootCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The database cannot be reached, or its tables cannot be made.
    #[error("SYNC_MAIA_DB_URL: the database cannot be used: {detail}")]
    Database {
        /// What it says.
        detail: String,
    },
    /// No server has ever used it.
    #[error("SYNC_MAIA_DB_URL: there are no logs in the database: no server has used it yet")]
    NoTables,
    /// It was written by a later version of the format.
    #[error("SYNC_MAIA_DB_URL: the tables have version {found}; this program reads up to {known}")]
    TooNew {
        /// Their version.
        found: i32,
        /// The newest version that is known here.
        known: i32,
    },
}

/// An open database.
#[derive(Debug)]
pub struct PostgresStorage {
    /// Where the connections live. Taken when it is dropped.
    runtime: Option<Runtime>,
    pool: Pool,
    keeping: Keeping,
}

fn unusable(detail: &dyn std::fmt::Display) -> OpenError {
    OpenError::Database {
        detail: detail.to_string(),
    }
}

fn manager(url: &str, root_certificate: Option<&Path>) -> Result<Manager, OpenError> {
    let (config, tls) = connect::connector(url, root_certificate)?;
    let recycling_method = RecyclingMethod::Fast;
    Ok(Manager::from_config(
        config,
        tls,
        ManagerConfig { recycling_method },
    ))
}

/// Tells a new connection something.
fn telling(statements: &'static str) -> Hook {
    Hook::async_fn(move |client, _| {
        Box::pin(async move {
            let told = client.batch_execute(statements).await;
            told.map_err(HookError::Backend)
        })
    })
}

/// Tells the first connection something, and refuses every later one: what the first one held is gone.
fn once(statements: &'static str) -> Hook {
    let is_told = AtomicBool::new(false);
    Hook::async_fn(move |client, _| {
        let is_first = !is_told.swap(true, Ordering::Relaxed);
        Box::pin(async move {
            if !is_first {
                return Err(HookError::message(
                    "the connection that held the moment is gone; begin again",
                ));
            }
            let told = client.batch_execute(statements).await;
            told.map_err(HookError::Backend)
        })
    })
}

impl PostgresStorage {
    /// Connects, and brings the tables up to date. Call it where waiting is allowed: not from a future.
    ///
    /// # Errors
    /// When the database cannot be reached or used.
    pub fn open(url: &str, root_certificate: Option<&Path>) -> Result<Self, OpenError> {
        let manager = manager(url, root_certificate)?;
        Self::with_manager(manager, CONNECTIONS_MAX, connect::keeping(url))
    }

    /// Connects to read the database as it is now, whatever is written to it meanwhile. It takes no write. Call it where
    /// waiting is allowed: not from a future.
    ///
    /// # Errors
    /// When the database cannot be reached, or no server has used it.
    pub fn snapshot(url: &str, root_certificate: Option<&Path>) -> Result<Self, OpenError> {
        let manager = manager(url, root_certificate)?;
        let keeping = connect::keeping(url);
        let storage = Self::connect(manager, 1, keeping, Some(once(SNAPSHOT)))?;
        let found = storage.ask(&async |client| schema::version(client).await);
        let found = found.map_err(|failure| unusable(&failure))?;
        storage.checked(found.ok_or(OpenError::NoTables)?)
    }

    /// Opens a database that is reached in another way, through so many connections, and brings the tables up to date.
    fn with_manager(
        manager: Manager,
        connections_max: usize,
        keeping: Keeping,
    ) -> Result<Self, OpenError> {
        let storage = Self::connect(manager, connections_max, keeping, None)?;
        let found = storage.ask(&async |client| schema::migrate(client).await);
        storage.checked(found.map_err(|failure| unusable(&failure))?)
    }

    /// Opens a database that takes one connection at a time.
    #[cfg(feature = "pglite")]
    pub(super) fn with_one_connection(manager: Manager) -> Result<Self, OpenError> {
        Self::with_manager(manager, 1, Keeping::Prepared)
    }

    fn checked(self, found: i32) -> Result<Self, OpenError> {
        let known = schema::VERSION;
        if found > known {
            return Err(OpenError::TooNew { found, known });
        }
        Ok(self)
    }

    /// Makes the pool. `told` is what each connection is told after the limits.
    fn connect(
        manager: Manager,
        connections_max: usize,
        keeping: Keeping,
        told: Option<Hook>,
    ) -> Result<Self, OpenError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("database")
            .enable_all()
            .build()
            .map_err(|error| unusable(&error))?;
        let mut pool = Pool::builder(manager)
            .max_size(connections_max)
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(POOL_WAIT),
                create: Some(POOL_WAIT),
                recycle: Some(POOL_WAIT),
            })
            .post_create(telling(LIMITS));
        if let Some(told) = told {
            pool = pool.post_create(told);
        }
        Ok(Self {
            runtime: Some(runtime),
            pool: pool.build().map_err(|error| unusable(&error))?,
            keeping,
        })
    }

    /// Asks the database, and asks again for a while if what stands in the way may pass.
    fn ask<T>(
        &self,
        operation: &impl AsyncFn(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Some(runtime) = &self.runtime else {
            return Err(Failure::Connection("it is being closed".into()));
        };
        runtime.block_on(async {
            let patient_until = Instant::now() + PATIENCE;
            let mut pause = PAUSE;
            loop {
                let failure = match self.ask_once(operation).await {
                    Ok(answer) => return Ok(answer),
                    Err(failure) => failure,
                };
                if !failure.is_passing() || Instant::now() + pause > patient_until {
                    return Err(failure);
                }
                sleep(pause).await;
                pause *= 2;
            }
        })
    }

    async fn ask_once<T>(
        &self,
        operation: &impl AsyncFn(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut client = Connection::new(self.pool.get().await?, self.keeping);
        let answer = timeout(ASK_MAX, operation(&mut client)).await;
        let answer = answer.unwrap_or(Err(Failure::TimedOut));
        let is_clean = matches!(answer, Ok(_) | Err(Failure::Raced | Failure::Record(_)));
        if !is_clean {
            // Nobody knows in which state it is.
            client.discard();
        }
        answer
    }
}

impl Drop for PostgresStorage {
    fn drop(&mut self) {
        self.pool.close();
        if let Some(runtime) = self.runtime.take() {
            // Storage may be dropped by a future, which must not wait.
            runtime.shutdown_background();
        }
    }
}

impl Storage for PostgresStorage {
    fn outline(&mut self, id: &CoId) -> Result<Option<Outline>, LoadError> {
        Ok(self.ask(&async |client| read::outline(client, id).await)?)
    }

    fn read(
        &mut self,
        id: &CoId,
        session: &SessionId,
        after: u32,
        bytes_max: usize,
    ) -> Result<Stretch, LoadError> {
        let read =
            async |client: &mut Connection| read::read(client, id, session, after, bytes_max).await;
        Ok(self.ask(&read)?)
    }

    fn ids(&mut self, after: Option<&CoId>, count_max: usize) -> Result<Vec<CoId>, LoadError> {
        Ok(self.ask(&async |client| read::ids(client, after, count_max).await)?)
    }

    fn count(&mut self) -> Result<u64, LoadError> {
        Ok(self.ask(&async |client| read::count(client).await)?)
    }

    fn stats(&mut self, largest_max: usize) -> Result<Stats, LoadError> {
        Ok(self.ask(&async |client| read::stats(client, largest_max).await)?)
    }

    fn write(&mut self, batches: &[WriteBatch]) -> Vec<Result<(), WriteError>> {
        let written = self.ask(&async |client| write::write(client, batches).await);
        written.unwrap_or_else(|failure| {
            let error = WriteError::from(failure);
            batches.iter().map(|_| Err(error.clone())).collect()
        })
    }
}

impl Notes for PostgresStorage {
    fn notes(&mut self, prefix: &str) -> Result<Vec<(String, String)>, LoadError> {
        Ok(self.ask(&async |client| notes::notes(client, prefix).await)?)
    }

    fn change_notes(&mut self, change: &NoteChange) -> Result<(), WriteError> {
        Ok(self.ask(&async |client| notes::change(client, change).await)?)
    }
}

#[cfg(test)]
mod tests;
