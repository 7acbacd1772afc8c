//! The carrier over `PostgreSQL`: NOTIFY to tell, LISTEN to hear, a query to sweep, all on one connection that is made
//! anew whenever it fails.
//!
//! What was written meanwhile is told together, at most one round per [`WINDOW`]: NOTIFY takes a lock that all of a
//! database share, and each one wakes every listener. A connection that takes what it is told but delivers nothing (a
//! pooler between transactions, a network that lost one direction) is found out by its own echo; statements have no name,
//! so that it sweeps even there. Never touches data.

use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};
use std::time::Duration;

use cojson::ids::CoId;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Socket};

use super::Link;
use super::gathered::Gathered;
use crate::refusals::Refusals;

/// All servers of a database share the channel.
const LISTEN: &str = "LISTEN pleione_written";

/// Each payload wakes every listener once.
const TELL: &str =
    "SELECT pg_notify('pleione_written', told.payload) FROM unnest($1::text[]) AS told (payload)";

/// The values of which the database has more than is known.
const COMPARE: &str = "SELECT known.id FROM unnest($1::text[], $2::bigint[]) AS known (id, count)
    JOIN pleione_values AS value ON value.id = known.id
    WHERE known.count < 1 + (SELECT coalesce(sum(session.count), 0) FROM pleione_sessions AS session
      WHERE session.value = known.id)";

/// A payload must be shorter than 8,000 bytes; an id takes some 30.
const PAYLOAD_BYTES_MAX: usize = 7_900;

/// How many ids are told in one round.
const TOLD_TOGETHER_MAX: usize = 4_096;

/// How much time passes at least between two rounds of telling. The first after a pause goes at once.
const WINDOW: Duration = Duration::from_millis(10);

/// After so much silence something is said, to hear whether the echo comes.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// How long the database may take to answer, and an echo to come.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How many values one query of the sweep compares. It must be short: what is told waits behind it.
const SWEPT_TOGETHER_MAX: usize = 256;

/// The pause before a connection is made anew; doubled each time, up to the other.
const PAUSE_LEAST: Duration = Duration::from_millis(50);
const PAUSE_MOST: Duration = Duration::from_secs(2);

/// Why a connection is given up.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("the database cannot be listened to: {0}")]
    Database(#[from] tokio_postgres::Error),
    #[error("the database knows no LISTEN: {0}")]
    NoListen(tokio_postgres::Error),
    #[error("the database does not answer")]
    Silent,
    #[error(
        "the database does not deliver what it is told (is there a pooler between transactions? Then SYNC_MAIA_DB_DIRECT_URL must go past it)"
    )]
    Deaf,
    #[error("the database ended the connection")]
    Closed,
}

impl Lost {
    /// Whether the next connection will hear as little.
    fn is_for_good(&self) -> bool {
        matches!(self, Self::Deaf | Self::NoListen(_))
    }
}

/// What came in over the connection.
#[derive(Debug, Default)]
struct Ears {
    /// The database's name for this connection, to know the echo by.
    own: AtomicI32,
    echo: Notify,
    has_heard: AtomicBool,
}

impl Ears {
    fn hear_echo(&self) {
        self.has_heard.store(true, Relaxed);
        self.echo.notify_one();
    }
}

/// Carries wake-ups for one server until its relay is gone.
#[derive(Debug)]
pub(super) struct Carrier<T> {
    config: Config,
    tls: T,
    link: Link,
    sweep_every: Duration,
    refusals: Refusals,
}

impl<T> Carrier<T>
where
    T: MakeTlsConnect<Socket> + Clone,
{
    /// For this database; nothing is connected yet.
    pub(super) fn new(
        config: Config,
        tls: T,
        link: Link,
        sweep_every: Duration,
        refusals: Refusals,
    ) -> Self {
        Self {
            config,
            tls,
            link,
            sweep_every,
            refusals,
        }
    }

    /// Tells, hears and sweeps until the relay is gone and what it wrote is told, as far as the database lets.
    pub(super) async fn run(self) {
        let mut pause = PAUSE_LEAST;
        loop {
            let ears = Ears::default();
            let Err(lost) = self.connect(&ears).await else {
                return;
            };
            self.refusals.count("wakeups_lost", &lost);
            if self.link.is_over() {
                return;
            }
            pause = if ears.has_heard.load(Relaxed) {
                PAUSE_LEAST
            } else if lost.is_for_good() {
                // Each attempt sweeps, which is all that there is then.
                self.sweep_every
            } else {
                PAUSE_MOST.min(pause * 2)
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.link.questions.closed() => {}
            }
        }
    }

    async fn connect(&self, ears: &Ears) -> Result<(), Lost> {
        let connecting = self.config.connect(self.tls.clone());
        let (client, connection) = answer(connecting).await?;
        tokio::select! {
            lost = hear(connection, ears, &self.link) => Err(lost),
            ended = self.serve(&client, ears) => ended,
        }
    }

    /// Listens before it sweeps: what is written from then on is heard, what was written before is found.
    async fn serve(&self, client: &Client, ears: &Ears) -> Result<(), Lost> {
        let own = answer(client.query_typed_one("SELECT pg_backend_pid()", &[])).await?;
        ears.own.store(own.try_get(0)?, Relaxed);
        // A hint needs no disk. Not every database knows the setting.
        let _ = answer(client.batch_execute("SET synchronous_commit = off")).await;
        if let Err(lost) = answer(client.batch_execute(LISTEN)).await {
            self.sweep(client).await?;
            return Err(match lost {
                Lost::Database(error) if !error.is_closed() => Lost::NoListen(error),
                other => other,
            });
        }
        tokio::select! {
            ended = self.tell_on(client, ears) => ended,
            ended = self.sweep_on(client) => ended,
        }
    }

    /// Tells what is written as long as there is a relay, and then the rest.
    async fn tell_on(&self, client: &Client, ears: &Ears) -> Result<(), Lost> {
        let written = &self.link.written;
        loop {
            let ids = tokio::select! {
                ids = written.take(TOLD_TOGETHER_MAX) => ids,
                () = sleep(SILENCE_MAX) => Vec::new(),
                () = self.link.questions.closed() => written.take_now(TOLD_TOGETHER_MAX),
            };
            let is_last = ids.is_empty() && self.link.is_over();
            if is_last {
                return Ok(());
            }
            let again_at = Instant::now() + WINDOW;
            let telling = Telling { ids, written };
            let payloads = payloads(&telling.ids);
            answer(client.execute_typed(TELL, &[(&payloads, Type::TEXT_ARRAY)])).await?;
            let echo = timeout(ANSWER_MAX, ears.echo.notified()).await;
            echo.map_err(|_| Lost::Deaf)?;
            telling.forget();
            sleep_until(again_at).await;
        }
    }

    async fn sweep_on(&self, client: &Client) -> Result<(), Lost> {
        loop {
            let again_at = Instant::now() + self.sweep_every;
            self.sweep(client).await?;
            sleep_until(again_at).await;
        }
    }

    /// Compares all that the relay has in memory with the database, part by part.
    async fn sweep(&self, client: &Client) -> Result<(), Lost> {
        let mut after = None;
        // Without a relay there is nobody to sweep for; what it wrote is still to be told.
        while let Some(known) = self.link.ask(after.take(), SWEPT_TOGETHER_MAX).await {
            let Some((last, _)) = known.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            let (ids, counts): (Vec<&str>, Vec<i64>) = known
                .iter()
                .map(|(id, count)| (id.as_str(), i64::try_from(*count).unwrap_or(i64::MAX)))
                .unzip();
            let ahead = answer(client.query_typed(
                COMPARE,
                &[(&ids, Type::TEXT_ARRAY), (&counts, Type::INT8_ARRAY)],
            ))
            .await?;
            self.link.heard.add(
                ahead
                    .iter()
                    .filter_map(|row| CoId::parse(row.try_get(0).ok()?).ok()),
            );
        }
        Ok(())
    }
}

/// Ids that are being told. Those that are not told in the end go back.
struct Telling<'a> {
    ids: Vec<CoId>,
    written: &'a Gathered,
}

impl Telling<'_> {
    fn forget(mut self) {
        self.ids.clear();
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.written.add(self.ids.drain(..));
    }
}

/// The database's answer, if it comes in time.
async fn answer<T>(
    asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Lost> {
    let answered = timeout(ANSWER_MAX, asked).await;
    Ok(answered.map_err(|_| Lost::Silent)??)
}

/// Takes what comes over the connection, as long as there is one.
async fn hear<S, T>(mut connection: Connection<S, T>, ears: &Ears, link: &Link) -> Lost
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(heard))) => {
                if heard.process_id() == ears.own.load(Relaxed) {
                    ears.hear_echo();
                } else {
                    let ids = heard.payload().split(' ');
                    link.heard.add(ids.filter_map(|id| CoId::parse(id).ok()));
                }
            }
            // What the database remarks is nobody's business here.
            Some(Ok(_)) => {}
            Some(Err(error)) => return error.into(),
            None => return Lost::Closed,
        }
    }
}

/// Ids as payloads: one at least, which may be empty.
fn payloads(ids: &[CoId]) -> Vec<String> {
    let mut payloads = vec![String::new()];
    for id in ids {
        let id = id.as_str();
        match payloads.last_mut() {
            Some(last) if last.len() + 1 + id.len() <= PAYLOAD_BYTES_MAX => {
                last.push(' ');
                last.push_str(id);
            }
            _ => payloads.push(id.to_owned()),
        }
    }
    payloads
}

#[cfg(test)]
mod tests;
