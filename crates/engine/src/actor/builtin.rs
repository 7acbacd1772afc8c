//! `@db`, the built-in tool that reads and writes the space's values.
//!
//! It runs inside the step that calls it, so what it writes and what the machine becomes are stored together. A
//! value that is not in memory yet is asked for first: appending to a log before its own past is read would fork it.

use std::rc::Rc;
use std::sync::Arc;

use cojson::header::ValueType;
use cojson::ids::CoId;
use cojson::json::Json;
use cojson::json::quoted;
use cojson::node::{NewValue, Stamp, WriteError};

use super::space::Named;
use super::tools::refusal;
use super::world::World;
use crate::machine::ToolFailure;
use crate::schema::Schema;

/// What a built-in tool works on.
pub(crate) struct Workspace<'a> {
    pub(crate) world: &'a mut World,
    /// What data of a collection must look like.
    pub(crate) schema: &'a dyn Fn(&str) -> Option<Rc<Schema>>,
    pub(crate) space: &'a CoId,
}

/// Why a tool gave no result.
pub(crate) enum Stop {
    /// Call again once this value is loaded, or known to be nowhere.
    Needs(CoId),
    /// The machine is told.
    Failed(ToolFailure),
}

impl From<ToolFailure> for Stop {
    fn from(error: ToolFailure) -> Self {
        Self::Failed(error)
    }
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        Self::Failed(ToolFailure::new("permission", error.to_string()))
    }
}

type Reply = Result<Json, Stop>;

/// Runs `@db`.
pub(crate) fn database(payload: &Json, workspace: &mut Workspace<'_>) -> Reply {
    match text(payload, "op")? {
        "create" => create(payload, workspace),
        "update" => update(payload, workspace),
        "delete" => delete(payload, workspace),
        "append" | "push" => append(payload, workspace),
        "read" => read(payload, workspace),
        other => Err(structural(format!(
            "@db has no op {}: there are create, read, update, delete, append and push",
            quoted(other)
        ))),
    }
}

fn create(payload: &Json, workspace: &mut Workspace<'_>) -> Reply {
    let collection_name = text(payload, "schema")?;
    let data = payload
        .get("data")
        .cloned()
        .unwrap_or_else(Json::empty_object);
    workspace.validate(collection_name, &data)?;
    let collection = Named::Collection(collection_name);
    let list = workspace.prepared(&collection)?;
    let (uniqueness, made_at) = workspace.world.next_uniqueness();
    let new_item = NewValue {
        value_type: ValueType::CoMap,
        owner: workspace.space.clone(),
        uniqueness,
        meta: Json::Null,
    };
    let item = workspace.world.node.create(new_item, made_at)?;
    workspace.set(&item, &data)?;
    workspace.world.node.list_append(
        &list,
        &[item.as_str().into()],
        Stamp::Now(workspace.world.now),
    )?;
    workspace.world.written.push(list);
    let fields = data.as_object().cloned().unwrap_or_default();
    let id = std::iter::once(("id".into(), Json::from(item.as_str())));
    Ok(Json::object(id.chain(fields)))
}

fn update(payload: &Json, workspace: &mut Workspace<'_>) -> Reply {
    let id = id(payload, "id")?;
    let data = payload
        .get("data")
        .cloned()
        .unwrap_or_else(Json::empty_object);
    let existing = workspace.map_fields(&id)?;
    let mut merged = existing.as_object().cloned().unwrap_or_default();
    merged.extend(data.as_object().cloned().unwrap_or_default());
    let merged = Json::from(merged);
    for collection in workspace.world.collections.names_holding(&id) {
        workspace.validate(&collection, &merged)?;
    }
    workspace.set(&id, &data)?;
    Ok(merged)
}

fn delete(payload: &Json, workspace: &mut Workspace<'_>) -> Reply {
    let id = id(payload, "id")?;
    let lists = match payload.get("schema").and_then(Json::as_str) {
        Some(name) => vec![workspace.prepared(&Named::Collection(name))?],
        None => workspace.world.collections.holding(&id),
    };
    let mut is_found = false;
    for list in lists {
        let is_it = |item: &Json| item.as_str() == Some(id.as_str());
        let position = workspace
            .world
            .node
            .list(&list)
            .and_then(|list| list.iter().position(is_it));
        if let Some(position) = position {
            workspace
                .world
                .node
                .list_delete(&list, position, Stamp::Now(workspace.world.now))?;
            workspace.world.written.push(list);
            is_found = true;
        }
    }
    if is_found {
        Ok(Json::object([("id", id.as_str().into())]))
    } else {
        Err(structural(format!(
            "no collection of this actor's space holds {id}"
        )))
    }
}

fn append(payload: &Json, workspace: &mut Workspace<'_>) -> Reply {
    let id = id(payload, "coId")?;
    let items = match (payload.get("items"), payload.get("item")) {
        (Some(Json::Array(items)), _) => items.to_vec(),
        (_, Some(item)) => vec![item.clone()],
        _ => return Err(structural("@db append takes item or items".to_owned())),
    };
    workspace.loaded(&id)?;
    let stamp = Stamp::Now(workspace.world.now);
    if workspace.world.node.stream(&id).is_some() {
        for item in items {
            workspace.world.node.stream_push(&id, item, stamp)?;
        }
    } else {
        workspace.world.node.list_append(&id, &items, stamp)?;
    }
    workspace.world.written.push(id.clone());
    Ok(Json::object([("id", id.as_str().into())]))
}

fn read(payload: &Json, workspace: &mut Workspace<'_>) -> Reply {
    workspace.map_fields(&id(payload, "id")?)
}

impl Workspace<'_> {
    /// The id of a named value that may be written to: loaded, or made now because it is nowhere.
    fn prepared(&mut self, named: &Named<'_>) -> Result<CoId, Stop> {
        let id = named.id(self.space, &self.world.node);
        if !self.world.is_settled(&id) {
            return Err(Stop::Needs(id));
        }
        if !self.world.node.is_loaded(&id) {
            self.world
                .node
                .create(named.value(self.space), self.world.now)?;
        }
        Ok(id)
    }

    fn loaded(&self, id: &CoId) -> Result<(), Stop> {
        if !self.world.is_settled(id) {
            Err(Stop::Needs(id.clone()))
        } else if self.world.node.is_loaded(id) {
            Ok(())
        } else {
            Err(structural(format!(
                "there is no value {id} on this device or its server"
            )))
        }
    }

    fn map_fields(&mut self, id: &CoId) -> Reply {
        self.loaded(id)?;
        match self.world.node.map(id) {
            Some(map) => Ok(map.to_json()),
            None => Err(structural(format!(
                "{id} is not a map that this account can read"
            ))),
        }
    }

    fn set(&mut self, id: &CoId, data: &Json) -> Result<(), Stop> {
        let entries: Vec<(Arc<str>, Json)> = data
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (Arc::clone(key), value.clone()))
            .collect();
        self.world
            .node
            .map_set(id, &entries, Stamp::Now(self.world.now))?;
        self.world.written.push(id.clone());
        Ok(())
    }

    fn validate(&self, collection: &str, data: &Json) -> Result<(), Stop> {
        let Some(schema) = (self.schema)(collection) else {
            return Ok(());
        };
        schema
            .validate(data)
            .map_err(|violations| refusal(&violations).into())
    }
}

fn text<'a>(payload: &'a Json, key: &str) -> Result<&'a str, Stop> {
    payload
        .get(key)
        .and_then(Json::as_str)
        .ok_or_else(|| structural(format!("the tool's payload has no text {}", quoted(key))))
}

fn id(payload: &Json, key: &str) -> Result<CoId, Stop> {
    CoId::parse(text(payload, key)?).map_err(|error| structural(error.to_string()))
}

fn structural(message: String) -> Stop {
    Stop::Failed(ToolFailure::new("structural", message))
}
