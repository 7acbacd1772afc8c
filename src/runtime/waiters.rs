//! Promises that wait for the runtime to be in some state: settled, synced, a value read.

use std::cell::RefCell;

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
pub(crate) struct Waiters(RefCell<Vec<(Wish, Deferred)>>);

impl Waiters {
    /// A promise for the moment when the wish is fulfilled.
    pub(crate) fn wait(&self, wish: Wish) -> Promise {
        let deferred = Deferred::default();
        let promise = deferred.promise();
        self.0.borrow_mut().push((wish, deferred));
        promise
    }

    /// Resolves those whose wish is fulfilled.
    pub(crate) fn settle(&self, is_fulfilled: impl FnMut(&Wish) -> bool) {
        for deferred in self.take(is_fulfilled) {
            deferred.resolve(&JsValue::UNDEFINED);
        }
    }

    /// Tells those whose wish cannot be fulfilled why; whether there were any.
    pub(crate) fn reject(
        &self,
        is_lost: impl FnMut(&Wish) -> bool,
        error: impl Fn() -> JsValue,
    ) -> bool {
        let lost = self.take(is_lost);
        for deferred in &lost {
            deferred.reject(&error());
        }
        !lost.is_empty()
    }

    /// Tells all.
    pub(crate) fn reject_all(&self, error: impl Fn() -> JsValue) {
        self.reject(|_| true, error);
    }

    fn take(&self, mut is_chosen: impl FnMut(&Wish) -> bool) -> Vec<Deferred> {
        let mut waiters = self.0.borrow_mut();
        let chosen = waiters.extract_if(.., |(wish, _)| is_chosen(wish));
        chosen.map(|(_, deferred)| deferred).collect()
    }
}
