//! The file: a line that says what it is, a line per record, a line that says that it is whole.
//!
//! Every line but the first begins with a checksum over the file up to its end, so that a line that was changed, lost, moved
//! or cut off is noticed before it counts for anything. It is read and written as a stream.

use std::io::{BufRead, Read as _, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::TransferError;
use super::record::{LINE_BYTES_MAX, Record};
use super::source::{Read, Sink};

/// What a file begins with.
pub const FORMAT: &str = "pleione-export";
/// The version of the form that is written, and the newest that is read.
pub const VERSION: u64 = 1;

/// The digits of a checksum.
const CHECKSUM_DIGITS: usize = 16;

/// The checksum of all lines so far.
#[derive(Debug, Default)]
struct Checksum(blake3::Hasher);

impl Checksum {
    /// With one more line, given without its own checksum and its end.
    fn add(&mut self, text: &str) -> String {
        self.0.update(text.as_bytes()).update(b"\n");
        let digits = self.0.finalize().to_hex();
        digits.chars().take(CHECKSUM_DIGITS).collect()
    }
}

/// The first line.
#[derive(Debug, Deserialize, Serialize)]
struct FirstLine {
    format: String,
    version: u64,
}

/// The last line.
#[derive(Debug, Deserialize, Serialize)]
struct LastLine {
    end: bool,
    values: u64,
    transactions: u64,
}

fn first_line() -> String {
    format!(r#"{{"format":"{FORMAT}","version":{VERSION}}}"#)
}

/// Writes a file.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    path: PathBuf,
    checksum: Checksum,
    line: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file; `path` is what errors call it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(out: W, path: &Path) -> Result<Self, TransferError> {
        let mut writer = Self {
            out,
            path: path.to_owned(),
            checksum: Checksum::default(),
            line: 1,
        };
        let text = first_line();
        writer.checksum.add(&text);
        writer.put(&[&text, "\n"])?;
        Ok(writer)
    }

    /// Says that the file is whole, and returns what it was written to, flushed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, read: &Read) -> Result<W, TransferError> {
        let last = LastLine {
            end: true,
            values: read.values,
            transactions: read.transactions,
        };
        let text = serde_json::to_string(&last);
        self.line(&text.map_err(|error| self.failed(error.into()))?)?;
        let flushed = self.out.flush();
        flushed.map_err(|cause| self.failed(cause))?;
        Ok(self.out)
    }

    fn line(&mut self, text: &str) -> Result<(), TransferError> {
        let checksum = self.checksum.add(text);
        self.line += 1;
        self.put(&[&checksum, " ", text, "\n"])
    }

    fn put(&mut self, parts: &[&str]) -> Result<(), TransferError> {
        for part in parts {
            let written = self.out.write_all(part.as_bytes());
            written.map_err(|cause| self.failed(cause))?;
        }
        Ok(())
    }

    fn failed(&self, cause: std::io::Error) -> TransferError {
        TransferError::File {
            path: self.path.clone(),
            cause,
        }
    }
}

impl<W: Write> Sink for Writer<W> {
    fn take(&mut self, record: Record) -> Result<(), TransferError> {
        let text = record.to_line();
        if text.len() > LINE_BYTES_MAX {
            let detail = format!(
                "{} has a piece of {} bytes under one signature, and a line may have {LINE_BYTES_MAX}",
                record.id,
                text.len()
            );
            return Err(TransferError::Damaged {
                path: self.path.clone(),
                line: self.line,
                detail,
            });
        }
        self.line(&text)
    }
}

/// Reads a file.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    path: PathBuf,
    checksum: Checksum,
    line: u64,
    bytes: u64,
    end: Option<Read>,
}

impl<R: BufRead> Reader<R> {
    /// Begins to read; `path` is what errors call it.
    ///
    /// # Errors
    /// When it cannot be read, or is of another form or a later version.
    pub fn begin(input: R, path: &Path) -> Result<Self, TransferError> {
        let mut reader = Self {
            input,
            path: path.to_owned(),
            checksum: Checksum::default(),
            line: 0,
            bytes: 0,
            end: None,
        };
        let text = reader.text()?.unwrap_or_default();
        let first: Option<FirstLine> = serde_json::from_str(&text).ok();
        let Some(first) = first.filter(|first| first.format == FORMAT) else {
            let expected = first_line();
            let detail = format!("expected an export, which begins with {expected}");
            return Err(reader.damaged(detail));
        };
        if first.version != VERSION {
            let found = first.version;
            return Err(reader.damaged(format!(
                "the export has version {found}, and this program reads {VERSION}"
            )));
        }
        reader.checksum.add(&text);
        Ok(reader)
    }

    /// How many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the file says that it has, once all of it was read.
    pub fn end(&self) -> Option<&Read> {
        self.end.as_ref()
    }

    /// The next record; none when the file is at its end and whole.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written.
    pub fn record(&mut self) -> Result<Option<Record>, TransferError> {
        if self.end.is_some() {
            return Ok(None);
        }
        let Some(text) = self.text()? else {
            return Err(self.damaged("the file ends before its end: it was cut off".into()));
        };
        let (checksum, text) = text.split_once(' ').unwrap_or_default();
        if self.checksum.add(text) != checksum {
            let detail = "the checksum is another: what was written here, or before, was changed";
            return Err(self.damaged(detail.into()));
        }
        if text.starts_with(r#"{"end":"#) {
            self.end = Some(self.read_end(text)?);
            return Ok(None);
        }
        let record = Record::from_line(text);
        record.map(Some).map_err(|error| self.damaged(error.detail))
    }

    fn read_end(&mut self, text: &str) -> Result<Read, TransferError> {
        let last: LastLine =
            serde_json::from_str(text).map_err(|error| self.damaged(error.to_string()))?;
        let end = Read {
            values: last.values,
            transactions: last.transactions,
            damaged: 0,
        };
        match self.text()? {
            None => Ok(end),
            Some(_) => Err(self.damaged("there is more after the end".into())),
        }
    }

    /// The next line without its end; none at the end of the file.
    fn text(&mut self) -> Result<Option<String>, TransferError> {
        let mut bytes = Vec::new();
        let bytes_max = LINE_BYTES_MAX as u64 + CHECKSUM_DIGITS as u64 + 2;
        let read = (&mut self.input)
            .take(bytes_max)
            .read_until(b'\n', &mut bytes);
        self.line += 1;
        match read {
            Ok(0) => return Ok(None),
            Ok(count) => self.bytes += count as u64,
            Err(cause) => {
                let path = self.path.clone();
                return Err(TransferError::File { path, cause });
            }
        }
        if bytes.pop() != Some(b'\n') {
            return Err(self.damaged(
                "the line has no end, or is too long: the file was cut off or is none of ours"
                    .into(),
            ));
        }
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| self.damaged("it is no text".into()))
    }

    fn damaged(&self, detail: String) -> TransferError {
        TransferError::Damaged {
            path: self.path.clone(),
            line: self.line,
            detail,
        }
    }
}

#[cfg(test)]
mod tests;
