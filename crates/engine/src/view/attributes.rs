//! The attributes of a node: text, booleans, addresses and data.

use cojson::json::Json;

use super::compile::Compiler;
use super::element::{Building, Element};
use super::safety::{forbidden_attribute, url_rule};
use super::template::{Bound, HoleKind};
use crate::definition_error::{DefinitionError, Place};
use crate::names::kebab_case;

/// Booleans by truthiness; each is an attribute and a property.
const FLAGS: [&str; 7] = [
    "disabled",
    "readonly",
    "checked",
    "selected",
    "autofocus",
    "required",
    "multiple",
];

/// Attributes that `true` puts and `false` takes away, and that may hold a text as well.
const SWITCHES: [&str; 14] = [
    "hidden",
    "open",
    "inert",
    "controls",
    "loop",
    "muted",
    "autoplay",
    "novalidate",
    "formnovalidate",
    "playsinline",
    "reversed",
    "default",
    "ismap",
    "allowfullscreen",
];

type Compiled = Result<(), DefinitionError>;

impl Compiler {
    pub(super) fn attributes(
        &mut self,
        attrs: &Json,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
    ) -> Compiled {
        let members = attrs
            .as_object()
            .ok_or_else(|| place.error("an object of attributes", attrs))?;
        for (name, value) in members {
            let place = place.key(name);
            if &**name == "data" {
                self.data(value, &place, element, building)?;
            } else {
                self.attribute(name, value, &place, element, building)?;
            }
        }
        Ok(())
    }

    fn attribute(
        &mut self,
        name: &str,
        value: &Json,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
    ) -> Compiled {
        if let Some(expected) = forbidden_attribute(name) {
            return Err(place.error_text(expected, format!("\"{name}\"")));
        }
        let lower = name.to_ascii_lowercase();
        let bound = self.shown(value, place)?;
        if FLAGS.contains(&&*lower) {
            self.flag(&lower, bound, element, building);
        } else if SWITCHES.contains(&&*lower) {
            self.switch(&lower, bound, place, element, building);
        } else {
            let url = url_rule(element.tag, name);
            self.attribute_hole(name, bound, url, place, element, building);
        }
        Ok(())
    }

    fn flag(
        &mut self,
        name: &str,
        bound: Bound,
        element: &mut Element<'_>,
        building: &mut Building,
    ) {
        match bound.expression.as_literal() {
            Some(literal) if literal.is_truthy() => element.flags.push(name.into()),
            Some(_) => {}
            None => {
                let reads = bound.reads;
                let kind = HoleKind::Flag {
                    name: self.name(name),
                    is_checked: name == "checked",
                    bound,
                };
                element.hole(building, kind, reads);
            }
        }
    }

    fn switch(
        &mut self,
        name: &str,
        bound: Bound,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
    ) {
        match bound.expression.as_literal() {
            Some(Json::Bool(true)) => element.flags.push(name.into()),
            Some(Json::Bool(false)) => {}
            Some(_) => self.attribute_hole(name, bound, None, place, element, building),
            None => {
                let name = self.name(name);
                let reads = bound.reads;
                let kind = HoleKind::Switch { name, bound };
                element.hole(building, kind, reads);
            }
        }
    }

    /// `data`: `{key: expression}`, or a path alone, which names the key too.
    fn data(
        &mut self,
        data: &Json,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
    ) -> Compiled {
        match data {
            Json::Object(members) => {
                for (key, value) in members.iter() {
                    let place = place.key(key);
                    self.datum(key, value, &place, element, building)?;
                }
                Ok(())
            }
            Json::String(path) if path.starts_with('$') => {
                let key = path.rsplit(['.', '$']).next().unwrap_or_default();
                self.datum(key, data, place, element, building)
            }
            other => Err(place.error("an object of data attributes, or a path", other)),
        }
    }

    fn datum(
        &mut self,
        key: &str,
        value: &Json,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
    ) -> Compiled {
        let name = format!("data-{}", kebab_case(key));
        if key.is_empty() || forbidden_attribute(&name).is_some() {
            return Err(place.error_text("a data attribute's name", format!("\"{key}\"")));
        }
        self.plain_attribute(&name, value, place, element, building)
    }
}
