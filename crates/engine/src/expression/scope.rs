//! What an expression can see while it is evaluated.

use std::sync::Arc;

use cojson::json::Json;

/// The values around an expression. Cheap to copy; it only borrows.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The actor's context: `$path`.
    pub context: &'a Json,
    /// The event's payload or the row's item: `$$path`.
    pub item: Option<&'a Json>,
    /// The last tool's result: `$$result`.
    pub result: Option<&'a Json>,
    /// The value that an update is about to change: `$existing.path`. Absent: the context's `existing`.
    pub existing: Option<&'a Json>,
    /// Names given by `as`, the innermost first: `$$name`.
    pub locals: Option<&'a Local<'a>>,
    /// The values of the markers: `("@inputValue", …)`.
    pub markers: &'a [(&'a str, Json)],
    /// The time of the step, in milliseconds since 1970: `$now`.
    pub now_ms: Option<f64>,
    /// The type of the event at hand: `$eventType`.
    pub event_type: Option<&'a Arc<str>>,
}

impl<'a> Scope<'a> {
    /// A scope with a context and nothing else.
    pub fn new(context: &'a Json) -> Self {
        Self {
            context,
            item: None,
            result: None,
            existing: None,
            locals: None,
            markers: &[],
            now_ms: None,
            event_type: None,
        }
    }

    /// The same with this item.
    #[must_use]
    pub fn with_item(self, item: &'a Json) -> Self {
        Self {
            item: Some(item),
            ..self
        }
    }

    /// The same with this tool result, or none.
    #[must_use]
    pub fn with_result(self, result: Option<&'a Json>) -> Self {
        Self { result, ..self }
    }

    /// The same with this existing value.
    #[must_use]
    pub fn with_existing(self, existing: &'a Json) -> Self {
        Self {
            existing: Some(existing),
            ..self
        }
    }

    /// The same at that time, in milliseconds since 1970.
    #[must_use]
    pub fn at(self, now_ms: f64) -> Self {
        Self {
            now_ms: Some(now_ms),
            ..self
        }
    }

    /// The same with an event of that type at hand.
    #[must_use]
    pub fn with_event_type(self, event_type: &'a Arc<str>) -> Self {
        Self {
            event_type: Some(event_type),
            ..self
        }
    }

    /// The same with these locals; make them with [`Local::inside`].
    #[must_use]
    pub fn with_local(self, local: &'a Local<'a>) -> Self {
        Self {
            locals: Some(local),
            ..self
        }
    }

    /// The same with these marker values.
    #[must_use]
    pub fn with_markers(self, markers: &'a [(&'a str, Json)]) -> Self {
        Self { markers, ..self }
    }

    /// The value of the innermost local of that name.
    pub(super) fn local(&self, name: &str) -> Option<&'a Json> {
        std::iter::successors(self.locals, |local| local.outer)
            .find(|local| local.name == name)
            .map(|local| local.value)
    }

    /// The value of the marker of that name.
    pub(super) fn marker(&self, name: &str) -> Option<&'a Json> {
        self.markers
            .iter()
            .find(|(marker, _)| *marker == name)
            .map(|(_, value)| value)
    }
}

/// One name given by `as`, inside others.
#[derive(Clone, Copy, Debug)]
pub struct Local<'a> {
    name: &'a str,
    value: &'a Json,
    outer: Option<&'a Local<'a>>,
}

impl<'a> Local<'a> {
    /// A name for a value, hiding the same name of the locals outside.
    pub fn inside(outer: Option<&'a Local<'a>>, name: &'a str, value: &'a Json) -> Self {
        Self { name, value, outer }
    }
}
