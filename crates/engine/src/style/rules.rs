//! Components and selectors to CSS rules.
//!
//! One walk serves both: a member that is a scalar is a declaration, one that is an object is a rule nested in this
//! one, and its key says how: `:hover` and `[attr]` extend the selector, `&` stands for it, a key with a space is a
//! descendant, `@…` wraps it, `data` holds variants by data attribute, and a plain name is an attribute.

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::name::{begins_name, is_name_letter};
use super::safety::{Piece, check_piece};
use super::selector;
use super::sources::{Path, Sources};
use super::tokens::{Tokens, scalar_text};
use crate::definition_error::DefinitionError;
use crate::names::{kebab_case, property_name};

/// At-rules that a style may hold. `@import` and its like reach outside and are refused.
const AT_RULES: [&str; 11] = [
    "@container",
    "@media",
    "@supports",
    "@layer",
    "@keyframes",
    "@-webkit-keyframes",
    "@font-face",
    "@property",
    "@starting-style",
    "@scope",
    "@counter-style",
];

type Written = Result<(), DefinitionError>;

/// Writes rules, checked, with indentation.
pub(super) struct RuleWriter<'a> {
    pub(super) sources: &'a Sources<'a>,
    pub(super) tokens: &'a Tokens,
    pub(super) css: String,
    path: Path,
    level: usize,
}

impl<'a> RuleWriter<'a> {
    pub(super) fn new(sources: &'a Sources<'a>, tokens: &'a Tokens) -> Self {
        Self {
            sources,
            tokens,
            css: String::new(),
            path: Path::new(),
            level: 0,
        }
    }

    /// The section `components`: each name is a class.
    pub(super) fn components(&mut self, components: &JsonObject) -> Written {
        self.inside("components", |writer| {
            for (name, value) in components {
                writer.inside(name, |writer| writer.component(name, value))?;
            }
            Ok(())
        })
    }

    /// The section `selectors`: each key is a selector or an at-rule.
    pub(super) fn selectors(&mut self, selectors: &JsonObject) -> Written {
        self.inside("selectors", |writer| writer.top_level(selectors))
    }

    /// The `@font-face` blocks.
    pub(super) fn font_faces(&mut self, faces: &[(Path, Arc<JsonObject>)]) -> Written {
        for (path, face) in faces {
            self.path.clone_from(path);
            self.rule("@font-face", face)?;
        }
        self.path.clear();
        Ok(())
    }

    fn inside(&mut self, name: &str, write: impl FnOnce(&mut Self) -> Written) -> Written {
        self.path.push(name.into());
        self.sources.check_depth(&self.path)?;
        let written = write(self);
        self.path.pop();
        written
    }

    fn error(&self, expected: &str, found: impl Into<String>) -> DefinitionError {
        self.sources.place(&self.path).error_text(expected, found)
    }

    fn component(&mut self, name: &str, value: &Json) -> Written {
        if !name.chars().all(is_name_letter) || !name.starts_with(begins_name) {
            let expected = "a class name of letters, digits, \"-\" and \"_\"";
            return Err(self.error(expected, format!("\"{name}\"")));
        }
        let members = self.members(value)?;
        self.rule(&format!(".{}", kebab_case(name)), members)
    }

    fn members<'v>(&self, value: &'v Json) -> Result<&'v JsonObject, DefinitionError> {
        let place = || self.sources.place(&self.path);
        value
            .as_object()
            .ok_or_else(|| place().error("an object of declarations and nested rules", value))
    }

    /// The members of `selectors`, or of an at-rule inside it.
    fn top_level(&mut self, members: &JsonObject) -> Written {
        for (key, value) in members.iter().filter(|(_, value)| is_block(value)) {
            self.inside(key, |writer| {
                let head = writer.head(key)?;
                let members = writer.members(value)?;
                if key.starts_with('@') {
                    writer.at_rule(&head, |writer| writer.at_rule_body(members))
                } else {
                    writer.rule(&selector::kebab_classes(&head), members)
                }
            })?;
        }
        match members.iter().find(|(_, value)| !is_block(value)) {
            Some((key, value)) if self.path.len() == 1 => {
                let path = [self.path.as_slice(), std::slice::from_ref(key)].concat();
                let expected = "an object of declarations and nested rules";
                Err(self.sources.place(&path).error(expected, value))
            }
            _ => Ok(()),
        }
    }

    fn at_rule_body(&mut self, members: &JsonObject) -> Written {
        self.declarations(members)?;
        self.top_level(members)
    }

    /// One rule, and after it the rules nested in it.
    fn rule(&mut self, selector: &str, members: &JsonObject) -> Written {
        if members.values().any(|value| !is_block(value)) {
            self.line(&format!("{selector} {{"));
            self.level += 1;
            self.declarations(members)?;
            self.level -= 1;
            self.line("}");
        }
        for (key, value) in members.iter().filter(|(_, value)| is_block(value)) {
            self.inside(key, |writer| writer.nested(selector, key, value))?;
        }
        Ok(())
    }

    fn nested(&mut self, selector: &str, key: &str, value: &Json) -> Written {
        let members = self.members(value)?;
        if key == "data" {
            return self.variants(selector, members);
        }
        let head = self.head(key)?;
        if key.starts_with('@') {
            return self.at_rule(&head, |writer| writer.rule(selector, members));
        }
        match selector::nest(selector, &selector::kebab_classes(&head)) {
            Some(nested) => self.rule(&nested, members),
            None => Err(self.error(
                "a nested rule: \":state\", \"[attribute]\", \"& …\", \"@…\", a descendant with a space or an attribute's name",
                format!("\"{key}\""),
            )),
        }
    }

    /// `{dataKey: {value: {…}}}`: values are compared as written.
    fn variants(&mut self, selector: &str, keys: &JsonObject) -> Written {
        for (key, values) in keys {
            self.inside(key, |writer| {
                for (value, members) in writer.members(values)? {
                    let name = format!("data-{}", kebab_case(key));
                    let variant = selector::with_attribute(selector, &name, value);
                    writer.inside(value, |writer| {
                        writer.head(&variant)?;
                        writer.rule(&variant, writer.members(members)?)
                    })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn at_rule(&mut self, head: &str, write: impl FnOnce(&mut Self) -> Written) -> Written {
        let name = head.split([' ', '(']).next().unwrap_or_default();
        if !AT_RULES.contains(&name.to_ascii_lowercase().as_str()) {
            let expected = format!("one of the at-rules {}", AT_RULES.join(", "));
            return Err(self.error(&expected, format!("\"{name}\"")));
        }
        self.line(&format!("{head} {{"));
        self.level += 1;
        write(self)?;
        self.level -= 1;
        self.line("}");
        Ok(())
    }

    /// A selector or an at-rule's head, with its tokens, checked.
    fn head(&self, key: &str) -> Result<String, DefinitionError> {
        let head = self.tokens.interpolate(key, &self.path, self.sources)?;
        check_piece(&head, Piece::Head)
            .map_err(|found| self.error("a selector that stays a selector", found))?;
        if head.trim().is_empty() {
            return Err(self.error("a selector", "an empty text"));
        }
        Ok(head.trim().to_owned())
    }

    fn declarations(&mut self, members: &JsonObject) -> Written {
        for (key, value) in members.iter().filter(|(_, value)| !is_block(value)) {
            if !value.is_null() {
                self.inside(key, |writer| writer.declaration(key, value))?;
            }
        }
        Ok(())
    }

    fn declaration(&mut self, key: &str, value: &Json) -> Written {
        if key.is_empty() || !key.chars().all(is_name_letter) {
            return Err(self.error("a property's name", format!("\"{key}\"")));
        }
        let text = scalar_text(value, &self.path, self.sources)?;
        let text = self.tokens.interpolate(&text, &self.path, self.sources)?;
        check_piece(&text, Piece::Value)
            .map_err(|found| self.error("a value that stays inside its declaration", found))?;
        // An emptied token leaves nothing to declare.
        if !text.trim().is_empty() {
            self.line(&format!("{}: {text};", property_name(key)));
        }
        Ok(())
    }

    pub(super) fn line(&mut self, text: &str) {
        for _ in 0..self.level {
            self.css.push_str("  ");
        }
        self.css.push_str(text);
        self.css.push('\n');
    }
}

fn is_block(value: &Json) -> bool {
    matches!(value, Json::Object(_))
}
