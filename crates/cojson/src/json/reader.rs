//! Reads JSON text piece by piece, in one pass: what wants a known form takes it from the text without a tree in between.
//!
//! The text is untrusted: nesting is bounded, and every failure is a [`JsonError`] that says where. What comes twice in
//! an object counts as the last says, as for JavaScript.

use std::borrow::Cow;
use std::sync::Arc;

use super::number::{number_from_numeral, whole_from_digits};
use super::{Json, JsonObject, words};

/// The deepest nesting of arrays and objects that is read.
const DEPTH_MAX: usize = 128;

/// Text that is not JSON, is nested deeper than 128 levels, or is not of the form that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not as expected at byte {at}: {expected}")]
pub struct JsonError {
    /// Where in the text.
    pub at: usize,
    /// What was expected there.
    pub expected: Cow<'static, str>,
}

type Read<T> = Result<T, JsonError>;

/// A place in a text that is being read.
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// At the start of a text.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }

    /// That something else was expected here.
    pub fn error(&self, expected: impl Into<Cow<'static, str>>) -> JsonError {
        JsonError {
            at: self.at,
            expected: expected.into(),
        }
    }

    /// What a member held, which must have been there.
    pub fn required<T>(&self, found: Option<T>, member: &str) -> Read<T> {
        found.ok_or_else(|| self.error(format!("a member {member}")))
    }

    /// What is there, unless it is `null`.
    pub fn unless_null<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.null() {
            Ok(None)
        } else {
            read(self).map(Some)
        }
    }

    /// The end of the text.
    pub fn end(&mut self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.error("the end")),
        }
    }

    /// A value of any form.
    pub fn value(&mut self) -> Read<Json> {
        match self.peek() {
            Some(b'"') => Ok(words::shared(&self.text()?).into()),
            Some(b'{') => self.members(),
            Some(b'[') => Ok(self.values()?.into()),
            Some(b't' | b'f') => Ok(self.boolean()?.into()),
            Some(b'-' | b'0'..=b'9') => Ok(self.number()?.into()),
            _ if self.null() => Ok(Json::Null),
            _ => Err(self.error("a value")),
        }
    }

    /// A text as a value holds it; what has another form is passed over.
    pub(crate) fn text_or_skip(&mut self) -> Read<Option<Arc<str>>> {
        if self.is_text() {
            Ok(Some(words::shared(&self.text()?)))
        } else {
            self.skip().map(|()| None)
        }
    }

    /// Whether a text begins here.
    pub(crate) fn is_text(&mut self) -> bool {
        self.peek() == Some(b'"')
    }

    /// Whether an object begins here.
    pub(crate) fn is_object(&mut self) -> bool {
        self.peek() == Some(b'{')
    }

    fn members(&mut self) -> Read<Json> {
        let mut members = JsonObject::new();
        self.object(&mut |reader, key| {
            members.insert(words::shared(key), reader.value()?);
            Ok(())
        })?;
        Ok(members.into())
    }

    /// An array of values of any form.
    pub fn values(&mut self) -> Read<Vec<Json>> {
        let mut items = Vec::new();
        self.array(&mut |reader| {
            items.push(reader.value()?);
            Ok(())
        })?;
        Ok(items)
    }

    /// Passes over a value of any form.
    pub fn skip(&mut self) -> Read<()> {
        match self.peek() {
            Some(b'"') => self.text().map(drop),
            Some(b'{') => self.object(&mut |reader, _| reader.skip()),
            Some(b'[') => self.array(&mut Self::skip),
            _ => self.value().map(drop),
        }
    }

    /// An object, each member read by the function.
    pub fn object(&mut self, member: &mut dyn FnMut(&mut Self, &str) -> Read<()>) -> Read<()> {
        self.list(b'{', b'}', &mut |reader| {
            if let Some(key) = byteloops::plain_json_name(reader.text, &mut reader.at) {
                return member(reader, key);
            }
            let key = reader.text()?;
            reader.expect(b':', "a colon")?;
            member(reader, &key)
        })
    }

    /// An array, each item read by the function.
    pub fn array(&mut self, item: &mut dyn FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.list(b'[', b']', item)
    }

    fn list(
        &mut self,
        open: u8,
        close: u8,
        item: &mut dyn FnMut(&mut Self) -> Read<()>,
    ) -> Read<()> {
        self.expect(
            open,
            if open == b'{' {
                "an object"
            } else {
                "an array"
            },
        )?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("less nesting"));
        }
        let mut is_over = self.take(close);
        while !is_over {
            item(self)?;
            is_over = match self.peek() {
                Some(b',') => false,
                Some(byte) if byte == close => true,
                _ => return Err(self.error("a comma or the closing bracket")),
            };
            self.at += 1;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Whether there is a `null`, which is then passed.
    pub fn null(&mut self) -> bool {
        self.word("null")
    }

    /// `true` or `false`.
    pub fn boolean(&mut self) -> Read<bool> {
        if self.word("true") {
            Ok(true)
        } else if self.word("false") {
            Ok(false)
        } else {
            Err(self.error("true or false"))
        }
    }

    /// A number.
    pub fn number(&mut self) -> Read<f64> {
        let value = number_from_numeral(self.numeral()?);
        if value.is_finite() {
            Ok(value)
        } else {
            Err(self.error("a number that a double can hold"))
        }
    }

    /// A count: digits only.
    pub fn count(&mut self) -> Read<u64> {
        if let Some(count) = byteloops::plain_json_count(self.text, &mut self.at) {
            return Ok(count);
        }
        let count = whole_from_digits(self.numeral()?);
        count.ok_or_else(|| self.error("a whole number from 0 on"))
    }

    /// A count of at most 32 bits.
    pub fn small_count(&mut self) -> Read<u32> {
        let count = self.count()?;
        u32::try_from(count).map_err(|_| self.error("a number below 2^32"))
    }

    /// A numeral's text.
    fn numeral(&mut self) -> Read<&'a str> {
        self.peek();
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let starts_with_0 = self.byte() == Some(b'0');
        let whole = self.digits();
        let mut is_numeral = whole == 1 || (whole > 1 && !starts_with_0);
        if self.byte() == Some(b'.') {
            self.at += 1;
            is_numeral &= self.digits() > 0;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            is_numeral &= self.digits() > 0;
        }
        let numeral = self.text.get(start..self.at).filter(|_| is_numeral);
        numeral.ok_or_else(|| self.error("a number"))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    /// A string in a place of its own.
    pub fn shared_text(&mut self) -> Read<Arc<str>> {
        self.text().map(Arc::from)
    }

    /// A string, borrowed if it stands in the text as it is.
    pub fn text(&mut self) -> Read<Cow<'a, str>> {
        match byteloops::plain_json_string(self.text, &mut self.at) {
            Some(plain) => Ok(Cow::Borrowed(plain)),
            None => self.text_with_escapes(),
        }
    }

    fn text_with_escapes(&mut self) -> Read<Cow<'a, str>> {
        self.expect(b'"', "a string")?;
        let mut text = Cow::Borrowed(self.plain()?);
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let escaped = self.escaped()?;
                    text.to_mut().push(escaped);
                    text.to_mut().push_str(self.plain()?);
                }
                _ => return Err(self.error("the end of the string")),
            }
        }
    }

    /// What comes before the next quote, backslash or control character.
    fn plain(&mut self) -> Read<&'a str> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = byteloops::plain_json_bytes(rest);
        let plain = self.text.get(self.at..self.at + length);
        self.at += length;
        plain.ok_or_else(|| self.error("a string"))
    }

    fn escaped(&mut self) -> Read<char> {
        let escaped = match self.byte() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte.into(),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.escaped_unicode(),
            _ => return Err(self.error("an escape")),
        };
        self.at += 1;
        Ok(escaped)
    }

    fn escaped_unicode(&mut self) -> Read<char> {
        let first = self.code_unit()?;
        let is_high = (0xd800..0xdc00).contains(&first);
        let second = if is_high && self.byte() == Some(b'\\') {
            self.at += 1;
            Some(self.code_unit()?)
        } else {
            None
        };
        let mut decoded = char::decode_utf16([first].into_iter().chain(second));
        match (decoded.next(), decoded.next()) {
            (Some(Ok(character)), None) => Ok(character),
            _ => Err(self.error("a whole surrogate pair")),
        }
    }

    /// `uXXXX`
    fn code_unit(&mut self) -> Read<u16> {
        let digits = self.text.get(self.at + 1..self.at + 5);
        let digits = digits.filter(|digits| {
            self.byte() == Some(b'u') && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        });
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.error("four hexadecimal digits"))?;
        self.at += 5;
        Ok(unit)
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte,
            }
        }
    }

    #[expect(clippy::inline_always, reason = "a call costs more, also in bytes")]
    #[inline(always)]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Read<()> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.error(expected))
        }
    }

    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_there = rest.starts_with(word);
        self.at += if is_there { word.len() } else { 0 };
        is_there
    }
}

#[cfg(test)]
mod tests;
