//! What is said when the agent is up: who it is, which actors run, where it keeps logs, whom it syncs with.

use std::net::SocketAddr;

use engine::actor::ActorId;

use crate::host::Started;
use crate::settings::{Settings, StorageSettings};

/// Says it, once.
pub fn say(settings: &Settings, address: SocketAddr, started: &Started) {
    let actors: Vec<&str> = started.actors.iter().map(ActorId::as_str).collect();
    let actors = match actors.as_slice() {
        [] if settings.actors.is_empty() => {
            "no actor yet, and will run each that its account publishes".to_owned()
        }
        [] => "no actor yet".to_owned(),
        names => names.join(", "),
    };
    let sync = match &settings.sync {
        Some(sync) => format!("syncs with {sync}"),
        None => "syncs with nobody".to_owned(),
    };
    let (storage, place) = match &settings.storage {
        StorageSettings::InMemory => ("in-memory", "in memory, gone when it stops".to_owned()),
        StorageSettings::Sqlite(path) => ("sqlite", format!("in {}", path.display())),
        StorageSettings::Pglite(path) => ("pglite", format!("in {}", path.display())),
    };
    if storage == "pglite" {
        tracing::warn!(
            "PGlite never flushes the disk: what is stored outlives this process however it ends, but not a loss of power; \
             for that take sqlite"
        );
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        account = %started.account,
        outcome = started.outcome.name(),
        %address,
        storage,
        "runs {actors}; answers at http://{address}/; {sync}; logs are kept {place}"
    );
}
