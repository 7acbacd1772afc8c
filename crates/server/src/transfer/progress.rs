//! What is told while logs move: a bar where somebody watches, a line now and then where not. It goes to standard error,
//! since standard output may be the file.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a line is written where nobody watches.
const LINE_EVERY: Duration = Duration::from_secs(5);

const BAR_OF_COUNTS: &str = "{msg} [{bar:30}] {human_pos} of {human_len} {prefix}, {eta} left";
const BAR_OF_BYTES: &str = "{msg} [{bar:30}] {bytes} of {total_bytes}, {eta} left";

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Values.
    Values,
    /// Pages of a file.
    Pages,
    /// Bytes.
    Bytes,
}

impl Unit {
    fn word(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Pages => "pages",
            Self::Bytes => "bytes",
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::Values | Self::Pages => BAR_OF_COUNTS,
            Self::Bytes => BAR_OF_BYTES,
        }
    }
}

/// How far something is.
#[derive(Debug)]
pub struct Progress {
    doing: &'static str,
    unit: Unit,
    total: Option<u64>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Bar(ProgressBar),
    Lines { next: Instant },
}

impl Progress {
    /// Begins to tell how far it is with what is done (`exporting`); the total may be unknown.
    pub fn begin(doing: &'static str, unit: Unit, total: Option<u64>) -> Self {
        let form = if std::io::stderr().is_terminal() {
            Form::Bar(bar(doing, unit, total))
        } else {
            let next = Instant::now() + LINE_EVERY;
            Form::Lines { next }
        };
        Self {
            doing,
            unit,
            total,
            form,
        }
    }

    /// So much is done.
    pub fn at(&mut self, done: u64) {
        match &mut self.form {
            Form::Bar(bar) => bar.set_position(done),
            Form::Lines { next } if Instant::now() >= *next => {
                *next = Instant::now() + LINE_EVERY;
                say(&line(self.doing, self.unit, done, self.total));
            }
            Form::Lines { .. } => {}
        }
    }

    /// So much is done of so much, which was not known before.
    pub fn at_of(&mut self, done: u64, total: u64) {
        self.total = Some(total);
        if let Form::Bar(bar) = &self.form {
            bar.set_length(total);
        }
        self.at(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }
}

fn bar(doing: &'static str, unit: Unit, total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(unit.template());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(unit.word());
    bar.with_message(doing)
}

fn line(doing: &str, unit: Unit, done: u64, total: Option<u64>) -> String {
    let unit = unit.word();
    match total {
        Some(total) => format!("{doing}: {done} of {total} {unit}"),
        None => format!("{doing}: {done} {unit}"),
    }
}

/// Tells whoever gave the command. A closed standard error is no reason to stop.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_far_it_is_with_or_without_a_total() {
        let lines = [
            line("exporting", Unit::Values, 3, Some(9)),
            line("importing", Unit::Bytes, 70, None),
        ];
        assert_eq!(lines, ["exporting: 3 of 9 values", "importing: 70 bytes"]);
    }

    #[test]
    fn every_bar_has_a_form_that_can_be_drawn() {
        for unit in [Unit::Values, Unit::Pages, Unit::Bytes] {
            assert!(ProgressStyle::with_template(unit.template()).is_ok());
        }
    }
}
