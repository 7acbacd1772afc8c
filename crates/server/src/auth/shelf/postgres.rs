//! The book as one row of the database, so that all servers that share it see the same revocations. Statements have no name:
//! they are rare, and a pooler between transactions would lose it.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Timeouts};
use tokio::time::timeout;
use tokio_postgres::types::Type;

use super::{ShelfError, parse, to_text};
use crate::auth::book::Book;
use crate::storage::postgres::connect::connector;

/// How long the database may take.
const ASK_MAX: Duration = Duration::from_secs(10);

const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS pleione_tokens (id int PRIMARY KEY, book text NOT NULL)";

/// A database, asked by one connection that comes back by itself.
#[derive(Debug)]
pub struct PostgresShelf(Pool);

impl PostgresShelf {
    pub(super) fn open(url: &str, root_certificate: Option<&Path>) -> Result<Self, ShelfError> {
        let (config, tls) = connector(url, root_certificate)?;
        let recycling_method = RecyclingMethod::Fast;
        let manager = Manager::from_config(config, tls, ManagerConfig { recycling_method });
        let pool = Pool::builder(manager)
            .max_size(1)
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .timeouts(Timeouts::wait_millis(10_000))
            .build();
        pool.map(Self).map_err(unreachable)
    }

    pub(super) async fn read(&self) -> Result<Book, ShelfError> {
        let reading = async {
            let client = self.client().await?;
            // Only the first change makes the table.
            let table =
                client.query_typed_one("SELECT to_regclass('pleione_tokens') IS NOT NULL", &[]);
            if !table.await.map_err(unreachable)?.get::<_, bool>(0) {
                return Ok(Book::default());
            }
            let row = client.query_typed_opt("SELECT book FROM pleione_tokens WHERE id = 1", &[]);
            let row = row.await.map_err(unreachable)?;
            row.map_or_else(|| Ok(Book::default()), |row| read_row(row.get(0)))
        };
        timeout(ASK_MAX, reading).await.map_err(unreachable)?
    }

    pub(super) async fn change<T, E: From<ShelfError>>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut client = self.client().await?;
        client.batch_execute(TABLE).await.map_err(unreachable)?;
        let transaction = client.transaction().await.map_err(unreachable)?;
        let first = "INSERT INTO pleione_tokens VALUES (1, $1) ON CONFLICT DO NOTHING";
        let empty = to_text(&Book::default());
        transaction
            .execute_typed(first, &[(&empty, Type::TEXT)])
            .await
            .map_err(unreachable)?;
        let locked = "SELECT book FROM pleione_tokens WHERE id = 1 FOR UPDATE";
        let row = transaction
            .query_typed_one(locked, &[])
            .await
            .map_err(unreachable)?;
        let mut book = read_row(row.get(0))?;
        let answer = change(&mut book)?;
        let update = "UPDATE pleione_tokens SET book = $1 WHERE id = 1";
        transaction
            .execute_typed(update, &[(&to_text(&book), Type::TEXT)])
            .await
            .map_err(unreachable)?;
        transaction.commit().await.map_err(unreachable)?;
        Ok(answer)
    }

    async fn client(&self) -> Result<Object, ShelfError> {
        self.0.get().await.map_err(unreachable)
    }
}

fn read_row(text: &str) -> Result<Book, ShelfError> {
    parse(text, || "the table pleione_tokens".into())
}

fn unreachable(error: impl Display) -> ShelfError {
    ShelfError::Database {
        detail: error.to_string(),
    }
}
