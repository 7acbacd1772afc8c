//! What the agent answers by HTTP: `GET /health` to anybody, `GET /profile`, `GET /actors/ID`, `GET /actors/ID/history`, `POST /trigger` and `POST
//! /ask` to whoever shows the token.
//!
//! Connections, heads, bodies and times are bounded. The token is compared in the same time whatever was shown.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use cojson::json::Json;
use engine::actor::SendError;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use service::percent::percent_decode;
use service::setting::Secret;
use service::shutdown::StopWatch;
use subtle::ConstantTimeEq;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::host::{AskError, HostHandle, RequestError};

/// How many connections there may be.
const CONNECTIONS_MAX: usize = 64;
/// How long the head of a request may take.
const HEAD_MAX: Duration = Duration::from_secs(5);
/// How long a whole request and its answer may take.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// How long a body may be, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;
/// What a request names that may come again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// How long such a key may be, in bytes.
const KEY_BYTES_MAX: usize = 128;
/// How long an actor's answer may take where the question does not say, and at most, in milliseconds.
const ASK_MS: u32 = 10_000;
const ASK_MS_MAX: u32 = 50_000;
/// How long to wait when the system gives no connection.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Who answers, and to whom.
#[derive(Clone)]
pub struct Answering {
    /// The host that is asked.
    pub host: HostHandle,
    /// What must be shown for more than its health; without one nobody may ask.
    pub token: Option<Secret>,
}

type Answer = Response<Full<Bytes>>;

/// Answers until it is told to stop; what is under way then is still answered.
pub async fn serve(listener: TcpListener, answering: Answering, mut stop: StopWatch) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            () = stop.stopped() => break,
        };
        let Ok((stream, _)) = accepted else {
            sleep(ACCEPT_RETRY).await;
            continue;
        };
        let (answering, stop) = (answering.clone(), stop.clone());
        tokio::spawn(async move {
            converse(stream, answering, stop).await;
            drop(permit);
        });
    }
    // All permits are back when every connection has ended.
    let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
    drop(permits.acquire_many(all).await);
}

async fn converse(stream: TcpStream, answering: Answering, mut stop: StopWatch) {
    let service = service_fn(move |request| {
        let answering = answering.clone();
        async move { Ok::<_, Infallible>(answering.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.stopped() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// A request that is refused.
struct Refusal {
    status: StatusCode,
    message: String,
    /// The stable code of what the engine refused.
    code: Option<&'static str>,
}

fn refusal(status: StatusCode, message: &dyn Display) -> Refusal {
    let message = message.to_string();
    Refusal {
        status,
        message,
        code: None,
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        let (status, code) = match &error {
            RequestError::Stopped => (StatusCode::SERVICE_UNAVAILABLE, None),
            RequestError::Send(cause) | RequestError::Ask(AskError::Send(cause)) => {
                (status_of(cause), Some(cause.code()))
            }
            RequestError::History(cause) => (StatusCode::NOT_FOUND, Some(cause.code())),
            RequestError::Ask(AskError::Refused(failure)) => {
                let kind = failure.errors.first().map(|error| &*error.error_type);
                let status = match kind {
                    Some("timeout") => StatusCode::GATEWAY_TIMEOUT,
                    Some("unhandled") => StatusCode::CONFLICT,
                    _ => StatusCode::UNPROCESSABLE_ENTITY,
                };
                (status, Some("PLEIONE_E_UNANSWERED"))
            }
        };
        Self {
            code,
            ..refusal(status, &error)
        }
    }
}

fn status_of(error: &SendError) -> StatusCode {
    match error {
        SendError::NoActor(_) => StatusCode::NOT_FOUND,
        SendError::NotInContract { .. } | SendError::InvalidPayload { .. } => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Answering {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let answer = timeout(ANSWER_MAX, self.route(request)).await;
        let late = || {
            refusal(
                StatusCode::GATEWAY_TIMEOUT,
                &"the agent did not answer in time",
            )
        };
        match answer.unwrap_or_else(|_| Err(late())) {
            Ok((status, body)) => response(status, &body),
            Err(Refusal {
                status,
                message,
                code,
            }) => {
                let members = [
                    ("error", Some(Json::from(message))),
                    ("code", code.map(Json::from)),
                ];
                let told = members
                    .into_iter()
                    .filter_map(|(key, value)| Some((key, value?)));
                response(status, &Json::object(told))
            }
        }
    }

    async fn route(&self, request: Request<Incoming>) -> Result<(StatusCode, Json), Refusal> {
        let path = request.uri().path().to_owned();
        match (request.method(), path.as_str()) {
            (&Method::GET, "/health") => self.health().await,
            (&Method::GET, "/profile") => {
                self.admit(&request)?;
                self.profile().await
            }
            (&Method::GET, path) if path.starts_with("/actors/") => {
                self.admit(&request)?;
                let path = path.trim_start_matches("/actors/");
                match path.strip_suffix("/history") {
                    Some(id) => self.history(&decoded(id)?).await,
                    None => self.actor(&decoded(path)?).await,
                }
            }
            (&Method::POST, "/trigger") => {
                self.admit(&request)?;
                self.trigger(request).await
            }
            (&Method::POST, "/ask") => {
                self.admit(&request)?;
                self.question(request).await
            }
            _ => Err(refusal(
                StatusCode::NOT_FOUND,
                &"there are GET /health, GET /profile, GET /actors/ID, GET /actors/ID/history, POST /trigger and POST /ask",
            )),
        }
    }

    fn admit(&self, request: &Request<Incoming>) -> Result<(), Refusal> {
        let Some(token) = &self.token else {
            let message = "nobody may ask this: AGENT_MAIA_HTTP_TOKEN is not set";
            return Err(refusal(StatusCode::FORBIDDEN, &message));
        };
        let shown = request.headers().get(AUTHORIZATION);
        let shown = shown.map_or(&b""[..], HeaderValue::as_bytes);
        let shown = shown.strip_prefix(b"Bearer ").unwrap_or_default();
        if bool::from(shown.ct_eq(token.reveal().as_bytes())) {
            Ok(())
        } else {
            let message = "show the token: Authorization: Bearer …";
            Err(refusal(StatusCode::UNAUTHORIZED, &message))
        }
    }

    async fn health(&self) -> Result<(StatusCode, Json), Refusal> {
        let health = self.host.health().await?;
        let (status, word) = if health.is_well {
            (StatusCode::OK, "ok")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not well")
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let body = Json::object([
            ("status", Json::from(word)),
            ("actors", (health.actors_count as f64).into()),
            ("sync", health.sync.name().into()),
            ("pending", (health.pending_uploads as f64).into()),
        ]);
        Ok((status, body))
    }

    async fn profile(&self) -> Result<(StatusCode, Json), Refusal> {
        let profile = self.host.profile().await?;
        let actors = profile.actors.iter();
        let body = Json::object([
            ("accountId", Json::from(profile.account.as_str())),
            ("name", profile.name.map_or(Json::Null, Json::from)),
            (
                "account",
                profile
                    .outcome
                    .map_or(Json::Null, |outcome| outcome.name().into()),
            ),
            (
                "actors",
                actors
                    .map(|actor| actor.as_str().into())
                    .collect::<Vec<Json>>()
                    .into(),
            ),
        ]);
        Ok((StatusCode::OK, body))
    }

    async fn actor(&self, id: &str) -> Result<(StatusCode, Json), Refusal> {
        let Some(view) = self.host.actor(id).await? else {
            let message = "no actor of that id runs here";
            return Err(refusal(StatusCode::NOT_FOUND, &message));
        };
        let body = Json::object([("state", view.state), ("context", view.context)]);
        Ok((StatusCode::OK, body))
    }

    async fn history(&self, id: &str) -> Result<(StatusCode, Json), Refusal> {
        let history = self.host.history(id).await?;
        Ok((StatusCode::OK, Json::object([("history", history)])))
    }

    async fn trigger(&self, request: Request<Incoming>) -> Result<(StatusCode, Json), Refusal> {
        let key = key_of(&request)?;
        let Told {
            actor,
            event_type,
            payload,
            ..
        } = Told::read(request).await?;
        let handled = self.host.send(&actor, &event_type, payload, key).await?;
        Ok((StatusCode::OK, Json::object([("handled", handled.into())])))
    }

    async fn question(&self, request: Request<Incoming>) -> Result<(StatusCode, Json), Refusal> {
        let Told {
            actor,
            event_type,
            payload,
            timeout_ms,
        } = Told::read(request).await?;
        let asked = self.host.question(&actor, &event_type, payload, timeout_ms);
        Ok((StatusCode::OK, Json::object([("answer", asked.await?)])))
    }
}

/// An actor's id as it stands in a path.
fn decoded(id: &str) -> Result<String, Refusal> {
    let wrong = || {
        refusal(
            StatusCode::BAD_REQUEST,
            &"expected an actor's id in the path",
        )
    };
    percent_decode(id).ok_or_else(wrong)
}

/// The key under which a request may come again, if it has one.
fn key_of(request: &Request<Incoming>) -> Result<Option<String>, Refusal> {
    let Some(key) = request.headers().get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = key.to_str().ok().filter(|key| !key.is_empty());
    let key = key.filter(|key| key.len() <= KEY_BYTES_MAX);
    let wrong = || {
        let expected = format!("expected an Idempotency-Key of 1 to {KEY_BYTES_MAX} characters");
        refusal(StatusCode::BAD_REQUEST, &expected)
    };
    Ok(Some(key.ok_or_else(wrong)?.to_owned()))
}

/// What somebody wants an actor to be told.
struct Told {
    actor: String,
    event_type: String,
    payload: Json,
    /// How long an answer may take.
    timeout_ms: u32,
}

impl Told {
    async fn read(request: Request<Incoming>) -> Result<Self, Refusal> {
        let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
        let body = body
            .await
            .map_err(|error| refusal(StatusCode::PAYLOAD_TOO_LARGE, &error))?;
        let body = body.to_bytes();
        let wrong = || {
            let expected = "expected {\"actor\": ID, \"type\": TYPE, \"payload\": {…}} as JSON";
            refusal(StatusCode::BAD_REQUEST, &expected)
        };
        let text = std::str::from_utf8(&body).map_err(|_| wrong())?;
        let told = Json::parse(text).map_err(|_| wrong())?;
        let text = |key: &str| told.get(key).and_then(Json::as_str).map(str::to_owned);
        let (Some(actor), Some(event_type)) = (text("actor"), text("type")) else {
            return Err(wrong());
        };
        let timeout_ms = told.get("timeout").and_then(Json::as_number);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "milliseconds; the cast saturates"
        )]
        let timeout_ms = timeout_ms.map_or(ASK_MS, |ms| ms as u32);
        Ok(Self {
            actor,
            event_type,
            payload: told
                .get("payload")
                .cloned()
                .unwrap_or_else(Json::empty_object),
            timeout_ms: timeout_ms.min(ASK_MS_MAX),
        })
    }
}

fn response(status: StatusCode, body: &Json) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
