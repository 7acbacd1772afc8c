//! See `laws::stored`.
#![no_main]

#[allow(dead_code)]
#[path = "../../tests/decoders/laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laws::stored(bytes));
