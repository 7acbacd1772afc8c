//! A template and an element of it while they are being built.

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::template::{Hole, HoleKind, Reads, Template};

/// The template being built.
pub(super) struct Building {
    pub(super) index: usize,
    pub(super) template: Template,
    /// Holes that are filled after all others: what a `select` shows.
    pub(super) last: Vec<Hole>,
}

/// The element being built.
pub(super) struct Element<'a> {
    pub(super) tag: &'a str,
    /// `svg` inside one.
    pub(super) namespace: Option<&'static str>,
    number: Option<u32>,
    pub(super) attributes: Vec<Json>,
    pub(super) flags: Vec<Json>,
    pub(super) children: Vec<Json>,
    pub(super) on: JsonObject,
    pub(super) has_value: bool,
}

impl Building {
    /// A number for one more node.
    pub(super) fn number(&mut self) -> u32 {
        let number = self.template.node_count;
        self.template.node_count += 1;
        number
    }

    pub(super) fn hole(&mut self, node: u32, kind: HoleKind, reads: Reads) {
        self.template.holes.push(Hole { node, kind, reads });
    }
}

impl<'a> Element<'a> {
    pub(super) fn new(tag: &'a str, outer: Option<&'static str>, number: Option<u32>) -> Self {
        let is_svg = tag.eq_ignore_ascii_case("svg");
        Self {
            tag,
            namespace: if is_svg { Some("svg") } else { outer },
            number,
            attributes: Vec::new(),
            flags: Vec::new(),
            children: Vec::new(),
            on: JsonObject::new(),
            has_value: false,
        }
    }

    /// Its number in the template; it gets one when it first needs one.
    pub(super) fn number(&mut self, building: &mut Building) -> u32 {
        *self.number.get_or_insert_with(|| building.number())
    }

    /// Adds a hole at the element itself.
    pub(super) fn hole(&mut self, building: &mut Building, kind: HoleKind, reads: Reads) {
        let number = self.number(building);
        building.hole(number, kind, reads);
    }

    pub(super) fn attribute(&mut self, name: &str, value: Arc<str>) {
        self.attributes
            .push(vec![Json::from(name), Json::from(value)].into());
    }

    /// Tag, namespace, number, attributes, flags, children, events, whether it has a bound value.
    pub(super) fn description(self) -> Json {
        let mut description = JsonObject::new();
        let mut put = |key: &str, value: Json| drop(description.insert(key.into(), value));
        put("t", self.tag.into());
        if self.namespace.is_some() {
            put("s", true.into());
        }
        if let Some(number) = self.number {
            put("i", number.into());
        }
        for (key, list) in [
            ("a", self.attributes),
            ("f", self.flags),
            ("c", self.children),
        ] {
            if !list.is_empty() {
                put(key, list.into());
            }
        }
        if !self.on.is_empty() {
            put("o", self.on.into());
        }
        if self.has_value {
            put("v", true.into());
        }
        description.into()
    }
}
