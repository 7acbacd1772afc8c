//! Text as people see it: split into graphemes, for hosts that have no such table of their own. A browser has one
//! (`Intl.Segmenter`), so its module does without this.

use unicode_segmentation::UnicodeSegmentation as _;

/// The graphemes of a text, in order: together they are the text.
pub fn graphemes(text: &str) -> Vec<&str> {
    text.graphemes(true).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_take_for_one_character_is_one_grapheme() {
        for (text, expected) in [
            ("", vec![]),
            ("he\u{301}llo", vec!["h", "e\u{301}", "l", "l", "o"]),
            ("👩‍👩‍👧!", vec!["👩‍👩‍👧", "!"]),
            ("🇩🇪🇫🇷", vec!["🇩🇪", "🇫🇷"]),
            ("a\r\nb", vec!["a", "\r\n", "b"]),
            ("각", vec!["각"]),
            ("क्षि", vec!["क्षि"]),
        ] {
            assert_eq!(graphemes(text), expected);
        }
    }
}
