//! Messages between actors: `tell` and `ask`, and what comes of a question.
//!
//! An actor that runs here in the same space is told within the task: what its sender became and what it made of the
//! message are stored together. Any other is told through its inbox, a stream that whoever hosts it reads. A question is
//! a call, with a record like a tool's, so that its answer finds who asked over reloads.

use cojson::ids::{CoId, SessionId};
use cojson::json::{Json, JsonObject};
use cojson::node::{NewValue, Stamp, WriteError};
use cojson::view::MapView;

use super::super::builtin::Stop;
use super::super::effect::SendError;
use super::super::memory::Cursor;
use super::super::message::{self, Address, Mailbox, Message, REFUSAL, REPLY};
use super::super::space::Named;
use super::super::tools::{ASK, TELL, refusal};
use super::super::{ActorId, Ticket, Tickets};
use super::{ActorEngine, Outcome, Pending, PendingMessage};
use crate::machine::{CallId, Event, ToolFailure};
use crate::schema::Schema;

/// How long a question waits for its answer where it does not say, in milliseconds.
const ASK_TIMEOUT_MS: u32 = 10_000;

impl ActorEngine {
    /// Tells a message: `{target, type?, payload?}`; with the id of a call it is a question.
    pub(super) fn tell_message(
        &mut self,
        from: &ActorId,
        told: &Json,
        question: Option<&CallId>,
    ) -> Result<(), Stop> {
        let Some(space) = self.actors.get(from).map(|actor| actor.space.clone()) else {
            return Err(ToolFailure::new("structural", "the actor is gone").into());
        };
        let target = told.get("target").unwrap_or(&Json::Null);
        let address = self.address(from, target)?;
        let is_answer = address.call.is_some();
        let event_type = match told.get("type") {
            None if is_answer => REPLY,
            _ => message::text(told, "type")?,
        };
        let payload = told.get("payload").cloned().unwrap_or_default();
        let reply_to = question.map(|call| Address::to_reply(from, &space, call));
        let message = Message {
            event: Event::new(event_type, payload),
            source: from.as_str().into(),
            reply_to: reply_to.unwrap_or_default(),
            call: address.call,
        };
        match address.mailbox {
            Mailbox::Inbox(inbox) => self.post(&inbox, &message),
            Mailbox::Actor {
                actor,
                space: target_space,
            } => {
                let space = target_space.unwrap_or(space);
                if self.is_here(&actor, &space, from) {
                    return Ok(self.hand_over(&actor, message)?);
                }
                self.check_interface(&actor, &space, &message)?;
                let inbox = self.prepared_inbox(&actor, &space)?;
                self.post(&inbox, &message)
            }
        }
    }

    /// Where a target is, also who invoked the sender (`#_parent`) or is invoked by it (`#_<id>`).
    fn address(&self, from: &ActorId, target: &Json) -> Result<Address, ToolFailure> {
        let name = target.as_str().and_then(|it| it.strip_prefix("#_"));
        let Some(name) = name else {
            return Address::read(target);
        };
        let actor = match name {
            "parent" => from.as_str().rsplit_once('/').map(|it| ActorId::new(it.0)),
            invoked => self.invoked_child(from, invoked),
        };
        let nobody = || {
            let text = format!("there is nobody for actor {from} to tell as #_{name}");
            ToolFailure::new("structural", text)
        };
        Ok(Address {
            mailbox: Mailbox::Actor {
                actor: actor.ok_or_else(nobody)?,
                space: None,
            },
            call: None,
        })
    }

    /// Whether an actor runs here in that space. Who tells itself something is at work, and runs.
    fn is_here(&self, actor: &ActorId, space: &CoId, from: &ActorId) -> bool {
        let found = self.actors.get(actor).filter(|found| found.space == *space);
        found.is_some_and(|found| found.running.is_some() || actor == from)
    }

    /// Gives a message to an actor that runs here.
    fn hand_over(&mut self, actor: &ActorId, message: Message) -> Result<(), ToolFailure> {
        if message.call.is_none()
            && let Some(running) = self.running(actor)
        {
            let checked = running
                .definition
                .contract
                .check_told(actor, &message.event);
            checked.map_err(|error| failure_of(&error))?;
        }
        let cause = self.world.cause.next();
        self.pending_messages
            .push_back(Pending::Told(PendingMessage {
                actor: actor.clone(),
                message,
                origin: Origin::Here(cause),
            }));
        Ok(())
    }

    /// Puts a message into an inbox.
    fn post(&mut self, inbox: &CoId, message: &Message) -> Result<(), Stop> {
        if !self.world.is_settled(inbox) {
            return Err(Stop::Needs(inbox.clone()));
        }
        let stamp = Stamp::Now(self.world.now);
        self.world
            .node
            .stream_push(inbox, message.to_json(), stamp)?;
        self.world.written.push(inbox.clone());
        Ok(())
    }

    /// An actor's inbox, made if it is nowhere.
    fn prepared_inbox(&mut self, actor: &ActorId, space: &CoId) -> Result<CoId, Stop> {
        if !self.world.is_settled(space) {
            return Err(Stop::Needs(space.clone()));
        }
        let named = Named::Inbox(actor);
        let inbox = named.id(space, &self.world.node);
        if !self.world.is_settled(&inbox) {
            return Err(Stop::Needs(inbox));
        }
        if !self.world.node.is_loaded(&inbox) {
            self.world.node.create(named.value(space), self.world.now)?;
        }
        Ok(inbox)
    }

    /// Checks a message by what its receiver has made known that it takes, if it has.
    fn check_interface(
        &mut self,
        actor: &ActorId,
        space: &CoId,
        message: &Message,
    ) -> Result<(), Stop> {
        let known = Named::Interface(actor).id(space, &self.world.node);
        if !self.world.is_settled(&known) {
            return Err(Stop::Needs(known));
        }
        let known = self.world.node.map(&known).map(MapView::to_json);
        let Some(known) = known.filter(|_| message.call.is_none()) else {
            return Ok(());
        };
        let event = &message.event;
        let Some(schema) = known.get(&event.event_type) else {
            let text = format!("actor {actor} has no {} in its interface", event.event_type);
            return Err(ToolFailure::new("contract", text).into());
        };
        // What is not a schema there is the receiver's to find out.
        let Ok(schema) = Schema::compile(schema, &*self.patterns) else {
            return Ok(());
        };
        let checked = schema.validate(&event.payload);
        checked.map_err(|violations| refusal(&violations).into())
    }

    /// Writes an actor's interface where others read it before they tell it something.
    pub(super) fn make_interface_known(&mut self, actor: &ActorId) {
        let interface = self
            .running(actor)
            .and_then(|running| running.definition.contract.interface());
        let interface = interface.cloned();
        let space = self.actors.get(actor).map(|actor| actor.space.clone());
        let (Some(Json::Object(wanted)), Some(space)) = (interface, space) else {
            return;
        };
        let named = Named::Interface(actor);
        let id = named.id(&space, &self.world.node);
        if !self.world.is_settled(&id) {
            self.to_make_known.push((id.clone(), actor.clone()));
            self.world.load(&id);
            return;
        }
        if let Err(error) = self.write_interface(&named.value(&space), &id, &wanted) {
            self.warn(
                actor,
                "PLEIONE_W_WRITE",
                format!("its interface could not be written: {error}"),
            );
        }
    }

    fn write_interface(
        &mut self,
        value: &NewValue,
        id: &CoId,
        wanted: &JsonObject,
    ) -> Result<(), WriteError> {
        let now = self.world.now;
        if !self.world.node.is_loaded(id) {
            self.world.node.create(value.clone(), now)?;
        }
        let known = self
            .world
            .node
            .map(id)
            .map(MapView::to_json)
            .unwrap_or_default();
        let known = known.as_object().cloned().unwrap_or_default();
        let gone = known.keys().filter(|name| !wanted.contains_key(*name));
        let gone = gone.map(|name| (name.clone(), None));
        let new = wanted
            .iter()
            .filter(|(name, schema)| known.get(*name) != Some(schema));
        let new = new.map(|(name, schema)| (name.clone(), Some(schema.clone())));
        let writes: Vec<_> = new.chain(gone).collect();
        if !writes.is_empty() {
            self.world.node.map_write(id, &writes, Stamp::Now(now))?;
            self.world.written.push(id.clone());
        }
        Ok(())
    }

    /// Interfaces that waited for storage are made known.
    pub(super) fn make_interfaces_known(&mut self, id: &CoId) {
        if self.to_make_known.iter().all(|(needs, _)| needs != id) {
            return;
        }
        for (needs, actor) in std::mem::take(&mut self.to_make_known) {
            if needs == *id {
                self.make_interface_known(&actor);
            } else {
                self.to_make_known.push((needs, actor));
            }
        }
    }

    /// What was told to actors that run here and is not handled yet goes the way that all others go, through their
    /// inboxes: a task may end before it is done, and must not lose what it began.
    pub(super) fn post_what_is_left(&mut self) {
        let is_here = |pending: &Pending| matches!(pending, Pending::Told(told) if matches!(told.origin, Origin::Here(_)));
        if !self.pending_messages.iter().any(is_here) {
            return;
        }
        for pending in std::mem::take(&mut self.pending_messages) {
            if !self.is_posted(&pending) {
                self.pending_messages.push_back(pending);
            }
        }
    }

    /// Whether it was told by an actor that runs here, and now goes through the inbox.
    pub(super) fn is_posted(&mut self, pending: &Pending) -> bool {
        let Pending::Told(told) = pending else {
            return false;
        };
        let inbox = self.actors.get(&told.actor).map(|it| it.inbox.clone());
        match (&told.origin, inbox) {
            (Origin::Here(_), Some(inbox)) => self.post(&inbox, &told.message).is_ok(),
            _ => false,
        }
    }

    /// How long a question waits for its answer.
    pub(super) fn question_timeout_ms(asked: &Json) -> u32 {
        let timeout = asked.get("timeout").and_then(Json::as_number);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "milliseconds; the cast saturates"
        )]
        timeout.map_or(ASK_TIMEOUT_MS, |ms| ms as u32)
    }

    /// An actor tells another something, at the host's wish: `{target, type, payload?}`. [`Effect::Handled`] says when it
    /// is durable here.
    ///
    /// [`Effect::Handled`]: super::super::Effect::Handled
    pub fn tell(&mut self, from: &ActorId, message: &Json) -> Result<Ticket, SendError> {
        self.host_call(from, TELL, message)
    }

    /// An actor asks another something, at the host's wish: `{target, type, payload?, timeout?}`. [`Effect::Answered`]
    /// says what came of it.
    ///
    /// [`Effect::Answered`]: super::super::Effect::Answered
    pub fn ask(&mut self, from: &ActorId, message: &Json) -> Result<Ticket, SendError> {
        self.host_call(from, ASK, message)
    }

    fn host_call(
        &mut self,
        from: &ActorId,
        tool: &str,
        message: &Json,
    ) -> Result<Ticket, SendError> {
        if self.running(from).is_none() {
            return Err(SendError::NoActor(from.clone()));
        }
        let ticket = self.tickets(1).first;
        self.begin_host_call(from, tool, message, Some(ticket));
        Ok(ticket)
    }

    /// A message was handled that somebody waits for an answer to, and never will be one: they are told.
    pub(super) fn refuse(&mut self, actor: &ActorId, reply_to: &Json, kind: &str, reason: &str) {
        if reply_to.is_null() {
            return;
        }
        let told = Json::object([
            ("target", reply_to.clone()),
            ("type", REFUSAL.into()),
            (
                "payload",
                Json::object([("type", kind.into()), ("message", reason.into())]),
            ),
        ]);
        // Who gave an address that is none gets no answer; the time-out tells them.
        self.begin_host_call(actor, TELL, &told, None);
    }
}

/// How a message came.
pub(super) enum Origin {
    /// From an actor that runs here, under the name of what it was told for, if others may do that too.
    Here(Option<CallId>),
    /// Through the inbox of that session: handling it moves the session's cursor there (R4).
    Inbox(SessionId, Cursor),
}

/// What a sender's machine is told of a message that its receiver does not take.
pub(super) fn failure_of(error: &SendError) -> ToolFailure {
    match error {
        SendError::InvalidPayload { violations, .. } => refusal(violations),
        other => ToolFailure::new("contract", other.to_string()),
    }
}

/// What became of a `tell` of the host's.
pub(super) fn told(ticket: Ticket, actor: &ActorId, result: Result<(), ToolFailure>) -> Outcome {
    let refused = |failure: ToolFailure| SendError::NotTold {
        actor: actor.clone(),
        message: failure.to_string(),
    };
    Outcome {
        tickets: Tickets::one(ticket),
        actor: actor.clone(),
        result: result.map(|()| true).map_err(refused),
    }
}
