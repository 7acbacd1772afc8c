//! Notes are kept by key, found by what their keys begin with, and changed together.

use crate::{NoteChange, Notes};

fn put(notes: &[(&str, &str)]) -> NoteChange {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    NoteChange {
        put: notes.iter().map(owned).collect(),
        forget: Vec::new(),
    }
}

#[track_caller]
fn check(storage: &mut dyn Notes, prefix: &str, expected: &[(&str, &str)]) {
    assert_eq!(
        storage.notes(prefix).unwrap(),
        put(expected).put,
        "{prefix}"
    );
}

pub(super) fn notes_are_kept_by_key(storage: &mut dyn Notes) {
    check(storage, "", &[]);
    storage
        .change_notes(&put(&[("b:2", "two"), ("a", "ä'\"%_"), ("b:1", "")]))
        .unwrap();
    check(storage, "", &[("a", "ä'\"%_"), ("b:1", ""), ("b:2", "two")]);
    check(storage, "b:", &[("b:1", ""), ("b:2", "two")]);
    check(storage, "b:2:", &[]);
    let mut change = put(&[("b:2", "three"), ("c%", "4")]);
    change.forget = vec!["b:1".into(), "never there".into()];
    storage.change_notes(&change).unwrap();
    check(storage, "b", &[("b:2", "three")]);
    check(storage, "c%", &[("c%", "4")]);
    check(storage, "%", &[]);
}
