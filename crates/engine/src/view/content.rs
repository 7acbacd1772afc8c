//! What is inside a node: children, rows or a slot.

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::compile::{Compiled, Compiler, check_keys, object};
use super::element::{Building, Element};
use super::template::{HoleKind, Reads, Rows};
use crate::definition_error::Place;

/// The members of a `$each`.
const EACH_KEYS: [&str; 4] = ["items", "template", "key", "as"];

impl Compiler {
    /// Children, rows or a slot.
    pub(super) fn content(
        &mut self,
        members: &JsonObject,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
        depth: usize,
    ) -> Compiled<()> {
        if let Some(slot) = members.get("$slot") {
            let bound = self.bound(slot, &place.key("$slot"))?;
            let reads = bound.reads;
            element.hole(building, HoleKind::Slot(bound), reads);
        }
        match (members.get("$each"), members.get("children")) {
            (Some(each), children) => {
                if children.is_some() {
                    let place = place.key("children");
                    self.warnings
                        .push(place.error_text("rows only, beside \"$each\"", "children"));
                }
                self.each(each, &place.key("$each"), element, building, depth)
            }
            (None, Some(children)) => {
                self.children(children, &place.key("children"), element, building, depth)
            }
            (None, None) => Ok(()),
        }
    }

    fn children(
        &mut self,
        children: &Json,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
        depth: usize,
    ) -> Compiled<()> {
        let children = children
            .as_array()
            .ok_or_else(|| place.error("an array of nodes", children))?;
        for (index, child) in children.iter().enumerate() {
            let place = place.index(index);
            let around = (element.namespace, None, depth + 1);
            let description = self.node(child, &place, building, around);
            element.children.extend(self.findings.take(description));
        }
        Ok(())
    }

    fn each(
        &mut self,
        each: &Json,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
        depth: usize,
    ) -> Compiled<()> {
        let members = object(each, place)?;
        check_keys(members, &EACH_KEYS, place)?;
        let required = |name: &str| match members.get(name) {
            Some(value) => Ok((value, place.key(name))),
            None => Err(place.missing(format!("the member \"{name}\""))),
        };
        let (items, items_place) = required("items")?;
        let items = self.bound(items, &items_place)?;
        let (template, template_place) = required("template")?;
        let template = self.template(template, &template_place, element.namespace, depth + 1)?;
        let key = match members.get("key") {
            Some(key) => Some(self.bound(key, &place.key("key"))?),
            None => None,
        };
        let row_reads = self
            .templates
            .get(template)
            .map_or(Reads::default(), |t| t.reads);
        let rows = Rows {
            name: local_name(members, place)?,
            items,
            key,
            template,
            row_reads,
        };
        let reads = rows.reads();
        element.hole(building, HoleKind::Rows(Box::new(rows)), reads);
        Ok(())
    }
}

fn local_name(members: &JsonObject, place: &Place) -> Compiled<Option<Arc<str>>> {
    match members.get("as") {
        None => Ok(None),
        Some(Json::String(name)) if !name.is_empty() && !name.contains(['.', '$']) => {
            Ok(Some(name.clone()))
        }
        Some(other) => {
            let place = place.key("as");
            Err(place.error("a name without \".\" and \"$\"", other))
        }
    }
}

impl Rows {
    fn reads(&self) -> Reads {
        let mut reads = self.row_reads;
        reads.merge(self.items.reads);
        if let Some(key) = &self.key {
            reads.merge(key.reads);
        }
        reads
    }
}
