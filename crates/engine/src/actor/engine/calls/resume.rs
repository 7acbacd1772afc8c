//! Calls that an earlier life of this tab began, or a tab that is gone: they go on, or the machine is told that they do not.

use std::sync::Arc;

use cojson::ids::SessionId;
use cojson::json::Json;

use super::super::super::ActorId;
use super::super::super::tools::is_built_in;
use super::super::timers::due_of;
use super::super::{ActorEngine, running_mut};
use super::{Call, is_question, pending_of};
use crate::machine::{CallId, PendingCall, ToolFailure, is_actor};

impl ActorEngine {
    /// Takes up the calls whose session is gone: this tab's own of an earlier life, or of a tab that died.
    pub(in super::super) fn resume_calls(&mut self, actor: &ActorId) {
        let Some(running) = self.running(actor) else {
            return;
        };
        let mut left = Vec::new();
        for (call, record) in running.memory.calls() {
            let is_ours = record
                .get("session")
                .and_then(|session| SessionId::parse(session.as_str()?).ok())
                .is_some_and(|session| self.is_responsible(actor, &session));
            if is_ours && !self.calls.contains_key(call) {
                let pending = pending_of(record, &running.snapshot);
                left.extend(pending.map(|pending| (call.clone(), record.clone(), pending)));
            }
        }
        for (call, record, pending) in left {
            self.resume_call(actor, &call, &record, pending);
        }
    }

    /// A call that another session began is this one's from now on.
    fn take_over_record(&mut self, actor: &ActorId, id: &CallId, record: &Json) {
        let own: Json = self.world.node.session().as_str().into();
        if record.get("session") == Some(&own) {
            return;
        }
        let mut taken = record.as_object().cloned().unwrap_or_default();
        taken.insert("session".into(), own);
        if let Some(running) = running_mut(&mut self.actors, actor) {
            running.memory.begin_call(id, taken.into());
        }
    }

    fn resume_call(&mut self, actor: &ActorId, id: &CallId, record: &Json, pending: PendingCall) {
        let tool = Arc::clone(&pending.tool);
        self.calls.insert(id.clone(), Call::new(actor, pending));
        self.take_over_record(actor, id, record);
        if is_actor(&tool) {
            self.new_calls.push(id.clone());
        } else if is_question(&tool) && record.get("due").is_some() {
            self.await_until(id, due_of(record));
        } else if is_built_in(&tool) {
            self.retry_call(id);
        } else if self.world.tools.is_idempotent(&tool) {
            self.resume_attempts(id, record);
        } else {
            self.tool_finished(id, Err(ToolFailure::interrupted(&tool)));
        }
    }
}
