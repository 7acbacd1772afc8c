//! From a schema's JSON to its program. Malformed keywords and references to nothing are refused with their path.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::keyword::{
    Counted, DynamicAnchor, Keyword, Limit, Node, NodeId, Program, Properties, TYPES,
};
use super::registry::{Located, ROOT_URI, Registry, base_of, path_of};
use super::{Pattern, PatternCompiler, SchemaError, path};
use crate::definition_error::{describe, one_of};

type Compiled<T> = Result<T, SchemaError>;

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

/// Compiles a schema and whatever it refers to.
pub(super) fn program(
    schema: &Json,
    documents: &[(&str, &Json)],
    patterns: &dyn PatternCompiler,
) -> Compiled<Program> {
    let mut registry = Registry::default();
    for (uri, document) in documents {
        registry.add(document, uri)?;
    }
    let root = registry.add(schema, ROOT_URI)?;
    let mut compiler = Compiler {
        registry,
        patterns,
        program: Program::default(),
        ids: HashMap::new(),
        resources: HashMap::new(),
        queue: VecDeque::new(),
        dynamic_names: BTreeSet::new(),
    };
    compiler.node(root, String::new());
    compiler.drain()?;
    while compiler.add_dynamic_anchors() {
        compiler.drain()?;
    }
    Ok(compiler.program)
}

/// A schema that has its node's index and is yet to be compiled.
struct Queued<'a> {
    id: NodeId,
    located: Located<'a>,
    path: String,
}

struct Compiler<'a> {
    registry: Registry<'a>,
    patterns: &'a dyn PatternCompiler,
    program: Program,
    /// The node of each schema met so far. The same JSON under another base is another schema.
    ids: HashMap<(*const Json, Rc<str>), NodeId>,
    resources: HashMap<Rc<str>, usize>,
    queue: VecDeque<Queued<'a>>,
    /// The names that dynamic references look for.
    dynamic_names: BTreeSet<Arc<str>>,
}

impl<'a> Compiler<'a> {
    /// The index of a schema's node, which is compiled in its turn.
    fn node(&mut self, located: Located<'a>, path: String) -> NodeId {
        let key = (std::ptr::from_ref(located.schema), located.base.clone());
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let id = self.program.nodes.len();
        self.program.nodes.push(Node::default());
        self.ids.insert(key, id);
        self.queue.push_back(Queued { id, located, path });
        id
    }

    fn resource(&mut self, base: &Rc<str>) -> usize {
        let next = self.resources.len();
        *self.resources.entry(base.clone()).or_insert(next)
    }

    /// Compiles all that is queued, and what it leads to.
    fn drain(&mut self) -> Compiled<()> {
        while let Some(next) = self.queue.pop_front() {
            let node = self.compile(&next)?;
            if let Some(slot) = self.program.nodes.get_mut(next.id) {
                *slot = node;
            }
        }
        Ok(())
    }

    /// Queues what dynamic references may come to mean in the resources that are in use; whether there was any.
    fn add_dynamic_anchors(&mut self) -> bool {
        let known = self.program.dynamic_anchors.len();
        for name in self.dynamic_names.clone() {
            let anchors: Vec<_> = self.registry.dynamic_anchors(&name).cloned().collect();
            for located in anchors {
                if let Some(resource) = self.resources.get(&located.base).copied() {
                    self.add_dynamic_anchor(resource, &name, located);
                }
            }
        }
        self.program.dynamic_anchors.len() > known
    }

    fn add_dynamic_anchor(&mut self, resource: usize, name: &Arc<str>, located: Located<'a>) {
        let mut known = self.program.dynamic_anchors.iter();
        if !known.any(|anchor| anchor.resource == resource && anchor.name == *name) {
            let path = format!("{}#{name}", located.base);
            let node = self.node(located, path);
            let name = name.clone();
            self.program.dynamic_anchors.push(DynamicAnchor {
                resource,
                name,
                node,
            });
        }
    }

    fn compile(&mut self, queued: &Queued<'a>) -> Compiled<Node> {
        let resource = self.resource(&queued.located.base);
        let mut keywords = Vec::new();
        match queued.located.schema {
            Json::Bool(true) => {}
            Json::Bool(false) => keywords.push(Keyword::Never),
            Json::Object(members) => {
                let mut source = Source {
                    members,
                    base: queued.located.base.clone(),
                    path: &queued.path,
                    compiler: self,
                };
                source.references(&mut keywords)?;
                if source.has_validation()? {
                    source.assertions(&mut keywords)?;
                }
                source.applicators(&mut keywords)?;
                source.unevaluated(&mut keywords);
            }
            other => {
                return Err(SchemaError {
                    path: queued.path.clone(),
                    expected: "a schema: an object or a boolean".to_owned(),
                    found: describe(other),
                });
            }
        }
        Ok(Node { resource, keywords })
    }
}

/// One schema being compiled.
struct Source<'s, 'a> {
    members: &'a JsonObject,
    base: Rc<str>,
    path: &'s str,
    compiler: &'s mut Compiler<'a>,
}

type Keywords = Vec<Keyword>;

impl<'a> Source<'_, 'a> {
    fn references(&mut self, keywords: &mut Keywords) -> Compiled<()> {
        if let Some(reference) = self.text("$ref")? {
            keywords.push(Keyword::Ref(self.target("$ref", reference)?.0));
        }
        if let Some(reference) = self.text("$dynamicRef")? {
            let (node, schema) = self.target("$dynamicRef", reference)?;
            let name = reference.rsplit_once('#').map_or("", |(_, name)| name);
            let is_dynamic = schema.get("$dynamicAnchor").and_then(Json::as_str) == Some(name);
            if is_dynamic {
                self.compiler.dynamic_names.insert(name.into());
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
        if let Some(node) = self.one("contains") {
            let has_validation = self.has_validation()?;
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
        Ok(Properties {
            named: self.map("properties")?.into_iter().collect(),
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
        keywords.retain(|keyword| !keyword.asks_nothing());
    }

    // The values of keywords, in the forms that they come in.

    fn subschema(&mut self, schema: &'a Json, path: String) -> NodeId {
        let base = base_of(schema, &self.base);
        self.compiler.node(Located { schema, base }, path)
    }

    fn one(&mut self, keyword: &str) -> Option<NodeId> {
        let schema = self.members.get(keyword)?;
        Some(self.subschema(schema, path::with_key(self.path, keyword)))
    }

    fn list(&mut self, keyword: &str) -> Compiled<Option<Vec<NodeId>>> {
        let outer = path::with_key(self.path, keyword);
        match self.members.get(keyword) {
            None => Ok(None),
            Some(Json::Array(schemas)) => {
                let schemas = schemas.iter().enumerate();
                let nodes = schemas
                    .map(|(index, schema)| self.subschema(schema, path::with_index(&outer, index)));
                Ok(Some(nodes.collect()))
            }
            Some(other) => Err(self.wrong(keyword, "an array of schemas", other)),
        }
    }

    fn map(&mut self, keyword: &str) -> Compiled<Vec<(Arc<str>, NodeId)>> {
        let outer = path::with_key(self.path, keyword);
        let schemas = self.object(keyword)?.into_iter().flatten();
        Ok(schemas
            .map(|(name, schema)| {
                let path = path::with_key(&outer, name);
                (name.clone(), self.subschema(schema, path))
            })
            .collect())
    }

    fn object(&self, keyword: &str) -> Compiled<Option<&'a JsonObject>> {
        match self.members.get(keyword) {
            None => Ok(None),
            Some(Json::Object(members)) => Ok(Some(members)),
            Some(other) => Err(self.wrong(keyword, "an object", other)),
        }
    }

    fn text(&self, keyword: &str) -> Compiled<Option<&'a str>> {
        match self.members.get(keyword) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(keyword, "a text", other)),
        }
    }

    fn number(
        &self,
        keyword: &str,
        expected: &str,
        is_right: fn(f64) -> bool,
    ) -> Compiled<Option<f64>> {
        match self.members.get(keyword) {
            None => Ok(None),
            Some(Json::Number(number)) if is_right(*number) => Ok(Some(*number)),
            Some(other) => Err(self.wrong(keyword, expected, other)),
        }
    }

    fn count(&self, keyword: &str) -> Compiled<Option<f64>> {
        self.number(keyword, "an integer of at least 0", |number| {
            number >= 0.0 && number.fract() == 0.0
        })
    }

    fn names(&self, keyword: &str, names: &Json) -> Compiled<Vec<Arc<str>>> {
        let texts = names.as_array().map(|names| {
            let text = |name: &Json| name.as_str().map(Arc::from);
            names.iter().map(text).collect::<Option<Vec<Arc<str>>>>()
        });
        texts
            .flatten()
            .ok_or_else(|| self.wrong(keyword, "an array of names", names))
    }

    fn pattern(&self, pattern: &str, keyword: &str) -> Compiled<Box<dyn Pattern>> {
        self.compiler.patterns.compile(pattern).map_err(|reason| {
            let found = format!("\"{pattern}\" ({reason})");
            self.error(keyword, "a regular expression of ECMAScript", found)
        })
    }

    fn wrong(&self, keyword: &str, expected: &str, found: &Json) -> SchemaError {
        self.error(keyword, expected, describe(found))
    }

    fn error(&self, keyword: &str, expected: &str, found: String) -> SchemaError {
        SchemaError {
            path: path::with_key(self.path, keyword),
            expected: expected.to_owned(),
            found,
        }
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
