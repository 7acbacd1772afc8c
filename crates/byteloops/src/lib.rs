//! The loops over bytes that reading a log consists of: the cipher, base64 and base58, and the letters of JSON strings.
//!
//! They are a crate of their own because the browser's module is compiled for size but for these few kilobytes (see
//! `[profile.module.package]`): what libraries have as generic code would be compiled with whoever calls it. So nothing
//! here is generic, or inlined where it is called. What the bytes mean is not known here.

mod base58;

pub use base58::{decode_base58, encode_base58};
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit as _, StreamCipher as _};

/// The letters of URL-safe base64, by what they stand for.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What each byte stands for, if it is a letter; else [`NO_LETTER`].
const VALUES: [u8; 256] = values();

/// Has bits that no letter's value has.
const NO_LETTER: u8 = 0xff;

/// Encrypts or decrypts bytes in their place with `XSalsa20`.
#[inline(never)]
pub fn xsalsa20(key: &[u8; 32], nonce: &[u8; 24], bytes: &mut [u8]) {
    XSalsa20::new(&(*key).into(), &(*nonce).into()).apply_keystream(bytes);
}

/// Appends the URL-safe base64 of some bytes, padded.
#[inline(never)]
pub fn encode_base64(bytes: &[u8], text: &mut String) {
    let mut written = std::mem::take(text).into_bytes();
    written.reserve(bytes.len().div_ceil(3) * 4);
    let (triples, rest) = bytes.as_chunks::<3>();
    for triple in triples {
        written.extend_from_slice(&letters_of(*triple));
    }
    match *rest {
        [one] => {
            let [first, second, ..] = letters_of([one, 0, 0]);
            written.extend_from_slice(&[first, second, b'=', b'=']);
        }
        [one, two] => {
            let [first, second, third, _] = letters_of([one, two, 0]);
            written.extend_from_slice(&[first, second, third, b'=']);
        }
        _ => {}
    }
    *text = String::from_utf8(written).unwrap_or_default();
}

fn letters_of([first, second, third]: [u8; 3]) -> [u8; 4] {
    let bits = u32::from_be_bytes([0, first, second, third]);
    [18, 12, 6, 0].map(|shift| {
        let letter = LETTERS.get((bits >> shift) as usize & 63);
        letter.copied().unwrap_or_default()
    })
}

/// Puts the bytes that URL-safe base64 stands for, padded or not, in the place of what is there. `false` if it is none:
/// also if bits are set that stand for nothing.
#[inline(never)]
pub fn decode_base64(text: &str, bytes: &mut Vec<u8>) -> bool {
    let letters = text.trim_end_matches('=');
    let padding = text.len() - letters.len();
    let (quads, rest) = letters.as_bytes().as_chunks::<4>();
    bytes.clear();
    bytes.resize(quads.len() * 3, 0);
    let (triples, _) = bytes.as_chunks_mut::<3>();
    let mut seen = 0;
    for (triple, quad) in triples.iter_mut().zip(quads) {
        let [first, second, third, fourth] = quad.map(value_of);
        seen |= first | second | third | fourth;
        [_, triple[0], triple[1], triple[2]] =
            (first << 18 | second << 12 | third << 6 | fourth).to_be_bytes();
    }
    let is_tail_right = match *rest {
        [] => padding == 0,
        [first, second] => {
            let bits = value_of(first) << 10 | value_of(second) << 4;
            seen |= value_of(first) | value_of(second);
            let [_, _, byte, left_over] = bits.to_be_bytes();
            bytes.push(byte);
            left_over == 0 && padding <= 2
        }
        [first, second, third] => {
            let bits = value_of(first) << 18 | value_of(second) << 12 | value_of(third) << 6;
            seen |= value_of(first) | value_of(second) | value_of(third);
            let [_, byte, next, left_over] = bits.to_be_bytes();
            bytes.extend_from_slice(&[byte, next]);
            left_over == 0 && padding <= 1
        }
        _ => false,
    };
    is_tail_right && seen < 64
}

fn value_of(letter: u8) -> u32 {
    let value = VALUES.get(usize::from(letter));
    value.copied().unwrap_or(NO_LETTER).into()
}

#[expect(
    clippy::indexing_slicing,
    reason = "done by the compiler, who would tell"
)]
const fn values() -> [u8; 256] {
    let mut values = [NO_LETTER; 256];
    let mut value = 0;
    while value < 64 {
        values[LETTERS[value as usize] as usize] = value;
        value += 1;
    }
    values
}

/// How many bytes come before the first that a JSON string cannot have as it is: a quote, a backslash or a control
/// character.
#[inline(never)]
pub fn plain_json_bytes(text: &[u8]) -> usize {
    plain_bytes(text)
}

#[expect(clippy::inline_always, reason = "the loop of three functions")]
#[inline(always)]
fn plain_bytes(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let special = special_bits(u64::from_le_bytes(*word));
        if special != 0 {
            return place * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| matches!(*byte, b'"' | b'\\' | 0..0x20);
    let in_rest = rest.iter().position(is_special);
    words.len() * 8 + in_rest.unwrap_or(rest.len())
}

/// The letters of a JSON string that have no escape among them; spaces may come before it. `at` is then behind it, else
/// where it was.
#[inline(never)]
pub fn plain_json_string<'a>(text: &'a str, at: &mut usize) -> Option<&'a str> {
    let (letters, end) = string_at(text, *at)?;
    *at = end;
    Some(letters)
}

/// The same for the name of a member, with the colon that follows it.
#[inline(never)]
pub fn plain_json_name<'a>(text: &'a str, at: &mut usize) -> Option<&'a str> {
    let (letters, end) = string_at(text, *at)?;
    let colon = behind_spaces(text.as_bytes(), end);
    let is_name = text.as_bytes().get(colon) == Some(&b':');
    is_name.then(|| {
        *at = colon + 1;
        letters
    })
}

#[expect(clippy::inline_always, reason = "the body of two functions")]
#[inline(always)]
fn string_at(text: &str, at: usize) -> Option<(&str, usize)> {
    let start = behind_spaces(text.as_bytes(), at);
    let quoted = text.get(start..)?.strip_prefix('"')?;
    let length = plain_bytes(quoted.as_bytes());
    let is_closed = quoted.as_bytes().get(length) == Some(&b'"');
    let letters = quoted.get(..length).filter(|_| is_closed)?;
    Some((letters, start + length + 2))
}

/// The number that digits of JSON stand for, if nothing else belongs to it and 64 bits hold it surely; spaces may come
/// before it. `at` is then behind it, else where it was.
#[inline(never)]
pub fn plain_json_count(text: &str, at: &mut usize) -> Option<u64> {
    const DIGITS_MAX: usize = 19;
    let start = behind_spaces(text.as_bytes(), *at);
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    let is_digit = |byte: &&u8| byte.is_ascii_digit();
    let digits = rest
        .iter()
        .take(DIGITS_MAX + 1)
        .take_while(is_digit)
        .count();
    let goes_on = matches!(rest.get(digits), Some(b'.' | b'e' | b'E'));
    let starts_with_0 = digits > 1 && rest.first() == Some(&b'0');
    if digits == 0 || digits > DIGITS_MAX || goes_on || starts_with_0 {
        return None;
    }
    *at = start + digits;
    let add = |number: u64, byte: &u8| number * 10 + u64::from(byte & 0xf);
    Some(rest.iter().take(digits).fold(0, add))
}

#[expect(clippy::inline_always, reason = "mostly no space is there")]
#[inline(always)]
fn behind_spaces(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// Some bits, if any of eight bytes is special. The lowest such byte is told surely; above it there may be bits too many,
/// which do not matter to whether there are any.
fn special_bits(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHS: u64 = ONES * 0x80;
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGHS;
    let quotes = word ^ (ONES * u64::from(b'"'));
    let backslashes = word ^ (ONES * u64::from(b'\\'));
    below(word, 0x20) | below(quotes, 1) | below(backslashes, 1)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::alphabet;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

    use super::*;

    #[test]
    fn every_special_byte_ends_a_plain_text_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut text = [b'a'; 20];
                text[place] = byte;
                let is_special = matches!(byte, b'"' | b'\\' | 0..0x20);
                let expected = if is_special { place } else { text.len() };
                assert_eq!(plain_json_bytes(&text), expected, "{byte} at {place}");
                // What comes after the first changes nothing.
                text[19] = b'"';
                assert_eq!(
                    plain_json_bytes(&text),
                    expected.min(19),
                    "{byte} at {place}"
                );
            }
        }
        assert_eq!(plain_json_bytes(b""), 0);
        assert_eq!(plain_json_bytes("é\u{10000}é\u{7f}é".as_bytes()), 11);
    }

    #[test]
    fn a_plain_string_is_passed_and_nothing_is_where_something_else_stands() {
        for (text, string, name, left) in [
            (r#""key":1"#, Some("key"), Some("key"), "1"),
            (" \n\"\" \t: 1", Some(""), Some(""), " 1"),
            (
                r#""é, longer than eight":"#,
                Some("é, longer than eight"),
                Some("é, longer than eight"),
                "",
            ),
            (r#""key" 1"#, Some("key"), None, ""),
            (r#""key""#, Some("key"), None, ""),
            (r#""k\u0065y":1"#, None, None, ""),
            ("\"key\n\":1", None, None, ""),
            (r#""key"#, None, None, ""),
            (r#"key":1"#, None, None, ""),
            ("", None, None, ""),
        ] {
            let text = format!("é{text}");
            let (mut behind_string, mut behind_name) = ("é".len(), "é".len());
            assert_eq!(
                plain_json_string(&text, &mut behind_string),
                string,
                "{text}"
            );
            assert_eq!(plain_json_name(&text, &mut behind_name), name, "{text}");
            let start = "é".len();
            match string {
                Some(_) => assert_eq!(text[start..behind_string].matches('"').count(), 2, "{text}"),
                None => assert_eq!(behind_string, start, "{text}"),
            }
            match name {
                Some(_) => assert_eq!(&text[behind_name..], left, "{text}"),
                None => assert_eq!(behind_name, start, "{text}"),
            }
        }
        // A place within a letter, and one behind the end.
        assert_eq!(plain_json_string("é\"\"", &mut 1), None);
        assert_eq!(plain_json_string("\"\"", &mut 3), None);
    }

    #[test]
    fn a_count_is_read_to_its_last_digit_and_nothing_else_is_one() {
        for (text, expected) in [
            ("0", Some((0, ""))),
            (" \r7,", Some((7, ","))),
            ("1795334513735}", Some((1_795_334_513_735, "}"))),
            ("9999999999999999999", Some((9_999_999_999_999_999_999, ""))),
            ("12345678901234567890", None),
            ("00", None),
            ("01", None),
            ("1.0", None),
            ("1e3", None),
            ("1E3", None),
            ("-1", None),
            ("\"1\"", None),
            ("", None),
        ] {
            let mut at = 0;
            let count = plain_json_count(text, &mut at);
            assert_eq!(count.map(|count| (count, &text[at..])), expected, "{text}");
            assert!(count.is_some() || at == 0, "{text}");
        }
        assert_eq!(plain_json_count("1", &mut 2), None);
    }

    fn decoded(text: &str) -> Option<Vec<u8>> {
        let mut bytes = b"what was there".to_vec();
        decode_base64(text, &mut bytes).then_some(bytes)
    }

    #[test]
    fn base64_is_read_padded_or_not_and_nothing_else_is() {
        let mut text = "in front ".to_owned();
        encode_base64(&[0xfb, 0xff, 1, 2], &mut text);
        assert_eq!(text, "in front -_8BAg==");
        for text in ["-_8BAg==", "-_8BAg", "-_8BAg="] {
            assert_eq!(decoded(text), Some(vec![0xfb, 0xff, 1, 2]), "{text}");
        }
        for text in [
            "+/8BAg==", "-_8BAh==", "-_8BA", "-_8B Ag=", "-_8B=", "-_=8BAg", "é", "=",
        ] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    #[test]
    fn base64_is_what_the_library_says() {
        let engine = GeneralPurpose::new(
            &alphabet::URL_SAFE,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let mut random = 1_u32;
        let mut next = move || {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            random.to_be_bytes()[0]
        };
        for length in (0..40).cycle().take(4_000) {
            let bytes: Vec<u8> = (0..length).map(|_| next()).collect();
            let mut text = String::new();
            encode_base64(&bytes, &mut text);
            assert_eq!(text, engine.encode(&bytes));
            assert_eq!(decoded(&text), Some(bytes));
            // Cut, and with another letter in it.
            text.truncate(text.len() - usize::from(next() % 4).min(text.len()));
            if let Some(place) = usize::from(next()).checked_rem(text.len()) {
                text.replace_range(
                    place..=place,
                    ["A", "_", "=", "+", "/"][usize::from(next() % 5)],
                );
            }
            assert_eq!(decoded(&text), engine.decode(&text).ok(), "{text}");
        }
    }

    #[test]
    fn what_was_encrypted_twice_is_what_it_was() {
        let mut bytes =
            *b"a text that is longer than the sixty-four bytes of one block of the cipher";
        let before = bytes;
        xsalsa20(&[1; 32], &[2; 24], &mut bytes);
        assert_ne!(bytes, before);
        xsalsa20(&[1; 32], &[2; 24], &mut bytes);
        assert_eq!(bytes, before);
    }
}
