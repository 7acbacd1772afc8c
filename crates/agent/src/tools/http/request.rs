//! A tool's payload, checked and made into a request.

use std::time::Duration;

use cojson::json::{Json, quoted};
use engine::machine::ToolFailure;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};

use super::failure;
use crate::net::Target;

/// What a machine asks for.
pub(super) struct Asked {
    pub(super) target: Target,
    /// The scheme's own port.
    pub(super) own_port: u16,
    pub(super) request: Request<Full<Bytes>>,
    /// How long it may take, if the payload says so.
    pub(super) time: Option<Duration>,
    /// What is looked for in the answer.
    pub(super) pattern: Option<regress::Regex>,
}

/// What the connection itself says.
const OWN_HEADERS: [HeaderName; 6] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
];

impl Asked {
    /// Reads a payload that fits the schema. `only` is the one method that is allowed, if there is one.
    pub(super) fn read(
        payload: &Json,
        only: Option<Method>,
        key: &str,
    ) -> Result<Self, ToolFailure> {
        let text = |key: &str| payload.get(key).and_then(Json::as_str);
        let uri: Uri = text("url")
            .unwrap_or_default()
            .parse()
            .map_err(|error| failure("url", &error))?;
        let (target, own_port) = target_of(&uri)?;
        let method = match (text("method"), only) {
            (None, _) => Method::GET,
            (Some(name), only) => {
                let method = Method::from_bytes(name.as_bytes());
                let method = method.map_err(|error| failure("method", &error))?;
                if method == Method::CONNECT || only.is_some_and(|only| only != method) {
                    let message = format!("the method {} is not for this tool", quoted(name));
                    return Err(failure("method", &message));
                }
                method
            }
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let (body, is_json) = body_of(payload.get("body"));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|error| failure("url", &error))?;
        let headers = request.headers_mut();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let mut own = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        own(header::HOST, authority);
        own(header::USER_AGENT, "pleione-agent");
        own(HeaderName::from_static("idempotency-key"), key);
        if is_json {
            own(header::CONTENT_TYPE, "application/json");
        }
        let given = payload.get("headers").and_then(Json::as_object);
        for (name, value) in given.into_iter().flatten() {
            let name = HeaderName::from_bytes(name.as_bytes());
            let name = name.map_err(|error| failure("headers", &error))?;
            let value = HeaderValue::from_str(value.as_str().unwrap_or_default());
            let value = value.map_err(|error| failure("headers", &error))?;
            if OWN_HEADERS.contains(&name) {
                let message = format!("the header {name} is the connection's own");
                return Err(failure("headers", &message));
            }
            headers.insert(name, value);
        }
        let pattern = text("match").map(|pattern| regress::Regex::with_flags(pattern, "iu"));
        let pattern = pattern
            .transpose()
            .map_err(|error| failure("match", &error))?;
        Ok(Self {
            target,
            own_port,
            request,
            time: payload
                .get("timeoutMs")
                .and_then(Json::as_number)
                .map(|ms| Duration::from_secs_f64((ms / 1_000.0).clamp(0.0, 3_600.0))),
            pattern,
        })
    }
}

fn target_of(uri: &Uri) -> Result<(Target, u16), ToolFailure> {
    let wrong = || failure("url", &"expected a whole address (https://example.org/…)");
    let (is_encrypted, own_port) = match uri.scheme_str() {
        Some("http") => (false, 80),
        Some("https") => (true, 443),
        _ => return Err(wrong()),
    };
    let authority = uri.authority().ok_or_else(wrong)?;
    if authority.as_str().contains('@') {
        return Err(failure(
            "url",
            &"a name and a password do not belong in an address",
        ));
    }
    let host = authority.host().trim_matches(['[', ']']);
    let target = Target {
        host: host.trim_end_matches('.').to_ascii_lowercase(),
        port: uri.port_u16().unwrap_or(own_port),
        is_encrypted,
    };
    Ok((target, own_port))
}

/// A text is sent as it is, anything else as JSON.
fn body_of(body: Option<&Json>) -> (Bytes, bool) {
    match body {
        None | Some(Json::Null) => (Bytes::new(), false),
        Some(Json::String(text)) => (Bytes::copy_from_slice(text.as_bytes()), false),
        Some(json) => (json.to_string().into(), true),
    }
}
