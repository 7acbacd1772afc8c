//! Which actors are shown where, and when: at most one patch per actor and frame (R6), and another frame for what
//! changed meanwhile (R5).

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use cojson::collections::SortedMap;
use engine::actor::{ActorEngine, ActorId};
use engine::style::SheetId;
use engine::view::{CompiledView, Patch, SlotChange};
use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Element;

use super::error::RuntimeError;
use super::host::Host;
use super::page;
use crate::dom::{DomEvent, Screen, ScreenError, Surface};

/// How long after a change a page that nobody sees, and that gets no frames, is patched.
const HIDDEN_FRAME_MS: u32 = 50;

/// Rounds of patches in one frame, where a patch shows children that are to be patched themselves.
const ROUNDS_MAX: usize = 64;

/// The actors on the screen.
#[derive(Default)]
pub(crate) struct Stage {
    screen: OnceCell<Screen>,
    shown: RefCell<SortedMap<ActorId, Rc<Shown>>>,
    /// The elements of children that do not run yet.
    awaited: RefCell<SortedMap<ActorId, Element>>,
    numbers: RefCell<SortedMap<u32, ActorId>>,
    numbers_given: Cell<u32>,
    is_frame_planned: Cell<bool>,
}

/// An actor on the screen.
struct Shown {
    surface: Surface,
    number: u32,
    element: Element,
    view: RefCell<Arc<CompiledView>>,
    sheet: Cell<Option<SheetId>>,
    /// The children in its slots, by node.
    children: RefCell<SortedMap<u32, ActorId>>,
}

impl Stage {
    /// Takes an actor and the children in its slots off the screen.
    pub(crate) fn detach(&self, actor: &ActorId) {
        self.awaited.borrow_mut().remove(actor);
        let Some(shown) = self.shown.borrow_mut().remove(actor) else {
            return;
        };
        self.numbers.borrow_mut().remove(&shown.number);
        for child in shown.children.take().into_values() {
            self.detach(&child);
        }
    }

    /// Takes everything off the screen.
    pub(crate) fn clear(&self) {
        self.awaited.take();
        self.numbers.take();
        drop(self.shown.take());
    }

    fn shown(&self, actor: &ActorId) -> Option<Rc<Shown>> {
        self.shown.borrow().get(actor).cloned()
    }

    /// The child's element: that of its surface, or one that waits for it.
    fn element_of(&self, child: &ActorId) -> Option<Element> {
        if let Some(shown) = self.shown(child) {
            return Some(shown.element.clone());
        }
        if let Some(element) = self.awaited.borrow().get(child) {
            return Some(element.clone());
        }
        let element = web_sys::window()?.document()?.create_element("div").ok()?;
        self.awaited
            .borrow_mut()
            .insert(child.clone(), element.clone());
        Some(element)
    }
}

impl Host {
    /// Shows a running actor in an element; nothing, if it has no view.
    pub(crate) fn attach(
        self: &Rc<Self>,
        actor: &ActorId,
        element: &Element,
    ) -> Result<(), RuntimeError> {
        let Some(view) = self.engine(|engine| engine.view(actor))? else {
            return Ok(());
        };
        self.stage.detach(actor);
        let number = self.stage.numbers_given.get() + 1;
        self.stage.numbers_given.set(number);
        let surface = Surface::attach(self.screen(), element, number, &view)?;
        self.engine(|engine| engine.reset_screen(actor))?;
        let shown = Shown {
            surface,
            number,
            element: element.clone(),
            view: RefCell::new(view),
            sheet: Cell::default(),
            children: RefCell::default(),
        };
        self.stage
            .numbers
            .borrow_mut()
            .insert(number, actor.clone());
        self.stage
            .shown
            .borrow_mut()
            .insert(actor.clone(), Rc::new(shown));
        self.render_now();
        Ok(())
    }

    /// An actor runs: if a slot waits for it, it is shown.
    pub(crate) fn show_awaited(self: &Rc<Self>, actor: &ActorId) {
        let element = self.stage.awaited.borrow_mut().remove(actor);
        if let Some(element) = element
            && let Err(error) = self.attach(actor, &element)
        {
            self.problem(&error);
        }
    }

    fn screen(self: &Rc<Self>) -> &Screen {
        self.stage.screen.get_or_init(|| {
            let (listening, typed) = (Rc::downgrade(self), Rc::downgrade(self));
            let on_event = move |event: DomEvent| {
                if let Some(host) = listening.upgrade() {
                    host.on_dom_event(&event);
                }
            };
            let catch_up = move || {
                if let Some(host) = typed.upgrade() {
                    host.catch_up();
                }
            };
            Screen::new(on_event, catch_up)
        })
    }

    fn on_dom_event(self: &Rc<Self>, event: &DomEvent) {
        let actor = self.stage.numbers.borrow().get(&event.actor).cloned();
        let Some(actor) = actor else {
            return;
        };
        let sent = self
            .input(|engine| engine.dom_event(&actor, event.node, event.handler, &event.markers));
        if let Ok(Err(error)) = sent {
            self.problem(&RuntimeError::from(error));
        }
    }

    /// Plans to patch the screen at the next frame.
    pub(crate) fn plan_frame(self: &Rc<Self>) {
        if self.stage.is_frame_planned.replace(true) {
            return;
        }
        let host = Rc::downgrade(self);
        let frame = move || {
            if let Some(host) = host.upgrade() {
                host.render_now();
            }
        };
        if page::is_hidden() {
            Timeout::new(HIDDEN_FRAME_MS, frame).forget();
        } else {
            let frame = Closure::once_into_js(move |_: JsValue| frame());
            let window = web_sys::window();
            drop(window.map(|window| window.request_animation_frame(frame.unchecked_ref())));
        }
    }

    /// Patches what waits for the frame before its time.
    fn catch_up(self: &Rc<Self>) {
        if self.stage.is_frame_planned.get() {
            self.render_now();
        }
    }

    /// Patches what is out of date, now.
    pub(crate) fn render_now(self: &Rc<Self>) {
        self.stage.is_frame_planned.set(false);
        for _ in 0..ROUNDS_MAX {
            let pending = self
                .engine(ActorEngine::take_pending_rerenders)
                .unwrap_or_default();
            if pending.is_empty() {
                return;
            }
            for actor in &pending {
                self.render(actor);
            }
        }
        self.plan_frame();
    }

    fn render(self: &Rc<Self>, actor: &ActorId) {
        let Some(shown) = self.stage.shown(actor) else {
            return;
        };
        let result = self.patch(actor, &shown);
        if let Err(error) = result {
            self.problem(&error);
        }
    }

    fn patch(self: &Rc<Self>, actor: &ActorId, shown: &Shown) -> Result<(), RuntimeError> {
        self.follow_documents(actor, shown)?;
        let mut patch = Patch::new();
        self.engine(|engine| engine.render(actor, &mut patch))?;
        if patch.is_empty() {
            return Ok(());
        }
        self.counts.borrow_mut().renders += 1;
        shown.surface.apply(&patch)?;
        for slot in patch.slots() {
            self.fill(actor, shown, slot)?;
        }
        Ok(())
    }

    /// Takes over a view or a style that was edited.
    fn follow_documents(&self, actor: &ActorId, shown: &Shown) -> Result<(), RuntimeError> {
        let view = self.engine(|engine| engine.view(actor))?;
        if let Some(view) = view
            && !Arc::ptr_eq(&view, &shown.view.borrow())
        {
            shown.surface.show_view(&view);
            shown.view.replace(view);
            shown.children.take();
        }
        self.engine(|engine| {
            let sheet = engine.sheet(actor);
            let style = sheet.and_then(|sheet| Some((sheet, engine.styles().get(sheet)?)));
            if let Some((sheet, style)) = style
                && shown.sheet.get() != Some(sheet)
            {
                shown.surface.style(sheet, style)?;
                shown.sheet.set(Some(sheet));
            }
            Ok::<_, ScreenError>(())
        })??;
        Ok(())
    }

    /// Puts the child that a slot names into it.
    fn fill(
        self: &Rc<Self>,
        parent: &ActorId,
        shown: &Shown,
        slot: &SlotChange,
    ) -> Result<(), RuntimeError> {
        let child = match &slot.child {
            Some(name) => self.input(|engine| engine.child(parent, name))??,
            None => None,
        };
        let Some(child) = child else {
            shown.children.borrow_mut().remove(&slot.node);
            return Ok(shown.surface.mount(slot.node, None)?);
        };
        let element = self.stage.element_of(&child);
        shown.surface.mount(slot.node, element.as_ref())?;
        shown.children.borrow_mut().insert(slot.node, child.clone());
        if self.engine(|engine| engine.is_ready(&child))? {
            self.show_awaited(&child);
        }
        Ok(())
    }
}
