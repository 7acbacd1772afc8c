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
use super::super::sent::{Events, Report, Sent};
use super::super::{ActorId, Effect, SendError};
use super::calls::{Caller, Started};
use super::dead_letters::{LATE, UNHANDLED};
use super::messages::{Origin, failure_of};
use super::{ActorEngine, Awaiting, MESSAGES_PER_TASK_MAX, Outcome, Pending, PendingMessage};
use crate::machine::{Cause, Event, Step};

impl ActorEngine {
    /// Handles everything that is queued, until nothing is, and writes what it changed to the node's values.
    pub fn process_inbox(&mut self, now: Timestamp) {
        self.world.now = now;
        self.is_in_task = true;
        self.check_wire();
        self.take_in_node_effects();
        self.end_waits_for_storage();
        self.renew_leases();
        let mut handled = 0;
        while handled < MESSAGES_PER_TASK_MAX {
            handled += 1;
            if let Some(finished) = self.finished_calls.pop_front() {
                self.take_answer(finished);
            } else if let Some(message) = self.pending_messages.pop_front() {
                match self.keep_message(message) {
                    Some(Pending::Told(told)) => self.handle_from_actor(told),
                    Some(Pending::Sent(sent)) => handled += self.handle_sent(sent),
                    #[cfg(feature = "once")]
                    Some(Pending::Once(once)) => self.handle_once(once),
                    None => {}
                }
            } else if !self.tell_ends()
                && !self.begin_new_calls()
                && !self.check_leases()
                && !self.do_due()
            {
                break;
            }
            self.take_in_written();
        }
        self.post_what_is_left();
        self.write_contexts();
        self.take_in_node_effects();
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
        let told = |Outcome {
                        tickets, result, ..
                    }| Effect::Handled {
            tickets,
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

    fn handle_from_actor(&mut self, told: PendingMessage) {
        let PendingMessage {
            actor,
            message,
            origin,
        } = told;
        match &origin {
            Origin::Here(None) => {}
            Origin::Here(Some(cause)) => {
                self.world.cause = Cause::new(cause.as_str());
            }
            Origin::Inbox(session, cursor) => {
                self.with_running(&actor, |_, running| {
                    running.memory.set_cursor(session, *cursor);
                });
                let position = cursor.handled - 1;
                let place = format!("{actor}-{session}-{position}");
                self.world.cause = Cause::new(&place);
            }
        }
        self.handle_told(&actor, message);
        self.world.cause = Cause::default();
    }

    pub(super) fn handle_event(
        &mut self,
        actor: &ActorId,
        event: Event,
    ) -> Result<bool, SendError> {
        let result = self.with_running(actor, |engine, running| {
            engine.take_event(actor, running, event)
        });
        result.unwrap_or_else(|| Err(SendError::NoActor(actor.clone())))
    }

    /// Handles events of the host one after the other, up to the first whose step is not done; how many they were.
    fn handle_sent(&mut self, sent: Sent) -> usize {
        let Sent {
            actor,
            ref events,
            receipt,
        } = sent;
        let mut report = Report::new(actor.clone(), receipt);
        let mut waiting = events.waiting();
        while let Some(event) = waiting.next() {
            let told = self.with_running(&actor, |engine, running| {
                engine.take_events(&actor, running, event, &mut waiting, &mut report);
            });
            if told.is_none() {
                report.tell(Err(SendError::NoActor(actor.clone())));
            }
            self.take_in_written();
            if self.is_unfinished(&actor) {
                break;
            }
        }
        let rest: Events = waiting.cloned().collect();
        let (outcomes, receipt) = report.into_parts(rest.len());
        self.outcomes.extend(outcomes);
        if let Some(receipt) = receipt {
            self.keep_message(Pending::Sent(Sent {
                actor,
                events: rest,
                receipt,
            }));
        }
        events.len()
    }

    /// Takes an event. Where steps may follow each other without a look at anything else, those that wait are taken too, up
    /// to and with the first that leads to more than another place.
    fn take_events<'e>(
        &mut self,
        actor: &ActorId,
        running: &mut Running,
        mut event: &'e Event,
        waiting: &mut impl Iterator<Item = &'e Event>,
        report: &mut Report,
    ) {
        let definition = Rc::clone(&running.definition);
        if !running.is_alone() || definition.machine.forwards() {
            let result = self.take_event(actor, running, event.clone());
            return report.tell(result);
        }
        let mut caller = Caller::new(self, actor, &definition);
        let mut steps = definition.machine.steps(running.current(), &mut caller);
        let handled = loop {
            let handled = steps.take(event);
            let next = steps.is_plain().then(|| waiting.next()).flatten();
            let Some(next) = next else { break handled };
            report.tell_handled(handled);
            event = next;
        };
        let step = steps.finish(handled);
        let started = caller.into_started();
        let input = Input::Event(event.clone());
        let result = self.take_step(actor, running, step, started, &input);
        report.tell(result);
    }

    /// A failure that nobody waits for is told to everybody.
    pub(super) fn tell_failure(&mut self, actor: &ActorId, result: Result<bool, SendError>) {
        if let Err(error) = result {
            self.warn(actor, error.code(), error.to_string());
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
        // What the actor does not know, one that it invokes may have taken.
        if let Some(letter) = letter.filter(|_| !matches!(result, Ok(true))) {
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
        self.tell_failure(actor, result);
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
        let queries = running.queries_read();
        let mut caller = Caller::new(self, actor, &definition);
        let step = match &mut running.recording {
            None => input.run(&definition.machine, &snapshot, &mut caller),
            Some(recording) => {
                let mut recorder = Recorder::new(&mut caller);
                let step = input.run(&definition.machine, &snapshot, &mut recorder);
                let (now_ms, replies) = recorder.into_parts();
                recording.note(input, &snapshot, &step, replies, now_ms, &queries);
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
        started: Vec<Started>,
        input: &Input,
    ) -> Result<bool, SendError> {
        if running.take_step(step.snapshot) {
            self.mark_changed(actor);
        }
        if let Some(output) = step.output {
            running.memory.set_output(output);
        }
        self.end_calls_of(running, &step.left);
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
        for id in self.those(|actor| actor.running.as_ref().is_some_and(|it| it.has_news())) {
            let written = self.with_running(&id, |engine, running| {
                if running.refresh_queries(&mut engine.world) {
                    engine.mark_changed(&id);
                }
                let stamp = Stamp::Now(engine.world.now);
                let is_changed = running.memory.has_unwritten();
                let written = engine.write_context(&id, running, stamp);
                engine.write_history(&id, running, written.is_ok());
                written.map(|()| is_changed)
            });
            match written {
                Some(Ok(true)) => self.prune_inbox(&id),
                Some(Err(error)) => self.undo(&id, &error),
                _ => {}
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
