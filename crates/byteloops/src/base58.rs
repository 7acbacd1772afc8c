//! Base58 with Bitcoin's letters. Numbers of many digits are turned from one base into the other, which is quadratic; here
//! it is done by five digits and four bytes at a time, a twentieth of the steps. The bytes may be a secret: what holds them on
//! the way has its room from the begin and is wiped.

use zeroize::Zeroizing;

/// The letters, by what they stand for.
const LETTERS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// What each byte stands for, if it is a letter; else [`NO_LETTER`].
const VALUES: [u8; 256] = values();

const NO_LETTER: u8 = 0xff;

#[expect(clippy::indexing_slicing, reason = "a byte is below 256")]
const fn values() -> [u8; 256] {
    let mut values = [NO_LETTER; 256];
    let (mut letters, mut value) = (LETTERS.as_slice(), 0);
    while let [letter, rest @ ..] = letters {
        values[*letter as usize] = value;
        (letters, value) = (rest, value + 1);
    }
    values
}

/// What stands for zero. Zeros at the begin count: there is one for each zero byte.
const ZERO: u8 = b'1';

/// How many digits are turned at a time: as many as fit 32 bits.
const DIGITS: usize = 5;

/// 58^5.
const BASE: u64 = 656_356_768;

/// Appends the base58 of some bytes.
#[inline(never)]
pub fn encode_base58(bytes: &[u8], text: &mut String) {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    // The least first, each below 58^5.
    let mut groups = Zeroizing::new(Vec::with_capacity(bytes.len() / 3 + 1));
    for word in words(bytes) {
        let mut carried = u64::from(word);
        for group in groups.iter_mut() {
            let value = (u64::from(*group) << 32) | carried;
            *group = low(value % BASE);
            carried = value / BASE;
        }
        while carried > 0 {
            groups.push(low(carried % BASE));
            carried /= BASE;
        }
    }
    let mut letters = Zeroizing::new(Vec::with_capacity(groups.len() * DIGITS + zeros));
    for mut group in groups.iter().copied() {
        for _ in 0..DIGITS {
            letters.extend(LETTERS.get(group as usize % 58));
            group /= 58;
        }
    }
    while letters.last() == Some(&ZERO) {
        letters.pop();
    }
    letters.extend(std::iter::repeat_n(ZERO, zeros));
    text.reserve(letters.len());
    text.extend(letters.iter().rev().copied().map(char::from));
}

/// Puts what base58 stands for into `bytes`; `false` if it is none, or not exactly so many.
#[inline(never)]
pub fn decode_base58(text: &str, bytes: &mut [u8]) -> bool {
    let zeros = text.bytes().take_while(|letter| *letter == ZERO).count();
    // The least first.
    let mut words = Zeroizing::new(Vec::with_capacity(text.len() / DIGITS + 1));
    for letters in text.as_bytes().chunks(DIGITS) {
        let (mut carried, mut base) = (0, 1);
        for letter in letters {
            let Some(value) = value_of(*letter) else {
                return false;
            };
            carried = carried * 58 + value;
            base *= 58;
        }
        for word in words.iter_mut() {
            let value = u64::from(*word) * base + carried;
            *word = low(value);
            carried = value >> 32;
        }
        if carried > 0 {
            words.push(low(carried));
        }
    }
    let unused = words
        .last()
        .map_or(0, |word| word.leading_zeros() as usize / 8);
    if zeros + words.len() * 4 - unused != bytes.len() {
        return false;
    }
    bytes.fill(0);
    let places = bytes.iter_mut().rev();
    let values = words.iter().flat_map(|word| word.to_le_bytes());
    places.zip(values).for_each(|(place, byte)| *place = byte);
    true
}

/// The bytes by four, from the greatest on; the first may be fewer.
fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let (first, rest) = bytes.split_at(bytes.len() % 4);
    let first = first
        .iter()
        .fold(0, |word, byte| (word << 8) | u32::from(*byte));
    let rest = rest.as_chunks::<4>().0;
    std::iter::once(first).chain(rest.iter().map(|word| u32::from_be_bytes(*word)))
}

fn value_of(letter: u8) -> Option<u64> {
    let value = VALUES.get(letter as usize).copied()?;
    (value != NO_LETTER).then_some(value.into())
}

/// The last 32 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the others are carried, or none"
)]
const fn low(value: u64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(bytes: &[u8]) -> String {
        let mut text = "a".to_owned();
        encode_base58(bytes, &mut text);
        text.split_off(1)
    }

    fn decoded(text: &str, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![1; length];
        decode_base58(text, &mut bytes).then_some(bytes)
    }

    #[test]
    fn vectors_of_the_format() {
        // draft-msporny-base58-03, and zeros alone.
        for (bytes, text) in [
            (b"".as_slice(), ""),
            (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
            (
                b"The quick brown fox jumps over the lazy dog.",
                "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
            ),
            (&[0, 0, 0x28, 0x7f, 0xb4, 0xcd], "11233QC4"),
            (&[0; 5], "11111"),
        ] {
            assert_eq!(encoded(bytes), text);
            assert_eq!(decoded(text, bytes.len()).as_deref(), Some(bytes));
            assert_eq!(decoded(text, bytes.len() + 1), None);
        }
    }

    #[test]
    fn what_is_no_letter_is_refused() {
        for text in ["0", "O", "I", "l", "a b", "ä", "abc="] {
            assert!(
                (0..8).all(|length| decoded(text, length).is_none()),
                "{text}"
            );
        }
    }

    #[test]
    fn it_is_what_the_library_makes_of_it() {
        for length in 0..100 {
            for byte in [0, 1, 57, 58, 0x7f, 0x80, 0xff] {
                let mut bytes = vec![byte; length];
                for zeros in 0..length.min(6) {
                    let text = bs58::encode(&bytes).into_string();
                    assert_eq!(encoded(&bytes), text);
                    assert_eq!(decoded(&text, length), Some(bytes.clone()));
                    bytes[zeros] = 0;
                    bytes[length - 1 - zeros] = byte.wrapping_mul(31);
                }
            }
        }
    }
}
