//! A connection as this back end uses it: statements with known types, kept prepared by the database or sent anew each time.
//!
//! A prepared statement belongs to a connection of the database. A pooler that gives out another one for each transaction
//! loses it, unless it keeps track of statements itself; [`Keeping::Unnamed`] needs nothing of it. Either way a statement
//! is one round trip once the database knows it.

use deadpool_postgres::{Client, GenericClient, Object};
use tokio_postgres::GenericClient as _;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Row};

/// What a statement is asked with.
pub(super) type Parameters<'a> = [&'a (dyn ToSql + Sync)];

/// How statements are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Prepared once for each connection.
    #[default]
    Prepared,
    /// Parsed and planned each time.
    Unnamed,
}

/// A statement and the types of its parameters.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) sql: &'static str,
    pub(super) types: &'static [Type],
}

impl Statement {
    fn typed<'a>(&self, parameters: &Parameters<'a>) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
        let parameters = parameters.iter().copied();
        parameters.zip(self.types.iter().cloned()).collect()
    }
}

/// A connection, or a transaction on one.
#[derive(Debug)]
pub(super) struct On<C> {
    client: C,
    keeping: Keeping,
}

/// A connection.
pub(super) type Connection = On<Client>;

/// A transaction. Without a commit it is undone.
pub(super) type Transaction<'a> = On<deadpool_postgres::Transaction<'a>>;

impl Connection {
    pub(super) fn new(client: Client, keeping: Keeping) -> Self {
        Self { client, keeping }
    }

    pub(super) async fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        Ok(On {
            client: self.client.transaction().await?,
            keeping: self.keeping,
        })
    }

    /// Closes it, when nobody knows in which state it is.
    pub(super) fn discard(self) {
        drop(Object::take(self.client));
    }
}

impl Transaction<'_> {
    pub(super) async fn commit(self) -> Result<(), Error> {
        self.client.commit().await
    }
}

impl<C: GenericClient + Pooled> On<C> {
    pub(super) async fn query(
        &self,
        statement: &Statement,
        parameters: &Parameters<'_>,
    ) -> Result<Vec<Row>, Error> {
        let Statement { sql, types } = statement;
        match self.keeping {
            Keeping::Prepared => {
                let prepared = self.client.prepare_typed_cached(sql, types).await?;
                self.client.query(&prepared, parameters).await
            }
            Keeping::Unnamed => {
                let typed = statement.typed(parameters);
                self.client.inner().query_typed(sql, &typed).await
            }
        }
    }

    /// The only row, if there is one.
    pub(super) async fn query_opt(
        &self,
        statement: &Statement,
        parameters: &Parameters<'_>,
    ) -> Result<Option<Row>, Error> {
        Ok(self.query(statement, parameters).await?.pop())
    }

    /// Returns how many rows changed.
    pub(super) async fn execute(
        &self,
        statement: &Statement,
        parameters: &Parameters<'_>,
    ) -> Result<u64, Error> {
        let Statement { sql, types } = statement;
        match self.keeping {
            Keeping::Prepared => {
                let prepared = self.client.prepare_typed_cached(sql, types).await?;
                self.client.execute(&prepared, parameters).await
            }
            Keeping::Unnamed => {
                let typed = statement.typed(parameters);
                self.client.inner().execute_typed(sql, &typed).await
            }
        }
    }

    /// Statements without parameters and rows.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).await
    }
}

/// What the pool wraps: the pool's own trait has no statement without a name.
pub(super) trait Pooled {
    fn inner(&self) -> &(impl tokio_postgres::GenericClient + Sync);
}

impl Pooled for Client {
    fn inner(&self) -> &(impl tokio_postgres::GenericClient + Sync) {
        let client: &tokio_postgres::Client = self;
        client
    }
}

impl Pooled for deadpool_postgres::Transaction<'_> {
    fn inner(&self) -> &(impl tokio_postgres::GenericClient + Sync) {
        &**self
    }
}
