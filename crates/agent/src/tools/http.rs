//! `@http/request` and `@http/get`: one request to a host that the settings allow, in bounded time and size. Redirects are not
//! followed: each could lead to a host that is not allowed.

mod request;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use cojson::json::Json;
use engine::machine::ToolFailure;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::net::{Net, Target};
use crate::settings::{HostRule, HttpToolSettings};
use request::Asked;

/// How much of a refusal's body is told.
const DETAIL_CHARS_MAX: usize = 200;

/// The tools' settings, and the way to others.
#[derive(Clone)]
pub(crate) struct HttpTool {
    net: Net,
    settings: Arc<HttpToolSettings>,
}

/// The JSON Schema of what the tools take.
pub(crate) fn parameters() -> Json {
    let text = |kind: &str| Json::object([("type", Json::from(kind))]);
    let of_texts = [
        ("type", Json::from("object")),
        ("additionalProperties", text("string")),
    ];
    Json::object([
        ("type", Json::from("object")),
        ("required", vec![Json::from("url")].into()),
        ("additionalProperties", false.into()),
        (
            "properties",
            Json::object([
                ("url", text("string")),
                ("method", text("string")),
                ("headers", Json::object(of_texts)),
                ("body", Json::empty_object()),
                ("timeoutMs", text("number")),
                ("match", text("string")),
            ]),
        ),
    ])
}

fn failure(kind: &str, message: &dyn Display) -> ToolFailure {
    ToolFailure::new(kind, message.to_string())
}

impl HttpTool {
    pub(crate) fn new(net: Net, settings: HttpToolSettings) -> Self {
        Self {
            net,
            settings: Arc::new(settings),
        }
    }

    /// Asks with any method.
    pub(crate) async fn request(&self, payload: &Json, key: &str) -> Result<Json, ToolFailure> {
        let asked = Asked::read(payload, None, key)?;
        self.ask_in_time(asked).await
    }

    /// Asks with GET.
    pub(crate) async fn get(&self, payload: &Json, key: &str) -> Result<Json, ToolFailure> {
        let asked = Asked::read(payload, Some(Method::GET), key)?;
        self.ask_in_time(asked).await
    }

    async fn ask_in_time(&self, asked: Asked) -> Result<Json, ToolFailure> {
        let time_max = self.settings.time_max;
        let time = asked.time.map_or(time_max, |time| time.min(time_max));
        let answer = timeout(time, self.ask(asked)).await;
        answer.unwrap_or_else(|_| Err(late(time)))
    }

    async fn ask(&self, asked: Asked) -> Result<Json, ToolFailure> {
        let Asked {
            target,
            own_port,
            request,
            pattern,
            ..
        } = asked;
        let bytes_max = self.settings.bytes_max;
        let length = request.body().size_hint().upper();
        if length.is_none_or(|length| length > bytes_max as u64) {
            let message = format!("the request's body is longer than {bytes_max} bytes");
            return Err(failure("tooLarge", &message));
        }
        let response = self.send(&target, own_port, request).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, bytes_max).collect().await;
        let body = body.map_err(|error| failure("body", &error))?.to_bytes();
        let text = String::from_utf8_lossy(&body);
        if head.status.is_client_error() || head.status.is_server_error() {
            return Err(refused(head.status, &text));
        }
        let content_type = head.headers.get(CONTENT_TYPE);
        let is_json = content_type
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("application/json") || kind.contains("+json"));
        let json = is_json.then(|| Json::parse(&text)).transpose();
        let body = json.map_err(|error| failure("invalidAnswer", &error))?;
        let headers = head
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), Json::from(value.to_str().ok()?))));
        let found = pattern.map_or(Json::Null, |pattern| first_match(&pattern, &text));
        Ok(Json::object([
            ("status", Json::from(u32::from(head.status.as_u16()))),
            ("headers", Json::object(headers)),
            ("match", found),
            ("body", body.unwrap_or_else(|| Json::from(&*text))),
        ]))
    }

    async fn send(
        &self,
        target: &Target,
        own_port: u16,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, ToolFailure> {
        let Target { host, port, .. } = target;
        let admission = HostRule::judge(&self.settings.hosts, host, *port, own_port);
        let Some(admission) = admission else {
            let message = format!(
                "this agent may not ask {host} at port {port}: AGENT_MAIA_HTTP_HOSTS does not name it"
            );
            return Err(failure("forbiddenHost", &message));
        };
        let unreachable = |error: std::io::Error| failure("unreachable", &error);
        let admits = |address: &_| admission.admits(address);
        let stream = self
            .net
            .connect(target, admits)
            .await
            .map_err(unreachable)?;
        let broken = |error: hyper::Error| failure("connection", &error);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // It ends with the answer's body, or when this call is given up.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        sender.send_request(request).await.map_err(broken)
    }
}

fn late(time: Duration) -> ToolFailure {
    failure(
        "timeout",
        &format!("no whole answer within {} ms", time.as_millis()),
    )
}

fn refused(status: StatusCode, body: &str) -> ToolFailure {
    let detail: String = body.chars().take(DETAIL_CHARS_MAX).collect();
    failure("status", &format!("the answer is {status}: {detail}"))
}

/// The texts of the first match and its groups.
fn first_match(pattern: &regress::Regex, text: &str) -> Json {
    let Some(found) = pattern.find(text) else {
        return Json::Null;
    };
    let group = |range: Option<std::ops::Range<usize>>| {
        let text = range.and_then(|range| text.get(range));
        text.map_or(Json::Null, Json::from)
    };
    Json::from(found.groups().map(group).collect::<Vec<_>>())
}
