//! Lists: the incremental sequence against the tree as the protocol describes it.

use std::collections::{HashMap, HashSet};

use super::*;

/// The tree of the protocol, read out as the reference reads it out.
#[derive(Default)]
struct Tree {
    nodes: HashMap<OpId, Node>,
    after_start: Vec<OpId>,
    before_end: Vec<OpId>,
    deleted: HashSet<OpId>,
}

#[derive(Default)]
struct Node {
    value: Json,
    predecessors: Vec<OpId>,
    successors: Vec<OpId>,
}

impl Tree {
    fn of(sorted: &[ValidTransaction]) -> Self {
        let mut tree = Self::default();
        for transaction in sorted {
            for (change, json) in (0..).zip(&transaction.changes) {
                let id = op_id(transaction, change);
                tree.apply(id, ListChange::from_json(json).unwrap());
            }
        }
        tree
    }

    fn apply(&mut self, id: OpId, change: ListChange) {
        let (value, siblings) = match change {
            ListChange::Delete { insertion } => {
                self.deleted.insert(insertion);
                return;
            }
            ListChange::InsertAfter { value, after } => match after {
                None => (value, Some(&mut self.after_start)),
                Some(anchor) => {
                    let node = self.nodes.get_mut(&anchor);
                    (value, node.map(|node| &mut node.successors))
                }
            },
            ListChange::InsertBefore { value, before } => match before {
                None => (value, Some(&mut self.before_end)),
                Some(anchor) => {
                    let node = self.nodes.get_mut(&anchor);
                    (value, node.map(|node| &mut node.predecessors))
                }
            },
        };
        if let Some(siblings) = siblings {
            siblings.push(id.clone());
        }
        let node = Node {
            value,
            ..Node::default()
        };
        self.nodes.insert(id, node);
    }

    fn read_out(&self) -> Vec<Json> {
        let mut values = Vec::new();
        for root in self.after_start.iter().chain(&self.before_end) {
            let mut stack = vec![root];
            let mut visited = HashSet::new();
            while let Some(id) = stack.last().copied() {
                let node = &self.nodes[id];
                if !node.predecessors.is_empty() && visited.insert(id) {
                    stack.extend(&node.predecessors);
                    continue;
                }
                stack.pop();
                if !self.deleted.contains(id) {
                    values.push(node.value.clone());
                }
                stack.extend(&node.successors);
            }
        }
        values
    }
}

fn op_id(transaction: &ValidTransaction, change: u32) -> OpId {
    OpId {
        transaction: transaction.id.clone(),
        change,
        branch: None,
    }
}

fn random_list_change(dice: &mut Dice, history: &[ValidTransaction]) -> Json {
    let anchor = |dice: &mut Dice| {
        let recent = history.len().saturating_sub(1 + dice.below(8));
        history.get(recent).map(|transaction| op_id(transaction, 0))
    };
    let value = dice.value();
    let change = match dice.below(10) {
        0 => ListChange::InsertAfter { value, after: None },
        1 => ListChange::InsertBefore {
            value,
            before: None,
        },
        2..=4 => ListChange::InsertBefore {
            value,
            before: anchor(dice),
        },
        5 => anchor(dice).map_or(
            ListChange::InsertAfter { value, after: None },
            |insertion| ListChange::Delete { insertion },
        ),
        _ => ListChange::InsertAfter {
            value,
            after: anchor(dice),
        },
    };
    change.to_json()
}

/// Applies in order of arrival, rebuilding when the view asks for it, as a node does.
fn arrive(history: &[ValidTransaction]) -> ListView {
    let mut view = ListView::default();
    let mut rebuilt = false;
    for (number, transaction) in history.iter().enumerate() {
        if view.apply(transaction) == Applied::Outdated {
            view = ListView::rebuild(&sorted(&history[..=number]));
            rebuilt = true;
        }
    }
    assert!(rebuilt || *history == sorted(history));
    view
}

fn values(view: &ListView) -> Vec<Json> {
    view.iter().cloned().collect()
}

#[test]
fn r10_lists_agree_with_the_protocols_tree_whatever_the_order_of_arrival() {
    for seed in 0..60 {
        let mut dice = Dice::new(seed);
        let length = if seed % 10 == 0 { 1500 } else { 60 };
        let mut history = random_history(&mut dice, length, random_list_change);
        let expected = Tree::of(&sorted(&history)).read_out();
        assert_eq!(values(&ListView::rebuild(&sorted(&history))), expected);
        if length < 100 {
            dice.shuffle(&mut history);
            assert_eq!(values(&arrive(&history)), expected, "seed {seed}");
        }
    }
}

#[test]
fn places_and_ids_tell_the_same_items() {
    let mut dice = Dice::new(1);
    let view = ListView::rebuild(&sorted(&random_history(
        &mut dice,
        2000,
        random_list_change,
    )));
    assert!(view.len() > 300, "{}", view.len());
    for (index, (id, value)) in view.entries().enumerate() {
        assert_eq!(view.get(index), Some(value));
        assert_eq!(view.id_of(index), Some(id));
        assert_eq!(view.index_of(id), Some(index));
    }
    assert_eq!(view.get(view.len()), None);
    assert_eq!(view.id_of(usize::MAX - 1), None);
}

/// Edits at places, checked against a plain vector.
#[test]
fn edits_at_places_do_what_a_vector_does() {
    let mut dice = Dice::new(3);
    let (mut view, mut vector) = (ListView::default(), Vec::new());
    for number in 0..600_u32 {
        let place = dice.below(vector.len() + 1);
        let new: Vec<Json> = (0..dice.below(4)).map(|_| dice.value()).collect();
        let changes = match dice.below(4) {
            0 => {
                vector.extend(new.clone());
                view.append(new)
            }
            1 => {
                vector.splice(place..place, new.clone());
                view.insert(place, new)
            }
            2 if place < vector.len() => {
                vector[place] = number.into();
                view.replace_at(place, number.into())
            }
            _ => {
                let count = dice.below(3).min(vector.len() - place);
                vector.drain(place..place + count);
                view.delete_at(place, count)
            }
        };
        let changes = changes.iter().map(ListChange::to_json).collect();
        let made = transaction(0, number, 1000 + u64::from(number), changes);
        assert_eq!(view.apply(&made), Applied::Shown);
        assert_eq!(values(&view), vector, "step {number}");
    }
}

/// The reference's way to write several items, which its readers rely on.
#[test]
fn several_items_after_another_are_written_in_reverse() {
    let written = |view: &ListView| -> Vec<Json> {
        let changes = view.append(["a".into(), "b".into()]);
        changes.iter().map(ListChange::to_json).collect()
    };
    let mut view = ListView::default();
    let changes = written(&view);
    assert_eq!(changes[0].get("value"), Some(&"a".into()));
    assert_eq!(changes[0].get("after"), Some(&"start".into()));
    let _ = view.apply(&transaction(0, 0, 1, changes));
    let changes = written(&view);
    assert_eq!(changes[0].get("value"), Some(&"b".into()));
    let _ = view.apply(&transaction(0, 1, 2, changes));
    assert_eq!(view.to_text(), "abab");
}

#[test]
fn r10_items_of_the_same_time_after_the_same_anchor_stand_the_same_way_everywhere() {
    let first = transaction(
        0,
        0,
        1,
        vec![
            ListChange::InsertAfter {
                value: "x".into(),
                after: None,
            }
            .to_json(),
        ],
    );
    let after_first = |author, value: &str| {
        let change = ListChange::InsertAfter {
            value: value.into(),
            after: Some(op_id(&first, 0)),
        };
        transaction(author, 0, 2, vec![change.to_json()])
    };
    let (of_b, of_c) = (after_first(1, "b"), after_first(2, "c"));
    let one = arrive(&[first.clone(), of_b.clone(), of_c.clone()]);
    let other = arrive(&[first.clone(), of_c, of_b]);
    assert_eq!(one.to_text(), "xcb");
    assert_eq!(other.to_text(), "xcb");
}

#[test]
fn a_deletion_that_comes_before_its_item_still_deletes_it() {
    let item = |index, made_at| {
        let change = ListChange::InsertAfter {
            value: "x".into(),
            after: None,
        };
        transaction(0, index, made_at, vec![change.to_json()])
    };
    let (kept, deleted) = (item(0, 5), item(1, 6));
    let deletion = ListChange::Delete {
        insertion: op_id(&deleted, 0),
    };
    let early = transaction(1, 0, 1, vec![deletion.to_json(), deletion.to_json()]);
    let view = ListView::rebuild(&[early, kept.clone(), deleted]);
    assert_eq!(view.len(), 1);
    assert_eq!(view.id_of(0), Some(&op_id(&kept, 0)));
}

#[test]
fn changes_that_are_not_a_lists_are_passed_over_and_keep_their_numbers() {
    let changes = [
        r#"{"op":"app","value":1}"#,
        r#"{"op":"app","value":1,"after":"end"}"#,
        r#"{"op":"pre","value":1,"before":{"sessionID":"x","txIndex":0,"changeIdx":0}}"#,
        r#"{"op":"app","value":1,"after":{"sessionID":"co_zA_session_z1","txIndex":-1,"changeIdx":0}}"#,
        r#"{"op":"del"}"#,
        r#"{"op":"app","value":1,"after":"start"}"#,
    ];
    let changes = changes.map(|text| Json::parse(text).unwrap()).to_vec();
    let view = ListView::rebuild(&[transaction(0, 0, 1, changes)]);
    assert_eq!(view.len(), 1);
    let id = view.id_of(0).unwrap();
    assert_eq!(id.change, 5);
    assert_eq!(
        id.to_json().to_string(),
        r#"{"sessionID":"co_zA_session_z1","txIndex":0,"changeIdx":5}"#
    );
}

#[test]
fn items_merged_from_a_branch_are_found_by_their_id_there() {
    let mut merged = transaction(
        0,
        0,
        9,
        vec![
            ListChange::InsertAfter {
                value: "m".into(),
                after: None,
            }
            .to_json(),
        ],
    );
    merged.source = Some(Box::new(Position {
        branch: Some("co_zD".into()),
        ..transaction(1, 4, 3, vec![]).position()
    }));
    let id = OpId {
        transaction: transaction(1, 4, 3, vec![]).id,
        change: 0,
        branch: Some("co_zD".into()),
    };
    let change = ListChange::InsertAfter {
        value: "n".into(),
        after: Some(id.clone()),
    };
    let json = Json::parse(&change.to_json().to_string()).unwrap();
    assert_eq!(ListChange::from_json(&json), Some(change));
    let view = ListView::rebuild(&[merged, transaction(2, 0, 10, vec![json])]);
    assert_eq!(view.to_text(), "mn");
    assert_eq!(view.id_of(0), Some(&id));
}
