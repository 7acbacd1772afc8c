//! What JavaScript holds of a [`ReactiveStore`]: the value converted once per change, however many read it.
//!
//! A store of a loaded value takes part in the engine's count only while somebody subscribes; between, it is read
//! straight from the node.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::{Rc, Weak};

use cojson::ids::CoId;
use cojson::json::Json;
use engine::reactive_store::{ReactiveStore, Subscription};
use js_sys::{Function, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};

use super::host::Host;
use crate::bridge;
use crate::error::describe;

/// A value that changes.
#[wasm_bindgen(js_name = ReactiveStore, skip_typescript)]
pub struct StoreHandle(Rc<Inner>);

struct Inner {
    source: Source,
    memo: RefCell<Option<(Json, JsValue)>>,
}

enum Source {
    /// A store of the runtime's or of an actor's context.
    Store(ReactiveStore),
    /// A loaded value.
    Value(ValueSource),
}

struct ValueSource {
    host: Weak<Host>,
    id: CoId,
    open: RefCell<Option<ReactiveStore>>,
    subscribers: Cell<usize>,
}

impl StoreHandle {
    /// Of a store.
    pub(crate) fn of(store: ReactiveStore) -> Self {
        Self::new(Source::Store(store))
    }

    /// Of a loaded value.
    pub(crate) fn of_value(host: &Rc<Host>, id: CoId) -> Self {
        Self::new(Source::Value(ValueSource {
            host: Rc::downgrade(host),
            id,
            open: RefCell::default(),
            subscribers: Cell::default(),
        }))
    }

    fn new(source: Source) -> Self {
        let memo = RefCell::default();
        Self(Rc::new(Inner { source, memo }))
    }
}

#[wasm_bindgen(js_class = ReactiveStore)]
impl StoreHandle {
    /// The value now; the same object until it changes.
    #[wasm_bindgen(getter)]
    pub fn value(&self) -> JsValue {
        self.0.shown(&self.0.now())
    }

    /// Calls `listener` with the value now (unless `skipInitial`) and after every change. Returns what ends it.
    pub fn subscribe(&self, listener: Function, options: &JsValue) -> JsValue {
        let skip_initial = Reflect::get(options, &"skipInitial".into())
            .is_ok_and(|skip_initial| skip_initial.is_truthy());
        let inner = Rc::clone(&self.0);
        let subscription = inner.acquire().subscribe(
            {
                let inner = Rc::clone(&inner);
                move |value: &Json| inner.tell(&listener, value)
            },
            skip_initial,
        );
        // Whoever keeps no function to unsubscribe with has it collected, and is subscribed for good all the same.
        let mut subscription = ManuallyDrop::new(Some(subscription));
        let unsubscribe = move || inner.release(subscription.take());
        Closure::<dyn FnMut()>::new(unsubscribe).into_js_value()
    }
}

impl Inner {
    fn now(&self) -> Json {
        match &self.source {
            Source::Store(store) => store.value(),
            Source::Value(value) => value.now(),
        }
    }

    /// The value for JavaScript, converted when it is another than the last time.
    fn shown(&self, value: &Json) -> JsValue {
        if let Some((memo, shown)) = &*self.memo.borrow()
            && (memo.is_same(value) || memo == value)
        {
            return shown.clone();
        }
        let shown = bridge::to_js(value);
        *self.memo.borrow_mut() = Some((value.clone(), shown.clone()));
        shown
    }

    /// One that throws stops no other: the page's own handler of uncaught errors is told.
    fn tell(&self, listener: &Function, value: &Json) -> Result<(), String> {
        let told = listener.call1(&JsValue::UNDEFINED, &self.shown(value));
        told.map(drop).map_err(|thrown| {
            super::page::report_error(&thrown);
            describe(&thrown)
        })
    }

    fn acquire(&self) -> ReactiveStore {
        match &self.source {
            Source::Store(store) => store.clone(),
            Source::Value(value) => value.acquire(),
        }
    }

    fn release(&self, subscription: Option<Subscription>) {
        let Some(subscription) = subscription else {
            return;
        };
        drop(subscription);
        if let Source::Value(value) = &self.source {
            value.release();
        }
    }
}

impl ValueSource {
    fn now(&self) -> Json {
        let open = self.open.borrow().as_ref().map(ReactiveStore::value);
        let read = || {
            self.host
                .upgrade()?
                .engine(|engine| super::values::shown(engine.node_mut(), &self.id))
                .ok()?
        };
        open.or_else(read).unwrap_or_default()
    }

    fn acquire(&self) -> ReactiveStore {
        self.subscribers.set(self.subscribers.get() + 1);
        if let Some(store) = &*self.open.borrow() {
            return store.clone();
        }
        let opened = self
            .host
            .upgrade()
            .and_then(|host| host.engine(|engine| engine.open_store(&self.id)).ok());
        let store = opened.unwrap_or_else(|| ReactiveStore::new(Json::Null));
        *self.open.borrow_mut() = Some(store.clone());
        store
    }

    fn release(&self) {
        self.subscribers
            .set(self.subscribers.get().saturating_sub(1));
        if self.subscribers.get() == 0 {
            self.open.take();
            if let Some(host) = self.host.upgrade() {
                let now = crate::clock::now();
                let _ = host.engine(|engine| engine.close_store(&self.id, now));
                host.schedule();
            }
        }
    }
}
