//! The command `stats`: how much a store keeps, and which values are the largest, for people or machines.
//!
//! It reads the store as it is at one moment, while a server writes to it, and changes nothing.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::json;

use crate::settings::StatsSettings;
use crate::storage::{self, LoadError, OpenError, Stats};

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] LoadError),
    /// Standard output takes nothing.
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
}

/// Tells it on standard output.
///
/// # Errors
/// When the store cannot be opened or read, or nobody takes what is told.
pub fn tell(settings: &StatsSettings) -> Result<(), StatsError> {
    let mut storage = storage::snapshot(&settings.storage)?;
    let stats = storage.stats(settings.largest_max)?;
    let told = if settings.is_json {
        in_json(&stats)
    } else {
        in_words(&stats)
    };
    Ok(std::io::stdout().write_all(told.as_bytes())?)
}

fn in_json(stats: &Stats) -> String {
    let largest = stats.largest.iter();
    let largest: Vec<_> = largest
        .map(|(id, bytes)| json!({ "id": id.as_str(), "bytes": bytes }))
        .collect();
    let Stats {
        values,
        sessions,
        transactions,
        bytes,
        ..
    } = stats;
    let told = json!({
        "values": values,
        "sessions": sessions,
        "transactions": transactions,
        "bytes": bytes,
        "largest": largest,
    });
    format!("{told}\n")
}

fn in_words(stats: &Stats) -> String {
    let mut told = String::new();
    for (name, count) in [
        ("values", grouped(stats.values)),
        ("sessions", grouped(stats.sessions)),
        ("transactions", grouped(stats.transactions)),
        ("bytes", size(stats.bytes)),
    ] {
        let _ = writeln!(told, "{name:<14}{count:>16}");
    }
    if !stats.largest.is_empty() {
        told.push_str("\nthe largest values\n");
    }
    for (id, bytes) in &stats.largest {
        let _ = writeln!(told, "{:<30}  {:>12}", id.as_str(), size(*bytes));
    }
    told
}

/// `1,234,567`
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.3 MB`
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = "B";
    for larger in UNITS {
        if tenths < 10_000 {
            break;
        }
        tenths = (tenths + 500) / 1_000;
        unit = larger;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        for (count, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(count), expected);
        }
        for (bytes, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (12_340_000, "12.3 MB"),
            (999_949, "999.9 kB"),
            (999_960, "1.0 MB"),
            (u64::MAX, "18446744.1 TB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
