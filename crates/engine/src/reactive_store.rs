//! A value that changes, and those who want to know: what a Svelte store is, and what React's
//! `useSyncExternalStore` needs.
//!
//! A subscriber that sets the store again, subscribes, or unsubscribes anybody while it is being told is fine: every
//! subscriber is told the newest value last, never an older one after it. One that fails stops no other (R7). The
//! store knows neither who feeds it nor when it is no longer needed; that is counted in `subscription_cache`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use cojson::json::Json;

/// How often one `set` may lead to the next inside subscribers before it is taken for a loop.
const ROUNDS_MAX: u32 = 1_000;

type Callback = Box<dyn FnMut(&Json) -> Result<(), String>>;

/// A handle of a store; clones are the same store.
#[derive(Clone)]
pub struct ReactiveStore(Rc<Inner>);

struct Inner {
    value: RefCell<Json>,
    /// How many values there have been.
    version: Cell<u64>,
    subscribers: RefCell<Vec<Rc<Subscriber>>>,
    is_telling: Cell<bool>,
}

struct Subscriber {
    /// Absent while it runs.
    callback: RefCell<Option<Callback>>,
    /// The version that it was told last.
    told: Cell<u64>,
    is_subscribed: Cell<bool>,
}

/// Ends when it is dropped.
#[must_use = "a subscription ends when it is dropped"]
pub struct Subscription {
    store: Weak<Inner>,
    subscriber: Rc<Subscriber>,
    /// Why the subscriber failed when it was told the first value, if it did.
    pub first_failure: Option<String>,
}

impl ReactiveStore {
    /// A store with that value and no subscribers.
    pub fn new(value: Json) -> Self {
        Self(Rc::new(Inner {
            value: RefCell::new(value),
            version: Cell::new(1),
            subscribers: RefCell::default(),
            is_telling: Cell::new(false),
        }))
    }

    /// The value now.
    pub fn value(&self) -> Json {
        self.0.value.borrow().clone()
    }

    /// How many subscribe.
    pub fn subscriber_count(&self) -> usize {
        self.0.subscribers.borrow().len()
    }

    /// Calls `callback` with every value from now on, and, unless `skip_initial`, with the one now before it returns.
    pub fn subscribe(
        &self,
        callback: impl FnMut(&Json) -> Result<(), String> + 'static,
        skip_initial: bool,
    ) -> Subscription {
        let version = self.0.version.get();
        let subscriber = Rc::new(Subscriber {
            callback: RefCell::new(Some(Box::new(callback))),
            told: Cell::new(if skip_initial { version } else { 0 }),
            is_subscribed: Cell::new(true),
        });
        self.0.subscribers.borrow_mut().push(Rc::clone(&subscriber));
        let mut failures = Vec::new();
        self.0.tell(&subscriber, &mut failures);
        if self.0.is_pending(&subscriber) {
            // It set the store while it was told the first value.
            self.0.tell_all(&mut failures);
        }
        Subscription {
            store: Rc::downgrade(&self.0),
            subscriber,
            first_failure: failures.into_iter().next(),
        }
    }

    /// Changes the value and tells every subscriber; why some of them failed. The very same value is no change.
    ///
    /// Called by a subscriber, it returns at once, and the `set` that told that subscriber tells the new value.
    pub fn set(&self, value: Json) -> Vec<String> {
        if self.0.value.borrow().is_same(&value) {
            return Vec::new();
        }
        self.0.value.replace(value);
        self.0.version.set(self.0.version.get() + 1);
        let mut failures = Vec::new();
        self.0.tell_all(&mut failures);
        failures
    }
}

impl Inner {
    fn is_pending(&self, subscriber: &Subscriber) -> bool {
        let is_running = subscriber.callback.borrow().is_none();
        subscriber.is_subscribed.get() && !is_running && subscriber.told.get() < self.version.get()
    }

    /// Tells the newest value to whoever has not heard it, until everybody has.
    fn tell_all(&self, failures: &mut Vec<String>) {
        if self.is_telling.replace(true) {
            return;
        }
        for _ in 0..ROUNDS_MAX {
            let mut pending = self.subscribers.borrow().clone();
            pending.retain(|subscriber| self.is_pending(subscriber));
            if pending.is_empty() {
                self.is_telling.set(false);
                return;
            }
            for subscriber in pending {
                self.tell(&subscriber, failures);
            }
        }
        self.is_telling.set(false);
        failures.push(format!(
            "subscribers set the store {ROUNDS_MAX} times while they were told its value"
        ));
    }

    fn tell(&self, subscriber: &Subscriber, failures: &mut Vec<String>) {
        if !self.is_pending(subscriber) {
            return;
        }
        let Some(mut callback) = subscriber.callback.take() else {
            return;
        };
        subscriber.told.set(self.version.get());
        let value = self.value.borrow().clone();
        failures.extend(callback(&value).err());
        if subscriber.is_subscribed.get() {
            subscriber.callback.replace(Some(callback));
        }
    }
}

impl Subscription {
    /// Ends it: the callback is not called again, and is freed.
    pub fn unsubscribe(self) {
        drop(self);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.subscriber.is_subscribed.set(false);
        if let Some(store) = self.store.upgrade() {
            let mut subscribers = store.subscribers.borrow_mut();
            subscribers.retain(|subscriber| !Rc::ptr_eq(subscriber, &self.subscriber));
        }
        // Freed outside of any borrow, since what the callback holds may unsubscribe others.
        let callback = self.subscriber.callback.take();
        drop(callback);
    }
}

impl fmt::Debug for ReactiveStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.subscriber_count();
        write!(
            formatter,
            "ReactiveStore({}, {count} subscribers)",
            self.value()
        )
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Subscription")
    }
}

#[cfg(test)]
mod tests;
