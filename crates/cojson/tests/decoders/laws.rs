//! What must hold of every decoder of bytes from outside, whatever the bytes are: it ends, it does not panic, and what it
//! accepts it writes and reads again as the same. For the fuzzers in `fuzz/` and for the test beside this.

use cojson::crypto::{
    KeySecret, NonceMaterial, SealerSecret, decrypt_key, decrypt_text, unseal_key,
    unseal_key_for_group,
};
use cojson::entropy::Entropy;
use cojson::header::Header;
use cojson::ids::{CoId, KeyId, SessionId};
use cojson::json::{Json, Wire};
use cojson::sync::{
    Effect, FrameLimits, Replica, ReplicaConfig, Segment, StoredLog, SyncMessage, decode_frame,
    encode_frame,
};
use cojson::transaction::Transaction;

/// A decoder's law: a panic is its breach.
pub type Law = fn(&[u8]);

/// Every decoder of bytes from outside, by name.
pub const LAWS: [(&str, Law); 5] = [
    ("frame", frame),
    ("header", header),
    ("transaction", transaction),
    ("sealed", sealed),
    ("stored", stored),
];

/// Frames of peers.
pub fn frame(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let limits = FrameLimits::default();
    for message in decode_frame(text, &limits).into_iter().flatten() {
        let again = encode_frame([&message]);
        assert_eq!(decode_frame(&again, &limits), [Ok(message)], "{again}");
    }
}

/// Headers.
pub fn header(bytes: &[u8]) {
    same_again::<Header>(bytes, |header| {
        let _ = header.id();
    });
}

/// Transactions, and what is read of them when they are opened.
pub fn transaction(bytes: &[u8]) {
    same_again::<Transaction>(bytes, |transaction| {
        if let Transaction::Trusting { changes, .. } = transaction {
            let _ = Json::parse(changes);
        }
        let _ = transaction.meta().map(Json::parse);
    });
}

fn same_again<T: Wire + PartialEq + std::fmt::Debug>(bytes: &[u8], look: impl Fn(&T)) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let Ok(read) = T::from_text(text) else {
        return;
    };
    look(&read);
    let mut again = String::new();
    read.write(&mut again);
    assert_eq!(T::from_text(&again).as_ref(), Ok(&read), "{again}");
}

/// What is sealed or encrypted.
pub fn sealed(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let secret = SealerSecret::from_bytes([7; 32]);
    let (Ok(group), Ok(session), Ok(key)) = (
        CoId::parse("co_zGroup"),
        SessionId::parse("co_zAuthor_session_z1"),
        KeyId::parse("key_z1"),
    ) else {
        return;
    };
    let place = NonceMaterial::Transaction {
        value: &group,
        session: &session,
        index: 0,
    };
    let _ = unseal_key(text, &secret.id(), &secret, &place);
    let _ = unseal_key_for_group(text, &secret, &place);
    let key_secret = KeySecret::random(&mut Entropy::from_seed([7; 32]));
    let _ = decrypt_text(&key_secret, &place, text);
    let _ = decrypt_key(&key, (&key, &key_secret), text);
}

/// What storage holds of a value: a content message's header and sessions, of which nothing was verified.
pub fn stored(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let messages = decode_frame(text, &FrameLimits::default());
    for message in messages.into_iter().flatten() {
        let SyncMessage::Content(content) = message else {
            continue;
        };
        let Some(header) = content.header else {
            continue;
        };
        let pieces = content.new.into_iter();
        let segments = pieces.map(|(session, content)| Segment { session, content });
        let stored = StoredLog {
            header,
            segments: segments.collect(),
        };
        load(&content.id, stored);
    }
}

fn load(id: &CoId, stored: StoredLog) {
    let mut replica = Replica::new(ReplicaConfig::default());
    replica.load(id);
    let is_asked = replica.poll_effect() == Some(Effect::Load(id.clone()));
    assert!(
        is_asked,
        "a value that is not here is looked for in storage"
    );
    let is_genuine = stored.header.id() == *id;
    replica.loaded(id, Some(stored));
    assert_eq!(
        replica.log(id).is_some(),
        is_genuine,
        "a header's id tells whose it is"
    );
}
