//! Texts at random: JSON in all its ways of writing, and JSON with a few places altered.

use proptest::prelude::*;

/// How many of each kind a property is asked of.
pub(crate) fn many() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES");
    ProptestConfig {
        cases: cases.map_or(2_000, |text| text.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A numeral, also one that no double holds.
pub(crate) fn numeral() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?",
        any::<f64>().prop_map(|number| format!("{number:e}")),
        any::<f64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        (0_u64..1 << 54).prop_map(|number| number.to_string()),
    ]
}

/// A string with every kind of escape, also with halves of surrogate pairs.
pub(crate) fn string() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        40 => "[a-c]{0,3}",
        20 => any::<char>().prop_filter("as it is", |c| *c >= ' ' && *c != '"' && *c != '\\').prop_map(String::from),
        20 => "\\\\[\"\\\\/bfnrt]",
        1 => any::<u16>().prop_map(|unit| format!("\\u{unit:04x}")),
        1 => (0xd800_u16..0xe000).prop_map(|unit| format!("\\u{unit:04X}")),
        20 => any::<char>().prop_map(|c| {
            let units = c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>();
            units.concat()
        }),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just(""), 1 => Just(" "), 1 => Just("\n\t\r ")]
}

/// Items or members between brackets; keys are few, so that some come twice, and may be more than
/// an object without an index has.
fn list(value: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let key = prop_oneof![3 => "\"[ab]\"", 1 => string(), 1 => Just("\"\\u0061\"".to_owned())];
    let spaced = (space(), value.clone(), space()).prop_map(|(a, text, b)| format!("{a}{text}{b}"));
    let items =
        prop::collection::vec(spaced, 0..14).prop_map(|items| format!("[{}]", items.join(",")));
    let member = (space(), key, space(), value)
        .prop_map(|(a, key, b, value)| format!("{a}{key}{b}:{value}"));
    let members = prop::collection::vec(member, 0..14)
        .prop_map(|members| format!("{{{}}}", members.join(",")));
    prop_oneof![items, members].boxed()
}

/// JSON, but for halves of surrogate pairs and numbers that no double holds.
pub(crate) fn json() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["null", "true", "false"]).prop_map(String::from);
    let leaf = prop_oneof![1 => word, 3 => numeral(), 3 => string()].boxed();
    (space(), leaf.prop_recursive(5, 24, 4, list), space())
        .prop_map(|(before, text, after)| format!("{before}{text}{after}"))
}

/// Such a text with a few bytes written over, put in, taken out, or its end cut off.
pub(crate) fn altered(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    const MARKS: &[u8] = b"{}[]\",:0\\-+.eEu \n\x00\x7f\xc3\xff";
    let byte = prop_oneof![prop::sample::select(MARKS), any::<u8>()];
    let edit = (0_u8..4, any::<prop::sample::Index>(), byte);
    (text, prop::collection::vec(edit, 1..3)).prop_map(|(text, edits)| {
        let mut bytes = text.into_bytes();
        for (kind, place, byte) in edits {
            let place = place.index(bytes.len() + 1);
            match (kind, bytes.get_mut(place)) {
                (0, Some(there)) => *there = byte,
                (1, Some(_)) => drop(bytes.remove(place)),
                (2, Some(_)) => bytes.truncate(place),
                _ => bytes.insert(place, byte),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A message that a genuine peer sent.
pub(crate) fn message() -> impl Strategy<Value = String> {
    const RECORDED: &str = include_str!("../vectors/frames.jsonl");
    let lines = RECORDED.lines().filter_map(|line| {
        let mut recorded: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(recorded.get_mut("raw")?.take().as_str()?.to_owned())
    });
    prop::sample::select(lines.collect::<Vec<_>>())
}
