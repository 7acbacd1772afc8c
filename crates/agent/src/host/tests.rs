//! What the agent's own storage keeps of a value that is deleted.

use std::path::Path;
use std::time::Duration;

use cojson::header::ValueType;
use cojson::ids::{CoId, SessionId};
use cojson::node::{NewValue, Stamp};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;
use crate::clock::now;
use crate::settings::Command;
use crate::store::Ask;

fn open(storage: &str, folder: &Path) -> Host {
    let path = folder.join("agent.db");
    let arguments = ["pleione-agent", "--storage", storage, "--db-path"];
    let arguments = arguments.map(Into::into).into_iter();
    let arguments = arguments.chain([path.into_os_string()]);
    match Command::from_arguments(arguments, false).unwrap() {
        Command::Run(settings) => Host::open(&settings).unwrap(),
        Command::Account => panic!("no command was given"),
    }
}

impl Host {
    /// Runs until the account is there and all is stored.
    async fn settle(&mut self) {
        loop {
            let wakes_at = self.turn();
            let is_settled = self.engine.is_idle() && self.engine.node().replica().is_settled();
            if is_settled && self.started().is_some() {
                return;
            }
            self.wait(wakes_at).await;
        }
    }

    /// The sessions that storage has of a value.
    async fn stored(&mut self, id: &CoId) -> Vec<SessionId> {
        self.ask(Ask::Load(id.clone()));
        loop {
            match self.inputs.recv().await.unwrap() {
                Input::Storage(Answer::Loaded(found, loaded)) if found == *id => {
                    let segments = loaded.unwrap().unwrap().log.segments;
                    return segments
                        .into_iter()
                        .map(|segment| segment.session)
                        .collect();
                }
                input => self.take(input),
            }
        }
    }

    fn make_map(&mut self) -> CoId {
        let node = self.engine.node_mut();
        let value = NewValue {
            value_type: ValueType::CoMap,
            owner: node.own_group(),
            uniqueness: node.random_uniqueness(),
            meta: Json::Null,
        };
        let map = node.create(value, now()).unwrap();
        let entry = ("text".into(), "to be forgotten".into());
        node.map_set(&map, &[entry], Stamp::Now(now())).unwrap();
        map
    }
}

fn keeps_the_tombstone_alone(storage: &str) {
    let folder = TempDir::new().unwrap();
    let runtime = Runtime::new().unwrap();
    let map = runtime.block_on(async {
        let mut host = open(storage, folder.path());
        host.settle().await;
        let [deleted, other] = [host.make_map(), host.make_map()];
        host.settle().await;
        let own = [host.own_sessions[0].clone()];
        assert_eq!(host.stored(&deleted).await, own);
        host.engine.node_mut().delete(&deleted, now()).unwrap();
        host.settle().await;
        let kept = host.stored(&deleted).await;
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert!(kept.iter().all(SessionId::is_delete), "{kept:?}");
        assert_eq!(host.stored(&other).await, own, "nothing else is erased");
        host.end();
        deleted
    });
    if storage == "sqlite" {
        runtime.block_on(async {
            let mut host = open(storage, folder.path());
            host.engine.node_mut().load(&map);
            let is_deleted = async {
                while !host.engine.node_mut().is_deleted(&map) {
                    let wakes_at = host.turn();
                    host.wait(wakes_at).await;
                }
            };
            let told = tokio::time::timeout(Duration::from_secs(20), is_deleted).await;
            told.expect("it is deleted after a start");
        });
    }
}

#[test]
fn of_a_deleted_value_memory_keeps_the_tombstone_alone() {
    keeps_the_tombstone_alone("in-memory");
}

#[test]
fn of_a_deleted_value_sqlite_keeps_the_tombstone_alone() {
    keeps_the_tombstone_alone("sqlite");
}
