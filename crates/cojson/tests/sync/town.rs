//! A server that judges who may write, a group that Alice founded on it, and a map in that.

use std::collections::BTreeMap;

use cojson::header::Header;
use cojson::ids::{CoId, KeyId, SessionId, Timestamp};
use cojson::sync::{PeerRole, ReplicaConfig, SyncMessage, WriteRule};
use cojson::transaction::Transaction;

use crate::author::{Author, content, map_header, set};
use crate::cast::ALICE;
use crate::machine::Machine;

/// When the group was made; roles are given a hundred later.
pub const FOUNDED: u64 = 1_000;
pub const JOINED: u64 = 1_100;

/// A server, a group that Alice founded, a map in it, and everyone's logs as their authors have them.
pub struct Town {
    pub server: Machine,
    pub group: CoId,
    pub map: CoId,
    pub logs: BTreeMap<(CoId, SessionId), Vec<Transaction>>,
    pub headers: BTreeMap<CoId, Header>,
}

impl Town {
    pub fn new(write_rule: WriteRule) -> Self {
        let config = ReplicaConfig {
            write_rule,
            ..ReplicaConfig::default()
        };
        let mut server = Machine::with_config(9, config);
        server.replica.connect(ALICE, PeerRole::Client);
        let alice = Author::new(1);
        let group = alice.group_header("group");
        let map = map_header(&group.id(), "map");
        let mut town = Self {
            server,
            group: group.id(),
            map: map.id(),
            logs: BTreeMap::new(),
            headers: [group, map].map(|header| (header.id(), header)).into(),
        };
        town.found_account(&alice);
        let (group, account) = (town.group.clone(), alice.account.clone());
        town.check(
            &alice,
            &group,
            set(account.as_str(), "admin", FOUNDED),
            None,
        );
        let map = town.map.clone();
        town.check(&alice, &map, set("k", "v", FOUNDED), None);
        town
    }

    pub fn with_members(members: &[(&Author, &str)]) -> Self {
        let mut town = Self::new(WriteRule::MembersWrite);
        for (author, role) in members {
            town.join(author, role, JOINED);
        }
        town
    }

    pub fn found_account(&mut self, author: &Author) {
        let header = author.account_header();
        self.headers.insert(header.id(), header);
        let session = author.agent_session(0);
        let founding = set(author.agent.as_str(), "admin", 1);
        let codes = self.write(author, &author.account, &session, founding);
        assert!(codes.is_empty(), "{codes:?}");
    }

    /// Alice gives an author a role.
    pub fn join(&mut self, author: &Author, role: &str, at: u64) {
        if !self.headers.contains_key(&author.account) {
            self.found_account(author);
        }
        let (alice, group) = (Author::new(1), self.group.clone());
        self.check(&alice, &group, set(author.account.as_str(), role, at), None);
    }

    /// An author adds a transaction to its log and sends what the server lacks of it. Returns what was refused.
    pub fn write(
        &mut self,
        author: &Author,
        id: &CoId,
        session: &SessionId,
        transaction: Transaction,
    ) -> Vec<&'static str> {
        let log = self.logs.entry((id.clone(), session.clone())).or_default();
        log.push(transaction);
        let state = self.server.replica.known_state(id);
        let piece = author.content(session, log, state.count(session));
        let header = (!state.header).then(|| self.headers[id].clone());
        let message = content(id, header, session, piece);
        self.server.rejections.clear();
        self.server.tell(ALICE, SyncMessage::Content(message));
        self.server.rejection_codes()
    }

    /// The same in the author's own session, with the one refusal that is expected, or none; and whether the log grew
    /// tells the same.
    #[track_caller]
    pub fn check(&mut self, author: &Author, id: &CoId, one: Transaction, refusal: Option<&str>) {
        self.check_in(&author.session(0), author, id, one, refusal);
    }

    #[track_caller]
    pub fn check_in(
        &mut self,
        session: &SessionId,
        author: &Author,
        id: &CoId,
        one: Transaction,
        refusal: Option<&str>,
    ) {
        let what = format!("{one:?}");
        let before = self.server.replica.known_state(id).count(session);
        let codes = self.write(author, id, session, one);
        let after = self.server.replica.known_state(id).count(session);
        assert_eq!(codes, Vec::from_iter(refusal), "{what}");
        let written = self.logs[&(id.clone(), session.clone())].len() as u32;
        assert_eq!(
            after,
            if refusal.is_some() { before } else { written },
            "{what}"
        );
    }
}

pub fn private(changes: &str, meta: Option<&str>, at: u64) -> Transaction {
    Transaction::Private {
        made_at: Timestamp(at),
        key_used: KeyId::parse("key_z123456").unwrap(),
        encrypted_changes: changes.into(),
        meta: meta.map(Into::into),
    }
}
