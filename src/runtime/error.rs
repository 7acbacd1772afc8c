//! Why a call of the runtime failed, in one type: each part's error with its stable code and its place.

use std::fmt::{self, Display, Formatter};

use cojson::access::AccessError;
use cojson::group::NotAnInvitation;
use cojson::ids::{CoId, IdError};
use cojson::node::WriteError;
use engine::actor::{ActorError, HistoryError, PublishError, SendError, Unreadable};
use engine::definition_error::DefinitionError;
use engine::machine::ToolFailure;
use wasm_bindgen::JsValue;

use crate::bridge::ValueError;
use crate::clock::NoEntropy;
use crate::dom::ScreenError;
use crate::error::{Told, to_js};
use crate::passkey::PasskeyError;
use crate::storage::StorageError;
use crate::tabs::IdentityError;
use crate::transport::BadAddress;

/// A call of the runtime failed. One pointer, as every call has several ways out, each of which moves it.
#[derive(Debug)]
pub(crate) struct RuntimeError(Box<Failure>);

/// Why a call of the runtime failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("The runtime is closed. Open another with Runtime.open.")]
    Closed,
    #[error("{what} is wrong: {found}. It must be {expected}.")]
    Option {
        what: &'static str,
        expected: &'static str,
        found: String,
    },
    #[error("There is no server to sync with. Give Runtime.open the address in `sync`.")]
    NoSync,
    #[error("Neither this device nor its server has the value {id} now.")]
    Unavailable { id: CoId },
    #[error("The value {id} cannot be read by this account.")]
    Unreadable { id: CoId },
    #[error("The value {id} was deleted.")]
    Deleted { id: CoId },
    #[error("What was changed is not stored: {cause}")]
    NotStored { cause: StorageError },
    #[error("The question was not answered: {failure}")]
    Unanswered { failure: ToolFailure },
    #[error(transparent)]
    Id(#[from] IdError),
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Invitation(#[from] NotAnInvitation),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    #[error(transparent)]
    Address(#[from] BadAddress),
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Actor(#[from] ActorError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Screen(#[from] ScreenError),
}

impl RuntimeError {
    #[inline(never)]
    pub(crate) fn closed() -> Self {
        Failure::Closed.into()
    }

    /// Something else was given than what is taken.
    #[inline(never)]
    pub(crate) fn option(what: &'static str, expected: &'static str, found: String) -> Self {
        Self::from(Failure::Option {
            what,
            expected,
            found,
        })
    }

    /// A value of another kind was given than is taken.
    #[inline(never)]
    pub(crate) fn kind(what: &'static str, expected: &'static str, found: &JsValue) -> Self {
        let found = found.js_typeof().as_string().unwrap_or_default();
        Self::option(what, expected, found)
    }
}

impl<Cause> From<Cause> for RuntimeError
where
    Failure: From<Cause>,
{
    #[inline(never)]
    fn from(cause: Cause) -> Self {
        Self(Box::new(cause.into()))
    }
}

impl Display for RuntimeError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Told for RuntimeError {
    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn place(&self) -> Option<String> {
        self.0.place()
    }

    fn cause(&self) -> Option<JsValue> {
        self.0.cause()
    }
}

impl Told for Failure {
    fn code(&self) -> &'static str {
        match self {
            Self::Closed => "PLEIONE_E_CLOSED",
            Self::Option { .. } => "PLEIONE_E_OPTION",
            Self::NoSync => "PLEIONE_E_NO_SYNC",
            Self::Unavailable { .. } => "PLEIONE_E_UNAVAILABLE",
            Self::Unreadable { .. } => "PLEIONE_E_UNREADABLE",
            Self::Unanswered { .. } => "PLEIONE_E_UNANSWERED",
            Self::Deleted { .. } => "PLEIONE_E_DELETED",
            Self::Id(_) => "PLEIONE_E_ID",
            Self::NotStored { cause } | Self::Storage(cause) => cause.code(),
            Self::Value(error) => error.code(),
            Self::Write(error)
            | Self::Publish(PublishError::Write(error))
            | Self::Actor(ActorError::Write { cause: error, .. }) => write_code(error),
            Self::Access(error) => access_code(error),
            Self::Invitation(_) => "PLEIONE_E_INVITATION",
            Self::Actor(ActorError::Unreadable { cause, .. }) => match cause {
                Unreadable::Newer { .. } => "PLEIONE_E_NEWER_VERSION",
                Unreadable::Failed { .. } => "PLEIONE_E_MIGRATION",
            },
            Self::Identity(error) => error.code(),
            Self::Passkey(error) => error.code(),
            Self::Entropy(error) => error.code(),
            Self::Address(error) => error.code(),
            Self::Definition(_)
            | Self::Publish(PublishError::Definition(_))
            | Self::Actor(ActorError::Definition(_)) => "PLEIONE_E_DEFINITION",
            Self::Send(error) => error.code(),
            Self::History(error) => error.code(),
            Self::Screen(error) => error.code(),
        }
    }

    fn place(&self) -> Option<String> {
        match self {
            Self::Unavailable { id } | Self::Unreadable { id } | Self::Deleted { id } => {
                Some(id.to_string())
            }
            Self::Option { what, .. } => Some((*what).to_owned()),
            Self::Definition(error)
            | Self::Publish(PublishError::Definition(error))
            | Self::Actor(ActorError::Definition(error)) => {
                Some(format!("{}.{}", error.document, error.path))
            }
            _ => None,
        }
    }

    fn cause(&self) -> Option<JsValue> {
        match self {
            Self::NotStored { cause } => Some(to_js(cause)),
            Self::Storage(error) => error.cause(),
            Self::Identity(error) => error.cause(),
            Self::Passkey(error) => error.cause(),
            Self::Value(error) => error.cause(),
            Self::Screen(error) => error.cause(),
            _ => None,
        }
    }
}

fn write_code(error: &WriteError) -> &'static str {
    match error {
        WriteError::NotLoaded { .. } => "PLEIONE_E_NOT_LOADED",
        WriteError::Loading { .. } => "PLEIONE_E_LOADING",
        WriteError::Access(error) => access_code(error),
        WriteError::TooLarge { .. } => "PLEIONE_E_VALUE_TOO_LARGE",
        WriteError::NoSuchItem { .. } => "PLEIONE_E_NO_SUCH_ITEM",
        WriteError::WrongKind { .. }
        | WriteError::IsGroup { .. }
        | WriteError::NotOwned { .. }
        | WriteError::NotABranch { .. } => "PLEIONE_E_WRONG_KIND",
        WriteError::Deleted { .. } => "PLEIONE_E_DELETED",
        _ => "PLEIONE_E_WRITE",
    }
}

fn access_code(error: &AccessError) -> &'static str {
    match error {
        AccessError::GroupNotLoaded { .. } | AccessError::AccountNotLoaded { .. } => {
            "PLEIONE_E_NOT_LOADED"
        }
        AccessError::Loading { .. } => "PLEIONE_E_LOADING",
        AccessError::NotAGroup { .. } | AccessError::IsAccount { .. } => "PLEIONE_E_WRONG_KIND",
        AccessError::NotInvited { .. } => "PLEIONE_E_NOT_INVITED",
        AccessError::Circle { .. } => "PLEIONE_E_CIRCLE",
        _ => "PLEIONE_E_NOT_ALLOWED",
    }
}

impl From<RuntimeError> for JsValue {
    #[inline(never)]
    fn from(error: RuntimeError) -> Self {
        to_js(&*error.0)
    }
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        RuntimeError::from(failure).into()
    }
}
