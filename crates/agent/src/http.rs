//! What the agent answers by HTTP: `GET /health` to anybody, `GET /profile`, `GET /actors/ID` and `POST /trigger` to whoever
//! shows the token.
//!
//! Connections, heads, bodies and times are bounded. The token is compared in the same time whatever was shown.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use cojson::json::Json;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use service::setting::Secret;
use service::shutdown::StopWatch;
use subtle::ConstantTimeEq;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::host::{HostHandle, RequestError};

/// How many connections there may be.
const CONNECTIONS_MAX: usize = 64;
/// How long the head of a request may take.
const HEAD_MAX: Duration = Duration::from_secs(5);
/// How long a whole request and its answer may take.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// How long a body may be, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;
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
        use engine::actor::SendError;
        let status = match &error {
            RequestError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            RequestError::Send(SendError::NoActor(_)) => StatusCode::NOT_FOUND,
            RequestError::Send(
                SendError::NotInContract { .. } | SendError::InvalidPayload { .. },
            ) => StatusCode::UNPROCESSABLE_ENTITY,
            RequestError::Send(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let code = match &error {
            RequestError::Send(error) => Some(error.code()),
            RequestError::Stopped => None,
        };
        Self {
            code,
            ..refusal(status, &error)
        }
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
                self.actor(path.trim_start_matches("/actors/")).await
            }
            (&Method::POST, "/trigger") => {
                self.admit(&request)?;
                self.trigger(request).await
            }
            _ => Err(refusal(
                StatusCode::NOT_FOUND,
                &"there are GET /health, GET /profile, GET /actors/ID and POST /trigger",
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

    async fn trigger(&self, request: Request<Incoming>) -> Result<(StatusCode, Json), Refusal> {
        let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
        let body = body
            .await
            .map_err(|error| refusal(StatusCode::PAYLOAD_TOO_LARGE, &error))?;
        let expected = "expected {\"actor\": ID, \"type\": TYPE, \"payload\": {…}} as JSON";
        let wrong = || refusal(StatusCode::BAD_REQUEST, &expected);
        let body = body.to_bytes();
        let text = std::str::from_utf8(&body).map_err(|_| wrong())?;
        let message = Json::parse(text).map_err(|_| wrong())?;
        let text = |key: &str| message.get(key).and_then(Json::as_str);
        let (Some(actor), Some(event_type)) = (text("actor"), text("type")) else {
            return Err(wrong());
        };
        let payload = message.get("payload").cloned();
        let payload = payload.unwrap_or_else(Json::empty_object);
        let handled = self.host.send(actor, event_type, payload).await?;
        Ok((StatusCode::OK, Json::object([("handled", handled.into())])))
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
