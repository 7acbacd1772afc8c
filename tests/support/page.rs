//! A page for the tests of the screen: an actor's view shown in an element, and what a person does to it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file takes what it needs"
)]

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use cojson::json::Json;
use engine::view::{CompiledView, OutgoingEvent, Patch, ViewInstance};
use pleione::dom::{DomEvent, Screen, Surface};
use wasm_bindgen::prelude::*;
use web_sys::Element;

#[wasm_bindgen(inline_js = r"
const within = (host, selector) => host.shadowRoot.querySelector(selector);
export function add_host() {
  const host = document.createElement('div');
  document.body.appendChild(host);
  return host;
}
export function find(host, selector) { return within(host, selector) ?? undefined; }
export function texts(host, selector) {
  return [...host.shadowRoot.querySelectorAll(selector)].map((node) => node.textContent).join(' ');
}
export function html(host) { return host.shadowRoot.innerHTML; }
export function get(host, selector, property) { return String(within(host, selector)[property]); }
export function style_of(host, selector, property) {
  return getComputedStyle(within(host, selector))[property];
}
export function focus(host, selector) { within(host, selector).focus(); }
export function blur(host, selector) { within(host, selector).blur(); }
export function active(host) { return host.shadowRoot.activeElement?.id ?? ''; }
export function select(host, selector, start, end) { within(host, selector).setSelectionRange(start, end); }
export function selection(host, selector) {
  const { selectionStart, selectionEnd } = within(host, selector);
  return `${selectionStart}-${selectionEnd}`;
}
export function type_text(host, selector, text) {
  const node = within(host, selector);
  node.setRangeText(text, node.selectionStart, node.selectionEnd, 'end');
  node.dispatchEvent(new InputEvent('input', { bubbles: true, composed: true }));
}
export function fire(host, selector, type, init) {
  const Kind = { keydown: KeyboardEvent, click: MouseEvent }[type] ?? Event;
  const event = new Kind(type, { bubbles: true, composed: true, cancelable: true, ...JSON.parse(init) });
  within(host, selector).dispatchEvent(event);
  return event.defaultPrevented;
}
export function click(host, selector) { within(host, selector).click(); }
export function mark(host, selector, name) { within(host, selector)[name] = true; }
export function marked(host, selector, name) { return within(host, selector)?.[name] === true; }
export function set_scroll(host, selector, top) { within(host, selector).scrollTop = top; }
export function sheet(host) { return host.shadowRoot.adoptedStyleSheets[0]; }
export function document_sheet_count() { return document.adoptedStyleSheets.length; }
export function now() { return performance.now(); }
export function refuse_move_before() {
  const { moveBefore } = Element.prototype;
  Element.prototype.moveBefore = undefined;
  return () => { Element.prototype.moveBefore = moveBefore; };
}
")]
extern "C" {
    pub fn add_host() -> Element;
    pub fn find(host: &Element, selector: &str) -> Option<Element>;
    pub fn texts(host: &Element, selector: &str) -> String;
    pub fn html(host: &Element) -> String;
    pub fn get(host: &Element, selector: &str, property: &str) -> String;
    pub fn style_of(host: &Element, selector: &str, property: &str) -> String;
    pub fn focus(host: &Element, selector: &str);
    pub fn blur(host: &Element, selector: &str);
    pub fn active(host: &Element) -> String;
    pub fn select(host: &Element, selector: &str, start: u32, end: u32);
    pub fn selection(host: &Element, selector: &str) -> String;
    pub fn type_text(host: &Element, selector: &str, text: &str);
    pub fn fire(host: &Element, selector: &str, event: &str, init: &str) -> bool;
    pub fn click(host: &Element, selector: &str);
    pub fn mark(host: &Element, selector: &str, name: &str);
    pub fn marked(host: &Element, selector: &str, name: &str) -> bool;
    pub fn set_scroll(host: &Element, selector: &str, top: f64);
    pub fn sheet(host: &Element) -> JsValue;
    pub fn document_sheet_count() -> u32;
    pub fn now() -> f64;
    pub fn refuse_move_before() -> js_sys::Function;
}

/// A view on the page, driven as the host does.
pub struct Page {
    pub host: Element,
    pub screen: Screen,
    pub surface: Surface,
    pub instance: ViewInstance,
    pub context: Json,
    events: Rc<RefCell<Vec<DomEvent>>>,
}

impl Page {
    pub fn new(view: &str, context: &str) -> Self {
        let events: Rc<RefCell<Vec<DomEvent>>> = Rc::default();
        let heard = events.clone();
        let screen = Screen::new(move |event| heard.borrow_mut().push(event), || {});
        let host = add_host();
        let view = Arc::new(CompiledView::compile(&Json::parse(view).unwrap()).unwrap());
        let mut page = Self {
            surface: Surface::attach(&screen, &host, 7, &view).unwrap(),
            host,
            screen,
            instance: ViewInstance::new(view),
            context: Json::Null,
            events,
        };
        page.show(Json::parse(context).unwrap());
        page
    }

    /// Patches the screen, and mounts a new element with the child's name for every slot.
    pub fn show(&mut self, context: Json) {
        let mut patch = Patch::new();
        self.instance.patch(&context, &mut patch);
        self.surface.apply(&patch).unwrap();
        for slot in patch.slots() {
            let child = slot.child.as_ref().map(|name| {
                let child = add_host();
                child.set_id(name);
                child
            });
            self.surface.mount(slot.node, child.as_ref()).unwrap();
        }
        self.context = context;
    }

    pub fn set(&mut self, key: &str, value: &str) {
        let mut members = self.context.as_object().unwrap().clone();
        members.insert(key.into(), Json::parse(value).unwrap());
        self.show(members.into());
    }

    /// What the events since the last call send.
    pub fn sent(&mut self) -> Vec<OutgoingEvent> {
        let events = std::mem::take(&mut *self.events.borrow_mut());
        events
            .into_iter()
            .filter_map(|event| {
                assert_eq!(event.actor, 7);
                let DomEvent {
                    node,
                    handler,
                    markers,
                    ..
                } = event;
                self.instance
                    .event(node, handler, &markers, &self.context)
                    .unwrap()
            })
            .collect()
    }

    /// The same, as `TYPE{payload}` with spaces between.
    pub fn sent_text(&mut self) -> String {
        let sent = self.sent().into_iter();
        let texts: Vec<String> = sent
            .map(|event| format!("{}{}", event.event_type, event.payload))
            .collect();
        texts.join(" ")
    }
}
