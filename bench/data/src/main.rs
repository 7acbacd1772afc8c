//! Measures the client natively: `bench-data SCENARIO COUNT [PORT]` prints one line of JSON.

#[cfg(not(target_arch = "wasm32"))]
mod measure;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> Result<(), measure::Trouble> {
    measure::main()
}

#[cfg(target_arch = "wasm32")]
fn main() {}
