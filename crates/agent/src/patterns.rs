//! The regular expressions of JSON Schemas, matched by an engine of ECMAScript's syntax, as the browser's is.

use engine::schema::{Pattern, PatternCompiler};
use regress::Regex;

/// Makes patterns of `regress`.
pub(crate) struct NativePatterns;

struct NativePattern(Regex);

impl PatternCompiler for NativePatterns {
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String> {
        let compiled = Regex::with_flags(pattern, "u").map_err(|error| error.to_string())?;
        Ok(Box::new(NativePattern(compiled)))
    }
}

impl Pattern for NativePattern {
    fn is_match(&self, text: &str) -> bool {
        self.0.find(text).is_some()
    }
}
