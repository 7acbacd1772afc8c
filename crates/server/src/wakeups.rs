//! Wake-ups: servers that share a database tell one another which values they wrote.
//!
//! A hint carries ids and nothing else, is sent after the data is durable and outside its transaction, and may be lost:
//! the database's log is what counts. Whoever hears a hint reads the value's outline again. What no hint told is found by
//! the sweep, which compares how much is known here with how much the database has, of every value in memory: after each
//! connection that was made anew, and every now and then. So a lost hint costs time, never a transaction.
//!
//! Here are the two ends of the talk, without a database: the relay's ([`Wakeups`]) and the carrier's ([`Link`]).
//! Everything that waits is a set of ids with a bound.

mod gathered;
mod postgres;

use std::sync::Arc;
use std::time::Duration;

use cojson::ids::CoId;
use cojson::sync::Replica;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::refusals::Refusals;
use crate::settings::{Settings, StorageSettings};
use crate::storage::OpenError;
use crate::storage::postgres::connector;
use gathered::Gathered;
use postgres::Carrier;

/// How many ids the relay takes at once.
const HEARD_TOGETHER_MAX: usize = 256;

/// The relay's end.
#[derive(Debug)]
pub struct Wakeups {
    written: Announcer,
    heard: Arc<Gathered>,
    questions: mpsc::Receiver<Question>,
}

/// Where the relay tells what it wrote.
#[derive(Clone, Debug)]
pub struct Announcer(Arc<Gathered>);

/// The carrier's end.
#[derive(Debug)]
pub struct Link {
    /// What this server wrote and others are to be told of.
    written: Arc<Gathered>,
    /// What others told, or the sweep found.
    heard: Arc<Gathered>,
    questions: mpsc::Sender<Question>,
}

/// What comes from the other servers.
#[derive(Debug)]
pub enum News {
    /// These values have more in storage than this server wrote.
    Written(Vec<CoId>),
    /// The sweep asks how much is known here.
    Asked(Question),
}

/// The sweep's question: how much is known of the values after this one, in the order of their ids.
#[derive(Debug)]
pub struct Question {
    /// Where the answer before this one ended.
    pub after: Option<CoId>,
    /// At most so many values.
    pub count_max: usize,
    /// For each value one for its header and one for each transaction that is durable, as far as this server knows.
    pub answer: oneshot::Sender<Vec<(CoId, u64)>>,
}

impl Question {
    /// Answers with what this replica has.
    pub fn answer_from(self, replica: &Replica) {
        let known = replica.durable_counts(self.after.as_ref(), self.count_max);
        // Nobody waits for the answer if the carrier lost its connection.
        let _ = self.answer.send(known);
    }
}

/// What servers with these settings need to hear of one another: the relay's end, and the carrier that is running then. It
/// ends with the relay.
///
/// # Errors
/// When the database's settings cannot be used.
pub fn of(
    settings: &Settings,
    refusals: &Refusals,
) -> Result<(Wakeups, JoinHandle<()>), OpenError> {
    let (wakeups, link) = pair();
    let carrier = match &settings.storage {
        StorageSettings::Postgres {
            url,
            root_certificate,
        } => {
            let url = settings.wakeups.db_direct_url.as_ref().unwrap_or(url);
            let (config, tls) = connector(url.reveal(), root_certificate.as_deref())?;
            let sweep_every = Duration::from_secs(settings.wakeups.sweep_seconds);
            let carrier = Carrier::new(config, tls, link, sweep_every, refusals.clone());
            tokio::spawn(carrier.run())
        }
        // Nobody else has this storage.
        _ => tokio::spawn(async {}),
    };
    Ok((wakeups, carrier))
}

/// The two ends.
fn pair() -> (Wakeups, Link) {
    let written = Arc::<Gathered>::default();
    let heard = Arc::<Gathered>::default();
    let (asked, questions) = mpsc::channel(1);
    let link = Link {
        written: Arc::clone(&written),
        heard: Arc::clone(&heard),
        questions: asked,
    };
    let wakeups = Wakeups {
        written: Announcer(written),
        heard,
        questions,
    };
    (wakeups, link)
}

impl Wakeups {
    /// For a server that shares its storage with no other.
    pub fn alone() -> Self {
        pair().0
    }

    /// Where to tell what was written.
    pub fn announcer(&self) -> Announcer {
        self.written.clone()
    }

    /// What comes next. Nothing is lost when it is no longer waited for.
    pub async fn next(&mut self) -> News {
        tokio::select! {
            ids = self.heard.take(HEARD_TOGETHER_MAX) => News::Written(ids),
            Some(question) = self.questions.recv() => News::Asked(question),
        }
    }
}

impl Announcer {
    /// Tells the other servers that these values were written. Never waits; what has no room is left to their sweeps.
    pub fn announce(&self, ids: impl IntoIterator<Item = CoId>) {
        self.0.add(ids);
    }
}

impl Link {
    /// Whether the relay is gone.
    fn is_over(&self) -> bool {
        self.questions.is_closed()
    }

    /// How much the relay knows of the values after this one; `None` if the relay is gone.
    async fn ask(&self, after: Option<CoId>, count_max: usize) -> Option<Vec<(CoId, u64)>> {
        let (answer, answered) = oneshot::channel();
        let question = Question {
            after,
            count_max,
            answer,
        };
        self.questions.send(question).await.ok()?;
        answered.await.ok()
    }
}
