//! How a log is asked for.

use clap::Args;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{LogFormat, LogSettings};
use crate::setting::value;

/// What is said about the log.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Log")]
pub struct RawLog {
    /// The form of the lines: `text` for people, `json` for machines
    #[arg(long = "log", env = "LOG", value_name = "FORM", default_value = "text",
        value_parser = value("`text` or `json`", parse_format))]
    format: LogFormat,
    /// From which level on: `error`, `warn`, `info` (the default), `debug`, `trace` or `off`; for parts of the program
    /// too (`info,hyper=debug`). `RUST_LOG` is read where it is not set
    #[arg(long = "log-level", env = "LOG_LEVEL", value_name = "LEVEL",
        value_parser = value(LEVELS_ALLOWED, parse_levels))]
    level: Option<Targets>,
    /// As `--log-level`, by the name that programs in Rust share
    #[arg(long, env = "RUST_LOG", hide = true,
        value_parser = value(LEVELS_ALLOWED, parse_levels))]
    rust_log: Option<Targets>,
}

const LEVELS_ALLOWED: &str = "`error`, `warn`, `info`, `debug`, `trace` or `off`, for parts of \
    the program too (`info,hyper=debug`)";

fn parse_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

/// What no directive names is told from `info` on. A bare word that is no level would be taken for a part of the program.
fn parse_levels(text: &str) -> Option<Targets> {
    let is_level = |directive: &str| directive.parse::<LevelFilter>().is_ok();
    let mut directives = text.split(',').map(str::trim);
    if !directives.all(|directive| directive.contains('=') || is_level(directive)) {
        return None;
    }
    let levels: Targets = text.parse().ok()?;
    Some(match levels.default_level() {
        Some(_) => levels,
        None => levels.with_default(LevelFilter::INFO),
    })
}

impl From<RawLog> for LogSettings {
    fn from(raw: RawLog) -> Self {
        Self {
            format: raw.format,
            levels: raw.level.or(raw.rust_log).unwrap_or(Self::default().levels),
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn levels_are_read_as_written_and_the_rest_is_told_from_info_on() {
        for (text, debug_of_ours, info_of_others, warnings) in [
            ("info", false, true, true),
            ("WARN", false, false, true),
            ("off", false, false, false),
            ("warn,pleione_sync=debug", true, false, true),
            ("pleione_sync=debug", true, true, true),
        ] {
            let levels = parse_levels(text).unwrap();
            let tells = |target, level| levels.would_enable(target, &level);
            assert_eq!(
                tells("pleione_sync::relay", Level::DEBUG),
                debug_of_ours,
                "{text}"
            );
            assert_eq!(tells("another", Level::INFO), info_of_others, "{text}");
            assert_eq!(tells("another", Level::WARN), warnings, "{text}");
        }
    }

    #[test]
    fn r12_a_word_that_is_no_level_is_refused() {
        for text in ["verbose", "info,loud", "pleione_sync=loud", "pleione_sync"] {
            assert_eq!(parse_levels(text), None, "{text}");
        }
    }
}
