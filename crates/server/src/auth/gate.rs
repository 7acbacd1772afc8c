//! The gate: whether a handshake may come in, and for how long the connection may stay.
//!
//! The book is read every two seconds, so a revocation is seen by every running server, and closes what came in with the
//! token. A book that cannot be read leaves the last one in force, counted and told.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, Uri, header};
use cojson::account::account_id;
use cojson::ids::{AgentId, CoId, SessionId};
use cojson::session_log::SessionContent;
use cojson::sync::ContentMessage;
use cojson::transaction::Transaction;
use tokio::sync::watch;
use tokio::time::sleep;

use super::book::Trust;
use super::shelf::{Shelf, ShelfError};
use super::token::{self, Token, TokenRefusal};
use crate::refusals::Refusals;
use crate::settings::BookPlace;

/// How often the book is read.
const READ_EVERY: Duration = Duration::from_secs(2);

/// The longest sleep until a token's end: the clock may be set meanwhile.
const SLEEP_MAX: Duration = Duration::from_hours(1);

/// Lets in whoever shows a good token.
#[derive(Clone, Debug)]
pub struct Gate(watch::Receiver<Arc<Trust>>);

/// What a connection came in with.
#[derive(Clone, Debug)]
pub struct Pass {
    token: Token,
    trust: watch::Receiver<Arc<Trust>>,
}

/// Keeps a gate's knowledge of the book fresh.
#[derive(Debug)]
pub struct Keeper {
    shelf: Shelf,
    trust: watch::Sender<Arc<Trust>>,
}

impl Gate {
    /// A gate that lets nobody in until its keeper has read the book.
    ///
    /// # Errors
    /// When the name of the book's place cannot be used.
    pub fn new(place: BookPlace) -> Result<(Self, Keeper), ShelfError> {
        let shelf = Shelf::open(place)?;
        let (trust, receiver) = watch::channel(Arc::default());
        Ok((Self(receiver), Keeper { shelf, trust }))
    }

    /// Lets a handshake in.
    ///
    /// # Errors
    /// Why it is not let in.
    pub fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<Pass, TokenRefusal> {
        let trust = Arc::clone(&self.0.borrow());
        let token = token::verify(shown(uri, headers)?, &trust.keys, now_seconds())?;
        if trust.revoked.contains(&token.id) {
            return Err(TokenRefusal::Revoked);
        }
        let trust = self.0.clone();
        Ok(Pass { token, trust })
    }
}

impl Keeper {
    /// Reads the book, and goes on reading it for as long as there is a gate.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub async fn start(self, refusals: Refusals) -> Result<(), ShelfError> {
        self.read().await?;
        if self.trust.borrow().keys.is_empty() {
            tracing::warn!(
                "no key is trusted yet, so nobody can connect: `pleione-sync token new` makes one and a token"
            );
        }
        tokio::spawn(async move {
            while !self.trust.is_closed() {
                sleep(READ_EVERY).await;
                if let Err(error) = self.read().await {
                    refusals.count("tokens_unreadable", &error);
                }
            }
        });
        Ok(())
    }

    async fn read(&self) -> Result<(), ShelfError> {
        let found = Arc::new(self.shelf.read().await?.trust_list());
        self.trust.send_if_modified(|trust| {
            let is_new = *trust != found;
            *trust = found;
            is_new
        });
        Ok(())
    }
}

/// The token that a handshake shows: browsers can set no header, so it may stand in the URL too.
fn shown<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<&'a str, TokenRefusal> {
    let pairs = uri.query().unwrap_or_default().split('&');
    let in_url = pairs.filter_map(|pair| pair.strip_prefix("token="));
    let values = headers.get_all(header::AUTHORIZATION).iter();
    let in_headers = values.filter_map(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let mut tokens = in_url.chain(in_headers);
    match (tokens.next(), tokens.next()) {
        (Some(token), None) => Ok(token),
        (None, _) => Err(TokenRefusal::Missing),
        (Some(_), Some(_)) => Err(TokenRefusal::Several),
    }
}

impl Pass {
    /// Returns when it is good no longer, and why.
    pub async fn ended(mut self) -> TokenRefusal {
        tokio::select! {
            () = expired(self.token.expires_at) => TokenRefusal::Expired,
            refusal = refused(&mut self.trust, &self.token) => refusal,
        }
    }

    /// Leaves out of a message what others than the token's account wrote, if it is bound to one; an invitation that the
    /// account accepts stays. How many sessions were left out.
    pub fn trim(&self, content: &mut ContentMessage) -> usize {
        let Some(account) = &self.token.account else {
            return 0;
        };
        let before = content.new.len();
        content.new.retain(|session, piece| {
            is_of(account, session.author()) || lets_in(account, session, piece)
        });
        before - content.new.len()
    }
}

/// Returns when the book says that a token is good no longer.
async fn refused(trust: &mut watch::Receiver<Arc<Trust>>, token: &Token) -> TokenRefusal {
    loop {
        if let Some(refusal) = refusal(&trust.borrow_and_update(), token) {
            return refusal;
        }
        if trust.changed().await.is_err() {
            // Nobody reads the book any more: the server stops.
            return std::future::pending().await;
        }
    }
}

/// Why a token that was good is not any more, its time left aside.
fn refusal(trust: &Trust, token: &Token) -> Option<TokenRefusal> {
    if trust.revoked.contains(&token.id) {
        Some(TokenRefusal::Revoked)
    } else if trust.keys.iter().any(|key| key.id() == token.key) {
        None
    } else {
        Some(TokenRefusal::Untrusted)
    }
}

/// Whether an author is the account: itself, or its agent, which writes to the account's own value.
fn is_of(account: &CoId, author: &str) -> bool {
    author == account.as_str()
        || AgentId::parse(author).is_ok_and(|agent| account_id(&agent) == *account)
}

/// Whether an invitation lets the account in: who accepts one writes in the name of the invitation's agent.
fn lets_in(account: &CoId, session: &SessionId, piece: &SessionContent) -> bool {
    let names_account = |one: &Transaction| match one {
        Transaction::Trusting { changes, .. } => changes.contains(account.as_str()),
        Transaction::Private { .. } => false,
    };
    AgentId::parse(session.author()).is_ok() && piece.new_transactions.iter().any(names_account)
}

async fn expired(at_seconds: u64) {
    loop {
        let left = at_seconds.saturating_sub(now_seconds());
        if left == 0 {
            return;
        }
        sleep(Duration::from_secs(left).min(SLEEP_MAX)).await;
    }
}

/// The time, in seconds since 1970.
pub(super) fn now_seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use cojson::collections::SortedMap;
    use cojson::crypto::AgentSecret;
    use cojson::entropy::Entropy;

    use super::*;
    use crate::auth::key::SigningKey;
    use crate::auth::token::Claims;
    use crate::storage::conformance::{Author, header};

    fn handshake(gate: &Gate, uri: &str, bearers: &[&str]) -> Result<Pass, TokenRefusal> {
        let mut headers = HeaderMap::new();
        for bearer in bearers {
            headers.append(header::AUTHORIZATION, bearer.parse().unwrap());
        }
        gate.admit(&uri.parse().unwrap(), &headers)
    }

    fn gate(key: &SigningKey) -> (watch::Sender<Arc<Trust>>, Gate) {
        let keys = vec![key.public()];
        let (sender, receiver) = watch::channel(Arc::new(Trust {
            keys,
            ..Trust::default()
        }));
        (sender, Gate(receiver))
    }

    #[tokio::test]
    async fn a_token_is_shown_in_the_url_or_in_a_header_and_once() {
        let key = SigningKey::random().unwrap();
        let (_sender, gate) = gate(&key);
        let token = Claims::new(now_seconds() + 100, None, None).sign(&key);
        let bearer = format!("Bearer {token}");
        for (uri, bearers, expected) in [
            (format!("/sync?token={token}"), &[][..], None),
            (format!("/sync?room=1&token={token}"), &[], None),
            ("/sync".into(), &[bearer.as_str()], None),
            ("/sync".into(), &[], Some(TokenRefusal::Missing)),
            (
                "/sync?token".into(),
                &["Basic abc"],
                Some(TokenRefusal::Missing),
            ),
            ("/sync?token=".into(), &[], Some(TokenRefusal::Malformed)),
            (
                format!("/sync?token={token}&token={token}"),
                &[],
                Some(TokenRefusal::Several),
            ),
            (
                format!("/sync?token={token}"),
                &[bearer.as_str()],
                Some(TokenRefusal::Several),
            ),
        ] {
            assert_eq!(handshake(&gate, &uri, bearers).err(), expected, "{uri}");
        }
    }

    #[tokio::test]
    async fn a_connection_ends_when_its_token_does() {
        let key = SigningKey::random().unwrap();
        let (sender, gate) = gate(&key);
        let pass = |seconds: u64| {
            let token = Claims::new(now_seconds() + seconds, None, None).sign(&key);
            (
                token::id_of(&token).unwrap(),
                handshake(&gate, &format!("/sync?token={token}"), &[]).unwrap(),
            )
        };
        let (id, revoked) = pass(100);
        let (_, other) = pass(101);
        let keys = vec![key.public()];
        sender.send_replace(Arc::new(Trust {
            keys,
            revoked: [id].into(),
        }));
        assert_eq!(revoked.ended().await, TokenRefusal::Revoked);
        let (_, short) = pass(2);
        assert_eq!(short.ended().await, TokenRefusal::Expired);
        sender.send_replace(Arc::default());
        assert_eq!(other.ended().await, TokenRefusal::Untrusted);
    }

    #[tokio::test]
    async fn a_token_of_an_account_brings_in_what_that_account_wrote_and_nothing_else() {
        let key = SigningKey::random().unwrap();
        let (_sender, gate) = gate(&key);
        let mut entropy = Entropy::from_seed([7; 32]);
        let agent = AgentSecret::generate(&mut entropy).agent_id();
        let account = account_id(&agent);
        let token = Claims::new(now_seconds() + 100, Some(&account), None).sign(&key);
        let pass = handshake(&gate, &format!("/sync?token={token}"), &[]).unwrap();
        let own = [
            SessionId::random_of_account(&account, &mut entropy),
            SessionId::random_of_agent(&agent, &mut entropy),
        ];
        let mut stranger = Author::new(1);
        let piece = stranger.piece(&["[1]"]);
        let sessions = own.iter().chain([&stranger.session]);
        let mut message = ContentMessage {
            id: header("a").id(),
            header: None,
            priority: 3,
            new: sessions
                .map(|session| (session.clone(), piece.clone()))
                .collect::<SortedMap<_, _>>(),
            expect_content_until: None,
        };
        assert_eq!(pass.trim(&mut message), 1);
        assert_eq!(message.new.len(), 2);
        assert!(own.iter().all(|session| message.new.contains_key(session)));

        // An invitation's agent gives the account a role, or somebody else.
        let agent = AgentSecret::generate(&mut entropy).agent_id();
        let other = AgentSecret::generate(&mut entropy).agent_id();
        for (member, kept) in [(&account, 1), (&account_id(&other), 0)] {
            let role = format!(r#"[{{"op":"set","key":"{member}","value":"writer"}}]"#);
            let session = SessionId::random_of_agent(&agent, &mut entropy);
            message.new = SortedMap::from([(session, stranger.piece(&[&role]))]);
            assert_eq!(pass.trim(&mut message), 1 - kept);
            assert_eq!(message.new.len(), kept);
        }
    }
}
