//! Definitions that several tests run, and what they show.

use cojson::json::Json;
use engine::actor::ActorId;

use super::device::Device;

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// A list of to-dos: one actor that writes and shows them.
pub(crate) fn todos() -> Json {
    json(
        r#"{
        "id": "todos",
        "context": {"list": {"schema": "todos"}, "draft": "", "error": null},
        "messageTypes": ["CREATE", "TOGGLE", "DELETE"],
        "schemas": {"todos": {"properties": {"text": {"type": "string", "minLength": 1}}, "required": ["text"]}},
        "state": {"initial": "idle", "states": {
            "idle": {"on": {"CREATE": "creating", "TOGGLE": "toggling", "DELETE": "deleting"}},
            "creating": {
                "entry": {"tool": "@db", "payload": {"op": "create", "schema": "todos", "data": {"text": "$$text", "done": false}}},
                "on": {"CREATE": "creating", "SUCCESS": {"target": "idle", "actions": [{"updateContext": {"draft": ""}}]}, "ERROR": "failed"}
            },
            "toggling": {
                "entry": {"tool": "@db", "payload": {"op": "update", "id": "$$id", "data": {"done": {"$not": "$existing.done"}}}},
                "on": {"SUCCESS": "idle", "ERROR": "failed"}
            },
            "deleting": {
                "entry": {"tool": "@db", "payload": {"op": "delete", "id": "$$id"}},
                "on": {"SUCCESS": "idle", "ERROR": "failed"}
            },
            "failed": {"entry": {"updateContext": {"error": "$$errors.0.message"}}, "on": {"CREATE": "creating"}}
        }}
    }"#,
    )
}

/// An actor whose state `sending` waits for an application's tool.
pub(crate) fn mailer() -> Json {
    json(
        r#"{
        "id": "mailer",
        "context": {"sent": 0, "problem": null, "entered": 0},
        "state": {"initial": "idle", "states": {
            "idle": {"on": {"SEND": "sending"}},
            "sending": {
                "entry": [{"updateContext": {"entered": 1}}, {"tool": "@mail/send", "payload": {"to": "$$to"}}],
                "on": {
                    "SUCCESS": {"target": "idle", "actions": [{"updateContext": {"sent": "$$result.count"}}]},
                    "ERROR": {"target": "idle", "actions": [{"updateContext": {"problem": "$$errors.0.type"}}]}
                }
            }
        }}
    }"#,
    )
}

pub(crate) fn texts(device: &mut Device, actor: &ActorId) -> Vec<String> {
    let context = device.context(actor);
    let list = context
        .get("list")
        .and_then(Json::as_array)
        .unwrap_or_default();
    list.iter()
        .map(|item| item.get("text").unwrap().as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn first_id(device: &mut Device, actor: &ActorId) -> String {
    let context = device.context(actor);
    let list = context
        .get("list")
        .and_then(Json::as_array)
        .unwrap_or_default();
    list[0].get("id").unwrap().as_str().unwrap().to_owned()
}
