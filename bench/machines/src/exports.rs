//! The machines as JavaScript drives them.

use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Machines;

/// See [`Machines`].
#[wasm_bindgen]
pub struct WasmMachines(Machines);

#[wasm_bindgen]
#[allow(missing_docs, reason = "see `Machines`")]
impl WasmMachines {
    #[wasm_bindgen(constructor)]
    pub fn new(state: &str, context: &str) -> Result<WasmMachines, JsError> {
        let machines = Machines::new(state, context);
        machines.map(Self).map_err(|error| JsError::new(&error))
    }

    pub fn start(&mut self, count: usize) {
        self.0.start(count);
    }

    pub fn send(&mut self, event_type: &str, count: usize) -> bool {
        self.0.send(event_type, count)
    }

    pub fn stored(&self) -> String {
        self.0.stored()
    }

    pub fn restore(&mut self, stored: &str) -> Result<usize, JsError> {
        self.0.restore(stored).map_err(|error| JsError::new(&error))
    }

    pub fn evaluate(&self, expression: &str, item: &str, count: usize) -> Result<usize, JsError> {
        let truths = self.0.evaluate(expression, item, count);
        truths.map_err(|error| JsError::new(&error))
    }
}

/// How large the module's memory is, in bytes.
#[wasm_bindgen]
pub fn memory_bytes() -> usize {
    core::arch::wasm32::memory_size(0) << 16
}
