//! The functions of `patch.js`.

use wasm_bindgen::prelude::*;
use web_sys::Element;

#[wasm_bindgen(module = "/src/dom/patch.js")]
extern "C" {
    /// The templates of a view.
    #[derive(Clone)]
    pub(super) type View;

    #[wasm_bindgen(js_name = defineView)]
    pub(super) fn define_view(description: &str) -> View;

    /// A shadow root with its nodes.
    #[wasm_bindgen(js_name = Surface)]
    pub(super) type JsSurface;

    #[wasm_bindgen(constructor, js_class = "Surface", catch)]
    pub(super) fn new(
        host: &Element,
        actor: u32,
        listener: &JsValue,
        catch_up: &JsValue,
    ) -> Result<JsSurface, JsValue>;

    #[wasm_bindgen(method, js_class = "Surface")]
    pub(super) fn show(this: &JsSurface, view: &View);

    #[wasm_bindgen(method, js_class = "Surface")]
    pub(super) fn clear(this: &JsSurface);

    #[wasm_bindgen(method, js_class = "Surface", catch)]
    pub(super) fn apply(this: &JsSurface, operations: &[u32], text: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, js_class = "Surface", catch)]
    pub(super) fn mount(
        this: &JsSurface,
        node: u32,
        child: Option<&Element>,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(method, js_class = "Surface")]
    pub(super) fn adopt(this: &JsSurface, sheets: &js_sys::Array);
}
