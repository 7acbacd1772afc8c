//! One connection to the database, kept alive: opened, watched, reopened once when it was lost.
//!
//! `WebKit` drops the connections of background tabs, and any browser may end one by force; the next operation then opens
//! another and tries once more. A connection that is closed because another page deletes or converts the database stays
//! closed: reopening would stand in that page's way, and a database made anew would hold logs without their beginning.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::IdbDatabase;

use super::error::StorageError;

#[wasm_bindgen(module = "/src/browser.js")]
extern "C" {
    #[wasm_bindgen(js_name = openDatabase)]
    fn open_in_browser(name: &str, version: u32, stores: &Array, ms_max: u32) -> Promise;
}

/// The values' headers, by id.
pub(super) const HEADERS: &str = "headers";
/// Pieces of session logs, by id, session and first index.
pub(super) const SEGMENTS: &str = "segments";
/// What this device keeps for itself: its secret, its sessions.
pub(super) const DEVICE: &str = "device";

const FORMAT_VERSION: u32 = 1;

/// How long opening may take: a page that deletes the database, or a browser that hangs, must not hang this one.
const OPEN_MS_MAX: u32 = 10_000;

enum State {
    Open(
        IdbDatabase,
        #[expect(dead_code, reason = "listens and closes by being kept")] Watch,
    ),
    Lost,
    Closed(StorageError),
}

pub(super) struct Connection {
    name: String,
    state: Rc<RefCell<State>>,
    opened: Cell<u32>,
}

impl Connection {
    /// Opens the database, making it if it is not there.
    pub(super) async fn open(name: &str) -> Result<Self, StorageError> {
        let (database, _) = open_database(name).await?;
        let connection = Self {
            name: name.to_owned(),
            state: Rc::new(RefCell::new(State::Lost)),
            opened: Cell::new(0),
        };
        connection.adopt(database);
        Ok(connection)
    }

    /// How often a connection was opened.
    pub(super) fn opened(&self) -> u32 {
        self.opened.get()
    }

    /// Does something with the database; once more on a fresh connection if this one turns out to be lost.
    pub(super) async fn run(
        &self,
        operation: &dyn Fn(&IdbDatabase) -> Promise,
    ) -> Result<JsValue, StorageError> {
        match self.attempt(operation).await {
            Err(error) if error.may_be_a_lost_connection() => {
                self.lose();
                self.attempt(operation).await
            }
            result => result,
        }
    }

    async fn attempt(
        &self,
        operation: &dyn Fn(&IdbDatabase) -> Promise,
    ) -> Result<JsValue, StorageError> {
        let database = self.database().await?;
        let done = JsFuture::from(operation(&database)).await;
        done.map_err(StorageError::from_thrown)
    }

    /// Ends it for good.
    pub(super) fn close(&self, why: &'static str) {
        close(&self.state, StorageError::Closed { why });
    }

    /// Ends the connection as a browser does that drops it: the next use finds out.
    pub(super) fn drop_silently(&self) {
        if let State::Open(database, _) = &*self.state.borrow() {
            database.close();
        }
    }

    fn lose(&self) {
        let mut state = self.state.borrow_mut();
        if !matches!(*state, State::Closed(_)) {
            *state = State::Lost;
        }
    }

    async fn database(&self) -> Result<IdbDatabase, StorageError> {
        match &*self.state.borrow() {
            State::Open(database, _) => return Ok(database.clone()),
            State::Closed(error) => return Err(error.clone()),
            State::Lost => {}
        }
        let (database, is_new) = open_database(&self.name).await?;
        if is_new {
            database.close();
            close(&self.state, StorageError::Wiped);
            return Err(StorageError::Wiped);
        }
        self.adopt(database.clone());
        Ok(database)
    }

    /// Takes a fresh connection and watches it.
    fn adopt(&self, database: IdbDatabase) {
        self.opened.set(self.opened.get() + 1);
        let watch = Watch::new(&database, &self.state);
        *self.state.borrow_mut() = State::Open(database, watch);
    }
}

fn close(state: &RefCell<State>, error: StorageError) {
    drop(state.replace(State::Closed(error)));
}

/// Listens for the end of one connection, and ends it when it is dropped.
struct Watch {
    database: IdbDatabase,
    _on_version_change: Closure<dyn FnMut()>,
    _on_close: Closure<dyn FnMut()>,
}

impl Watch {
    fn new(database: &IdbDatabase, state: &Rc<RefCell<State>>) -> Self {
        let why = "another page is deleting or converting it; reload this page";
        let on_version_change = ender(state, State::Closed(StorageError::Closed { why }));
        let on_close = ender(state, State::Lost);
        database.set_onversionchange(Some(on_version_change.as_ref().unchecked_ref()));
        database.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Self {
            database: database.clone(),
            _on_version_change: on_version_change,
            _on_close: on_close,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.database.set_onversionchange(None);
        self.database.set_onclose(None);
        self.database.close();
    }
}

/// A listener that leaves the connection in that state.
fn ender(state: &Rc<RefCell<State>>, end: State) -> Closure<dyn FnMut()> {
    let state = Rc::downgrade(state);
    let mut end = Some(end);
    Closure::new(move || {
        if let (Some(state), Some(end)) = (state.upgrade(), end.take()) {
            // The listener owns itself through the old state, so that must outlive this call.
            let old = state.replace(end);
            crate::futures::spawn_local(async move { drop(old) });
        }
    })
}

/// Opens the database; tells whether it was made just now.
async fn open_database(name: &str) -> Result<(IdbDatabase, bool), StorageError> {
    let stores: Array = [HEADERS, SEGMENTS, DEVICE]
        .map(JsValue::from)
        .iter()
        .collect();
    let opening = open_in_browser(name, FORMAT_VERSION, &stores, OPEN_MS_MAX);
    let opened = JsFuture::from(opening).await;
    let opened = opened.map_err(StorageError::from_open)?;
    match opened.dyn_ref::<Array>() {
        Some(opened) => Ok((opened.get(0).unchecked_into(), opened.get(1).is_truthy())),
        None => Err(StorageError::Blocked),
    }
}
