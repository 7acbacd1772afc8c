//! R11, at the border: decoders of bytes from outside keep their laws for what genuine peers say, for that with something
//! altered, cut and joined at random, and for what a fuzzer found. `npm run fuzz` lets fuzzers search on.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test"
)]

#[path = "decoders/laws.rs"]
mod laws;

use cojson::entropy::Entropy;
use serde_json::Value;

/// How many altered inputs each decoder is given.
const ALTERED: usize = 20_000;

/// The frames of a recorded session, and the parts of them that have decoders of their own.
fn genuine() -> Vec<String> {
    let recorded = include_str!("vectors/frames.jsonl");
    let lines = recorded
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let frames = lines.filter_map(|line| line["raw"].as_str().map(str::to_owned));
    let mut inputs: Vec<String> = frames.collect();
    let mut parts = Vec::new();
    for message in inputs.iter().flat_map(|frame| frame.split('\n')) {
        let message = serde_json::from_str::<Value>(message).unwrap_or_default();
        collect_parts(&message, &mut parts);
    }
    inputs.extend(parts);
    inputs
}

/// Headers, transactions, and texts in them that are sealed or encrypted.
fn collect_parts(value: &Value, parts: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if members.contains_key("ruleset") || members.contains_key("privacy") {
                parts.push(value.to_string());
            }
            members.values().for_each(|it| collect_parts(it, parts));
        }
        Value::Array(items) => items.iter().for_each(|it| collect_parts(it, parts)),
        Value::String(text) if text.contains("_U") => {
            parts.push(text.clone());
            let inner = serde_json::from_str::<Value>(text).unwrap_or_default();
            if !inner.is_null() {
                collect_parts(&inner, parts);
            }
        }
        _ => {}
    }
}

struct Dice(Entropy);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        usize::try_from(u32::from_le_bytes(self.0.bytes())).unwrap() % sides.max(1)
    }
}

/// Some bytes changed, cut, repeated, or taken from another input.
fn alter(inputs: &[String], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = inputs[dice.roll(inputs.len())].clone().into_bytes();
    for _ in 0..=dice.roll(4) {
        let (from, to) = (dice.roll(bytes.len()), dice.roll(bytes.len()));
        match dice.roll(5) {
            0 => bytes.truncate(from),
            1 => drop(bytes.drain(from.min(to)..from.max(to))),
            2 => {
                let other = inputs[dice.roll(inputs.len())].as_bytes();
                let start = dice.roll(other.len());
                bytes.splice(from..from, other[start..].iter().copied().take(200));
            }
            3 => {
                let marks = br#"{}[]",:\-0123456789eE.tfn_zU"#;
                bytes.insert(from, marks[dice.roll(marks.len())]);
            }
            _ if !bytes.is_empty() => bytes[from] = u8::try_from(dice.roll(256)).unwrap(),
            _ => {}
        }
    }
    bytes
}

#[test]
fn r11_decoders_keep_their_laws_for_genuine_and_for_altered_bytes() {
    let inputs = genuine();
    assert!(inputs.len() > 500, "{}", inputs.len());
    let mut dice = Dice(Entropy::from_seed([5; 32]));
    for (_, law) in laws::LAWS {
        for input in &inputs {
            law(input.as_bytes());
        }
        for _ in 0..ALTERED {
            law(&alter(&inputs, &mut dice));
        }
    }
}

#[test]
fn r11_decoders_keep_their_laws_for_what_fuzzers_found() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/found");
    for (name, law) in laws::LAWS {
        let Ok(found) = std::fs::read_dir(format!("{corpus}/{name}")) else {
            continue;
        };
        for file in found {
            law(&std::fs::read(file.unwrap().path()).unwrap());
        }
    }
}
