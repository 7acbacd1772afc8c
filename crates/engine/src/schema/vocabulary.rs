//! The keywords of the draft, vocabulary by vocabulary: from a schema's members to what a program checks.

use std::sync::Arc;

use cojson::json::Json;

use super::compile::Compiled;
use super::keyword::{Counted, Keyword, Limit, NodeId, Properties, TYPES};
use super::registry::{ROOT_URI, path_of};
use super::source::Source;
use crate::definition_error::one_of;

/// The vocabularies that are understood. A metaschema may require no other.
const VOCABULARIES: [&str; 7] = [
    "core",
    "applicator",
    "unevaluated",
    "validation",
    "meta-data",
    "format-annotation",
    "content",
];

const VOCABULARY: &str = "https://json-schema.org/draft/2020-12/vocab/";

type Keywords = Vec<Keyword>;

impl<'a> Source<'_, 'a> {
    /// Every keyword, in the order in which they are checked.
    pub(super) fn keywords(&mut self) -> Compiled<Keywords> {
        let mut keywords = Keywords::new();
        self.references(&mut keywords)?;
        let has_validation = self.has_validation()?;
        if has_validation {
            self.assertions(&mut keywords)?;
        }
        self.applicators(&mut keywords)?;
        self.contains(has_validation, &mut keywords)?;
        self.unevaluated(&mut keywords);
        keywords.retain(|keyword| !keyword.asks_nothing());
        Ok(keywords)
    }

    fn references(&mut self, keywords: &mut Keywords) -> Compiled<()> {
        if let Some(reference) = self.text("$ref")? {
            keywords.push(Keyword::Ref(self.target("$ref", reference)?.0));
        }
        if let Some(reference) = self.text("$dynamicRef")? {
            let (node, schema) = self.target("$dynamicRef", reference)?;
            let name = reference.rsplit_once('#').map_or("", |(_, name)| name);
            let is_dynamic = schema.get("$dynamicAnchor").and_then(Json::as_str) == Some(name);
            if is_dynamic {
                self.look_for(name);
                keywords.push(Keyword::DynamicRef(name.into(), node));
            } else {
                keywords.push(Keyword::Ref(node));
            }
        }
        Ok(())
    }

    fn target(&mut self, keyword: &str, reference: &str) -> Compiled<(NodeId, &'a Json)> {
        let found = self.compiler.registry.find(&self.base, reference);
        let found = found.ok_or_else(|| {
            let expected = "a reference to a schema inside this one or a document given with it";
            self.error(keyword, expected, format!("\"{reference}\""))
        })?;
        let schema = found.schema;
        let path = path_of(&self.base, reference);
        Ok((self.compiler.node(found, path), schema))
    }

    fn look_for(&mut self, name: &str) {
        let names = &mut self.compiler.dynamic_names;
        if !names.iter().any(|known| **known == *name) {
            names.push(name.into());
        }
    }

    /// Whether the metaschema of this resource has the validation vocabulary; the draft's own has.
    fn has_validation(&self) -> Compiled<bool> {
        let registry = &self.compiler.registry;
        let schema = registry
            .resource(&self.base)
            .map(|resource| resource.schema);
        let metaschema = schema
            .and_then(|schema| schema.get("$schema"))
            .and_then(Json::as_str);
        let metaschema = metaschema.and_then(|uri| registry.find(ROOT_URI, uri));
        let vocabularies =
            metaschema.and_then(|found| found.schema.get("$vocabulary")?.as_object());
        let Some(vocabularies) = vocabularies else {
            return Ok(true);
        };
        let is_known = |uri: &str| {
            let name = uri.strip_prefix(VOCABULARY);
            name.is_some_and(|name| VOCABULARIES.contains(&name))
        };
        for (uri, is_required) in vocabularies {
            if *is_required == Json::Bool(true) && !is_known(uri) {
                let expected = "a metaschema that requires only the draft's vocabularies";
                return Err(self.error("$schema", expected, format!("\"{uri}\"")));
            }
        }
        Ok(vocabularies
            .keys()
            .any(|uri| uri.strip_prefix(VOCABULARY) == Some("validation")))
    }

    fn assertions(&self, keywords: &mut Keywords) -> Compiled<()> {
        self.type_keyword(keywords)?;
        match self.members.get("enum") {
            Some(Json::Array(values)) => keywords.push(Keyword::Enum(values.clone())),
            Some(other) => return Err(self.wrong("enum", "an array of values", other)),
            None => {}
        }
        if let Some(value) = self.members.get("const") {
            keywords.push(Keyword::Const(value.clone()));
        }
        self.number_keywords(keywords)?;
        self.count_keywords(keywords)?;
        if let Some(pattern) = self.text("pattern")? {
            let compiled = self.pattern(pattern, "pattern")?;
            keywords.push(Keyword::Pattern(compiled, pattern.into()));
        }
        match self.members.get("uniqueItems") {
            Some(Json::Bool(true)) => keywords.push(Keyword::UniqueItems),
            Some(Json::Bool(false)) | None => {}
            Some(other) => return Err(self.wrong("uniqueItems", "a boolean", other)),
        }
        if let Some(names) = self.members.get("required") {
            keywords.push(Keyword::Required(self.names("required", names)?));
        }
        let dependencies = self.object("dependentRequired")?.into_iter().flatten();
        let dependencies = dependencies
            .map(|(name, names)| Ok((name.clone(), self.names("dependentRequired", names)?)));
        keywords.push(Keyword::DependentRequired(
            dependencies.collect::<Compiled<_>>()?,
        ));
        Ok(())
    }

    fn type_keyword(&self, keywords: &mut Keywords) -> Compiled<()> {
        let Some(value) = self.members.get("type") else {
            return Ok(());
        };
        let names = match value {
            Json::Array(names) => names.as_slice(),
            single => std::slice::from_ref(single),
        };
        let mut bits = 0;
        for name in names {
            let position = TYPES.iter().position(|known| name.as_str() == Some(*known));
            let position = position.ok_or_else(|| self.wrong("type", &one_of(TYPES), name))?;
            bits |= 1 << position;
        }
        keywords.push(Keyword::Type(bits));
        Ok(())
    }

    fn number_keywords(&self, keywords: &mut Keywords) -> Compiled<()> {
        for (name, limit) in [
            ("minimum", Limit::Minimum),
            ("maximum", Limit::Maximum),
            ("exclusiveMinimum", Limit::ExclusiveMinimum),
            ("exclusiveMaximum", Limit::ExclusiveMaximum),
        ] {
            if let Some(number) = self.number(name, "a number", |_| true)? {
                keywords.push(Keyword::Limit(limit, number));
            }
        }
        let divisor = self.number("multipleOf", "a number greater than 0", |number| {
            number > 0.0
        })?;
        keywords.extend(divisor.map(Keyword::MultipleOf));
        Ok(())
    }

    fn count_keywords(&self, keywords: &mut Keywords) -> Compiled<()> {
        for (name, counted) in [
            ("minLength", Counted::Characters),
            ("minItems", Counted::Items),
            ("minProperties", Counted::Members),
        ] {
            keywords.extend(self.count(name)?.map(|min| Keyword::AtLeast(counted, min)));
        }
        for (name, counted) in [
            ("maxLength", Counted::Characters),
            ("maxItems", Counted::Items),
            ("maxProperties", Counted::Members),
        ] {
            keywords.extend(self.count(name)?.map(|max| Keyword::AtMost(counted, max)));
        }
        Ok(())
    }

    fn applicators(&mut self, keywords: &mut Keywords) -> Compiled<()> {
        for (name, keyword) in [
            ("allOf", Keyword::AllOf as fn(Vec<NodeId>) -> Keyword),
            ("anyOf", Keyword::AnyOf),
            ("oneOf", Keyword::OneOf),
        ] {
            keywords.extend(self.list(name)?.map(keyword));
        }
        keywords.extend(self.one("not").map(Keyword::Not));
        if let Some(condition) = self.one("if") {
            keywords.push(Keyword::If {
                condition,
                then: self.one("then"),
                otherwise: self.one("else"),
            });
        }
        keywords.push(Keyword::DependentSchemas(self.map("dependentSchemas")?));
        keywords.push(Keyword::Properties(self.properties()?));
        keywords.extend(self.one("propertyNames").map(Keyword::PropertyNames));
        keywords.push(Keyword::Items {
            first: self.list("prefixItems")?.unwrap_or_default(),
            rest: self.one("items"),
        });
        Ok(())
    }

    /// The numbers belong to the validation vocabulary.
    fn contains(&mut self, has_validation: bool, keywords: &mut Keywords) -> Compiled<()> {
        if let Some(node) = self.one("contains") {
            let count = |name| {
                if has_validation {
                    self.count(name)
                } else {
                    Ok(None)
                }
            };
            keywords.push(Keyword::Contains {
                node,
                min: count("minContains")?.unwrap_or(1.0),
                max: count("maxContains")?.unwrap_or(f64::INFINITY),
            });
        }
        Ok(())
    }

    fn properties(&mut self) -> Compiled<Properties> {
        let mut patterns = Vec::new();
        for (pattern, node) in self.map("patternProperties")? {
            patterns.push((self.pattern(&pattern, "patternProperties")?, node));
        }
        let mut named: Vec<(Arc<str>, NodeId)> = Vec::new();
        for (name, node) in self.map("properties")? {
            let place = named.binary_search_by(|(known, _)| known.cmp(&name));
            named.insert(place.unwrap_or_else(|place| place), (name, node));
        }
        Ok(Properties {
            named,
            patterns,
            additional: self.one("additionalProperties"),
        })
    }

    fn unevaluated(&mut self, keywords: &mut Keywords) {
        let items = self.one("unevaluatedItems").map(Keyword::UnevaluatedItems);
        let members = self.one("unevaluatedProperties");
        let members = members.map(Keyword::UnevaluatedProperties);
        self.compiler.program.has_unevaluated |= items.is_some() || members.is_some();
        keywords.extend(items.into_iter().chain(members));
    }
}

impl Keyword {
    /// Whether no value could violate it.
    fn asks_nothing(&self) -> bool {
        match self {
            Self::DependentRequired(names) => names.is_empty(),
            Self::DependentSchemas(schemas) => schemas.is_empty(),
            Self::Items { first, rest } => first.is_empty() && rest.is_none(),
            Self::Properties(properties) => {
                properties.named.is_empty()
                    && properties.patterns.is_empty()
                    && properties.additional.is_none()
            }
            _ => false,
        }
    }
}
