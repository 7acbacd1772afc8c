//! What names are made of in CSS: classes, attributes, properties, tokens.

/// What CSS takes into a name outside of ASCII, as ranges (CSS Syntax, "non-ASCII ident code point"). The tables of
/// Unicode's letters, which say nearly the same, do not pack.
const OUTSIDE_ASCII: [(char, char); 13] = [
    ('\u{b7}', '\u{b7}'),
    ('\u{c0}', '\u{d6}'),
    ('\u{d8}', '\u{f6}'),
    ('\u{f8}', '\u{37d}'),
    ('\u{37f}', '\u{1fff}'),
    ('\u{200c}', '\u{200d}'),
    ('\u{203f}', '\u{2040}'),
    ('\u{2070}', '\u{218f}'),
    ('\u{2c00}', '\u{2fef}'),
    ('\u{3001}', '\u{d7ff}'),
    ('\u{f900}', '\u{fdcf}'),
    ('\u{fdf0}', '\u{fffd}'),
    ('\u{10000}', '\u{10ffff}'),
];

/// Whether it may stand in a name.
pub(super) fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || matches!(letter, '-' | '_')
        || OUTSIDE_ASCII
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&letter))
}

/// Whether a name of letters and digits may begin with it.
pub(super) fn begins_name(letter: char) -> bool {
    is_name_letter(letter) && !letter.is_ascii_digit() && !matches!(letter, '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_takes_letters_of_any_script_and_nothing_that_ends_one() {
        assert!("aZ0-_äß漢😀".chars().all(is_name_letter));
        assert!(
            !" .:;{}()[]\"'\\/\u{a0}\u{3000}\u{2028}\0"
                .chars()
                .any(is_name_letter)
        );
        assert!("aä漢".chars().all(begins_name));
        assert!(!"0-_ ".chars().any(begins_name));
    }
}
