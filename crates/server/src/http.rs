//! What answers at which address: `/sync` the protocol, some for operators ([`crate::operator`]), all else pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Router};
use cojson::sync::PeerId;

use crate::accept::Arrival;
use crate::auth::gate::{Gate, Pass};
use crate::auth::token::TokenRefusal;
use crate::guard::address::TrustedProxies;
use crate::guard::connections::{Connections, Full, Permit};
use crate::guard::origin::{ForeignOrigin, Origins};
use crate::metrics::Metrics;
use crate::refusals::Refusals;
use crate::relay::RelayLink;
use crate::shutdown::StopWatch;
use crate::socket::wire::Wire;
use crate::socket::{self, SocketContext, SocketLimits};
use crate::static_files::StaticFiles;

/// What is read at once from a socket. The library's default takes 128 KiB per connection.
const READ_BUFFER_BYTES: usize = 4_096;

/// What the answers need.
#[derive(Clone, Debug)]
pub struct HttpContext {
    /// To the relay, as long as the server wants it: an open page must not keep the relay from ending.
    pub relay: RelayLink,
    /// Whether clients may have their frames deflated.
    pub deflates: bool,
    /// What a socket may cost.
    pub limits: SocketLimits,
    /// Who is in.
    pub connections: Connections,
    /// Whose word for a client's address counts.
    pub proxies: TrustedProxies,
    /// Whose pages may connect.
    pub origins: Origins,
    /// Who may connect, if that takes a token.
    pub gate: Option<Gate>,
    /// The pages, if any are served.
    pub pages: Option<StaticFiles>,
    /// Where refusals are counted.
    pub refusals: Refusals,
    /// Where everything else is.
    pub metrics: Arc<Metrics>,
    /// For the sockets.
    pub stop: StopWatch,
    /// Gives every connection its name.
    pub peers: Arc<AtomicU64>,
}

impl HttpContext {
    /// Counts the client that a trusted proxy forwards for. One that came by itself was counted when it connected.
    fn enter_forwarded(
        &self,
        arrival: &Arrival,
        headers: &HeaderMap,
    ) -> Result<Option<Permit>, Full> {
        if !self.proxies.trust(arrival.address) {
            return Ok(None);
        }
        let client = self.proxies.client_of(arrival.address, headers);
        self.connections.enter_address(client).map(Some)
    }

    /// Looks at a handshake: whence it comes, whether there is room for its client, and its token.
    fn admit(
        &self,
        arrival: &Arrival,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(Option<Permit>, Option<Pass>), Denial> {
        self.origins.check(headers)?;
        let forwarded = self.enter_forwarded(arrival, headers)?;
        let pass = self.gate.as_ref().map(|gate| gate.admit(uri, headers));
        Ok((forwarded, pass.transpose()?))
    }
}

/// Why a handshake is refused.
#[derive(Debug, thiserror::Error)]
enum Denial {
    #[error(transparent)]
    Origin(#[from] ForeignOrigin),
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Token(#[from] TokenRefusal),
}

impl Denial {
    fn answer(&self, refusals: &Refusals) -> Response {
        let (code, status) = match self {
            Self::Origin(_) => ("foreign_origin", StatusCode::FORBIDDEN),
            Self::Full(full) => (full.code(), StatusCode::SERVICE_UNAVAILABLE),
            Self::Token(refusal) => (refusal.code(), StatusCode::UNAUTHORIZED),
        };
        refusals.count(code, self);
        let mut answer = (status, self.to_string()).into_response();
        if let Self::Token(_) = self {
            let bearer = HeaderValue::from_static("Bearer");
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, bearer);
        }
        answer
    }
}

/// The routes; `operator` are those that are for operators.
pub fn router(context: HttpContext, operator: Router) -> Router {
    Router::new()
        .route("/sync", any(sync))
        .fallback(get(page))
        .with_state(context)
        .merge(operator)
}

async fn sync(
    State(context): State<HttpContext>,
    Extension(arrival): Extension<Arrival>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    // Nobody is let in who would only be sent away again.
    let commands = (!context.stop.is_stopping()).then(|| context.relay.upgrade());
    let Some(commands) = commands.flatten() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (forwarded, pass) = match context.admit(&arrival, &uri, &headers) {
        Ok(admitted) => admitted,
        Err(denial) => return denial.answer(&context.refusals),
    };
    let upgrade = upgrade.protocols(Wire::offered(context.deflates).iter().copied());
    let peer = PeerId(context.peers.fetch_add(1, Ordering::Relaxed));
    let bytes_max = context.limits.frame.frame_bytes_max;
    let socket = SocketContext {
        commands,
        wire: Wire::agreed(upgrade.selected_protocol()),
        pass,
        limits: context.limits,
        refusals: context.refusals,
        metrics: context.metrics,
        stop: context.stop,
    };
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(bytes_max)
        .max_frame_size(bytes_max)
        .on_upgrade(async move |websocket| {
            socket::serve(websocket, peer, socket).await;
            drop((arrival, forwarded));
        })
}

async fn page(State(context): State<HttpContext>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    match context.pages {
        Some(pages) => pages.answer(&uri, &headers).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
