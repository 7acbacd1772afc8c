//! What has a form of its own in JSON text, read and written without a tree in between.

use super::{JsonError, Reader, writer};

/// A type with a form in JSON text.
pub trait Wire: Sized {
    /// Takes it from the text.
    fn read(reader: &mut Reader<'_>) -> Result<Self, JsonError>;

    /// Appends its text.
    fn write(&self, out: &mut String);

    /// Reads the whole of a text.
    fn from_text(text: &str) -> Result<Self, JsonError> {
        let mut reader = Reader::new(text);
        let value = Self::read(&mut reader)?;
        reader.end()?;
        Ok(value)
    }

    /// Its text.
    fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }
}

impl Wire for u32 {
    fn read(reader: &mut Reader<'_>) -> Result<Self, JsonError> {
        reader.small_count()
    }

    fn write(&self, out: &mut String) {
        writer::write_count(out, u64::from(*self));
    }
}
