//! What the server says to whoever started it: one line per thing, never a secret, never content.
//!
//! A closed terminal is no reason to stop: what cannot be written is dropped.

use std::fmt::Display;
use std::io::Write;

/// A line on standard output: what was done.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line on standard error: what went wrong, and what it means.
pub fn warn(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "pleione-sync: {line}");
}
