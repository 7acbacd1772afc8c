//! R11: a map's changes, as they are taken from their text, are those that the value of the text stands for: over changes
//! made at random, written in every way that JSON has, and over such texts altered. `PROPTEST_CASES` says how many of each.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

#[path = "json/texts.rs"]
#[expect(dead_code, reason = "of its texts not all are read here")]
mod texts;

use cojson::json::{Json, JsonError, Reader};
use cojson::view::MapChange;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

/// Changes as somebody may write them: members in any order, twice, with escapes in their names, and of any form.
fn changes() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "op",
        "key",
        "value",
        "op",
        "key",
        "value",
        "\\u006fp",
        "k\\u0065y",
        "valu\\u0065",
        "Op",
        "",
    ]);
    let word = prop::sample::select(vec!["set", "del", "s\\u0065t", "app", "key", "é"]);
    let value = prop_oneof![
        6 => word.prop_map(|word| format!("\"{word}\"")),
        2 => texts::json(),
    ];
    let space = prop::sample::select(vec!["", "", "", " ", "\n\t"]);
    let member = (name, space.clone(), value)
        .prop_map(|(name, space, value)| format!("{space}\"{name}\"{space}:{space}{value}"));
    let members = prop::collection::vec(member, 0..6);
    let change = members.prop_map(|members| format!("{{{}}}", members.join(",")));
    let plain = prop_oneof!["\"[a-z ]{0,9}\"", texts::json()];
    let honest = ("[a-c]{0,3}", plain)
        .prop_map(|(key, value)| format!(r#"{{"op":"set","key":"{key}","value":{value}}}"#));
    let item = prop_oneof![4 => change, 4 => honest, 1 => texts::json()];
    let items = prop::collection::vec((item, space), 0..4);
    items.prop_map(|items| {
        let items: Vec<_> = items
            .into_iter()
            .map(|(item, space)| space.to_owned() + &item)
            .collect();
        format!("[{}]", items.join(","))
    })
}

fn read(text: &str) -> Result<Vec<Option<MapChange>>, JsonError> {
    let (mut reader, mut changes) = (Reader::new(text), Vec::new());
    reader.array(&mut |reader| {
        changes.push(MapChange::read(reader)?);
        Ok(())
    })?;
    reader.end()?;
    Ok(changes)
}

/// What the text says once a value was made of it; `None` if it is no array.
fn read_as_value(text: &str) -> Option<Vec<Option<MapChange>>> {
    let value = Json::parse(text).ok()?;
    let items = value.as_array()?;
    Some(items.iter().map(MapChange::from_json).collect())
}

fn check(text: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(read(text).ok(), read_as_value(text));
    Ok(())
}

proptest! {
    #![proptest_config(texts::many())]

    #[test]
    fn r11_a_maps_changes_are_what_the_value_of_their_text_says(text in changes()) {
        check(&text)?;
    }

    #[test]
    fn r11_altered_changes_are_taken_or_refused_as_their_value_is(text in texts::altered(changes())) {
        check(&text)?;
    }

    #[test]
    fn r11_any_text_is_taken_for_changes_or_refused_as_its_value_is(text in any::<String>()) {
        check(&text)?;
        check(&format!("[{text}]"))?;
    }
}

#[test]
fn a_good_part_of_the_texts_has_changes_and_a_good_part_of_the_altered_is_refused() {
    let mut runner = TestRunner::deterministic();
    let mut texts = |texts: BoxedStrategy<String>| -> Vec<_> {
        let texts = (0..300).map(|_| texts.new_tree(&mut runner).unwrap().current());
        texts.map(|text| read(&text)).collect()
    };
    let holds_change = |read: &&Result<Vec<_>, _>| read.iter().flatten().any(Option::is_some);
    let whole = texts(changes().boxed());
    let changed = whole.iter().filter(holds_change).count();
    assert!((100..290).contains(&changed), "{changed}");
    let altered = texts(texts::altered(changes()).boxed());
    let refused = altered.iter().filter(|read| read.is_err()).count();
    assert!((60..285).contains(&refused), "{refused}");
}
