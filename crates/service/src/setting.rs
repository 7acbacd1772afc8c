//! How the text of one setting becomes its value, and what is said when it cannot.
//!
//! [`value`] makes a parser of "what is allowed" and a function; [`number`] one of a range. A text that is refused is told
//! with the variable's name, never with the text itself where that may hold a secret ([`secret`]).

use std::ffi::OsStr;
use std::fmt::{Debug, Display, Formatter};
use std::ops::RangeInclusive;
use std::str::FromStr;

use clap::builder::{Resettable, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};

/// How much of a refused text is told.
const FOUND_CHARS_MAX: usize = 200;

/// A setting that cannot be used: which, what it said, and what it may say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}={found}: expected {allowed}")]
pub struct SettingError {
    /// The environment variable.
    pub variable: String,
    /// What it held.
    pub found: String,
    /// What it may hold.
    pub allowed: String,
}

impl SettingError {
    /// Of a setting that was read, but cannot be used together with others.
    pub fn new(variable: &str, found: impl Display, allowed: impl Into<String>) -> Self {
        Self {
            variable: variable.into(),
            found: found.to_string().chars().take(FOUND_CHARS_MAX).collect(),
            allowed: allowed.into(),
        }
    }

    /// The refusal that `clap` carries, if it is one of a setting's.
    fn from_clap(error: &Error) -> Option<Self> {
        let text = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.clone()),
            _ => None,
        };
        Some(Self {
            variable: text(ContextKind::InvalidArg)?,
            found: text(ContextKind::InvalidValue)?,
            allowed: text(ContextKind::Custom)?,
        })
    }

    fn into_clap(self, command: &Command) -> Error {
        let mut error = Error::new(ErrorKind::ValueValidation).with_cmd(command);
        for (kind, text) in [
            (ContextKind::InvalidArg, self.variable),
            (ContextKind::InvalidValue, self.found),
            (ContextKind::Custom, self.allowed),
        ] {
            error.insert(kind, ContextValue::String(text));
        }
        error
    }
}

/// A parser of one setting; made by [`value`], [`number`] and [`secret`].
#[derive(Clone)]
pub struct SettingParser<F> {
    allowed: String,
    is_secret: bool,
    parse: F,
}

/// Reads a setting with `parse`; `allowed` completes the sentence "expected …".
pub fn value<T, F>(allowed: impl Into<String>, parse: F) -> SettingParser<F>
where
    F: Fn(&str) -> Option<T>,
{
    SettingParser {
        allowed: allowed.into(),
        is_secret: false,
        parse,
    }
}

/// As [`value`], for a setting whose text must not be shown, also if it is wrong.
pub fn secret<T, F>(allowed: impl Into<String>, parse: F) -> SettingParser<F>
where
    F: Fn(&str) -> Option<T>,
{
    SettingParser {
        is_secret: true,
        ..value(allowed, parse)
    }
}

/// Reads a number in this range; `what` says of what ("a number of bytes").
pub fn number<T>(
    range: RangeInclusive<T>,
    what: &str,
) -> SettingParser<impl Fn(&str) -> Option<T> + Clone + Send + Sync + 'static>
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    let (least, most) = (range.start(), range.end());
    let allowed = format!("{what} from {least} to {most}");
    value(allowed, move |text| {
        let number = text.parse().ok()?;
        range.contains(&number).then_some(number)
    })
}

impl<T, F> TypedValueParser for SettingParser<F>
where
    T: Clone + Send + Sync + 'static,
    F: Fn(&str) -> Option<T> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, text: &OsStr) -> Result<T, Error> {
        let parsed = text.to_str().and_then(|text| (self.parse)(text));
        parsed.ok_or_else(|| {
            let shown = if self.is_secret {
                "…".into()
            } else {
                text.to_string_lossy()
            };
            SettingError::new(&name_of(arg), shown, self.allowed.clone()).into_clap(command)
        })
    }
}

/// The variable's name, which is also what tells a flag apart.
fn name_of(arg: Option<&Arg>) -> String {
    let Some(arg) = arg else {
        return String::new();
    };
    match arg.get_env() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => arg.to_string(),
    }
}

/// The command without the variables that do not count: one that is empty is not set, and one that `is_read` refuses is
/// not read. `--help` never shows what a variable holds, as that may be a secret.
pub fn with_environment(command: Command, is_read: impl Fn(&Arg) -> bool) -> Command {
    command.mut_args(|arg| {
        let held = arg.get_env().and_then(std::env::var_os);
        let counts = held.is_none_or(|text| !text.is_empty() && is_read(&arg));
        if counts {
            arg.hide_env_values(true)
        } else {
            arg.env(Resettable::Reset)
        }
    })
}

/// Why nothing is done.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A setting cannot be used.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The command line is not one, or help was asked for; shown as it is.
    #[error(transparent)]
    Usage(clap::Error),
}

impl From<clap::Error> for CliError {
    fn from(error: clap::Error) -> Self {
        match SettingError::from_clap(&error) {
            Some(setting) if error.kind() == ErrorKind::ValueValidation => Self::Setting(setting),
            _ => Self::Usage(error),
        }
    }
}

/// A text that is never shown: not in a log line, not in an error, not by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Debug for Secret {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
