//! Actions within a step: what they write, and which tools they call.

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::Event;
use super::compiled::{Action, List, RaiseAction, ToolAction};
use super::pending::{ListOf, PendingCall};
use super::run::{Progress, Run};
use super::timer::{Timer, TimerChange};
use super::tool::{ToolCall, ToolFailure, ToolReply};
use crate::expression::{Expression, Scope};

impl Run<'_> {
    /// Runs a list from that position until it ends, fails or must wait.
    pub(super) fn actions(
        &mut self,
        of: List,
        from: usize,
        event: &Event,
    ) -> Result<Progress, ToolFailure> {
        let definition = self.definition;
        let actions = definition.actions(of);
        let mut index = from;
        while let Some(action) = actions.get(index) {
            match action {
                Action::Update(update) => self.update_context(update, event)?,
                Action::Query(queries) => {
                    let members = self.update(queries.evaluate(&self.scope(event))?)?;
                    self.write(&members);
                    self.queries.extend(Arc::unwrap_or_clone(members));
                }
                Action::Tool(tool) => {
                    if let Progress::Suspended = self.tool(tool, of, index, event)? {
                        return Ok(Progress::Suspended);
                    }
                }
                Action::Raise(raise) => self.raise_action(raise, event)?,
                Action::Cancel(id) => {
                    let id = self.name(id, event)?;
                    self.timers.push(TimerChange::Cancel(id));
                }
                Action::Skip { count, unless } => {
                    let holds = unless.as_ref().map(|guard| self.holds(guard, event));
                    if holds.transpose()? != Some(true) {
                        index += count;
                    }
                }
            }
            index += 1;
        }
        Ok(Progress::Done)
    }

    fn raise_action(&mut self, action: &RaiseAction, event: &Event) -> Result<(), ToolFailure> {
        let payload = action
            .payload
            .evaluate(&self.scope(event))?
            .unwrap_or_default();
        let raised = Event::new(self.name(&action.event_type, event)?, payload);
        match &action.delay_ms {
            None => self.raise(raised),
            Some(delay_ms) => {
                let timer = Timer {
                    id: match &action.id {
                        Some(id) => self.name(id, event)?,
                        None => Arc::default(),
                    },
                    delay_ms: self.delay_ms(delay_ms, event)?,
                    event: raised,
                    on_restore: action.on_restore,
                    cause: self.cause_of_next(),
                };
                self.timers.push(TimerChange::Start(timer));
            }
        }
        Ok(())
    }

    /// What an expression names: an event, or what is for later.
    fn name(&self, name: &Expression, event: &Event) -> Result<Arc<str>, ToolFailure> {
        // A scope is made only for what reads it.
        if let Some(Json::String(name)) = name.as_literal()
            && !name.is_empty()
        {
            return Ok(name.clone());
        }
        match name.evaluate(&self.scope(event))? {
            Some(Json::String(name)) if !name.is_empty() => Ok(name),
            other => {
                let found = other.unwrap_or_default();
                let message = format!("the type of an event, and an id, is a text, not {found}");
                Err(ToolFailure::new("structural", message))
            }
        }
    }

    fn tool(
        &mut self,
        action: &ToolAction,
        of: List,
        index: usize,
        event: &Event,
    ) -> Result<Progress, ToolFailure> {
        let payload = self.payload(action, event)?;
        self.calls += 1;
        let reply = self.host.call(ToolCall {
            tool: &action.tool,
            payload: &payload,
            context: &self.snapshot.context,
        });
        match reply {
            ToolReply::Done(outcome) => {
                self.succeeded(action, outcome?, event)?;
                Ok(Progress::Done)
            }
            ToolReply::Pending(id) => {
                self.pending.push(PendingCall {
                    id,
                    tool: action.tool.clone(),
                    payload,
                    event: event.clone(),
                    of: ListOf::new(self.definition, of),
                    index,
                    visit: self.visit(self.definition.heading(of)),
                });
                Ok(Progress::Suspended)
            }
        }
    }

    fn payload(&mut self, action: &ToolAction, event: &Event) -> Result<Json, ToolFailure> {
        let expression = &action.payload;
        let draft = expression.evaluate(&self.scope(event))?.unwrap_or_default();
        if !expression.dependencies().reads_existing() {
            return Ok(draft);
        }
        let existing = self.host.existing(ToolCall {
            tool: &action.tool,
            payload: &draft,
            context: &self.snapshot.context,
        });
        let Some(existing) = existing else {
            return Ok(draft);
        };
        let scope = self.scope(event).with_existing(&existing);
        Ok(expression.evaluate(&scope)?.unwrap_or_default())
    }

    pub(super) fn succeeded(
        &mut self,
        action: &ToolAction,
        result: Json,
        event: &Event,
    ) -> Result<(), ToolFailure> {
        let scope = self.scope(event).with_result(Some(&result));
        let update = match &action.on_success {
            Some(update) => self
                .update(update.evaluate(&scope)?)
                .map_err(|error| error.at(&action.path))?,
            None => Arc::default(),
        };
        self.snapshot.last_result = Some(result);
        self.is_result_fresh = true;
        self.write(&update);
        Ok(())
    }

    pub(super) fn scope<'s>(&'s self, event: &'s Event) -> Scope<'s> {
        let told = match &event.payload {
            Json::Object(members) if !members.is_empty() => members.get("result"),
            _ => None,
        };
        let told = told.filter(|result| result.is_truthy());
        let result = match &self.snapshot.last_result {
            Some(last) if self.is_result_fresh || told.is_none() => Some(last),
            _ => told,
        };
        Scope::new(&self.snapshot.context)
            .with_item(&event.payload)
            .with_result(result)
            .at(self.now_ms)
            .with_event_type(&event.event_type)
    }

    /// Merges what it evaluates to into the context.
    fn update_context(&mut self, update: &Expression, event: &Event) -> Result<(), ToolFailure> {
        let Some(record) = update.as_record() else {
            let members = self.update(update.evaluate(&self.scope(event))?)?;
            self.write(&members);
            return Ok(());
        };
        if let Some((name, value)) = record.single(&self.scope(event))? {
            self.write_key(name, value);
            return Ok(());
        }
        let mut values = std::mem::take(&mut self.values);
        record.evaluate(&self.scope(event), &mut values)?;
        for (name, value) in record.names().zip(&mut values) {
            self.write_key(name, std::mem::take(value));
        }
        values.clear();
        self.values = values;
        Ok(())
    }

    /// What may be merged into the context: an object without the runtime's own keys.
    fn update(&self, value: Option<Json>) -> Result<Arc<JsonObject>, ToolFailure> {
        let refused = |found: &str| {
            let message = format!("updateContext merges an object into the context, not {found}");
            Err(ToolFailure::new("structural", message))
        };
        match value {
            None => refused("nothing"),
            Some(Json::Object(members)) => {
                let reserved = &self.definition.reserved_keys;
                match reserved.iter().find(|key| members.contains_key(*key)) {
                    Some(key) => refused(&format!("one with the runtime's own key \"{key}\"")),
                    None => Ok(members),
                }
            }
            Some(other) => refused(&other.to_string()),
        }
    }

    fn write(&mut self, update: &JsonObject) {
        for (key, value) in update {
            self.write_key(key, value.clone());
        }
    }

    fn write_key(&mut self, key: &Arc<str>, value: Json) {
        if !self.queries.is_empty() {
            self.queries.remove(key);
        }
        let members = match &mut self.snapshot.context {
            Json::Object(members) => Arc::make_mut(members),
            other => {
                *other = Json::empty_object();
                return self.write_key(key, value);
            }
        };
        match members.get_mut(key) {
            Some(old) => *old = value,
            None => drop(members.insert(key.clone(), value)),
        }
    }
}
