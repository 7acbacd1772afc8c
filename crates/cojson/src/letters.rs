//! Texts in the letters of the other case, as JavaScript has them. In a browser its own functions do it, for the tables would
//! be 24 kB of the module.

pub use host::{to_lowercase, to_uppercase};

#[cfg(not(target_arch = "wasm32"))]
mod host {
    /// `text.toLowerCase()`
    pub fn to_lowercase(text: &str) -> String {
        text.to_lowercase()
    }

    /// `text.toUpperCase()`
    pub fn to_uppercase(text: &str) -> String {
        text.to_uppercase()
    }
}

#[cfg(target_arch = "wasm32")]
mod host {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        /// `text.toLowerCase()`
        #[wasm_bindgen(js_namespace = ["String", "prototype", "toLowerCase"], js_name = call)]
        pub fn to_lowercase(text: &str) -> String;

        /// `text.toUpperCase()`
        #[wasm_bindgen(js_namespace = ["String", "prototype", "toUpperCase"], js_name = call)]
        pub fn to_uppercase(text: &str) -> String;
    }
}
