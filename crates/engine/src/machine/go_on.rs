//! How a machine goes on after a call: with the rest of the list that made it, or with what the call says.

use cojson::json::Json;

use super::compiled::{Action, Definition, List, ROOT};
use super::pending::PendingCall;
use super::run::{Caller, Run};
use super::tool::{ToolFailure, ToolHost};
use super::{Snapshot, Step};

/// Goes on after a call.
pub(super) fn finished(
    definition: &Definition,
    snapshot: Snapshot,
    call: &PendingCall,
    outcome: Result<Json, ToolFailure>,
    host: &mut dyn ToolHost,
) -> Step {
    let is_over = definition.is_over(&snapshot.active);
    let is_awaited = !is_over && snapshot.awaits(call);
    let mut run = Run::new(definition, snapshot, host);
    if call.is_invoked() {
        if is_awaited {
            run.invoked(call, outcome);
        }
        run.settle(&call.event);
        return run.finish(is_awaited);
    }
    let list = call.of.find(definition);
    let is_dropped = !is_awaited && run.host.ends_with_state(&call.tool);
    run.caller = if is_awaited {
        Caller::State
    } else {
        Caller::Nobody
    };
    let went = match outcome {
        Ok(_) if is_dropped => Ok(()),
        Ok(result) => run.go_on(list, call, result),
        Err(failure) => Err(failure),
    };
    run.caller = Caller::State;
    match went {
        Ok(()) => {}
        Err(failure) if is_awaited || !(is_over || call.of.is_entry()) => {
            let owner = list.map_or(ROOT, |list| definition.heading(list));
            run.raise_error(failure, owner);
        }
        Err(failure) => run.unheard.push(failure),
    }
    if is_over {
        run.forget_raised();
        return run.finish(false);
    }
    run.settle(&call.event);
    run.finish(is_awaited)
}

/// Gives it what an invoked tool says.
pub(super) fn progressed(
    definition: &Definition,
    snapshot: Snapshot,
    call: &PendingCall,
    progress: &Json,
    host: &mut dyn ToolHost,
) -> Step {
    let is_awaited = snapshot.awaits(call);
    let mut run = Run::new(definition, snapshot, host);
    if is_awaited {
        run.told(call, progress);
    }
    run.settle(&call.event);
    run.finish(is_awaited)
}

impl Run<'_> {
    /// The rest of a list after its pending call succeeded.
    fn go_on(
        &mut self,
        list: Option<List>,
        call: &PendingCall,
        result: Json,
    ) -> Result<(), ToolFailure> {
        let found = list.and_then(|list| {
            let action = self.definition.actions(list).get(call.index)?;
            Some((list, action))
        });
        let Some((list, Action::Tool(action))) = found.filter(|(_, it)| it.calls(&call.tool))
        else {
            // The definition was edited meanwhile: its rest is not the rest of this list.
            self.snapshot.last_result = Some(result);
            return Ok(());
        };
        self.succeeded(action, result, &call.event)?;
        self.actions_from(list, call.index + 1, &call.event)
    }
}

impl Action {
    fn calls(&self, name: &str) -> bool {
        matches!(self, Self::Tool(action) if &*action.tool == name)
    }
}
