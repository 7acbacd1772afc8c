//! A file that is there whole or not at all: written under another name, and given its own when it is durable.

use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::TransferError;

/// A file that is being written, for its owner alone. Dropped unfinished, it is gone.
#[derive(Debug)]
pub struct Unfinished {
    path: PathBuf,
    part: PathBuf,
    is_finished: bool,
}

impl Unfinished {
    /// Makes an empty one beside where it is to be. What an earlier attempt left there goes.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn begin(path: &Path) -> Result<Self, TransferError> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let unfinished = Self {
            path: path.to_owned(),
            part: part.into(),
            is_finished: false,
        };
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let made = options.open(&unfinished.part);
        made.map_err(|cause| unfinished.failed(cause))?;
        Ok(unfinished)
    }

    /// Where it is meanwhile.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Opens it to be written from its start on.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn writer(&self) -> Result<BufWriter<File>, TransferError> {
        let file = OpenOptions::new().write(true).open(&self.part);
        let file = file.map_err(|cause| self.failed(cause))?;
        Ok(BufWriter::with_capacity(1 << 20, file))
    }

    /// Makes it durable, in place of what had its name before.
    ///
    /// # Errors
    /// When that fails; what had the name before is still there then.
    pub fn finish(mut self) -> Result<(), TransferError> {
        self.put_in_place().map_err(|cause| self.failed(cause))?;
        self.is_finished = true;
        Ok(())
    }

    fn put_in_place(&self) -> std::io::Result<()> {
        File::open(&self.part)?.sync_all()?;
        std::fs::rename(&self.part, &self.path)?;
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn failed(&self, cause: std::io::Error) -> TransferError {
        TransferError::File {
            path: self.path.clone(),
            cause,
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            // Nobody can be told, and the next attempt begins anew.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}
