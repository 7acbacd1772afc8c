//! An actor's history: each step that moved its machine, as an item of a stream. What an item says, and how it is made.
//!
//! An item is `{from, to, changed, now, at, base?, replies?, seen?, unseen?}` and the step's input. `now` is the time of the step, `at` that of
//! the transaction of the context that holds what it led to. `replies` are what the tools
//! answered within the step, so that it can be taken again without calling one. `base` says that the machine did not
//! come from the item before: it was restored, or the context was changed from elsewhere. `seen` is what live queries
//! showed that the machine reads, where it is another than in the item before of this session; `unseen` names those of
//! them that showed too much to be kept.
//!
//! Author and time are the transaction's, signed. Nothing here reads or writes a stream.

use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::ids::Timestamp;
use cojson::json::{Json, JsonObject};

use super::input::{Input, outcome_from_json, outcome_to_json};
use crate::definition_error::{DefinitionError, Place};
use crate::machine::{CallId, Cause, Snapshot, Step, ToolCall, ToolFailure, ToolHost, ToolReply};

/// How much of what a query shows is kept in an item, in bytes of JSON.
const SEEN_BYTES_MAX: usize = 16_384;

const MS_PER_DAY: f64 = 86_400_000.0;

/// How much of a history is kept at hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Keep {
    /// All of it, in one stream.
    All,
    /// So many days at least and at most twice as many: there is a stream for each such period, and those before the
    /// last one are no longer read.
    Days(f64),
}

impl Keep {
    /// Reads `history`: true, false or `{days}`.
    pub(crate) fn read(source: &Json) -> Result<Option<Self>, DefinitionError> {
        let days = |history: &Json| history.get("days")?.as_number().filter(|days| *days >= 1.0);
        match source.get("history") {
            None | Some(Json::Bool(false)) => Ok(None),
            Some(Json::Bool(true)) => Ok(Some(Self::All)),
            Some(other) => match (days(other), other.as_object()) {
                (Some(days), Some(members)) if members.len() == 1 => Ok(Some(Self::Days(days))),
                _ => {
                    let place = Place::root("actor").key("history");
                    Err(place.error("true, false or {\"days\": at least 1}", other))
                }
            },
        }
    }

    /// The periods whose streams are read, the one that is written to last.
    pub(crate) fn periods(self, now: Timestamp) -> Vec<Option<u64>> {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a time far below 2^53, divided"
        )]
        match self {
            Self::All => vec![None],
            Self::Days(days) => {
                let period = (now.0 as f64 / (days * MS_PER_DAY)) as u64;
                vec![Some(period.saturating_sub(1)), Some(period)]
            }
        }
    }
}

/// Why an item does not follow from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// The machine was restored, or started: it remembers nothing but what is stored.
    Restored,
    /// The context became another from elsewhere.
    Reread,
}

/// What an actor's history is to have and its stream does not yet.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) base: Option<Base>,
    pub(crate) unwritten: Vec<Json>,
    /// When the last transaction of the context was made.
    pub(crate) written_at: Timestamp,
    /// What queries showed in the last item.
    seen: OrderedMap<Arc<str>, Json>,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            base: Some(Base::Restored),
            unwritten: Vec::new(),
            written_at: Timestamp::default(),
            seen: OrderedMap::new(),
        }
    }
}

impl Recording {
    /// Notes a step, unless nothing came of it. Of its context, what live queries show is under those keys.
    pub(crate) fn note(
        &mut self,
        input: &Input,
        before: &Snapshot,
        step: &Step,
        replies: Vec<Json>,
        now_ms: f64,
        queries: &[Arc<str>],
    ) {
        let changed = step.snapshot.changed_keys(&before.context);
        let is_idle = step.transitions == 0
            && changed.is_empty()
            && replies.is_empty()
            && step.snapshot.last_result == before.last_result;
        if is_idle && !matches!(input, Input::Start) {
            return;
        }
        let from = match input {
            Input::Start => Json::Null,
            _ => before.state.clone(),
        };
        let mut item = input.to_json().as_object().cloned().unwrap_or_default();
        let mut add = |key: &str, value: Json| drop(item.insert(key.into(), value));
        add("from", from);
        add("to", step.snapshot.state.clone());
        add("changed", names(changed));
        add("now", now_ms.into());
        if !replies.is_empty() {
            add("replies", replies.into());
        }
        if let Some(base) = self.base.take() {
            add("base", base.name().into());
        }
        let (seen, unseen) = self.look(before, queries);
        if !seen.is_empty() {
            add("seen", seen.into());
        }
        if !unseen.is_empty() {
            add("unseen", names(unseen));
        }
        self.unwritten.push(item.into());
    }
}

impl Recording {
    /// What queries show now and did not in the last item, and the names of those that show too much.
    fn look(&mut self, before: &Snapshot, queries: &[Arc<str>]) -> (JsonObject, Vec<Arc<str>>) {
        let mut seen = JsonObject::new();
        let mut unseen = Vec::new();
        for key in queries {
            let shown = before.context.get(key).cloned().unwrap_or_default();
            if self.seen.get(key).is_some_and(|last| last.is_same(&shown)) {
                continue;
            }
            self.seen.insert(Arc::clone(key), shown.clone());
            if shown.to_string().len() <= SEEN_BYTES_MAX {
                seen.insert(Arc::clone(key), shown);
            } else {
                unseen.push(Arc::clone(key));
            }
        }
        (seen, unseen)
    }
}

impl Base {
    fn name(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Reread => "reread",
        }
    }

    /// Why the item of a history does not follow from the one before; `None` if it does.
    pub(crate) fn of(item: &Json) -> Option<Self> {
        match item.get("base")?.as_str()? {
            "restored" => Some(Self::Restored),
            _ => Some(Self::Reread),
        }
    }
}

/// Names as an array.
pub(crate) fn names(names: Vec<Arc<str>>) -> Json {
    let texts: Vec<Json> = names.into_iter().map(Json::from).collect();
    texts.into()
}

/// Calls tools by another host and keeps what they answered.
pub(crate) struct Recorder<'a> {
    host: &'a mut dyn ToolHost,
    replies: Vec<Json>,
}

impl<'a> Recorder<'a> {
    /// One that has kept nothing yet.
    pub(crate) fn new(host: &'a mut dyn ToolHost) -> Self {
        let replies = Vec::new();
        Self { host, replies }
    }

    /// The time of the step, and what was answered in it.
    pub(crate) fn into_parts(self) -> (f64, Vec<Json>) {
        (self.host.now_ms(), self.replies)
    }

    fn keep(&mut self, tool: &str, reply: &ToolReply) {
        let answer = match reply {
            ToolReply::Done(outcome) => outcome_to_json(outcome),
            ToolReply::Pending(call) => ("call", call.as_str().into()),
        };
        self.replies
            .push(Json::object([("tool", tool.into()), answer]));
    }
}

/// What an actor that is invoked is called among the tools.
const ACTOR: &str = "actor";

impl ToolHost for Recorder<'_> {
    fn now_ms(&self) -> f64 {
        self.host.now_ms()
    }

    fn call(&mut self, call: ToolCall<'_>) -> ToolReply {
        let reply = self.host.call(call);
        self.keep(call.tool, &reply);
        reply
    }

    fn invoke_actor(&mut self, actor: &Json, input: &Json) -> ToolReply {
        let reply = self.host.invoke_actor(actor, input);
        self.keep(ACTOR, &reply);
        reply
    }

    fn cause(&self) -> Cause {
        self.host.cause()
    }

    fn set_cause(&mut self, cause: Cause) {
        self.host.set_cause(cause);
    }

    fn ends_with_state(&self, tool: &str) -> bool {
        self.host.ends_with_state(tool)
    }

    fn existing(&mut self, call: ToolCall<'_>) -> Option<Json> {
        let existing = self.host.existing(call);
        let answer = ("existing", existing.clone().unwrap_or_default());
        let reply = Json::object([("tool", Json::from(&**call.tool)), answer]);
        self.replies.push(reply);
        existing
    }
}

/// Answers for the tools with what they answered once.
pub(crate) struct Replies<'a> {
    pub(crate) now_ms: f64,
    pub(crate) left: &'a [Json],
    /// The first call that was not made then, or the other way round.
    pub(crate) wrong: Option<String>,
}

impl Replies<'_> {
    fn next(&mut self, tool: &str) -> Option<&Json> {
        let is_it = |reply: &Json| reply.get("tool").and_then(Json::as_str) == Some(tool);
        if let Some((reply, left)) = self.left.split_first().filter(|(reply, _)| is_it(reply)) {
            self.left = left;
            return Some(reply);
        }
        self.wrong.get_or_insert_with(|| tool.to_owned());
        None
    }

    fn reply(&mut self, tool: &str) -> ToolReply {
        let Some(reply) = self.next(tool) else {
            let message = format!("{tool} was not called at this place when this was recorded");
            return ToolReply::Done(Err(ToolFailure::new("structural", message)));
        };
        match reply.get("call").and_then(Json::as_str) {
            Some(call) => ToolReply::Pending(CallId::new(call)),
            None => ToolReply::Done(outcome_from_json(reply)),
        }
    }
}

impl ToolHost for Replies<'_> {
    fn now_ms(&self) -> f64 {
        self.now_ms
    }

    fn call(&mut self, call: ToolCall<'_>) -> ToolReply {
        self.reply(call.tool)
    }

    fn invoke_actor(&mut self, _actor: &Json, _input: &Json) -> ToolReply {
        self.reply(ACTOR)
    }

    fn ends_with_state(&self, tool: &str) -> bool {
        super::tools::ends_with_state(tool)
    }

    fn existing(&mut self, call: ToolCall<'_>) -> Option<Json> {
        let reply = self.next(call.tool)?;
        reply.get("existing").filter(|it| !it.is_null()).cloned()
    }
}
