//! What operators and their machines ask: `/health` whether the process lives, `/ready` whether clients should be sent
//! here, `/metrics` the numbers.
//!
//! Asking costs little, however often it is done: whether storage answers is asked once for all who ask within half a
//! second.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::{Mutex, oneshot};
use tokio::time::{Instant, timeout};

use crate::metrics::{MEDIA_TYPE, Metrics};
use crate::refusals::Refusals;
use crate::relay::{Command, NotReady, RelayLink};
use crate::shutdown::StopWatch;

/// How long storage may take to answer before clients should go elsewhere.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How long an answer of storage counts.
const ANSWER_COUNTS: Duration = Duration::from_millis(500);

/// What the answers need.
#[derive(Clone, Debug)]
pub struct Operator {
    relay: RelayLink,
    metrics: Arc<Metrics>,
    refusals: Refusals,
    stop: StopWatch,
    last: Arc<Mutex<Option<Answer>>>,
}

/// What storage last answered, and when.
type Answer = (Instant, Result<(), NotReady>);

impl Operator {
    /// Of the server with this relay and these numbers, that ends when `stop` says so.
    pub fn new(
        relay: RelayLink,
        metrics: Arc<Metrics>,
        refusals: Refusals,
        stop: StopWatch,
    ) -> Self {
        Self {
            relay,
            metrics,
            refusals,
            stop,
            last: Arc::default(),
        }
    }

    /// What is answered at the address of the clients: `/health` and `/ready`, which tell nothing that a stranger may not
    /// know, and `/metrics` if they have no address of their own.
    pub fn beside_clients(&self, has_metrics: bool) -> Router {
        if has_metrics {
            self.router()
        } else {
            self.public()
        }
    }

    fn public(&self) -> Router {
        Router::new()
            .route("/health", get(health))
            .route("/ready", get(ready))
            .with_state(self.clone())
    }

    /// Everything.
    pub fn router(&self) -> Router {
        let metrics = Router::new().route("/metrics", get(metrics));
        metrics.with_state(self.clone()).merge(self.public())
    }

    async fn is_ready(&self) -> Result<(), NotReady> {
        if self.stop.is_stopping() {
            return Err(NotReady::Stopping);
        }
        if !self.relay.was_started() {
            return Err(NotReady::Starting);
        }
        // Whoever asks meanwhile waits for the same answer.
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = *last
            && at.elapsed() < ANSWER_COUNTS
        {
            return answer;
        }
        let answer = timeout(ANSWER_MAX, self.ask_storage()).await;
        let answer = answer.unwrap_or(Err(NotReady::TooSlow));
        *last = Some((Instant::now(), answer));
        answer
    }

    async fn ask_storage(&self) -> Result<(), NotReady> {
        let (reply, answer) = oneshot::channel();
        let commands = self.relay.upgrade().ok_or(NotReady::Stopping)?;
        let asked = commands.send(Command::Probe(reply)).await;
        // Held any longer, it would keep the relay from ending.
        drop(commands);
        asked.map_err(|_| NotReady::Stopping)?;
        answer.await.unwrap_or(Err(NotReady::Stopping))
    }

    /// Whether the process does its work or is about to; if not, it should be started anew.
    fn life(&self) -> (StatusCode, &'static str) {
        let is_open = || self.relay.upgrade().is_some_and(|relay| !relay.is_closed());
        match () {
            () if self.stop.is_stopping() => (StatusCode::OK, "stopping"),
            () if !self.relay.was_started() => (StatusCode::OK, "starting"),
            () if is_open() => (StatusCode::OK, "ok"),
            () => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
        }
    }
}

async fn health(State(operator): State<Operator>) -> Response {
    let (code, status) = operator.life();
    let refused = operator.refusals.counts();
    json(
        code,
        &serde_json::json!({ "status": status, "refused": refused }),
    )
}

async fn ready(State(operator): State<Operator>) -> Response {
    match operator.is_ready().await {
        Ok(()) => json(StatusCode::OK, &serde_json::json!({ "status": "ready" })),
        Err(reason) => {
            let body = serde_json::json!({ "status": "not ready", "reason": reason.to_string() });
            json(StatusCode::SERVICE_UNAVAILABLE, &body)
        }
    }
}

async fn metrics(State(operator): State<Operator>) -> Response {
    let waiting = operator
        .relay
        .upgrade()
        .map_or(0, |commands| commands.max_capacity() - commands.capacity());
    let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
    operator.metrics.commands_waiting.set(waiting);
    match operator.metrics.text() {
        Ok(text) => (fresh(MEDIA_TYPE), text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn json(code: StatusCode, body: &serde_json::Value) -> Response {
    (code, fresh("application/json"), body.to_string()).into_response()
}

/// The headers of an answer that counts only now.
fn fresh(media_type: &'static str) -> [(HeaderName, &'static str); 2] {
    [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-store"),
    ]
}
