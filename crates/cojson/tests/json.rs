//! The JSON reader and writer against `serde_json`, which says what is JSON and what it holds: over texts made at random,
//! over such texts altered, and over any text at all. `PROPTEST_CASES` says how many of each.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

#[path = "json/oracle.rs"]
mod oracle;
#[path = "json/texts.rs"]
mod texts;

use cojson::json::{Json, Reader, Wire as _, to_stable_string};
use cojson::sync::{FrameError, FrameLimits, SyncMessage, decode_frame, encode_frame};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use oracle::Tree;

/// The deepest nesting that is read; the oracle reads one level less.
const DEPTH_MAX: usize = 128;

/// Both take the text and see the same in it, or both refuse it; and what is read is what is passed over.
fn check(text: &str) -> Result<(), TestCaseError> {
    let (ours, theirs) = (Json::parse(text), Tree::parse(text));
    let mut reader = Reader::new(text);
    let is_passed = reader.skip().and_then(|()| reader.end()).is_ok();
    prop_assert_eq!(ours.is_ok(), is_passed, "read {:?}", &ours);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => prop_assert_eq!(Tree::from(&ours), theirs),
        (ours, theirs) => {
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}, {:?}", ours, theirs);
        }
    }
    Ok(())
}

/// What is written is JSON, holds the same, and is written the same again.
fn check_written(text: &str) -> Result<(), TestCaseError> {
    let Ok(value) = Json::parse(text) else {
        return Ok(());
    };
    let written = value.to_text();
    // Zero has no sign in JavaScript's text.
    let expected = Tree::from(&value).without_negative_zero();
    prop_assert_eq!(Tree::parse(&written).unwrap(), expected);
    let again = Json::parse(&written).unwrap();
    prop_assert_eq!(again.to_text(), written);
    let stable = to_stable_string(&again);
    prop_assert_eq!(
        to_stable_string(&Json::parse(&stable).unwrap_or_default()),
        stable
    );
    Ok(())
}

proptest! {
    #![proptest_config(texts::many())]

    #[test]
    fn what_is_json_holds_what_the_oracle_sees_in_it(text in texts::json()) {
        check(&text)?;
        check_written(&text)?;
    }

    #[test]
    fn r11_altered_json_is_taken_or_refused_as_by_the_oracle(text in texts::altered(texts::json())) {
        check(&text)?;
        check_written(&text)?;
    }

    #[test]
    fn r11_any_text_is_taken_or_refused_as_by_the_oracle(text in any::<String>()) {
        check(&text)?;
        check(&format!("\"{text}\""))?;
    }

    #[test]
    fn r11_numerals_are_taken_or_refused_as_by_the_oracle(text in texts::altered(texts::numeral())) {
        check(&text)?;
        prop_assert_eq!(u32::from_text(&text).ok(), serde_json::from_str(&text).ok());
    }

    #[test]
    fn r11_strings_are_taken_or_refused_as_by_the_oracle(text in texts::altered(texts::string())) {
        check(&text)?;
        check_written(&text)?;
    }

    #[test]
    fn r11_a_message_is_told_to_be_no_json_exactly_when_the_oracle_says_so(text in texts::altered(texts::message())) {
        let decoded = decode_frame(&text, &FrameLimits::default());
        let lines: Vec<&str> = text.split('\n').filter(|line| !line.is_empty()).collect();
        let is_json = lines.iter().map(|line| Tree::parse(line).is_ok());
        let is_no_json = |read: &Result<SyncMessage, FrameError>| matches!(read, Err(FrameError::NotJson { .. }));
        prop_assert_eq!(decoded.iter().filter(|read| is_no_json(read)).count(), is_json.filter(|is| !is).count());
        // What is read is written in the one form, and read from that as the same.
        let read: Vec<SyncMessage> = decoded.into_iter().flatten().collect();
        let again: Vec<_> = decode_frame(&encode_frame(&read), &FrameLimits::default());
        prop_assert_eq!(again, read.into_iter().map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn r11_nesting_is_read_to_its_bound_and_no_further(
        opens in prop::collection::vec(any::<bool>(), 100..160), is_closed: bool
    ) {
        let opened: String = opens.iter().map(|is_array| if *is_array { "[" } else { "{\"a\":" }).collect();
        let closed = opens.iter().rev().map(|is_array| if *is_array { "]" } else { "}" });
        let text: String = [opened, "0".into()].into_iter().chain(closed.filter(|_| is_closed).map(String::from)).collect();
        prop_assert_eq!(Json::parse(&text).is_ok(), is_closed && opens.len() <= DEPTH_MAX);
        if opens.len() < DEPTH_MAX {
            check(&text)?;
        }
    }
}

#[test]
fn a_good_part_of_the_texts_is_json_and_a_good_part_is_not() {
    let mut runner = TestRunner::deterministic();
    let mut taken = |texts: BoxedStrategy<String>| {
        let texts = (0..300).map(|_| texts.new_tree(&mut runner).unwrap().current());
        texts.filter(|text| Json::parse(text).is_ok()).count()
    };
    let (whole, altered) = (
        taken(texts::json().boxed()),
        taken(texts::altered(texts::json()).boxed()),
    );
    assert!((150..300).contains(&whole), "{whole}");
    assert!((15..285).contains(&altered), "{altered}");
}
