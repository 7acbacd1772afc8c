//! What the surfaces of a document share: the listener for events, the views' templates, the sheets.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Weak};

use engine::view::{CompiledView, DomMarkers, NodeId};
use wasm_bindgen::prelude::*;

use super::interpreter::{View, define_view};
use super::sheets::Sheets;

/// What `patch.js` says of `checked` when the event came from no check box.
const NO_CHECK_BOX: u32 = 2;

/// An event of the screen that an actor's view has a handler for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomEvent {
    /// The actor, as numbered by the host.
    pub actor: u32,
    /// The node with the handler.
    pub node: NodeId,
    /// The handler.
    pub handler: u32,
    /// What was read off the screen.
    pub markers: DomMarkers,
}

#[rustfmt::skip]
type Listener = dyn Fn(u32, u32, u32, Option<String>, u32, u32, Option<String>, Option<String>);

/// A document's screen. Cloning shares.
#[derive(Clone)]
pub struct Screen {
    pub(super) shared: Rc<Shared>,
}

pub(super) struct Shared {
    pub(super) listener: Closure<Listener>,
    pub(super) catch_up: Closure<dyn Fn()>,
    pub(super) sheets: RefCell<Sheets>,
    views: RefCell<Vec<(Weak<CompiledView>, View)>>,
}

impl Screen {
    /// A screen whose events go to `on_event`. It is called while the browser dispatches the event, so it should only
    /// queue; it may be called again before it has returned, if it makes the browser dispatch another.
    ///
    /// `catch_up` is called before a person's typing changes a field, and before an event goes to `on_event`: what waits
    /// for the next frame is to be patched then. Else a letter typed right after a submit would be added to the text
    /// that is about to be cleared, and a text that is typed and submitted within one frame would not be cleared at all.
    pub fn new(on_event: impl Fn(DomEvent) + 'static, catch_up: impl Fn() + 'static) -> Self {
        let shared = Shared {
            listener: listener(on_event),
            catch_up: Closure::new(catch_up),
            sheets: RefCell::default(),
            views: RefCell::default(),
        };
        Self {
            shared: Rc::new(shared),
        }
    }

    /// How many sheets the surfaces show.
    pub fn sheet_count(&self) -> usize {
        self.shared.sheets.borrow().count()
    }

    /// The view's templates, told to JavaScript once.
    pub(super) fn define(&self, view: &Arc<CompiledView>) -> View {
        let mut views = self.shared.views.borrow_mut();
        views.retain(|(known, _)| known.strong_count() > 0);
        let known = views
            .iter()
            .find(|(known, _)| std::ptr::eq(known.as_ptr(), Arc::as_ptr(view)));
        if let Some((_, defined)) = known {
            return defined.clone();
        }
        let defined = define_view(view.description());
        views.push((Arc::downgrade(view), defined.clone()));
        defined
    }
}

fn listener(on_event: impl Fn(DomEvent) + 'static) -> Closure<Listener> {
    Closure::new(
        move |actor, node, handler, input_value, field, checked, data_column, key| {
            let text = |text: Option<String>| text.map(Arc::from);
            let markers = DomMarkers {
                input_value: text(input_value),
                field: Some(field).filter(|field| *field != 0),
                checked: Some(checked == 1).filter(|_| checked != NO_CHECK_BOX),
                data_column: text(data_column),
                key: text(key),
            };
            on_event(DomEvent {
                actor,
                node,
                handler,
                markers,
            });
        },
    )
}
