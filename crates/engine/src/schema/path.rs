//! JSON paths as text, and those into a value while it is checked.

use crate::definition_error::{push_index, push_key};

/// The path with a member's name.
pub(super) fn with_key(path: &str, name: &str) -> String {
    let mut path = path.to_owned();
    push_key(&mut path, name);
    path
}

/// The path with an item's index.
pub(super) fn with_index(path: &str, index: usize) -> String {
    let mut path = path.to_owned();
    push_index(&mut path, index);
    path
}

/// Where in the value the check is: nothing is allocated until a violation is told.
#[derive(Clone, Copy)]
pub(super) enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl Path<'_> {
    pub(super) fn to_text(self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Key(outer, name) => with_key(&outer.to_text(), name),
            Self::Index(outer, index) => with_index(&outer.to_text(), index),
        }
    }
}
