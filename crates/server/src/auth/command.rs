//! `pleione-sync token …`: makes, lists and revokes tokens, and says which keys are trusted. Running servers follow
//! within seconds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cojson::ids::CoId;

use super::book::{Book, BookError, Entry};
use super::gate::now_seconds;
use super::key::{KeyError, PublicKey, SigningKey};
use super::shelf::{Shelf, ShelfError};
use super::token::{self, Claims};
use crate::settings::{BookPlace, RawBook, RawStorage, SettingError};

const DAY_SECONDS: u64 = 86_400;

/// What is asked of the tool.
#[derive(Args, Clone, Debug)]
pub struct RawTokenCommand {
    #[command(flatten)]
    storage: RawStorage,
    #[command(flatten)]
    book: RawBook,
    /// The file of the key that signs tokens; made with the first token. No server needs it [default: `DB_PATH` with
    /// `.token-key` behind it]
    #[arg(long, env = "SYNC_MAIA_AUTH_KEY", value_name = "PATH")]
    auth_key: Option<PathBuf>,
    #[command(subcommand)]
    action: TokenAction,
}

/// What is to be done.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenAction {
    /// Make a token and print it: clients show it as `wss://host/sync?token=…`, or in a header
    New {
        /// For how many days it is good
        #[arg(long, default_value = "30", value_parser = clap::value_parser!(u64).range(1..=36_500))]
        days: u64,
        /// The account whose changes alone may be written with it (`co_z…`)
        #[arg(long, value_parser = |text: &str| CoId::parse(text))]
        account: Option<CoId>,
        /// Whom it is for
        #[arg(long)]
        name: Option<String>,
    },
    /// Take a token back: connections that came in with it are closed
    Revoke {
        /// The token, or what `list` calls it
        #[arg(allow_hyphen_values = true)]
        token: String,
    },
    /// Show the keys that are trusted and the tokens that have not expired
    List,
    /// Sign with a new key from now on; the old one stays trusted until `distrust`
    Rotate,
    /// Take tokens that another key signs, as an application's own backend does
    Trust {
        /// The file of the public key (PEM, Ed25519)
        public_key: PathBuf,
    },
    /// Take no token any more that this key signed
    Distrust {
        /// What `list` calls the key
        #[arg(allow_hyphen_values = true)]
        key: String,
    },
}

/// What is to be done, where.
#[derive(Clone, Debug)]
pub struct TokenCommand {
    place: BookPlace,
    key: PathBuf,
    action: TokenAction,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The book cannot be used.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The book does not allow it.
    #[error(transparent)]
    Book(#[from] BookError),
    /// A key cannot be used.
    #[error("SYNC_MAIA_AUTH_KEY: {0}")]
    Key(#[from] KeyError),
    /// No server would look at it.
    #[error("the token would be too long: its name must be shorter")]
    TooLong,
    /// What was given has expired, so it need not be revoked.
    #[error("the token has expired")]
    Expired,
}

impl TryFrom<RawTokenCommand> for TokenCommand {
    type Error = SettingError;

    fn try_from(raw: RawTokenCommand) -> Result<Self, SettingError> {
        let key = raw
            .auth_key
            .unwrap_or_else(|| raw.storage.beside(".token-key"));
        Ok(Self {
            place: raw.book.place(&raw.storage)?,
            key,
            action: raw.action,
        })
    }
}

impl TokenCommand {
    /// Does it. Returns what is to be printed.
    ///
    /// # Errors
    /// When it cannot be done.
    pub async fn run(self) -> Result<String, TokenError> {
        let place = Shelf::open(self.place)?;
        let now = now_seconds();
        let trust =
            |key: PublicKey| move |book: &mut Book| Ok::<(), TokenError>(book.trust(key, now)?);
        Ok(match self.action {
            TokenAction::New {
                days,
                account,
                name,
            } => {
                let key = signing_key(&self.key)?;
                let expires_at = now + days * DAY_SECONDS;
                let token = Claims::new(expires_at, account.as_ref(), name.clone()).sign(&key);
                let id = token::id_of(&token).ok_or(TokenError::TooLong)?;
                let entry = Entry {
                    account: account.map(|account| account.to_string()),
                    name,
                    ..Entry::of(id, expires_at)
                };
                place
                    .change(|book| note(book, key.public(), entry, now))
                    .await?;
                token
            }
            TokenAction::Revoke { token } => {
                place.change(|book| revoke(book, &token, now)).await?;
                "revoked; running servers follow within seconds".into()
            }
            TokenAction::List => listed(&place.read().await?, now),
            TokenAction::Rotate => {
                let key = SigningKey::random()?;
                place.change(trust(key.public())).await?;
                key.write(&self.key)?;
                format!("new tokens are signed by {}", key.public().id())
            }
            TokenAction::Trust { public_key } => {
                let key = PublicKey::read(&public_key)?;
                place.change(trust(key)).await?;
                format!("tokens of {} are taken", key.id())
            }
            TokenAction::Distrust { key } => {
                place
                    .change(|book| Ok::<(), TokenError>(book.distrust(&key)?))
                    .await?;
                format!("no token of {key} is taken any more")
            }
        })
    }
}

/// The key that signs; made if there is none yet.
fn signing_key(path: &Path) -> Result<SigningKey, KeyError> {
    if let Some(key) = SigningKey::read(path)? {
        return Ok(key);
    }
    let key = SigningKey::random()?;
    key.write(path)?;
    Ok(key)
}

fn note(book: &mut Book, key: PublicKey, entry: Entry, now: u64) -> Result<(), TokenError> {
    book.forget_expired(now);
    book.trust(key, now)?;
    book.note(entry);
    Ok(())
}

/// Revokes by name, or a token that is given whole, whoever made it.
fn revoke(book: &mut Book, token: &str, now: u64) -> Result<(), TokenError> {
    book.forget_expired(now);
    let (Some(id), Some(expires_at)) = (token::id_of(token), token::expiry_of(token)) else {
        return Ok(book.revoke(token)?);
    };
    if expires_at <= now {
        return Err(TokenError::Expired);
    }
    book.note(Entry::of(id.clone(), expires_at));
    Ok(book.revoke(&id)?)
}

fn listed(book: &Book, now: u64) -> String {
    let mut text = String::new();
    for key in &book.keys {
        let _ = writeln!(
            text,
            "key    {}  trusted for {} days",
            key.id,
            now.saturating_sub(key.since) / DAY_SECONDS
        );
    }
    for token in book.tokens.iter().filter(|token| token.expires_at > now) {
        let days = (token.expires_at - now) / DAY_SECONDS;
        let state = if token.is_revoked { "revoked" } else { "good" };
        let name = token.name.as_deref().unwrap_or("-");
        let account = token.account.as_deref().unwrap_or("any account");
        let _ = writeln!(
            text,
            "token  {}  {state} for {days} days  {account}  {name}",
            token.id
        );
    }
    if text.is_empty() {
        text.push_str("no key is trusted, and there are no tokens");
    }
    text.trim_end().to_owned()
}
