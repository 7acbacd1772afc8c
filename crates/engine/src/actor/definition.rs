//! An actor's definition, compiled: everything that can be checked is checked here, once, before anything runs.

use std::rc::Rc;
use std::sync::Arc;

use cojson::collections::{OrderedMap, SortedSet};
use cojson::ids::CoId;
use cojson::json::quoted;
use cojson::json::{Json, JsonObject};

use super::ActorId;
use super::contract::Contract;
use super::memory::{CURRENT_STATE, HISTORY, OUTPUT, VERSION};
use super::migration::Migrations;
use super::query::{Query, is_query};
use super::tools::ToolRegistry;
use crate::definition_error::{DefinitionError, Findings, Place, one_of};
use crate::machine::{Machine, MachineLibrary};
use crate::schema::{PatternCompiler, Schema};
use crate::style::{SheetId, StyleEngine};
use crate::view::CompiledView;

const KNOWN_KEYS: [&str; 19] = [
    "$id",
    "$schema",
    "id",
    "role",
    "context",
    "state",
    "view",
    "style",
    "brand",
    "messageTypes",
    "interface",
    "inbox",
    "schemas",
    "space",
    "name",
    "description",
    "history",
    "version",
    "migrate",
];

/// The context key that names an actor's children.
const CHILDREN: &str = "@actors";

/// What definitions are compiled with.
pub(crate) struct Library<'a> {
    pub(crate) patterns: &'a dyn PatternCompiler,
    pub(crate) tools: &'a ToolRegistry,
    pub(crate) styles: &'a mut StyleEngine,
}

/// A definition, ready to run, shared by whatever runs it.
pub(crate) struct ActorDefinition {
    pub(crate) machine: Machine,
    /// How what an older version stored is read.
    pub(crate) migrations: Migrations,
    pub(crate) view: Option<Arc<CompiledView>>,
    pub(crate) sheet: Option<SheetId>,
    pub(crate) contract: Contract,
    /// The context's first content, without queries and children.
    pub(crate) defaults: JsonObject,
    pub(crate) queries: OrderedMap<Arc<str>, Arc<Query>>,
    /// The definitions of the children, by the names that slots use.
    pub(crate) children: OrderedMap<Arc<str>, Json>,
    /// Context keys that are read and that nothing in the definition puts there.
    pub(crate) remarks: Vec<DefinitionError>,
    /// The names of context keys that expressions of the machine begin with.
    pub(crate) mentioned: SortedSet<Arc<str>>,
    /// What data of a collection must look like, by the collection's name.
    pub(crate) schemas: OrderedMap<Arc<str>, Rc<Schema>>,
}

/// A definition's `id` and `space`, which must be known before anything is loaded.
pub(crate) fn identity(source: &Json) -> Result<(ActorId, Option<CoId>), DefinitionError> {
    let place = Place::root("actor");
    let id = match source.get("id") {
        Some(Json::String(id)) if !id.is_empty() => ActorId::new(Arc::clone(id)),
        other => {
            return Err(place
                .key("id")
                .error("a name", other.unwrap_or(&Json::Null)));
        }
    };
    let space = match source.get("space") {
        None | Some(Json::Null) => None,
        Some(space) => {
            let id = space.as_str().and_then(|text| CoId::parse(text).ok());
            Some(id.ok_or_else(|| place.key("space").error("a group's id (co_z…)", space))?)
        }
    };
    Ok((id, space))
}

impl ActorDefinition {
    /// Compiles a definition whose documents are all inline.
    pub(crate) fn compile(
        source: &Json,
        library: &mut Library<'_>,
    ) -> Result<Self, DefinitionError> {
        let place = Place::root("actor");
        let mut findings = Findings::default();
        findings.take(check_keys(source, &place));
        let contract = Contract::compile(
            source.get("messageTypes"),
            source.get("interface"),
            &place,
            library.patterns,
        );
        let contract = findings.take(contract);
        let context = Context::compile(source.get("context").unwrap_or(&Json::Null));
        let context = findings.take(context);
        let schemas_place = place.key("schemas");
        let schemas = compile_schemas(source.get("schemas"), &schemas_place, library.patterns);
        let schemas = findings.take(schemas).unwrap_or_default();
        // What refers to parts that are not understood is not looked at: all of it would seem wrong.
        let machine = contract.as_ref().zip(context.as_ref());
        let machine = machine.and_then(|(contract, context)| {
            let state = source.get("state");
            findings.take(compile_machine(state, contract, &context.children, library))
        });
        let migrations = machine.as_ref();
        let migrations = migrations.map(|machine| Migrations::compile(source, machine));
        let migrations = migrations.and_then(|migrations| findings.take(migrations));
        let view = contract.as_ref();
        let view = view.map(|contract| compile_view(source.get("view"), contract));
        let view = view.and_then(|view| findings.take(view)).flatten();
        let sheet = findings
            .take(compile_sheet(source, library.styles))
            .flatten();
        let checked = findings.check();
        let whole = machine.zip(migrations).zip(contract.zip(context));
        let (Ok(()), Some(((machine, migrations), (contract, context)))) = (&checked, whole) else {
            if let Some(sheet) = sheet {
                library.styles.release(sheet);
            }
            return Err(checked
                .err()
                .unwrap_or_else(|| place.missing("a definition")));
        };
        let state = source.get("state").unwrap_or(&Json::Null);
        let mut reads = Vec::new();
        note_reads(state, &Place::root("state"), &mut reads);
        let mentioned = reads.iter().map(|(key, _)| key.clone()).collect();
        let view_source = source.get("view").unwrap_or(&Json::Null);
        note_reads(view_source, &Place::root("view"), &mut reads);
        Ok(Self {
            remarks: unknown_keys(state, &reads, &context),
            mentioned,
            migrations,
            machine,
            view,
            sheet,
            contract,
            defaults: context.defaults,
            queries: context.queries,
            children: context.children,
            schemas,
        })
    }
}

/// The context keys that a document's paths begin with, where each stands.
type Reads = Vec<(Arc<str>, Place)>;

/// Remarks on those that neither the context has nor an action writes.
fn unknown_keys(state: &Json, reads: &Reads, context: &Context) -> Vec<DefinitionError> {
    let mut written = SortedSet::new();
    if !note_written(state, &mut written) {
        return Vec::new();
    }
    let is_known = |key: &str| {
        key == "existing"
            || written.contains(key)
            || context.defaults.contains_key(key)
            || context.queries.contains_key(key)
            || context.children.contains_key(key)
    };
    let unknown = reads.iter().filter(|(key, _)| !is_known(key));
    let expected = "a context key that the context has or an action writes";
    let remark = |(key, place): &(Arc<str>, Place)| place.error_text(expected, quoted(key));
    unknown.map(remark).collect()
}

/// Notes the context keys that actions write; whether those are all.
fn note_written(json: &Json, written: &mut SortedSet<Arc<str>>) -> bool {
    match json {
        Json::Array(items) => items.iter().all(|item| note_written(item, written)),
        Json::Object(members) => members.iter().all(|(name, value)| {
            let is_write = matches!(&**name, "updateContext" | "mapData");
            match value.as_object().filter(|_| is_write) {
                Some(keys) if keys.keys().any(|key| key.starts_with('$')) => false,
                Some(keys) => {
                    written.extend(keys.keys().cloned());
                    true
                }
                None => !is_write && note_written(value, written),
            }
        }),
        // `setLoading` and the like.
        Json::String(text) => {
            let named = crate::machine::named_update(text);
            let keys = named.as_ref().and_then(Json::as_object);
            written.extend(keys.into_iter().flat_map(|keys| keys.keys().cloned()));
            true
        }
        _ => true,
    }
}

fn note_reads(json: &Json, place: &Place, reads: &mut Reads) {
    match json {
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                note_reads(item, &place.index(index), reads);
            }
        }
        // A guard's JSON Schema holds no expressions.
        Json::Object(members) => {
            for (name, value) in members.iter().filter(|(name, _)| &***name != "schema") {
                note_reads(value, &place.key(name), reads);
            }
        }
        Json::String(text) => {
            let key = context_key(text);
            reads.extend(key.map(|key| (key.into(), place.clone())));
        }
        _ => {}
    }
}

/// The context key that a path begins with.
fn context_key(text: &str) -> Option<&str> {
    let path = text.strip_prefix('$')?;
    let key = path.split('.').next()?;
    (!key.is_empty() && !key.starts_with('$')).then_some(key)
}

/// A context document, taken apart.
#[derive(Default)]
struct Context {
    defaults: JsonObject,
    queries: OrderedMap<Arc<str>, Arc<Query>>,
    children: OrderedMap<Arc<str>, Json>,
}

impl Context {
    fn compile(document: &Json) -> Result<Self, DefinitionError> {
        let place = Place::root("context");
        let members = match document {
            Json::Null => return Ok(Self::default()),
            Json::Object(members) => members,
            other => return Err(place.error("an object", other)),
        };
        let mut context = Self::default();
        for (key, value) in members.iter() {
            let place = place.key(key);
            if &**key == CHILDREN {
                context.children = compile_children(value, &place)?;
            } else if is_query(value) {
                context
                    .queries
                    .insert(Arc::clone(key), Arc::new(Query::compile(value, &place)?));
            } else {
                context.defaults.insert(Arc::clone(key), value.clone());
            }
        }
        Ok(context)
    }
}

fn check_keys(source: &Json, place: &Place) -> Result<(), DefinitionError> {
    let Some(members) = source.as_object() else {
        return Err(place.error("an actor's definition, an object", source));
    };
    match members
        .iter()
        .find(|(key, _)| !KNOWN_KEYS.contains(&&***key))
    {
        Some((key, value)) => {
            let expected = format!("one of {}", KNOWN_KEYS.join(", "));
            Err(place.key(key).error(expected.clone(), value))
        }
        None => Ok(()),
    }
}

fn compile_machine(
    document: Option<&Json>,
    contract: &Contract,
    children: &OrderedMap<Arc<str>, Json>,
    library: &Library<'_>,
) -> Result<Machine, DefinitionError> {
    let idle = || Json::object([("initial", "idle".into()), ("states", idle_state())]);
    let document = document.cloned().unwrap_or_else(idle);
    let message_types = contract.types();
    let actors: Vec<&str> = children.keys().map(AsRef::as_ref).collect();
    let library = MachineLibrary {
        patterns: library.patterns,
        tools: &library.tools.names(),
        allows_unknown_tools: false,
        actors: &actors,
        message_types: message_types.as_deref(),
        reserved_keys: &[CURRENT_STATE, HISTORY, OUTPUT, VERSION, CHILDREN],
    };
    Machine::compile(&document, &library, &Place::root("state"))
}

/// A view whose events the actor's contract admits: others could never arrive.
fn compile_view(
    document: Option<&Json>,
    contract: &Contract,
) -> Result<Option<Arc<CompiledView>>, DefinitionError> {
    let Some(document) = document else {
        return Ok(None);
    };
    let view = CompiledView::compile(document)?;
    if let Some(types) = contract.types() {
        let is_unknown = |sent: &&Arc<str>| !types.contains(&&***sent);
        if let Some(sent) = view.sent_types().find(is_unknown) {
            let expected = format!("events of the messageTypes {}", one_of(types));
            return Err(
                Place::root("view").error_text(expected, format!("the event {}", quoted(sent)))
            );
        }
    }
    Ok(Some(Arc::new(view)))
}

fn idle_state() -> Json {
    Json::object([("idle", Json::empty_object())])
}

/// The sheet of a definition's documents, held once more.
pub(crate) fn compile_sheet(
    source: &Json,
    styles: &mut StyleEngine,
) -> Result<Option<SheetId>, DefinitionError> {
    let (brand, style) = (source.get("brand"), source.get("style"));
    if brand.is_none() && style.is_none() {
        return Ok(None);
    }
    styles.sheet(brand, style).map(Some)
}

fn compile_children(
    value: &Json,
    place: &Place,
) -> Result<OrderedMap<Arc<str>, Json>, DefinitionError> {
    let Some(members) = value.as_object() else {
        return Err(place.error("an object of actors by name", value));
    };
    for (name, child) in members {
        if child.as_object().is_none() {
            return Err(place
                .key(name)
                .error("an actor's definition, an object", child));
        }
    }
    Ok(members.clone())
}

fn compile_schemas(
    value: Option<&Json>,
    place: &Place,
    patterns: &dyn PatternCompiler,
) -> Result<OrderedMap<Arc<str>, Rc<Schema>>, DefinitionError> {
    let compile = |(name, schema): (&Arc<str>, &Json)| {
        let schema =
            Schema::compile(schema, patterns).map_err(|error| error.at(&place.key(name)))?;
        Ok((Arc::clone(name), Rc::new(schema)))
    };
    match value {
        None | Some(Json::Null) => Ok(OrderedMap::new()),
        Some(Json::Object(schemas)) => schemas.iter().map(compile).collect(),
        Some(other) => Err(place.error("an object of JSON Schemas by collection", other)),
    }
}
