//! Promises that wait for the runtime to be in some state: settled, synced, a value read.

use std::cell::{Cell, RefCell};

use cojson::group::Invitation;
use cojson::ids::CoId;
use engine::actor::ActorId;
use js_sys::Promise;
use wasm_bindgen::JsValue;

use crate::deferred::Deferred;

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Storage has answered every question.
    Answered,
    /// Every local change is durable.
    Settled,
    /// … and the server has it.
    Synced,
    /// The value can be read.
    Shown(CoId),
    /// All bytes of the stream are here.
    Finished(CoId),
    /// The group, which is the invitation's value, knows of the invitation.
    Invited(Invitation),
    /// It is known what the value is, or that there is none.
    Known(CoId),
    /// The actor runs.
    Started(ActorId),
}

/// Who waits.
#[derive(Default)]
pub(crate) struct Waiters {
    waiting: RefCell<Vec<Waiter>>,
    writes: Cell<u32>,
}

struct Waiter {
    wish: Wish,
    deferred: Deferred,
    /// How many writes had begun by then.
    writes: u32,
}

impl Waiters {
    /// A promise for the moment when the wish is fulfilled.
    pub(crate) fn wait(&self, wish: Wish) -> Promise {
        let deferred = Deferred::default();
        let promise = deferred.promise();
        self.waiting.borrow_mut().push(Waiter {
            wish,
            deferred,
            writes: self.writes.get(),
        });
        promise
    }

    /// Resolves those whose wish is fulfilled.
    pub(crate) fn settle(&self, mut is_fulfilled: impl FnMut(&Wish) -> bool) {
        for deferred in self.take(|waiter| is_fulfilled(&waiter.wish)) {
            deferred.resolve(&JsValue::UNDEFINED);
        }
    }

    /// Tells those whose wish cannot be fulfilled why; whether there were any.
    pub(crate) fn reject(
        &self,
        mut is_lost: impl FnMut(&Wish) -> bool,
        error: impl Fn() -> JsValue,
    ) -> bool {
        let lost = self.take(|waiter| is_lost(&waiter.wish));
        for deferred in &lost {
            deferred.reject(&error());
        }
        !lost.is_empty()
    }

    /// Tells all.
    pub(crate) fn reject_all(&self, error: impl Fn() -> JsValue) {
        self.reject(|_| true, error);
    }

    /// A write begins: its number.
    pub(crate) fn write_begins(&self) -> u32 {
        self.writes.update(|writes| writes.wrapping_add(1));
        self.writes.get()
    }

    /// Tells those who wait for storage that a write was refused. Who asked after it had begun waits for the next one: there may
    /// be room by then.
    pub(crate) fn write_failed(&self, write: u32, error: impl Fn() -> JsValue) {
        let lost = self.take(|waiter| {
            matches!(waiter.wish, Wish::Settled | Wish::Synced) && waiter.writes != write
        });
        for deferred in lost {
            deferred.reject(&error());
        }
    }

    fn take(&self, mut is_chosen: impl FnMut(&Waiter) -> bool) -> Vec<Deferred> {
        let mut waiting = self.waiting.borrow_mut();
        let chosen = waiting.extract_if(.., |waiter| is_chosen(waiter));
        chosen.map(|waiter| waiter.deferred).collect()
    }
}
