//! What a process says to whoever runs it: events of `tracing`, a line each, for people (`text`) or machines (`json`).
//!
//! What was done goes to standard output, what went wrong to standard error. A line never holds a secret or content. A
//! closed terminal is no reason to stop: what cannot be written is dropped.

mod settings;

use std::io::{stderr, stdout};

use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::{MakeWriter, MakeWriterExt};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use settings::RawLog;

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Time, level, words and `name=value`.
    #[default]
    Text,
    /// One JSON object: `timestamp`, `level`, `target`, `message` and a member for each value.
    Json,
}

/// How much is said, and in which form.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSettings {
    /// The form.
    pub format: LogFormat,
    /// From which level on, for each part of the program.
    pub levels: Targets,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            levels: Targets::new().with_default(Level::INFO),
        }
    }
}

/// From here on events become lines. Only the first call of a process counts.
pub fn start(settings: &LogSettings) {
    let writer = stderr.with_max_level(Level::WARN).or_else(stdout);
    start_with(settings, writer);
}

/// The same, all of it on standard error: standard output is for what the command makes.
pub fn start_aside(settings: &LogSettings) {
    start_with(settings, stderr);
}

fn start_with<W>(settings: &LogSettings, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_target(settings.format == LogFormat::Json)
        .with_ansi(false)
        .log_internal_errors(false);
    let lines = match settings.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let lines = lines.with_filter(settings.levels.clone());
    let _ = tracing_subscriber::registry().with(lines).try_init();
}
