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

    pub fn send(&self, event_type: &str, count: usize) -> bool {
        self.0.send(event_type, count)
    }

    pub fn evaluate(&self, expression: &str, item: &str, count: usize) -> Result<usize, JsError> {
        let truths = self.0.evaluate(expression, item, count);
        truths.map_err(|error| JsError::new(&error))
    }
}
