//! The commands `export` and `import`: a whole store into one file, and a file into a store.
//!
//! `-` is standard output and standard input. What can be imported is told by how it begins: an export, or an `SQLite` file
//! of ours or of a classic CoJSON program, which is read as it is and not changed.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read as _, Write};
use std::path::Path;

use super::error::TransferError;
use super::export_file::{Reader, Writer};
use super::import::Import;
use super::output::Unfinished;
use super::progress::{Progress, Unit, say};
use super::source::{Read, Sink, read_all};
use crate::settings::TransferSettings;
use crate::storage::sqlite::SqliteStorage;
use crate::storage::{self, Storage};

/// How `SQLite` files begin.
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

const BUFFER_BYTES: usize = 1 << 20;

/// Writes all that a store has into a file.
///
/// # Errors
/// When that fails, or the store is damaged: then what could be read is in the file.
pub fn export(settings: &TransferSettings) -> Result<(), TransferError> {
    let mut source = storage::snapshot(&settings.storage)?;
    let read = export_to(source.as_mut(), &settings.file, "exporting")?;
    told("exported", &read)
}

/// Adds what a file has to a store.
///
/// # Errors
/// When that fails, or some of it is refused: then the rest is in the store.
pub fn import(settings: &TransferSettings) -> Result<(), TransferError> {
    let mut target = storage::open(&settings.storage)?;
    let read = import_from(&settings.file, target.as_mut(), "importing")?;
    told("imported", &read)
}

/// Tells what was done; part of it is a failure.
pub(super) fn told(done: &str, read: &Read) -> Result<(), TransferError> {
    let Read {
        values,
        transactions,
        damaged,
    } = read;
    let done = format!("{done} {transactions} transactions of {values} values");
    if *damaged > 0 {
        let count = *damaged;
        return Err(TransferError::Incomplete { done, count });
    }
    say(&done);
    Ok(())
}

/// Writes all that a store has to a file, or to standard output.
pub(super) fn export_to(
    source: &mut dyn Storage,
    path: &Path,
    doing: &'static str,
) -> Result<Read, TransferError> {
    if is_standard(path) {
        let out = BufWriter::with_capacity(BUFFER_BYTES, std::io::stdout().lock());
        return write_records(source, out, path, doing);
    }
    let file = Unfinished::begin(path)?;
    let read = write_records(source, file.writer()?, path, doing)?;
    file.finish()?;
    Ok(read)
}

fn write_records(
    source: &mut dyn Storage,
    out: impl Write,
    path: &Path,
    doing: &'static str,
) -> Result<Read, TransferError> {
    let mut writer = Writer::begin(out, path)?;
    let read = pour(source, &mut writer, doing)?;
    writer.finish(&read)?;
    Ok(read)
}

/// Reads all of a store, and tells how far it is.
fn pour(
    source: &mut dyn Storage,
    sink: &mut dyn Sink,
    doing: &'static str,
) -> Result<Read, TransferError> {
    let total = source.count()?;
    let mut progress = Progress::begin(doing, Unit::Values, Some(total));
    read_all(source, sink, &mut |read| progress.at(read.values))
}

/// Adds what a file has to a store, or what comes by standard input.
pub(super) fn import_from(
    path: &Path,
    target: &mut dyn Storage,
    doing: &'static str,
) -> Result<Read, TransferError> {
    if is_standard(path) {
        let input = BufReader::with_capacity(BUFFER_BYTES, std::io::stdin().lock());
        return import_lines(input, path, None, target, doing);
    }
    let unreadable = |cause| TransferError::File {
        path: path.to_owned(),
        cause,
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut beginning = Vec::new();
    let magic_bytes = SQLITE_MAGIC.len() as u64;
    let read = (&mut file).take(magic_bytes).read_to_end(&mut beginning);
    read.map_err(unreadable)?;
    if beginning == SQLITE_MAGIC {
        return import_store(&mut open_sqlite(path)?, target, doing);
    }
    let total = file.metadata().map_err(unreadable)?.len();
    let input = beginning.as_slice().chain(file);
    let input = BufReader::with_capacity(BUFFER_BYTES, input);
    import_lines(input, path, Some(total), target, doing)
}

fn open_sqlite(path: &Path) -> Result<SqliteStorage, TransferError> {
    let opened = SqliteStorage::snapshot(path);
    opened.map_err(|error| TransferError::Source(Box::new(error)))
}

fn import_store(
    source: &mut dyn Storage,
    target: &mut dyn Storage,
    doing: &'static str,
) -> Result<Read, TransferError> {
    let mut import = Import::new(target);
    let mut read = pour(source, &mut import, doing)?;
    let imported = import.finish()?;
    read.transactions = imported.transactions;
    read.damaged += imported.refused;
    Ok(read)
}

fn import_lines(
    input: impl BufRead,
    path: &Path,
    bytes_total: Option<u64>,
    target: &mut dyn Storage,
    doing: &'static str,
) -> Result<Read, TransferError> {
    let mut progress = Progress::begin(doing, Unit::Bytes, bytes_total);
    let mut reader = Reader::begin(input, path)?;
    let mut import = Import::new(target);
    let read = loop {
        match reader.record() {
            Ok(Some(record)) => import.take(record)?,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        progress.at(reader.bytes());
    };
    // What was read before the damage is right, and stays.
    let imported = import.finish()?;
    read?;
    let values = reader.end().map_or(0, |end| end.values);
    Ok(Read {
        values,
        transactions: imported.transactions,
        damaged: imported.refused,
    })
}

pub(super) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}
