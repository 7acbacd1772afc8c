//! A history taken again: the recorded inputs through the definition, and the first place where it goes elsewhere.

use std::sync::Arc;

use cojson::collections::{OrderedMap, SortedSet};
use cojson::ids::SessionId;
use cojson::json::{Json, JsonObject};

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
    /// What queries showed, to each session its own.
    seen: Vec<Seen>,
}

/// What the queries of one session showed last.
struct Seen {
    session: SessionId,
    results: JsonObject,
    /// The keys of which it is not known.
    unknown: SortedSet<Arc<str>>,
}

impl Seen {
    fn read(&mut self, item: &Json) {
        for (key, result) in item
            .get("seen")
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
        {
            self.unknown.remove(key);
            self.results.insert(Arc::clone(key), result.clone());
        }
        for key in item
            .get("unseen")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
        {
            if let Json::String(key) = key {
                self.results.insert(Arc::clone(key), Json::Null);
                self.unknown.insert(Arc::clone(key));
            }
        }
    }
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
            seen: Vec::new(),
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
            let seen = std::mem::take(&mut self.seen);
            *self = Self { seen, ..again };
        } else {
            self.snapshot.context = again.snapshot.context;
        }
    }

    /// Puts in place what queries showed to that session at an item; whether all of that is known.
    pub(crate) fn see(&mut self, item: &Json, session: &SessionId) -> bool {
        let place = self.seen.iter().position(|seen| seen.session == *session);
        let place = place.unwrap_or_else(|| {
            self.seen.push(Seen {
                session: session.clone(),
                results: JsonObject::new(),
                unknown: SortedSet::new(),
            });
            self.seen.len() - 1
        });
        let Some(seen) = self.seen.get_mut(place) else {
            return true;
        };
        seen.read(item);
        if !seen.results.is_empty() {
            let context = self.snapshot.context.as_object();
            let mut context = context.cloned().unwrap_or_default();
            let results = seen.results.iter();
            context.extend(results.map(|(key, result)| (Arc::clone(key), result.clone())));
            self.snapshot.context = context.into();
        }
        seen.unknown.is_empty()
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
        let kept = |context: &Json| self.without_queries(context, &memory);
        Difference::check(
            "context",
            kept(memory.visible()),
            kept(&self.snapshot.context),
        )
    }

    /// Where it is: `{state, context}`, without what queries show.
    pub(crate) fn told(&self) -> Json {
        let context = self.without_queries(&self.snapshot.context, &Memory::default());
        Json::object([("state", self.snapshot.state.clone()), ("context", context)])
    }

    fn without_queries(&self, context: &Json, memory: &Memory) -> Json {
        let is_stored = |key: &Arc<str>| {
            let mut seen = self.seen.iter();
            !self.definition.queries.contains_key(key)
                && !memory.queries().contains_key(key)
                && !seen.any(|seen| seen.results.contains_key(key))
        };
        let members = context.as_object().into_iter().flatten();
        let members = members.filter(|(key, _)| is_stored(key));
        Json::object(members.map(|(key, value)| (key.clone(), value.clone())))
    }
}
