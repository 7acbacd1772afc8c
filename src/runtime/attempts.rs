//! Calls that may have to wait: each is attempted, says what it waits for, and is attempted again when that is so.
//!
//! One future does this for all of them: with one for each call a good part of the module would be futures. So an attempt does
//! again what it did before, or keeps what it need not do again.

use std::rc::Rc;

use cojson::ids::CoId;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::error::{Failure, RuntimeError};
use super::host::Host;
use super::values::is_shown;
use super::waiters::Wish;
use crate::futures::future_to_promise;

/// Why an attempt did not come to its end.
pub(crate) enum Stop {
    /// It is to be made again when this is so.
    Waits(Box<Wish>),
    /// It failed.
    Failed(RuntimeError),
}

type Attempt = Box<dyn FnMut(&Rc<Host>) -> Result<JsValue, Stop>>;

impl From<Wish> for Stop {
    #[inline(never)]
    fn from(wish: Wish) -> Self {
        Self::Waits(Box::new(wish))
    }
}

impl<Cause> From<Cause> for Stop
where
    RuntimeError: From<Cause>,
{
    fn from(cause: Cause) -> Self {
        Self::Failed(cause.into())
    }
}

impl Host {
    /// Promises what comes of an attempt.
    pub(crate) fn attempt(
        self: &Rc<Self>,
        attempt: impl FnMut(&Rc<Self>) -> Result<JsValue, Stop> + 'static,
    ) -> Promise {
        self.promise(Box::new(attempt), None)
    }

    /// Promises the same, for when afterwards this is so.
    pub(crate) fn attempt_until(
        self: &Rc<Self>,
        wish: Wish,
        attempt: impl FnMut(&Rc<Self>) -> Result<JsValue, Stop> + 'static,
    ) -> Promise {
        self.promise(Box::new(attempt), Some(wish))
    }

    fn promise(self: &Rc<Self>, mut attempt: Attempt, until: Option<Wish>) -> Promise {
        let host = Rc::clone(self);
        future_to_promise(async move {
            let (value, wish) = loop {
                match attempt(&host) {
                    Ok(value) => break (value, until),
                    Err(Stop::Waits(wish)) => host.wait(*wish).await?,
                    Err(Stop::Failed(error)) => return Err(error.into()),
                }
            };
            if let Some(wish) = wish {
                host.wait(wish).await?;
            }
            Ok(value)
        })
    }

    /// Waits for something that the next runs of the engine may bring about.
    pub(crate) async fn wait(self: &Rc<Self>, wish: Wish) -> Result<(), JsValue> {
        if self.is_closed() {
            return Err(RuntimeError::closed().into());
        }
        let fulfilled = self.waiters.wait(wish);
        self.schedule();
        JsFuture::from(fulfilled).await?;
        Ok(())
    }

    /// Wants a value of this id, and has it when it can be read.
    pub(crate) fn shown(self: &Rc<Self>, id: &str) -> Result<CoId, Stop> {
        let id = CoId::parse(id)?;
        self.want(&id)?;
        Ok(id)
    }

    /// The same, of one whose id is read.
    pub(crate) fn want(self: &Rc<Self>, id: &CoId) -> Result<(), Stop> {
        let (is_shown, is_deleted) = self.input(|engine| {
            let node = engine.node_mut();
            node.load(id);
            (is_shown(node, id), node.is_deleted(id))
        })?;
        match (is_shown, is_deleted) {
            (true, true) => Err(Failure::Deleted { id: id.clone() }.into()),
            (true, false) => Ok(()),
            (false, _) => Err(Wish::Shown(id.clone()).into()),
        }
    }
}
