//! Points in time as text: in UTC, of the Gregorian calendar, by a pattern of a few fixed words. The same on every host,
//! as nothing of the host's languages and time zones comes into it.

use std::fmt::Write as _;

/// The pattern when none is written: what JavaScript's `toISOString` gives.
pub(super) const ISO_8601: &str = "YYYY-MM-DDTHH:mm:ss.SSSZ";

/// What stands for a part, and how many digits it has.
const WORDS: [&str; 7] = ["YYYY", "MM", "DD", "HH", "mm", "ss", "SSS"];

/// Letters that stand for themselves.
const PLAIN_LETTERS: [char; 2] = ['T', 'Z'];

const MS_PER_DAY: f64 = 86_400_000.0;
/// The year 0 begins and the year 9999 ends so many milliseconds from 1970.
const FIRST_MS: f64 = -62_167_219_200_000.0;
const END_MS: f64 = 253_402_300_800_000.0;

/// A pattern's next piece: a word, or what stands for itself; and the rest.
fn split(pattern: &str) -> Option<(Result<usize, char>, &str)> {
    for (index, word) in WORDS.iter().enumerate() {
        if let Some(rest) = pattern.strip_prefix(word) {
            return Some((Ok(index), rest));
        }
    }
    let mut rest = pattern.chars();
    let plain = rest.next()?;
    Some((Err(plain), rest.as_str()))
}

/// The first letter of a pattern that means nothing.
pub(super) fn unknown_letter(pattern: &str) -> Option<char> {
    let mut rest = pattern;
    while let Some((piece, after)) = split(rest) {
        rest = after;
        match piece {
            Err(letter) if letter.is_ascii_alphabetic() && !PLAIN_LETTERS.contains(&letter) => {
                return Some(letter);
            }
            _ => {}
        }
    }
    None
}

/// The time in milliseconds since 1970, as that pattern has it; `None` if its year does not have four digits.
pub(super) fn format(time_ms: f64, pattern: &str) -> Option<String> {
    let ms = time_ms.floor();
    if !(FIRST_MS..END_MS).contains(&ms) {
        return None;
    }
    let parts = parts(ms);
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((piece, after)) = split(rest) {
        rest = after;
        match piece {
            Ok(word) => {
                let width = WORDS.get(word)?.len();
                // Writing to a `String` cannot fail.
                let _ = write!(text, "{:0width$}", parts.get(word)?);
            }
            Err(plain) => text.push(plain),
        }
    }
    Some(text)
}

/// Year, month, day, hour, minute, second, millisecond, by shifting the year to begin in March: then the leap day is its
/// last, and every five months have 153 days.
#[expect(
    clippy::cast_possible_truncation,
    reason = "days and milliseconds of years of four digits"
)]
fn parts(ms: f64) -> [i32; 7] {
    let days = (ms / MS_PER_DAY).floor();
    let of_day = (ms - days * MS_PER_DAY) as i32;
    let from_march_of_0 = days as i32 + 719_468;
    let (era, of_era) = (
        from_march_of_0.div_euclid(146_097),
        from_march_of_0.rem_euclid(146_097),
    );
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i32::from(month <= 2);
    [
        year,
        month,
        day,
        of_day / 3_600_000,
        of_day / 60_000 % 60,
        of_day / 1_000 % 60,
        of_day % 1_000,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_that_javascript_gives() {
        for (ms, text) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (-1.0, "1969-12-31T23:59:59.999Z"),
            (951_782_399_999.0, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000.0, "2000-02-29T00:00:00.000Z"),
            (4_107_542_400_000.0, "2100-03-01T00:00:00.000Z"),
            (1_795_776_245_678.9, "2026-11-27T10:44:05.678Z"),
            (FIRST_MS, "0000-01-01T00:00:00.000Z"),
            (END_MS - 1.0, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(format(ms, ISO_8601).as_deref(), Some(text));
        }
        for ms in [FIRST_MS - 1.0, END_MS, f64::NAN, f64::INFINITY] {
            assert_eq!(format(ms, ISO_8601), None, "{ms}");
        }
    }

    #[test]
    fn every_day_of_a_thousand_years_follows_the_one_before() {
        let mut before = parts(FIRST_MS);
        for day in 1..365_250 {
            let next = parts(FIRST_MS + f64::from(day) * MS_PER_DAY);
            let [year, month, date, ..] = before;
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 if is_leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            let expected = match (month, date == last) {
                (_, false) => [year, month, date + 1],
                (12, true) => [year + 1, 1, 1],
                (_, true) => [year, month + 1, 1],
            };
            assert_eq!(next[..3], expected);
            before = next;
        }
    }

    #[test]
    fn a_pattern_has_words_and_what_stands_for_itself() {
        let format = |pattern| format(1_795_776_245_678.0, pattern).unwrap();
        assert_eq!(format("DD.MM.YYYY, HH:mm"), "27.11.2026, 10:44");
        assert_eq!(format("ss,SSS"), "05,678");
        assert_eq!(format("→ YYYY"), "→ 2026");
        assert_eq!(unknown_letter(ISO_8601), None);
        assert_eq!(unknown_letter("MMM"), Some('M'));
        assert_eq!(unknown_letter("D.M."), Some('D'));
    }
}
