//! What is said when the server is up: where it is, which version it is, where it keeps logs, and the limits it runs with.

use std::net::IpAddr;

use crate::server::Server;
use crate::settings::{Settings, StorageSettings};

/// Says it, once, when the server serves.
pub fn say(settings: &Settings, server: &Server) {
    let address = server.address();
    let host = host_of(address.ip());
    let port = address.port();
    let (storage, place) = storage_of(&settings.storage);
    let tls = if settings.tls.is_some() { "s" } else { "" };
    if matches!(settings.storage, StorageSettings::Pglite { .. }) {
        tracing::warn!(
            "PGlite never flushes the disk: what is acknowledged outlives this process however it ends, but not a loss of \
             power; for that take sqlite or postgres"
        );
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        %address,
        storage,
        metrics_address = server.metrics_address().map(tracing::field::display),
        connections_max = settings.limits.connections_max,
        connections_per_address_max = settings.limits.connections_per_address_max,
        frame_bytes_max = settings.limits.frame_bytes_max,
        "serving http{tls}://{host}:{port}/ (sync at ws{tls}://{host}:{port}/sync); logs are kept {place}"
    );
}

fn host_of(ip: IpAddr) -> String {
    match ip {
        ip if ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// The name of the back end, and where it keeps logs, in words.
fn storage_of(storage: &StorageSettings) -> (&'static str, String) {
    match storage {
        StorageSettings::InMemory => ("in-memory", "in memory, gone when it stops".to_owned()),
        StorageSettings::Sqlite { path } => ("sqlite", format!("in {}", path.display())),
        StorageSettings::Pglite { path } => ("pglite", format!("in {}", path.display())),
        StorageSettings::Postgres { .. } => ("postgres", "in PostgreSQL".to_owned()),
    }
}
