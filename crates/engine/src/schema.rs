//! JSON Schema.

/// Makes matchers of the regular expressions in a schema: ECMAScript, with the flag `u`, unanchored.
///
/// The host brings it (JavaScript's `RegExp` in a browser), since no regular expression engine is small.
pub trait PatternCompiler {
    /// Compiles a pattern; the error is what is wrong with it.
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String>;
}

/// A compiled regular expression.
pub trait Pattern {
    /// Whether it matches anywhere in the text.
    fn is_match(&self, text: &str) -> bool;
}
