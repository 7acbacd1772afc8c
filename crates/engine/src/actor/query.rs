//! Live queries: a context key that shows what a collection holds now.
//!
//! `{schema, filter, options}` names the collection, keeps the items whose fields equal the filter's, maps fields
//! through references, sorts and cuts. A filter of nothing but an `id` finds one item or `null`.

use std::cmp::Ordering;
use std::sync::Arc;

use cojson::collections::SortedSet;
use cojson::ids::CoId;
use cojson::json::{Json, JsonObject};
use cojson::node::Node;

use crate::definition_error::{DefinitionError, Place};
use crate::expression::{Expression, Scope};
use crate::sameness::keep_equal;

/// A query as the definition states it.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) schema: Arc<str>,
    filter: Vec<(Arc<str>, Expression)>,
    map: Vec<MappedField>,
    sort: Vec<SortKey>,
    limit: Option<usize>,
}

/// A field to add, and the path that gives it.
type MappedField = (Arc<str>, Vec<Arc<str>>);

#[derive(Debug)]
struct SortKey {
    field: Arc<str>,
    is_descending: bool,
}

/// Whether a context value is a query: an object with a text `schema` and nothing that a query has not.
pub(crate) fn is_query(value: &Json) -> bool {
    value.as_object().is_some_and(|members| {
        members
            .get("schema")
            .is_some_and(|schema| schema.as_str().is_some())
            && members
                .keys()
                .all(|key| matches!(&**key, "schema" | "filter" | "options"))
    })
}

impl Query {
    /// Reads `{schema, filter?, options?: {map?, sort?, limit?}}` of a definition.
    pub(crate) fn compile(source: &Json, place: &Place) -> Result<Self, DefinitionError> {
        Self::read(source, place, Expression::compile)
    }

    /// Reads a query that an action made. Its filter is data, whatever it looks like (R9).
    pub(crate) fn of_data(source: &Json) -> Result<Self, DefinitionError> {
        let literal = |value: &Json, _: &Place| Ok(Expression::literal(value.clone()));
        Self::read(source, &Place::root("query"), literal)
    }

    fn read(
        source: &Json,
        place: &Place,
        value: impl Fn(&Json, &Place) -> Result<Expression, DefinitionError>,
    ) -> Result<Self, DefinitionError> {
        let schema = match source.get("schema") {
            Some(Json::String(schema)) => Arc::clone(schema),
            other => {
                return Err(place
                    .key("schema")
                    .error("a collection's name", other.unwrap_or(&Json::Null)));
            }
        };
        let options = source.get("options").unwrap_or(&Json::Null);
        let place_of_options = place.key("options");
        check_option_names(options, &place_of_options)?;
        Ok(Self {
            schema,
            filter: compile_filter(source.get("filter"), &place.key("filter"), value)?,
            map: compile_map(options.get("map"), &place_of_options.key("map"))?,
            sort: compile_sort(options.get("sort"), &place_of_options.key("sort"))?,
            limit: compile_limit(options.get("limit"), &place_of_options.key("limit"))?,
        })
    }

    /// Whether its filter depends on the context.
    pub(crate) fn reads_context(&self) -> bool {
        self.filter
            .iter()
            .any(|(_, expression)| !expression.is_literal())
    }

    fn finds_one(&self) -> bool {
        matches!(self.filter.as_slice(), [(field, _)] if &**field == "id")
    }

    /// What each filtered field must equal now; a filter on what is undefined matches nothing.
    pub(crate) fn wanted(&self, context: &Json) -> Vec<Option<Json>> {
        let scope = Scope::new(context);
        let value = |(_, expression): &(_, Expression)| expression.evaluate(&scope).ok().flatten();
        self.filter.iter().map(value).collect()
    }

    /// Whether an item's fields equal what is wanted.
    pub(crate) fn matches(&self, item: &Json, wanted: &[Option<Json>]) -> bool {
        let mut fields = self.filter.iter().zip(wanted);
        fields.all(|((field, _), value)| value.is_some() && item.get(field) == value.as_ref())
    }

    /// What the context shows of the items that were found: one or all, sorted, cut and mapped. What is equal to what
    /// was shown before is the very same. `referenced` collects the values that a `map` looked into beside the items.
    pub(crate) fn shown(
        &self,
        found: &Arc<Vec<Json>>,
        before: &Json,
        node: &mut Node,
        referenced: &mut SortedSet<CoId>,
    ) -> Json {
        if self.finds_one() {
            let first = found.first();
            return first.map_or(Json::Null, |item| self.mapped(item, node, referenced));
        }
        let limit = self.limit.unwrap_or(usize::MAX);
        if self.sort.is_empty() && self.map.is_empty() && found.len() <= limit {
            return Json::Array(Arc::clone(found));
        }
        let mut items = Vec::clone(found);
        items.sort_by(|left, right| self.compare(left, right));
        items.truncate(limit);
        for item in &mut items {
            *item = self.mapped(item, node, referenced);
        }
        keep_equal(before.as_array().unwrap_or_default(), items).into()
    }

    fn compare(&self, left: &Json, right: &Json) -> Ordering {
        let by_key = |key: &SortKey| {
            let order = compare_values(left.get(&key.field), right.get(&key.field));
            if key.is_descending {
                order.reverse()
            } else {
                order
            }
        };
        self.sort
            .iter()
            .map(by_key)
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// The item with the mapped fields added: each a path that follows references.
    fn mapped(&self, item: &Json, node: &mut Node, referenced: &mut SortedSet<CoId>) -> Json {
        if self.map.is_empty() {
            return item.clone();
        }
        let mut members = item.as_object().cloned().unwrap_or_default();
        for (field, path) in &self.map {
            let value = follow(item, path, node, referenced).unwrap_or_default();
            members.insert(Arc::clone(field), value);
        }
        members.into()
    }
}

/// Walks a path; where the next step would be into a text that is a value's id, it goes on in that value.
fn follow(
    item: &Json,
    path: &[Arc<str>],
    node: &mut Node,
    referenced: &mut SortedSet<CoId>,
) -> Option<Json> {
    let mut current = item.clone();
    for segment in path {
        if let Some(id) = current.as_str().and_then(|text| CoId::parse(text).ok()) {
            current = read_reference(&id, node, referenced)?;
        }
        current = current.step(segment)?.clone();
    }
    Some(current)
}

fn read_reference(id: &CoId, node: &mut Node, referenced: &mut SortedSet<CoId>) -> Option<Json> {
    if referenced.insert(id.clone()) {
        node.load(id);
    }
    Some(node.map(id)?.to_json())
}

/// Numbers by size, text by code points, everything else by kind; what is missing comes last.
fn compare_values(left: Option<&Json>, right: Option<&Json>) -> Ordering {
    match (left, right) {
        (Some(Json::Number(left)), Some(Json::Number(right))) => left.total_cmp(right),
        (Some(Json::String(left)), Some(Json::String(right))) => left.cmp(right),
        (Some(Json::Bool(left)), Some(Json::Bool(right))) => left.cmp(right),
        (left, right) => rank(left).cmp(&rank(right)),
    }
}

fn rank(value: Option<&Json>) -> u8 {
    match value {
        Some(Json::Bool(_)) => 0,
        Some(Json::Number(_)) => 1,
        Some(Json::String(_)) => 2,
        Some(Json::Array(_) | Json::Object(_)) => 3,
        Some(Json::Null) | None => 4,
    }
}

fn check_option_names(options: &Json, place: &Place) -> Result<(), DefinitionError> {
    const KNOWN: [&str; 4] = ["map", "sort", "limit", "resolveReferences"];
    let mut names = options.as_object().into_iter().flat_map(JsonObject::keys);
    match names.find(|name| !KNOWN.contains(&&***name)) {
        Some(name) => Err(place
            .key(name)
            .error("one of map, sort, limit", &Json::Null)),
        None => Ok(()),
    }
}

fn compile_filter(
    source: Option<&Json>,
    place: &Place,
    value: impl Fn(&Json, &Place) -> Result<Expression, DefinitionError>,
) -> Result<Vec<(Arc<str>, Expression)>, DefinitionError> {
    let compile = |(field, wanted): (&Arc<str>, &Json)| {
        Ok((Arc::clone(field), value(wanted, &place.key(field))?))
    };
    match source {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Object(fields)) => fields.iter().map(compile).collect(),
        Some(other) => {
            Err(place.error("an object of fields and the values they must equal", other))
        }
    }
}

fn compile_map(source: Option<&Json>, place: &Place) -> Result<Vec<MappedField>, DefinitionError> {
    let compile = |(field, path): (&Arc<str>, &Json)| {
        let path = path.as_str().and_then(|path| path.strip_prefix("$$"));
        let path = path.ok_or_else(|| {
            place
                .key(field)
                .error("a path like \"$$author.name\"", &Json::Null)
        })?;
        Ok((Arc::clone(field), path.split('.').map(Arc::from).collect()))
    };
    match source {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Object(fields)) => fields.iter().map(compile).collect(),
        Some(other) => Err(place.error("an object of fields and paths", other)),
    }
}

/// `"field"`, `"-field"` for descending, or a list of them.
fn compile_sort(source: Option<&Json>, place: &Place) -> Result<Vec<SortKey>, DefinitionError> {
    let key = |name: &Json| match name.as_str() {
        Some(name) => {
            let field = name.strip_prefix('-').unwrap_or(name);
            Ok(SortKey {
                field: field.into(),
                is_descending: name.starts_with('-'),
            })
        }
        None => Err(place.error("\"field\", \"-field\" or a list of them", name)),
    };
    match source {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Array(names)) => names.iter().map(key).collect(),
        Some(name) => Ok(vec![key(name)?]),
    }
}

fn compile_limit(source: Option<&Json>, place: &Place) -> Result<Option<usize>, DefinitionError> {
    match source {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Number(limit)) if *limit >= 0.0 && limit.fract() == 0.0 =>
        {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number, not negative; the cast saturates"
            )]
            Ok(Some(*limit as usize))
        }
        Some(other) => Err(place.error("a whole number", other)),
    }
}
