//! The recorded session of the reference implementation: every id is reproduced and every signature verifies.
//!
//! `vectors/frames.jsonl` holds the frames byte for byte. They are replayed in order into logs, as a relay would take them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};

use cojson::crypto::{
    AgentSecret, KeySecret, NonceMaterial, SealerSecret, decrypt_key, decrypt_text, encrypt_key,
    encrypt_text, seal_key, unseal_key,
};
use cojson::header::Header;
use cojson::ids::{AgentId, CoId, KeyId, SessionId};
use cojson::json::Json;
use cojson::session_log::{ContentError, SessionLog, StageError};
use cojson::sync::{ContentMessage, FrameLimits, SyncMessage, decode_frame};
use cojson::transaction::Transaction;
use cojson::value_log::ValueLog;
use serde::Deserialize;

const FRAMES: &str = include_str!("vectors/frames.jsonl");

#[derive(Deserialize)]
struct Frame {
    raw: Option<String>,
}

/// The content messages, in order.
fn contents() -> Vec<ContentMessage> {
    let frames = FRAMES
        .lines()
        .map(|line| serde_json::from_str::<Frame>(line).unwrap());
    frames
        .filter_map(|frame| frame.raw)
        .flat_map(|raw| decode_frame(&raw, &FrameLimits::default()))
        .filter_map(|message| match message.unwrap() {
            SyncMessage::Content(content) => Some(content),
            _ => None,
        })
        .collect()
}

#[derive(Default)]
struct Replay {
    logs: BTreeMap<CoId, ValueLog>,
    verified: u32,
    repeated: u32,
    signatures: BTreeSet<String>,
}

impl Replay {
    fn agent(&self, session: &SessionId) -> AgentId {
        AgentId::parse(session.author()).unwrap_or_else(|_| {
            let account = self.logs.get(session.author()).unwrap();
            account.header().account_agent().unwrap()
        })
    }

    fn take(&mut self, content: ContentMessage) {
        if let Some(header) = content.header {
            self.logs
                .entry(content.id.clone())
                .or_insert_with(|| ValueLog::checked(&content.id, header).unwrap());
        }
        for (session, piece) in content.new {
            let signer = self.agent(&session).signer().unwrap();
            self.signatures.insert(piece.last_signature.to_string());
            let log = self.logs.get_mut(&content.id).unwrap();
            match log.receive(&session, piece, &signer) {
                Ok(_) => self.verified += 1,
                Err(ContentError::Stage(StageError::NothingNew { .. })) => self.repeated += 1,
                Err(error) => panic!("{}: {session}: {error}", content.id),
            }
        }
    }
}

fn replay() -> Replay {
    let mut replay = Replay::default();
    for content in contents() {
        replay.take(content);
    }
    replay
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secrets {
    alice: Person,
    bob: Person,
    carol: Person,
    invite: String,
    read_keys: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Person {
    #[serde(rename = "accountID")]
    account: String,
    secret: String,
}

fn secrets() -> Secrets {
    serde_json::from_str(include_str!("vectors/secrets.json")).unwrap()
}

impl Secrets {
    fn people(&self) -> [(CoId, AgentSecret); 3] {
        [&self.alice, &self.bob, &self.carol].map(|person| {
            (
                CoId::parse(&person.account).unwrap(),
                AgentSecret::parse(&person.secret).unwrap(),
            )
        })
    }

    /// Whose session it is, if it is one of the three people's.
    fn author(&self, session: &SessionId) -> Option<AgentSecret> {
        let mut people = self.people().into_iter();
        let is_author = |account: &CoId, secret: &AgentSecret| {
            let agent = secret.agent_id();
            [account.as_str(), agent.as_str()].contains(&session.author())
        };
        people
            .find(|(account, secret)| is_author(account, secret))
            .map(|(_, secret)| secret)
    }
}

#[test]
fn every_recorded_id_is_its_headers_hash_and_every_signature_verifies() {
    let replay = replay();
    assert_eq!(replay.logs.len(), 18);
    assert_eq!((replay.verified, replay.signatures.len()), (32, 32));
    assert!(replay.repeated > 0, "a relay's copies are known already");
}

#[test]
fn an_accounts_id_follows_from_its_secret() {
    for (account, secret) in secrets().people() {
        assert_eq!(Header::account(&secret.agent_id()).id(), account);
    }
}

#[test]
fn our_own_signatures_are_the_recorded_ones_byte_for_byte() {
    let secrets = secrets();
    let mut logs: BTreeMap<(CoId, SessionId), SessionLog> = BTreeMap::new();
    let mut signed = 0;
    for content in contents() {
        for (session, piece) in content.new {
            let Some(author) = secrets.author(&session) else {
                continue;
            };
            let log = logs
                .entry((content.id.clone(), session.clone()))
                .or_insert_with(|| SessionLog::new(session));
            if piece.after != log.len() {
                continue;
            }
            for transaction in &piece.new_transactions {
                log.append_local(transaction.clone());
            }
            assert_eq!(log.sign(&author.signer), [piece]);
            signed += 1;
        }
    }
    assert!(signed >= 25, "{signed}");
}

#[test]
fn what_a_restored_log_offers_is_what_was_recorded() {
    for log in replay().logs.values() {
        let mut restored = ValueLog::new(log.header().clone());
        for session in log.sessions() {
            for piece in session.content_since(0, usize::MAX) {
                restored.restore(session.session(), piece).unwrap();
            }
        }
        assert_eq!(restored.known_state(), log.known_state());
        assert_eq!(restored.signed_state(), log.known_state());
        for session in log.sessions() {
            let again = restored.session(session.session()).unwrap();
            assert_eq!(again.last_signature(), session.last_signature());
            assert_eq!(again.transactions(), session.transactions());
        }
    }
}

#[test]
fn ciphertext_opens_and_is_made_again_byte_for_byte() {
    let read_keys = secrets().read_keys;
    let mut opened = 0;
    for log in replay().logs.values() {
        for session in log.sessions() {
            for (index, transaction) in (0..).zip(session.transactions()) {
                let Transaction::Private {
                    key_used,
                    encrypted_changes,
                    ..
                } = transaction
                else {
                    continue;
                };
                let Some(key) = read_keys.get(key_used.as_str()) else {
                    continue;
                };
                let key = KeySecret::parse(key).unwrap();
                let place = NonceMaterial::Transaction {
                    value: log.id(),
                    session: session.session(),
                    index,
                };
                let text = decrypt_text(&key, &place, encrypted_changes).unwrap();
                assert!(Json::parse(&text).unwrap().as_array().is_some());
                assert_eq!(encrypt_text(&key, &place, &text), **encrypted_changes);
                opened += 1;
            }
        }
    }
    assert!(opened >= 10, "{opened}");
}

/// The changes that anyone can read: (the value, the session, the transaction's index, key, value).
fn open_changes(replay: &Replay) -> Vec<(CoId, SessionId, u32, String, String)> {
    let mut changes = Vec::new();
    for log in replay.logs.values() {
        for session in log.sessions() {
            for (index, transaction) in (0..).zip(session.transactions()) {
                let Transaction::Trusting { changes: text, .. } = transaction else {
                    continue;
                };
                for change in Json::parse(text).unwrap().as_array().unwrap() {
                    let field = |name| change.get(name).and_then(Json::as_str);
                    let place = (log.id().clone(), session.session().clone(), index);
                    let (key, value) = (field("key").unwrap_or(""), field("value").unwrap_or(""));
                    changes.push((place.0, place.1, place.2, key.to_owned(), value.to_owned()));
                }
            }
        }
    }
    changes
}

/// Each `key_X_for_<member>` that a person can open gives the published secret of key X.
#[test]
fn sealed_keys_open_for_their_readers() {
    let secrets = secrets();
    let replay = replay();
    let mut opened = 0;
    for (value, session, index, key, sealed) in open_changes(&replay) {
        let place = NonceMaterial::Transaction {
            value: &value,
            session: &session,
            index,
        };
        let Some((key_id, reader)) = key.split_once("_for_") else {
            continue;
        };
        let mut people = secrets.people().into_iter();
        let reader = people.find(|(account, _)| account.as_str() == reader);
        if let (Some(expected), Some((_, reader))) = (secrets.read_keys.get(key_id), reader) {
            let from = replay.agent(&session).sealer().unwrap();
            let key = unseal_key(&sealed, &from, &reader.sealer, &place).unwrap();
            assert_eq!(*key.to_text(), *expected);
            assert_eq!(seal_key(&key, &reader.sealer, &from, &place), sealed);
            opened += 1;
        }
    }
    assert!(opened >= 3, "{opened}");
}

#[test]
fn a_rotated_key_opens_the_key_before_it() {
    let read_keys = secrets().read_keys;
    let mut opened = 0;
    for (_, _, _, key, encrypted) in open_changes(&replay()) {
        let ids = key
            .split_once("_for_")
            .map(|(old, new)| (KeyId::parse(old), KeyId::parse(new)));
        let Some((Ok(old), Ok(new))) = ids else {
            continue;
        };
        let secret = |id: &KeyId| {
            read_keys
                .get(id.as_str())
                .map(|text| KeySecret::parse(text).unwrap())
        };
        if let (Some(expected), Some(newer)) = (secret(&old), secret(&new)) {
            assert_eq!(
                decrypt_key(&old, (&new, &newer), &encrypted),
                Ok(expected.clone())
            );
            assert_eq!(encrypt_key((&old, &expected), (&new, &newer)), encrypted);
            opened += 1;
        }
    }
    assert_eq!(opened, 1);
}

#[test]
fn a_groups_sealer_follows_from_its_read_key() {
    let changes = open_changes(&replay());
    let revealed = changes.iter().filter_map(|(_, _, _, key, value)| {
        Some((key.strip_suffix("_for_everyone")?.to_owned(), value.clone()))
    });
    let mut keys: BTreeMap<String, String> = revealed.collect();
    let published = secrets().read_keys.into_iter();
    keys.extend(published);
    let mut found = 0;
    for (_, _, _, key, value) in &changes {
        if let (true, Some((id, sealer))) = (key == "groupSealer", value.split_once('@'))
            && let Some(secret) = keys.get(id)
        {
            let secret = KeySecret::parse(secret).unwrap();
            assert_eq!(SealerSecret::of_group(&secret).id().to_string(), sealer);
            found += 1;
        }
    }
    assert!(found >= 3, "{found}");
}

#[test]
fn an_invites_agent_follows_from_its_seed() {
    let text = secrets().invite;
    let mut seed = [0; 32];
    let encoded = text.strip_prefix("inviteSecret_z").unwrap();
    assert_eq!(bs58::decode(encoded).onto(&mut seed), Ok(32));
    let agent = AgentSecret::from_seed(&seed).agent_id();
    let changes = open_changes(&replay());
    let is_invite =
        |(_, _, _, key, value): &_| *key == agent.to_string() && value == "readerInvite";
    assert!(changes.iter().any(is_invite));
}
