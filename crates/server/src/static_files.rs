//! Pages: files of two folders, `www` at `/` and `pkg` at `/pkg/`, with the types, the policy and the validators a
//! browser needs.
//!
//! Nothing outside the two folders is ever read: a path is taken apart and checked before it touches the disk
//! ([`request_path`]), and what it leads to, links followed, must still lie in its folder. Hidden files are not served.
//! Every answer is revalidated (`no-cache` and an entity tag), so a rebuilt page is never stale.

mod media_type;
mod request_path;

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};

use crate::settings::PageSettings;
use request_path::RequestPath;

/// What a page may do: run our scripts and wasm, connect to us and to sync servers, and nothing else.
pub const PAGE_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
    connect-src 'self' ws: wss:; img-src 'self' data:; style-src 'self'; \
    require-trusted-types-for 'script'";

/// The largest file that is served; files are read whole.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// The folders that are served.
#[derive(Clone, Debug)]
pub struct StaticFiles {
    www: PathBuf,
    pkg: PathBuf,
}

impl From<PageSettings> for StaticFiles {
    fn from(settings: PageSettings) -> Self {
        let PageSettings { www, pkg, .. } = settings;
        Self { www, pkg }
    }
}

/// Why there is no file to send.
enum Refusal {
    /// There is none of that name, or it may not be read.
    NotFound,
    /// It is a folder, asked for without its slash.
    Folder,
}

impl From<std::io::Error> for Refusal {
    fn from(_: std::io::Error) -> Self {
        Self::NotFound
    }
}

impl StaticFiles {
    /// Answers a GET or HEAD request for `uri`.
    pub async fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
        let Some(path) = RequestPath::parse(uri.path()) else {
            return status_only(StatusCode::NOT_FOUND);
        };
        let mut response = match self.find(&path).await {
            Ok((file, metadata)) => send(&file, &metadata, headers).await,
            Err(Refusal::Folder) => to_folder(uri),
            Err(Refusal::NotFound) => status_only(StatusCode::NOT_FOUND),
        };
        add_policy(response.headers_mut());
        response
    }

    /// The file a path leads to: links followed, and still in its folder.
    async fn find(&self, path: &RequestPath) -> Result<(PathBuf, Metadata), Refusal> {
        let (root, segments) = match path.segments() {
            [first, rest @ ..] if first == "pkg" => (&self.pkg, rest),
            segments => (&self.www, segments),
        };
        let root = tokio::fs::canonicalize(root).await?;
        let mut file = root.join(segments.iter().collect::<PathBuf>());
        if path.names_folder() {
            file.push("index.html");
        }
        let file = tokio::fs::canonicalize(file).await?;
        let metadata = tokio::fs::metadata(&file).await?;
        match metadata {
            _ if !file.starts_with(&root) => Err(Refusal::NotFound),
            metadata if metadata.is_file() && metadata.len() <= FILE_BYTES_MAX => {
                Ok((file, metadata))
            }
            metadata if metadata.is_dir() => Err(Refusal::Folder),
            _ => Err(Refusal::NotFound),
        }
    }
}

async fn send(file: &Path, metadata: &Metadata, request: &HeaderMap) -> Response<Body> {
    let tag = entity_tag(metadata);
    if is_current(request, &tag) {
        let mut response = status_only(StatusCode::NOT_MODIFIED);
        add_validators(response.headers_mut(), &tag);
        return response;
    }
    let Ok(bytes) = tokio::fs::read(file).await else {
        return status_only(StatusCode::NOT_FOUND);
    };
    let mut response = Response::new(Body::from(bytes));
    let media_type = HeaderValue::from_static(media_type::of(file));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    add_validators(response.headers_mut(), &tag);
    response
}

/// Length and time of the last change: a file that is written again has another tag, also within one second.
fn entity_tag(metadata: &Metadata) -> String {
    let changed = metadata.modified().ok();
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanos = changed.map_or(0, |since| since.as_nanos());
    format!("\"{:x}-{nanos:x}\"", metadata.len())
}

/// Whether the browser holds this very version (RFC 9110 §13.1.2: weak comparison).
fn is_current(request: &HeaderMap, tag: &str) -> bool {
    let held = request.get_all(header::IF_NONE_MATCH).into_iter();
    held.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|held| held.trim().trim_start_matches("W/"))
        .any(|held| held == tag || held == "*")
}

fn add_validators(headers: &mut HeaderMap, tag: &str) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
}

fn add_policy(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// A folder's pages name their neighbours relative to it, so its address must end in a slash.
fn to_folder(uri: &Uri) -> Response<Body> {
    let mut response = status_only(StatusCode::TEMPORARY_REDIRECT);
    if let Ok(place) = HeaderValue::try_from(format!("{}/", uri.path())) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

fn status_only(status: StatusCode) -> Response<Body> {
    let text = match status {
        StatusCode::NOT_MODIFIED | StatusCode::TEMPORARY_REDIRECT => Body::empty(),
        _ => Body::from(status.canonical_reason().unwrap_or_default()),
    };
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response
}
