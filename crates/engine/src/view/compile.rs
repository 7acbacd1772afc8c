//! A view document to templates: every key, tag, attribute and expression is checked here, once.

use std::sync::Arc;

use cojson::collections::OrderedSet;
use cojson::json::{Json, JsonObject};

use super::CompiledView;
use super::element::{Building, Element};
use super::safety::{UrlRule, forbidden_tag, is_safe_url};
use super::show::shown_text;
use super::template::{Bound, ContextKeys, Handler, Hole, HoleKind, Template};
use crate::definition_error::{DefinitionError, Findings, Place, one_of};
use crate::expression::Expression;

/// The members of a node.
const NODE_KEYS: [&str; 9] = [
    "tag", "class", "attrs", "text", "value", "children", "$on", "$each", "$slot",
];

/// Operators that decide. A view shows; what is to be shown is decided by the machine.
const DECIDING: [&str; 13] = [
    "$if",
    "$eq",
    "$ne",
    "$neq",
    "$and",
    "$or",
    "$not",
    "$switch",
    "$gt",
    "$lt",
    "$gte",
    "$lte",
    "$includes",
];

/// Elements whose `value` is an attribute like any other when it is literal.
const VALUE_ATTRIBUTE_TAGS: [&str; 7] = [
    "option", "button", "li", "progress", "meter", "data", "param",
];

/// How deep nodes may be nested.
const NESTING_MAX: usize = 64;

/// How many nodes a view may have.
const NODES_MAX: usize = 20_000;

pub(super) type Compiled<T> = Result<T, DefinitionError>;

/// Compiles a view document: `{content: node}`, or the node itself.
pub(super) fn compile(document: &Json) -> Compiled<CompiledView> {
    let place = Place::root("view");
    let (content, place) = content(document, place)?;
    let mut compiler = Compiler::default();
    let root = compiler.template(content, &place, None, 0);
    let root = compiler.findings.take(root).unwrap_or_default();
    compiler.findings.check()?;
    let description = compiler.description();
    Ok(CompiledView {
        templates: compiler.templates,
        root,
        keys: compiler.keys,
        handlers: compiler.handlers,
        description,
        warnings: compiler.warnings,
    })
}

fn content(document: &Json, place: Place) -> Compiled<(&Json, Place)> {
    let members = object(document, &place)?;
    let Some(content) = members.get("content") else {
        return Ok((document, place));
    };
    match members
        .keys()
        .find(|key| !matches!(&***key, "content" | "$schema" | "$id"))
    {
        Some(unknown) => Err(unknown_key(&place, unknown, &["content"])),
        None => Ok((content, place.key("content"))),
    }
}

pub(super) fn object<'a>(json: &'a Json, place: &Place) -> Compiled<&'a JsonObject> {
    json.as_object()
        .ok_or_else(|| place.error("an object", json))
}

fn unknown_key(place: &Place, key: &str, known: &[&str]) -> DefinitionError {
    let expected = format!("one of the members {}", one_of(known.iter().copied()));
    place.key(key).error_text(expected, format!("\"{key}\""))
}

pub(super) fn check_keys(members: &JsonObject, known: &[&str], place: &Place) -> Compiled<()> {
    match members.keys().find(|key| !known.contains(&&***key)) {
        Some(unknown) => Err(unknown_key(place, unknown, known)),
        None => Ok(()),
    }
}

/// Everything that one view's templates share.
#[derive(Default)]
pub(super) struct Compiler {
    pub(super) templates: Vec<Template>,
    descriptions: Vec<Json>,
    pub(super) keys: ContextKeys,
    names: OrderedSet<Arc<str>>,
    pub(super) events: OrderedSet<Arc<str>>,
    pub(super) handlers: Vec<Handler>,
    pub(super) warnings: Vec<DefinitionError>,
    /// What is wrong; it is told together at the end.
    pub(super) findings: Findings,
    nodes: usize,
}

impl Compiler {
    pub(super) fn template(
        &mut self,
        node: &Json,
        place: &Place,
        namespace: Option<&'static str>,
        depth: usize,
    ) -> Compiled<usize> {
        // The place is taken first, so that handlers and rows can name it.
        let index = self.templates.len();
        self.templates.push(Template::default());
        self.descriptions.push(Json::Null);
        let mut building = Building {
            index,
            template: Template::default(),
            last: Vec::new(),
        };
        let root = building.number();
        let description = self.node(node, place, &mut building, (namespace, Some(root), depth))?;
        let mut template = building.template;
        template.holes.append(&mut building.last);
        for hole in &template.holes {
            template.reads.merge(hole.reads);
        }
        if let Some(slot) = self.templates.get_mut(index) {
            *slot = template;
        }
        if let Some(slot) = self.descriptions.get_mut(index) {
            *slot = description;
        }
        Ok(index)
    }

    pub(super) fn node(
        &mut self,
        node: &Json,
        place: &Place,
        building: &mut Building,
        (outer, number, depth): (Option<&'static str>, Option<u32>, usize),
    ) -> Compiled<Json> {
        self.nodes += 1;
        if depth > NESTING_MAX || self.nodes > NODES_MAX {
            let expected = format!("at most {NODES_MAX} nodes, nested at most {NESTING_MAX} deep");
            return Err(place.error_text(expected, "more"));
        }
        let members = object(node, place)?;
        check_keys(members, &NODE_KEYS, place)?;
        let tag = tag(members, place)?;
        let mut element = Element::new(tag, outer, number);
        if let Some(class) = members.get("class") {
            self.plain_attribute("class", class, &place.key("class"), &mut element, building)?;
        }
        if let Some(attrs) = members.get("attrs") {
            self.attributes(attrs, &place.key("attrs"), &mut element, building)?;
        }
        if let Some(text) = members.get("text") {
            self.text(text, &place.key("text"), &mut element, building)?;
        }
        self.content(members, place, &mut element, building, depth)?;
        if let Some(value) = members.get("value") {
            self.value(value, &place.key("value"), &mut element, building)?;
        }
        if let Some(on) = members.get("$on") {
            self.events(on, &place.key("$on"), &mut element, building)?;
        }
        Ok(element.description())
    }

    pub(super) fn text(
        &mut self,
        text: &Json,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
    ) -> Compiled<()> {
        let bound = self.shown(text, place)?;
        if let Some(literal) = bound.expression.as_literal() {
            element.children.push(shown_text(literal).into());
        } else {
            let number = building.number();
            let node = Json::object([("i", Json::from(number))]);
            element.children.push(node);
            let reads = bound.reads;
            building.hole(number, HoleKind::Text(bound), reads);
        }
        Ok(())
    }

    pub(super) fn value(
        &mut self,
        value: &Json,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
    ) -> Compiled<()> {
        let tag = element.tag.to_ascii_lowercase();
        let bound = self.shown(value, place)?;
        if let (Some(literal), true) = (
            bound.expression.as_literal(),
            VALUE_ATTRIBUTE_TAGS.contains(&&*tag),
        ) {
            element.attribute("value", shown_text(literal));
            return Ok(());
        }
        element.has_value = true;
        let hole = Hole {
            node: element.number(building),
            reads: bound.reads,
            kind: HoleKind::Value {
                bound,
                follows_rows: tag == "select",
            },
        };
        if tag == "select" {
            building.last.push(hole);
        } else {
            building.template.holes.push(hole);
        }
        Ok(())
    }

    /// An attribute that is text, and not an address.
    pub(super) fn plain_attribute(
        &mut self,
        name: &str,
        value: &Json,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
    ) -> Compiled<()> {
        let bound = self.shown(value, place)?;
        self.attribute_hole(name, bound, None, place, element, building);
        Ok(())
    }

    /// An attribute of the template if it is literal, else a hole.
    pub(super) fn attribute_hole(
        &mut self,
        name: &str,
        bound: Bound,
        url: Option<UrlRule>,
        place: &Place,
        element: &mut Element<'_>,
        building: &mut Building,
    ) {
        match bound.expression.as_literal() {
            None => {
                let reads = bound.reads;
                let name = self.name(name);
                let kind = HoleKind::Attribute { name, bound, url };
                element.hole(building, kind, reads);
            }
            Some(Json::Null) => {}
            Some(literal) => {
                let text = shown_text(literal);
                let is_safe = url.is_none_or(|rule| is_safe_url(&text, rule));
                if is_safe {
                    element.attribute(name, text);
                } else {
                    self.warnings
                        .push(place.error("an address that runs no code", literal));
                    element.attribute(name, "".into());
                }
            }
        }
    }

    /// Compiles what is shown; operators that decide are refused.
    pub(super) fn shown(&mut self, json: &Json, place: &Place) -> Compiled<Bound> {
        let first = json.as_object().and_then(JsonObject::first);
        if let Some((key, _)) = first.filter(|(key, _)| DECIDING.contains(&&***key)) {
            let expected = "a value that the machine has put into the context";
            return Err(place.error_text(expected, format!("the operator \"{key}\"")));
        }
        self.bound(json, place)
    }

    pub(super) fn bound(&mut self, json: &Json, place: &Place) -> Compiled<Bound> {
        let expression = Expression::compile(json, place)?;
        let reads = self.keys.reads(expression.dependencies());
        Ok(Bound { expression, reads })
    }

    /// The number of an attribute's name.
    pub(super) fn name(&mut self, name: &str) -> u32 {
        let index = self.names.place_of(name.into());
        number_of(index)
    }

    /// What JavaScript is told of the templates, once.
    fn description(&mut self) -> String {
        let texts = |names: &OrderedSet<Arc<str>>| -> Json {
            names
                .iter()
                .map(|name| Json::from(name.clone()))
                .collect::<Vec<Json>>()
                .into()
        };
        Json::object([
            ("names", texts(&self.names)),
            ("events", texts(&self.events)),
            ("templates", std::mem::take(&mut self.descriptions).into()),
        ])
        .to_string()
    }
}

fn number_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn tag<'a>(members: &'a JsonObject, place: &Place) -> Compiled<&'a str> {
    let tag = match members.get("tag") {
        None => return Ok("div"),
        Some(Json::String(tag)) => tag,
        Some(other) => return Err(place.key("tag").error("an element's name", other)),
    };
    match forbidden_tag(tag) {
        None => Ok(tag),
        Some(expected) => Err(place.key("tag").error_text(expected, format!("\"{tag}\""))),
    }
}
