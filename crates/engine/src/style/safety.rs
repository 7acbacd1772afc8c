//! What may stand in a piece of CSS: a value stays inside its declaration, a selector inside its rule (R9).
//!
//! The scanner knows as much of CSS as that takes: strings, escapes, `url(…)`, brackets. It never repairs anything:
//! a piece that could end its declaration or rule early, or swallow what follows, is refused with a reason.

/// What a piece of CSS is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The value of a declaration, or of a token.
    Value,
    /// A selector, or an at-rule's head.
    Head,
    /// Whole rules as written by the author.
    Rules,
}

/// Texts that ran code or loaded style in some browser; a token with one of them is emptied.
const UNSAFE_TEXTS: [&str; 7] = [
    "javascript:",
    "vbscript:",
    "expression(",
    "-moz-binding",
    "behavior:url",
    "@import",
    "</style",
];

/// Why a token's value is not used, if it is not: texts that browsers execute, and embedded data.
pub(super) fn unsafe_token(value: &str) -> Option<&'static str> {
    let text = squeeze(value);
    let is_embedded = text
        .find("data:")
        .and_then(|start| text.get(start..))
        .is_some_and(|data| data.contains("base64,"));
    if is_embedded {
        return Some("embedded data");
    }
    if text.contains("behavior:") {
        return Some("\"behavior:\"");
    }
    unsafe_text(&text)
}

/// Checks that a piece of CSS stays what it is used for. The error is what was found, for a person.
pub(super) fn check_piece(text: &str, piece: Piece) -> Result<(), &'static str> {
    if let Some(found) = unsafe_text(&squeeze(text)) {
        return Err(found);
    }
    Scanner {
        piece,
        rest: text,
        open: Vec::new(),
    }
    .run()
}

fn unsafe_text(squeezed: &str) -> Option<&'static str> {
    UNSAFE_TEXTS
        .into_iter()
        .find(|unsafe_text| squeezed.contains(unsafe_text))
}

/// Lower case, without white space.
fn squeeze(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

struct Scanner<'a> {
    piece: Piece,
    rest: &'a str,
    /// The closing brackets that are still to come, the innermost last.
    open: Vec<char>,
}

impl Scanner<'_> {
    fn run(mut self) -> Result<(), &'static str> {
        while let Some(letter) = self.next() {
            self.letter(letter)?;
        }
        if self.open.is_empty() {
            Ok(())
        } else {
            Err("a bracket that is not closed")
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next();
        self.rest = letters.as_str();
        letter
    }

    fn letter(&mut self, letter: char) -> Result<(), &'static str> {
        if let Some(closing) = self.closing(letter) {
            self.open.push(closing);
            return Ok(());
        }
        match letter {
            '"' | '\'' => self.string(letter),
            '\\' => self.escape(),
            '/' if self.rest.starts_with('*') => self.comment(),
            '<' if self.rest.starts_with("!--") => Err("\"<!--\""),
            '{' | '}' if self.piece != Piece::Rules => Err("a brace"),
            ')' | ']' | '}' => self.close(letter),
            ';' if self.is_end_of_declaration() => Err("a semicolon"),
            'u' | 'U' => self.url(),
            '\0' => Err("a null character"),
            _ => Ok(()),
        }
    }

    /// A semicolon inside brackets ends nothing.
    fn is_end_of_declaration(&self) -> bool {
        match self.piece {
            Piece::Value => self.open.is_empty(),
            Piece::Head => true,
            Piece::Rules => false,
        }
    }

    /// What closes this bracket, if it is one that may be opened here.
    fn closing(&self, letter: char) -> Option<char> {
        match letter {
            '(' => Some(')'),
            '[' => Some(']'),
            '{' if self.piece == Piece::Rules => Some('}'),
            _ => None,
        }
    }

    fn close(&mut self, bracket: char) -> Result<(), &'static str> {
        if self.open.pop() == Some(bracket) {
            Ok(())
        } else {
            Err("a closing bracket that closes nothing")
        }
    }

    fn escape(&mut self) -> Result<(), &'static str> {
        match self.next() {
            None | Some('\n' | '\r' | '\u{c}') => Err("a backslash that escapes nothing"),
            Some(_) => Ok(()),
        }
    }

    fn string(&mut self, quote: char) -> Result<(), &'static str> {
        loop {
            match self.next() {
                Some(letter) if letter == quote => return Ok(()),
                Some('\\') => self.escape()?,
                None | Some('\n' | '\r' | '\u{c}') => return Err("a string that is not closed"),
                Some(_) => {}
            }
        }
    }

    fn comment(&mut self) -> Result<(), &'static str> {
        let end = self.rest.get(1..).and_then(|inside| inside.find("*/"));
        match (self.piece, end) {
            (Piece::Rules, Some(end)) => {
                self.rest = self.rest.get(1 + end + 2..).unwrap_or_default();
                Ok(())
            }
            (Piece::Rules, None) => Err("a comment that is not closed"),
            _ => Err("a comment"),
        }
    }

    /// `url(` without quotes ends at the next `)`, whatever stands between.
    fn url(&mut self) -> Result<(), &'static str> {
        let Some(inside) = strip_prefix_ignoring_case(self.rest, "rl(") else {
            return Ok(());
        };
        let inside = inside.trim_start();
        if inside.starts_with(['"', '\'']) {
            return Ok(());
        }
        let Some((address, rest)) = inside.split_once(')') else {
            return Err("a url( that is not closed");
        };
        if address
            .trim_end()
            .contains(['"', '\'', '(', '\\', ' ', '\t', '\n', '\r'])
        {
            return Err("a url(…) that needs quotes");
        }
        self.rest = rest;
        Ok(())
    }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_values_pass() {
        for value in [
            "1px solid #eee",
            "\"a;b}\"",
            "url(data:image/png;base64,AAAA)",
            "url( \"x)y\" )",
            "calc((1px + 2px) * 3)",
            "'it\\'s'",
            "unset",
            "red !important",
            "\\31 px",
            "repeat(auto-fit, minmax(10px, 1fr)) / [full-start] auto",
        ] {
            assert_eq!(check_piece(value, Piece::Value), Ok(()), "{value}");
        }
    }

    #[test]
    fn r9_a_value_cannot_leave_its_declaration() {
        for value in [
            "red; background: blue",
            "red} * {color: blue",
            "{",
            "\"open",
            "(open",
            "a)",
            "red /* open",
            "\\",
            "url(a\"b);x:\"c)",
            "url(x",
            "\"line\nbreak\"",
            "</STYLE>",
            "@im\tport 'x'",
            "java script:alert(1)",
            "[)]",
        ] {
            assert!(check_piece(value, Piece::Value).is_err(), "{value}");
        }
    }

    #[test]
    fn heads_may_not_end_early_and_rules_must_balance() {
        for (text, piece, is_fine) in [
            (".a:not([data-x=\"}\"]) > b", Piece::Head, true),
            ("@media (min-width: 1px)", Piece::Head, true),
            (".a { color: red } .b", Piece::Head, false),
            ("(a;b)", Piece::Head, false),
            (
                ".a { color: red; /* ok */ } @media x { .b {} }",
                Piece::Rules,
                true,
            ),
            (".a { color: red", Piece::Rules, false),
            ("} .a {", Piece::Rules, false),
            ("@import url(x);", Piece::Rules, false),
        ] {
            assert_eq!(check_piece(text, piece).is_ok(), is_fine, "{text}");
        }
    }

    #[test]
    fn r9_tokens_that_a_browser_might_run_are_not_used() {
        for (value, is_used) in [
            ("red", true),
            ("JavaScript:alert(1)", false),
            ("url(data:text/html;base64,AAAA)", false),
            ("expression (alert(1))", false),
            ("behavior: url(x)", false),
            ("smooth", true),
        ] {
            assert_eq!(unsafe_token(value).is_none(), is_used, "{value}");
        }
    }
}
