//! The client as JavaScript drives it.

use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Client;

/// See [`Client`].
#[wasm_bindgen]
pub struct WasmClient(Client);

#[wasm_bindgen]
#[allow(missing_docs, reason = "see `Client`")]
impl WasmClient {
    #[wasm_bindgen(constructor)]
    pub fn new(seed: u8, now_ms: f64) -> Result<WasmClient, JsError> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a time since 1970"
        )]
        Ok(Self(Client::new(seed, now_ms as u64)?))
    }

    pub fn connect(&mut self) {
        self.0.connect();
    }

    pub fn create(&mut self, value_type: &str) -> Result<String, JsError> {
        Ok(self.0.create(value_type)?)
    }

    pub fn work(&mut self, work: &str, value: &str, count: usize) -> Result<(), JsError> {
        Ok(self.0.work(work, value, count)?)
    }

    pub fn set_text(&mut self, value: &str, key: &str, text: &str) -> Result<(), JsError> {
        Ok(self.0.set_text(value, key, text)?)
    }

    pub fn create_maps(&mut self, count: usize) -> Result<(), JsError> {
        Ok(self.0.create_maps(count)?)
    }

    pub fn settle(&mut self) {
        self.0.settle();
    }

    pub fn take_outgoing(&mut self) -> Vec<String> {
        self.0.take_outgoing()
    }

    pub fn receive(&mut self, frame: &[u8]) -> Result<(), JsError> {
        self.0.receive(std::str::from_utf8(frame)?);
        Ok(())
    }

    pub fn is_synced(&self) -> bool {
        self.0.is_synced()
    }

    pub fn load(&mut self, value: &str) -> Result<(), JsError> {
        Ok(self.0.load(value)?)
    }

    pub fn shown(&mut self, value: &str) -> Result<usize, JsError> {
        Ok(self.0.shown(value)?)
    }

    pub fn get(&mut self, value: &str, key: &str) -> Result<Option<String>, JsError> {
        Ok(self.0.get(value, key)?)
    }

    pub fn stored_text(&self, values: Vec<String>) -> Result<String, JsError> {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        Ok(self.0.stored_text(&values)?)
    }

    pub fn put_stored(&mut self, text: &[u8]) -> Result<(), JsError> {
        self.0.put_stored(std::str::from_utf8(text)?);
        Ok(())
    }

    pub fn owner(&self, value: &str) -> Result<String, JsError> {
        Ok(self.0.owner(value)?)
    }

    pub fn account(&self) -> String {
        self.0.account()
    }
}
