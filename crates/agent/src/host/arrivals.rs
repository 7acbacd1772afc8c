//! What arrives: storage's answers, frames, tools' answers, and the time.

use std::time::Duration;

use cojson::ids::CoId;
use cojson::sync::{FrameLimits, PeerRole, WriteId, decode_frame};
use storage::{LoadError, Loaded, WriteError};
use tokio::time::Instant;

use super::{Attempt, Host, HostError, Input, SERVER};
use crate::account::retirement;
use crate::clock::now;
use crate::store::{Answer, Ask};
use crate::wire::WireEvent;

/// How long after a refused write or read it is tried again.
const RETRY: Duration = Duration::from_secs(3);

impl Host {
    pub(super) fn take(&mut self, input: Input) {
        match input {
            Input::Storage(Answer::Loaded(id, found)) => self.loaded(id, found),
            Input::Storage(Answer::Written(write, Ok(()))) => {
                self.refused = None;
                self.engine.stored(write);
            }
            Input::Storage(Answer::Written(write, Err(error))) => self.not_written(write, error),
            Input::Tool {
                call,
                attempt,
                outcome,
            } => {
                // Of an attempt that was given up nobody wants to know.
                let is_awaited = |open: &Attempt| open.number == attempt;
                if self.calls.get(&call).is_some_and(is_awaited) {
                    self.calls.remove(&call);
                    self.engine.tool_finished(&call, outcome);
                }
            }
            Input::Request(request) => self.answer(request),
        }
    }

    /// What storage has of a value. Of what others wrote and cannot be read, the server has the rest. With what we wrote,
    /// our session would begin anew in the middle, and fork: it is retired.
    fn loaded(&mut self, id: CoId, found: Result<Option<Loaded>, LoadError>) {
        let found = match found {
            Ok(found) => found,
            Err(LoadError::DamagedHeader { detail, .. }) => return self.torn(id, detail),
            Err(error) => {
                // No answer: taking it for unknown would let our session begin it anew, and fork.
                tracing::error!("{id} could not be read: {error}");
                self.retry_at = Some(Instant::now() + RETRY);
                return self.unread.push(id);
            }
        };
        let damage = found.iter().flat_map(|found| &found.damage);
        for damage in damage.clone() {
            tracing::warn!(%id, "some of what is stored cannot be read: {damage}");
        }
        let is_own = |session: &str| self.own_sessions.iter().any(|own| own.as_str() == session);
        if let Some(own) = damage.into_iter().find(|damage| is_own(&damage.session)) {
            let detail = own.to_string();
            return self.torn(id, detail);
        }
        self.founding.note_stored(&id, found.is_some());
        let log = found.map(|found| found.log);
        self.engine.node_mut().loaded(&id, log);
    }

    fn torn(&mut self, id: CoId, detail: String) {
        let [session, _] = &self.own_sessions;
        self.ask(Ask::Note(retirement(session)));
        self.failure = Some(HostError::Torn { id, detail });
    }

    fn not_written(&mut self, write: WriteId, error: WriteError) {
        if let WriteError::Fork { id, session, .. } = &error
            && self.own_sessions.contains(session)
        {
            return self.torn(id.clone(), error.to_string());
        }
        if self.refused.is_none() {
            tracing::error!("storage does not take what was changed; it is tried again: {error}");
        }
        self.refused = Some(error);
        // The engine must not write again at once: the next change does, or the retry.
        self.engine.store_failed(write);
        self.retry_at = Some(Instant::now() + RETRY);
    }

    pub(super) fn take_event(&mut self, event: WireEvent) {
        match event {
            WireEvent::Connected(line) => {
                tracing::info!("connected to the sync server");
                self.line = Some(line);
                self.engine.node_mut().connect(SERVER, PeerRole::Server);
            }
            WireEvent::Frame(frame) => self.receive(&frame),
            WireEvent::Disconnected => {
                if self.line.take().is_some() {
                    tracing::info!("the sync server is gone; it is tried again");
                    self.engine.node_mut().disconnect(SERVER);
                }
                self.stop_awaiting_sync();
            }
        }
    }

    fn receive(&mut self, frame: &str) {
        for message in decode_frame(frame, &FrameLimits::default()) {
            match message {
                Ok(message) => {
                    self.founding.note_message(&message);
                    let now = now();
                    self.engine.node_mut().receive_at(SERVER, message, now);
                }
                Err(error) => tracing::debug!("a message was dropped: {}", error.code()),
            }
        }
    }

    fn stop_awaiting_sync(&mut self) {
        self.patient_until = None;
        self.founding.note_silence();
        self.engine.stop_awaiting_sync();
    }

    /// Does what is due.
    pub(super) fn take_time(&mut self) {
        let is_past = |at: Option<Instant>| at.is_some_and(|at| at <= Instant::now());
        if is_past(self.patient_until) {
            self.stop_awaiting_sync();
        }
        if is_past(self.retry_at) {
            self.retry_at = None;
            for id in std::mem::take(&mut self.unread) {
                self.ask(Ask::Load(id));
            }
        }
        self.engine.expire(now());
    }
}
