//! A history taken again: the recorded inputs through the definition, and the first place where it goes elsewhere.

use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::Json;

use super::definition::ActorDefinition;
use super::history::{Base, Replies, names};
use super::input::Input;
use super::memory::Memory;
use crate::machine::{CallId, PendingCall, Snapshot};

/// A machine on its way through a history.
pub(crate) struct Replay<'a> {
    definition: &'a ActorDefinition,
    pub(crate) snapshot: Snapshot,
    calls: OrderedMap<CallId, PendingCall>,
}

/// What a replay found to be another than what was recorded.
pub(crate) struct Difference {
    what: &'static str,
    recorded: Json,
    replayed: Json,
}

impl Difference {
    fn check(what: &'static str, recorded: Json, replayed: Json) -> Result<(), Self> {
        if recorded == replayed {
            return Ok(());
        }
        Err(Self {
            what,
            recorded,
            replayed,
        })
    }

    /// `{index, what, recorded, replayed}`.
    pub(crate) fn to_json(&self, index: u32) -> Json {
        Json::object([
            ("index", index.into()),
            ("what", self.what.into()),
            ("recorded", self.recorded.clone()),
            ("replayed", self.replayed.clone()),
        ])
    }
}

impl<'a> Replay<'a> {
    /// A machine as it is stored.
    pub(crate) fn new(definition: &'a ActorDefinition, stored: &Json) -> Self {
        let mut memory = Memory::default();
        // What cannot be migrated is taken as it is: then the first difference is there.
        let migrated = definition.migrations.apply(stored, 0.0).ok().flatten();
        let stored = migrated.as_ref().map_or(stored, |(migrated, _)| migrated);
        memory.read(&definition.defaults, stored);
        let context = memory.visible().clone();
        let machine = &definition.machine;
        let snapshot = if memory.state().is_null() {
            machine.initial(context)
        } else {
            let restored = machine.restore(memory.state(), memory.history(), context);
            restored.into_snapshot()
        };
        let call = |(id, record): (&CallId, &Json)| {
            let pending = PendingCall::from_json(record.get("call")?, &snapshot)?;
            Some((id.clone(), pending))
        };
        let calls = memory.calls().iter().filter_map(call).collect();
        Self {
            definition,
            snapshot,
            calls,
        }
    }

    /// The machine as it was stored meanwhile, if the item says that it did not come from the one before.
    pub(crate) fn rebase(&mut self, item: &Json, stored: impl FnOnce() -> Json) {
        let Some(base) = Base::of(item) else {
            return;
        };
        let again = Self::new(self.definition, &stored());
        let is_moved = again.snapshot.state != self.snapshot.state
            || again.snapshot.history != self.snapshot.history;
        if base == Base::Restored || is_moved {
            *self = again;
        } else {
            self.snapshot.context = again.snapshot.context;
        }
    }

    /// Takes an item's step.
    pub(crate) fn take(&mut self, item: &Json) -> Result<(), Difference> {
        let recorded = |key: &str| item.get(key).cloned().unwrap_or_default();
        let input = Input::from_json(item, recorded("from").is_null(), &self.calls);
        let Some(input) = input else {
            return Difference::check("call", recorded("call"), Json::Null);
        };
        match input {
            Input::Start => {}
            _ => Difference::check("from", recorded("from"), self.snapshot.state.clone())?,
        }
        let replies = recorded("replies");
        let mut host = Replies {
            now_ms: recorded("now").as_number().unwrap_or_default(),
            left: replies.as_array().unwrap_or_default(),
            wrong: None,
        };
        let step = input.run(&self.definition.machine, &self.snapshot, &mut host);
        let not_called = host.left.first().and_then(|reply| reply.get("tool"));
        let not_called = not_called.cloned().unwrap_or_default();
        let wrong = host.wrong.map_or(Json::Null, Json::from);
        Difference::check("tools", not_called, wrong)?;
        Difference::check("to", recorded("to"), step.snapshot.state.clone())?;
        let changed = names(step.snapshot.changed_keys(&self.snapshot.context));
        if let Input::Outcome(call, _) = &input {
            self.calls.remove(&call.id);
        }
        self.calls
            .extend(step.pending.into_iter().map(|call| (call.id.clone(), call)));
        self.snapshot = step.snapshot;
        Difference::check("changed", recorded("changed"), changed)
    }

    /// Whether the context is what is stored after the item; what queries show is not stored.
    pub(crate) fn check_context(&self, stored: &Json) -> Result<(), Difference> {
        let mut memory = Memory::default();
        memory.read(&self.definition.defaults, stored);
        let is_stored = |key: &Arc<str>| {
            !self.definition.queries.contains_key(key) && !memory.queries().contains_key(key)
        };
        let kept = |context: &Json| {
            let members = context.as_object().into_iter().flatten();
            let members = members.filter(|(key, _)| is_stored(key));
            Json::object(members.map(|(key, value)| (key.clone(), value.clone())))
        };
        Difference::check(
            "context",
            kept(memory.visible()),
            kept(&self.snapshot.context),
        )
    }
}
