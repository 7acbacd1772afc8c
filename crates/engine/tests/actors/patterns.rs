//! Patterns of JSON Schemas on a native host, by an ECMAScript engine.

use engine::schema::{Pattern, PatternCompiler};

pub(crate) struct NativePatterns;

struct NativePattern(regress::Regex);

impl PatternCompiler for NativePatterns {
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String> {
        let regex = regress::Regex::with_flags(pattern, "u").map_err(|error| error.to_string())?;
        Ok(Box::new(NativePattern(regex)))
    }
}

impl Pattern for NativePattern {
    fn is_match(&self, text: &str) -> bool {
        self.0.find(text).is_some()
    }
}
