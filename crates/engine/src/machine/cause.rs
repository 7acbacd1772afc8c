//! What leads to what. Whatever a step makes or calls is named after what led to it, and not after when in the step it was: a
//! built-in tool that had to wait on one device may have been done at once on another, which handled the same message, and
//! both must have made the same.

use std::cell::Cell;
use std::rc::Rc;

use super::CallId;

/// What is being handled: a message, an event for later, an answer; in a list of actions, the built-in call before.
///
/// The default has no name: nobody else handles that, and what it leads to may have any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause(Option<Rc<Named>>);

#[derive(Debug, PartialEq, Eq)]
struct Named {
    name: Box<str>,
    /// How many things were named after it so far.
    count: Cell<u32>,
}

impl Cause {
    /// What has that name, whoever handles it: a message's place, the id of a timer or a call.
    pub fn new(name: &str) -> Self {
        let (name, count) = (name.into(), Cell::new(0));
        Self(Some(Rc::new(Named { name, count })))
    }

    /// The name of the next thing that it leads to; `None`: any will do.
    pub fn next(&self) -> Option<CallId> {
        let Named { name, count } = &**self.0.as_ref()?;
        count.set(count.get() + 1);
        Some(CallId::new(format!("{name}-{}", count.get())))
    }
}
