//! Maps, streams and bytes: the last write wins on every replica alike, and nothing is lost or doubled.

use super::*;
use crate::crypto::encode_binary;

fn random_map_change(dice: &mut Dice, _: &[ValidTransaction]) -> Json {
    let key = ["a", "b", "c", "d"][dice.below(4)];
    if dice.below(4) == 0 {
        MapChange::delete(key).to_json()
    } else {
        MapChange::set(key, dice.value()).to_json()
    }
}

fn map_of<'a>(history: impl IntoIterator<Item = &'a ValidTransaction>) -> MapView {
    let mut view = MapView::default();
    for transaction in history {
        assert_eq!(view.apply(transaction), Applied::Shown);
    }
    view
}

/// The last write to each key, by plain overwriting.
fn plain_map(sorted: &[ValidTransaction]) -> crate::collections::SortedMap<String, Option<Json>> {
    let changes = sorted.iter().flat_map(|transaction| &transaction.changes);
    changes
        .map(|change| {
            let key = change.get("key").unwrap().as_str().unwrap().to_owned();
            (key, change.get("value").cloned())
        })
        .collect()
}

#[test]
fn r10_maps_agree_whatever_the_order_of_arrival() {
    for seed in 0..50 {
        let mut dice = Dice::new(seed);
        let mut history = random_history(&mut dice, 40, random_map_change);
        let expected = map_of(&sorted(&history));
        for (key, value) in plain_map(&sorted(&history)) {
            assert_eq!(expected.get(&key), value.as_ref());
        }
        for _ in 0..4 {
            dice.shuffle(&mut history);
            let view = map_of(history.iter().chain(&history));
            assert_eq!(view, expected, "seed {seed}");
            assert_eq!(view.to_json().to_string(), expected.to_json().to_string());
            assert_eq!(view.len(), view.iter().count());
        }
    }
}

#[test]
fn r10_streams_agree_whatever_the_order_of_arrival() {
    for seed in 0..20 {
        let mut dice = Dice::new(seed);
        let mut history = random_history(&mut dice, 40, |dice, _| dice.value());
        let of = |history: &[ValidTransaction]| {
            let mut view = StreamView::default();
            for transaction in history.iter().chain(history) {
                assert_eq!(view.apply(transaction), Applied::Shown);
            }
            view
        };
        let sorted = sorted(&history);
        let expected: Vec<_> = sorted
            .iter()
            .flat_map(|item| item.changes.clone())
            .collect();
        dice.shuffle(&mut history);
        let view = of(&history);
        assert_eq!(view, of(&sorted), "seed {seed}");
        let by_time: Vec<_> = view
            .by_time()
            .iter()
            .map(|item| item.value.clone())
            .collect();
        assert_eq!(by_time, expected, "seed {seed}");
        assert_eq!(view.len(), expected.len());
    }
}

#[test]
fn r10_bytes_agree_whatever_the_order_of_arrival() {
    let item = |dice: &mut Dice, _: &[ValidTransaction]| {
        let item = match dice.below(12) {
            0 => BinaryItem::Start(BinaryInfo {
                total_bytes: dice.value().as_number(),
                ..BinaryInfo::default()
            }),
            1 => BinaryItem::End,
            _ => BinaryItem::Chunk(dice.value().to_string().into_bytes()),
        };
        item.to_json()
    };
    for seed in 0..20 {
        let mut dice = Dice::new(seed);
        let mut history = random_history(&mut dice, 30, item);
        let of = |history: &[ValidTransaction]| {
            let mut view = BinaryView::default();
            for transaction in history.iter().chain(history) {
                assert_eq!(view.apply(transaction), Applied::Shown);
            }
            view
        };
        let sorted = sorted(&history);
        let items = sorted.iter().flat_map(|transaction| &transaction.changes);
        let items: Vec<_> = items.filter_map(BinaryItem::from_json).collect();
        let end = items.iter().position(|item| *item == BinaryItem::End);
        let read = &items[..end.unwrap_or(items.len())];
        let bytes: Vec<u8> = read
            .iter()
            .filter_map(|item| match item {
                BinaryItem::Chunk(bytes) => Some(bytes.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        dice.shuffle(&mut history);
        let view = of(&history);
        assert_eq!(view, of(&sorted), "seed {seed}");
        assert_eq!(view.to_bytes(), bytes, "seed {seed}");
        assert_eq!(view.is_finished(), end.is_some(), "seed {seed}");
    }
}

#[test]
fn a_removed_key_reads_as_absent_and_keeps_its_history() {
    let set = |value: &str| MapChange::set("k", value.into()).to_json();
    let history = [
        transaction(0, 0, 10, vec![set("one"), set("two")]),
        transaction(0, 1, 20, vec![MapChange::delete("k").to_json()]),
    ];
    let mut view = map_of(&history);
    assert_eq!((view.get("k"), view.len()), (None, 0));
    assert_eq!(view.history("k").len(), 3);
    assert_eq!(view.get_at("k", Timestamp(9)), None);
    assert_eq!(view.get_at("k", Timestamp(19)), Some(&"two".into()));
    assert_eq!(view.get_at("k", Timestamp(20)), None);
    let _ = view.apply(&transaction(1, 0, 30, vec![set("three")]));
    assert_eq!(view.to_json().to_string(), r#"{"k":"three"}"#);
}

#[test]
fn changes_that_are_not_a_maps_are_passed_over() {
    let changes = [
        "null",
        "[]",
        r#"{"op":"set"}"#,
        r#"{"op":"set","key":1,"value":1}"#,
        r#"{"op":"add","key":"k","value":1}"#,
        r#"{"key":"k","value":1}"#,
        r#"{"op":"set","key":"undefined"}"#,
        r#"{"op":"set","key":"k","value":2}"#,
    ];
    let changes = changes.map(|text| Json::parse(text).unwrap()).to_vec();
    let view = map_of(&[transaction(0, 0, 1, changes)]);
    assert_eq!(view.to_json().to_string(), r#"{"k":2}"#);
    assert_eq!(view.last_entry("k").unwrap().change, 7);
}

/// Turns some of a history into copies that claim few names, so that several claim the same.
fn claim_names(dice: &mut Dice, history: &mut [ValidTransaction]) {
    for copy in history {
        if dice.below(2) == 0 {
            let claimed = u32::from(dice.below(2) == 0);
            copy.source = Some(Box::new(Position {
                copy: Some(CopyId::new(copy.id.clone(), None)),
                ..transaction(0, claimed, 1001, vec![]).position()
            }));
        }
    }
}

#[test]
fn r10_of_what_claims_one_name_the_same_is_shown_whatever_the_order_of_arrival() {
    // What a map takes for a write, and a binary stream for a chunk.
    let change = |dice: &mut Dice, _: &[ValidTransaction]| {
        let (key, value) = (["a", "b"][dice.below(2)], dice.value());
        let chunk = encode_binary(value.to_string().as_bytes());
        let text = format!(
            r#"{{"op":"set","key":"{key}","value":{value},"type":"chunk","chunk":"{chunk}"}}"#
        );
        Json::parse(&text).unwrap()
    };
    for seed in 0..100 {
        let mut dice = Dice::new(seed);
        let mut history = random_history(&mut dice, 20, change);
        claim_names(&mut dice, &mut history);
        let of = |history: &[ValidTransaction]| {
            let (mut stream, mut binary) = (StreamView::default(), BinaryView::default());
            for transaction in history {
                let _ = stream.apply(transaction);
                let _ = binary.apply(transaction);
            }
            (map_of(history), stream, binary)
        };
        let expected = of(&sorted(&history));
        dice.shuffle(&mut history);
        history.extend_from_within(..);
        let view = of(&history);
        assert!(view == expected, "seed {seed}");
        assert_eq!(
            view.0.to_json().to_string(),
            expected.0.to_json().to_string()
        );
        let items = view.1.by_time();
        let claimed = items.iter().map(|item| {
            let position = &item.position;
            (position.made_at, position.id.clone(), item.change)
        });
        let names: std::collections::BTreeSet<_> = claimed.collect();
        assert_eq!(
            names.len(),
            items.len(),
            "seed {seed}: something is shown twice"
        );
    }
}
