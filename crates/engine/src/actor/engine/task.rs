//! A task: every queued event in order, then one transaction per touched context, then one write for all (R1).

use std::rc::Rc;
use std::sync::Arc;

use cojson::ids::Timestamp;
use cojson::json::Json;
use cojson::node::{Stamp, WriteError};
use cojson::sync::WriteId;

use super::super::history::Recorder;
use super::super::input::Input;
use super::super::message::Message;
use super::super::running::Running;
use super::super::world::Cause;
use super::super::{ActorId, Effect, SendError, Ticket};
use super::calls::Caller;
use super::dead_letters::{LATE, UNHANDLED};
use super::messages::{Origin, failure_of};
use super::{ActorEngine, Awaiting, MESSAGES_PER_TASK_MAX, Outcome, PendingMessage};
use crate::machine::{Event, Step};

impl ActorEngine {
    /// Handles everything that is queued, until nothing is, and writes what it changed to the node's values.
    pub fn process_inbox(&mut self, now: Timestamp) {
        self.world.now = now;
        self.is_in_task = true;
        self.check_wire();
        self.take_in_node_effects();
        self.advance_all();
        for _ in 0..MESSAGES_PER_TASK_MAX {
            if let Some(finished) = self.finished_calls.pop_front() {
                self.take_answer(finished);
            } else if let Some(message) = self.pending_messages.pop_front() {
                self.handle(message);
            } else if !self.begin_new_calls() && !self.check_leases() && !self.do_due() {
                break;
            }
            self.take_in_written();
        }
        self.post_what_is_left();
        self.write_contexts();
        self.take_in_node_effects();
    }

    fn advance_all(&mut self) {
        let waiting = std::mem::take(&mut self.to_advance);
        for actor in waiting.iter() {
            self.advance(actor);
        }
    }

    /// Signs what the task wrote and asks for one write of it all. Outcomes are told when that write is durable.
    pub fn flush(&mut self) {
        self.flushed.outcomes.append(&mut self.outcomes);
        self.flushed.calls.append(&mut self.calls_to_make);
        self.world.node.flush();
        self.take_in_node_effects();
        self.is_in_task = false;
        self.tell_if_durable();
    }

    /// With no write under way, everything that was flushed is durable, or changed nothing.
    fn tell_if_durable(&mut self) {
        if self.in_flight.is_empty() {
            let awaiting = std::mem::take(&mut self.flushed);
            self.is_durable(awaiting);
        }
    }

    fn is_durable(&mut self, awaiting: Awaiting) {
        self.tell_outcomes(awaiting.outcomes);
        for call in awaiting.calls {
            self.call_tool(&call);
        }
    }

    fn tell_outcomes(&mut self, outcomes: Vec<Outcome>) {
        let told = |Outcome { ticket, result, .. }| Effect::Handled {
            ticket,
            outcome: result,
        };
        self.effects.extend(outcomes.into_iter().map(told));
    }

    /// A write is durable: what it held may be sent, and what waited for it is told.
    pub fn stored(&mut self, write: WriteId) {
        self.world.node.stored(write);
        let awaiting = self.in_flight.remove(&write).unwrap_or_default();
        self.is_durable(awaiting);
        self.take_in_node_effects();
        self.tell_if_durable();
    }

    /// A write was refused. It goes with the next one again; what waited for it is told now.
    pub fn store_failed(&mut self, write: WriteId) {
        self.world.node.store_failed(write);
        let awaiting = self.in_flight.remove(&write).unwrap_or_default();
        let Awaiting {
            mut outcomes,
            calls,
        } = awaiting;
        self.flushed.calls.extend(calls);
        for outcome in &mut outcomes {
            outcome.result = Err(SendError::Storage);
        }
        self.tell_outcomes(outcomes);
        self.take_in_node_effects();
    }

    fn handle(&mut self, pending: PendingMessage) {
        let PendingMessage {
            actor,
            message,
            ticket,
            origin,
        } = pending;
        if let Origin::Here(Some(cause)) = &origin {
            self.world.set_cause(Some(Cause::new(cause.to_string())));
        }
        if let Origin::Inbox(session, position) = &origin {
            self.with_running(&actor, |_, running| {
                running.memory.set_cursor(session, position + 1);
            });
            let place = format!("{actor}-{session}-{position}");
            self.world.set_cause(Some(Cause::new(place)));
        }
        self.handle_as(actor, message, ticket, origin);
        self.world.set_cause(None);
    }

    fn handle_as(
        &mut self,
        actor: ActorId,
        message: Message,
        ticket: Option<Ticket>,
        origin: Origin,
    ) {
        match (ticket, origin) {
            (ticket, Origin::Batch(rest)) => {
                let events = std::iter::once(message.event).chain(rest);
                let result = self.handle_batch(&actor, events);
                self.tell_result(ticket, actor, result);
            }
            (None, Origin::Here(_) | Origin::Inbox(..)) => self.handle_told(&actor, message),
            (ticket, _) => {
                let result = self.handle_event(&actor, message.event);
                self.tell_result(ticket, actor, result);
            }
        }
    }

    fn handle_event(&mut self, actor: &ActorId, event: Event) -> Result<bool, SendError> {
        let input = Input::Event(event);
        let step = |engine: &mut Self, running: &mut Running| engine.step(actor, running, &input);
        let result = self.with_running(actor, step);
        result.unwrap_or_else(|| Err(SendError::NoActor(actor.clone())))
    }

    /// Handles events one after the other; whether each was handled, or the first failure.
    fn handle_batch(
        &mut self,
        actor: &ActorId,
        mut events: impl Iterator<Item = Event>,
    ) -> Result<bool, SendError> {
        let mut all = Ok(true);
        while let Some(event) = events.next() {
            let taken = self.with_running(actor, |engine, running| {
                if running.is_alone() {
                    engine.run_plain(actor, running, event, &mut events)
                } else {
                    engine.step(actor, running, &Input::Event(event))
                }
            });
            self.take_in_written();
            let taken = taken.unwrap_or_else(|| Err(SendError::NoActor(actor.clone())));
            all = all.and_then(|all| Ok(taken? && all));
        }
        all
    }

    /// Takes steps from snapshot to snapshot, up to and with the first that leads to anything else.
    fn run_plain(
        &mut self,
        actor: &ActorId,
        running: &mut Running,
        first: Event,
        events: &mut impl Iterator<Item = Event>,
    ) -> Result<bool, SendError> {
        let definition = Rc::clone(&running.definition);
        let mut snapshot = running.current();
        let (mut all, mut next) = (true, Some(first));
        while let Some(event) = next {
            let mut caller = Caller::new(self, actor, &definition);
            let step = definition.machine.advance(snapshot, &event, &mut caller);
            if !(step.is_plain() && caller.is_unused()) {
                let started = caller.into_started();
                let input = Input::Event(event);
                let taken = self.take_step(actor, running, step, started, &input)?;
                return Ok(taken && all);
            }
            snapshot = step.snapshot;
            all &= step.handled;
            next = events.next();
        }
        if running.take_step(snapshot) {
            self.mark_changed(actor);
        }
        self.tell_of_end(actor, running);
        Ok(all)
    }

    pub(super) fn tell_result(
        &mut self,
        ticket: Option<Ticket>,
        actor: ActorId,
        result: Result<bool, SendError>,
    ) {
        match (ticket, result) {
            (Some(ticket), result) => self.outcomes.push(Outcome {
                ticket,
                actor,
                result,
            }),
            (None, Err(error)) => self.warn(&actor, error.code(), error.to_string()),
            (None, Ok(_)) => {}
        }
    }

    /// Handles what another actor told. What nobody can handle is a dead letter, and who waits for an answer is told.
    fn handle_told(&mut self, actor: &ActorId, message: Message) {
        if let Some(call) = &message.call {
            if !self.take_reply(actor, call, message.outcome()) {
                let reason = "it answers a question that nobody waits for any more";
                self.keep_dead_letter(actor, &message, LATE, reason);
            }
            return;
        }
        let Some(running) = self.running(actor) else {
            return;
        };
        let takes = running.definition.machine.takes(&message.event.event_type);
        let checked = running
            .definition
            .contract
            .check_told(actor, &message.event);
        if let Err(error) = checked {
            self.warn(actor, error.code(), error.to_string());
            let failure = failure_of(&error);
            let kind = failure
                .errors
                .first()
                .map(|error| Arc::clone(&error.error_type));
            self.refuse(
                actor,
                &message.reply_to,
                &kind.unwrap_or_default(),
                &error.to_string(),
            );
            self.keep_dead_letter(actor, &message, error.code(), &error.to_string());
            return;
        }
        let reply_to = message.reply_to.clone();
        let letter = (!takes).then(|| message.clone());
        let result = self.handle_event(actor, message.into_event());
        if let Some(letter) = letter {
            let reason = "no state of the actor takes it";
            self.keep_dead_letter(actor, &letter, UNHANDLED, reason);
        }
        if let Ok(false) = result {
            self.refuse(
                actor,
                &reply_to,
                "unhandled",
                "the actor does not take that now",
            );
        }
        self.tell_result(None, actor.clone(), result);
    }

    /// Brings the queries up to date for a step, which must see what was written before it.
    pub(super) fn refresh_queries(&mut self, actor: &ActorId, running: &mut Running) {
        if running.refresh_queries(&mut self.world) {
            self.mark_changed(actor);
        }
    }

    pub(super) fn step(
        &mut self,
        actor: &ActorId,
        running: &mut Running,
        input: &Input,
    ) -> Result<bool, SendError> {
        self.refresh_queries(actor, running);
        let snapshot = running.current();
        let definition = Rc::clone(&running.definition);
        let mut caller = Caller::new(self, actor, &definition);
        let step = match &mut running.recording {
            None => input.run(&definition.machine, &snapshot, &mut caller),
            Some(recording) => {
                let mut recorder = Recorder::new(&mut caller);
                let step = input.run(&definition.machine, &snapshot, &mut recorder);
                let (now_ms, replies) = recorder.into_parts();
                recording.note(input, &snapshot, &step, replies, now_ms);
                step
            }
        };
        let started = caller.into_started();
        self.take_step(actor, running, step, started, input)
    }

    /// Takes over what a step led to; whether the event was handled.
    fn take_step(
        &mut self,
        actor: &ActorId,
        running: &mut Running,
        step: Step,
        started: Vec<super::calls::Started>,
        input: &Input,
    ) -> Result<bool, SendError> {
        if running.take_step(step.snapshot) {
            self.mark_changed(actor);
        }
        if let Some(output) = step.output {
            running.memory.set_output(output);
        }
        self.end_invoked(running, &step.left);
        self.record_calls(actor, running, &step.pending, started);
        self.change_timers(actor, running, step.timers);
        self.tell_of_end(actor, running);
        let space = self.actors.get(actor).map(|actor| actor.space.clone());
        let made = space.map(|space| running.set_queries(&step.queries, &space, &mut self.world));
        let error = |message: String| SendError::Step {
            actor: actor.clone(),
            event_type: input.name(),
            message,
        };
        match (step.runaway, step.unheard.first(), made) {
            (Some(runaway), ..) => Err(error(runaway.to_string())),
            (None, Some(failure), _) => Err(error(failure.to_string())),
            (None, None, Some(Err(query))) => Err(error(query.to_string())),
            (None, None, _) => Ok(step.handled),
        }
    }

    /// One transaction for each context that changed: state, context and cursors together (R1).
    fn write_contexts(&mut self) {
        let ids: Vec<ActorId> = self.actors.keys().cloned().collect();
        for id in ids {
            let error = self.with_running(&id, |engine, running| {
                if running.refresh_queries(&mut engine.world) {
                    engine.mark_changed(&id);
                }
                let stamp = Stamp::Now(engine.world.now);
                let written = engine.write_context(&id, running, stamp);
                engine.write_history(&id, running, written.is_ok());
                written.err()
            });
            if let Some(error) = error.flatten() {
                self.undo(&id, &error);
            }
        }
    }

    pub(super) fn write_context(
        &mut self,
        actor: &ActorId,
        running: &mut Running,
        stamp: Stamp,
    ) -> Result<(), WriteError> {
        if !running.memory.has_unwritten() {
            return Ok(());
        }
        let Some(context) = self.actors.get(actor).map(|actor| actor.context.clone()) else {
            return Ok(());
        };
        let writes: Vec<(Arc<str>, Option<Json>)> =
            running.memory.take_unwritten().into_iter().collect();
        self.world.node.map_write(&context, &writes, stamp)?;
        if let (Some(recording), Some((key, _))) = (&mut running.recording, writes.first()) {
            let written = self.world.node.map(&context);
            let entry = written.and_then(|written| written.last_entry(key));
            recording.written_at = entry.map_or_else(Timestamp::default, |it| it.position.made_at);
        }
        self.stores.note_changed(&context);
        Ok(())
    }

    /// What could not be written did not happen: the actor is what is stored, and its senders are told.
    fn undo(&mut self, actor: &ActorId, cause: &WriteError) {
        self.reread(actor);
        self.warn(
            actor,
            "PLEIONE_W_WRITE",
            format!("the context could not be written: {cause}"),
        );
        for outcome in self
            .outcomes
            .iter_mut()
            .filter(|outcome| outcome.actor == *actor)
        {
            outcome.result = Err(SendError::Write {
                actor: actor.clone(),
                cause: cause.clone(),
            });
        }
    }
}
