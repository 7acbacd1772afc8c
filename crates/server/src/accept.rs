//! Letting clients in: each TCP connection is counted, gets its deadline, and is served by itself.
//!
//! A client that is turned away costs nothing but the answer; one that dawdles over TLS or the head of its request is cut
//! off.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::guard::address::TrustedProxies;
use crate::guard::connections::{Connections, Full, Permit};
use crate::refusals::Refusals;
use crate::shutdown::StopWatch;
use crate::tls::TlsWatch;

/// How long to wait when the system gives no connection (too many open files).
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// What lets clients in.
#[derive(Clone, Debug)]
pub struct Door {
    /// Who is in.
    pub connections: Connections,
    /// Whose word for a client's address counts.
    pub proxies: TrustedProxies,
    /// How connections are encrypted, if they are.
    pub tls: Option<TlsWatch>,
    /// How long TLS may take, the head of a request, and the wait for one on an open connection.
    pub handshake_max: Duration,
    /// Where those who are turned away are counted.
    pub refusals: Refusals,
    /// When to let nobody in any more.
    pub stop: StopWatch,
}

/// How a request came in; each request carries it.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The address that connected: a client's or a proxy's.
    pub address: IpAddr,
    /// Held as long as the connection is used.
    pub permit: Arc<Permit>,
}

impl Door {
    /// Lets clients in until the server stops.
    pub async fn serve(self, listener: TcpListener, router: Router) {
        let mut stop = self.stop.clone();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.stopped() => return,
            };
            match accepted {
                Ok((stream, address)) => self.welcome(stream, address.ip().to_canonical(), &router),
                Err(error) => {
                    self.refusals.count("accept_failed", &error);
                    sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    fn welcome(&self, stream: TcpStream, address: IpAddr, router: &Router) {
        let named = (!self.proxies.trust(address)).then_some(address);
        match self.connections.enter(named) {
            Ok(permit) => {
                let arrival = Arrival {
                    address,
                    permit: Arc::new(permit),
                };
                let serving = self.clone().converse(stream, arrival, router.clone());
                tokio::spawn(serving);
            }
            Err(full) => self.turn_away(&stream, full),
        }
    }

    fn turn_away(&self, stream: &TcpStream, full: Full) {
        self.refusals.count(full.code(), &full);
        if self.tls.is_some() {
            // An answer would cost us TLS first.
            return;
        }
        let body = full.to_string();
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        // What does not fit into an empty socket is not worth waiting for.
        let _ = stream.try_write(answer.as_bytes());
    }

    async fn converse(self, stream: TcpStream, arrival: Arrival, router: Router) {
        // Answers are small and must not wait to be joined with the next.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.serve_http(stream, arrival, router).await;
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow()));
        match timeout(self.handshake_max, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.serve_http(stream, arrival, router).await,
            Ok(Err(error)) => self.refusals.count("tls_failed", &error),
            Err(_) => {
                let what = "a client that did not come to terms over TLS";
                self.refusals.count("handshake_timeout", &what);
            }
        }
    }

    async fn serve_http<S>(mut self, stream: S, arrival: Arrival, router: Router)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(arrival.clone());
            router.call(request)
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.handshake_max);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection.with_upgrades());
        let ended: Result<(), hyper::Error> = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.stopped() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if ended.is_err_and(|error| error.is_timeout()) {
            let what = "a client that did not say what it wants";
            self.refusals.count("handshake_timeout", &what);
        }
    }
}
