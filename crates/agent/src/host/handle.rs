//! Who asks the host from other tasks.

use cojson::json::Json;
use engine::actor::{ActorId, HistoryError, SendError};
use engine::machine::Event;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::Input;
use super::requests::{ActorView, AskError, Health, Profile, Request};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The event was not handled.
    #[error(transparent)]
    Send(#[from] SendError),
    /// There is no history to tell.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The question has no answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The host has ended.
    #[error("the agent stops")]
    Stopped,
}

/// A way to ask a host, for any task.
#[derive(Clone, Debug)]
pub struct HostHandle(UnboundedSender<Input>);

impl HostHandle {
    pub(super) fn new(sender: UnboundedSender<Input>) -> Self {
        Self(sender)
    }

    /// Gives an actor an event. Returns when it is handled and what it changed is durable; `false` if no transition took it.
    /// An event that came under the same key before is not handled again.
    ///
    /// # Errors
    /// When it was not handled, or the host has ended.
    pub async fn send(
        &self,
        actor: &str,
        event_type: &str,
        payload: Json,
        key: Option<String>,
    ) -> Result<bool, RequestError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Send {
            actor: ActorId::new(actor),
            event: Event::new(event_type, payload),
            key,
            answer,
        };
        Ok(self.ask(request, answered).await??)
    }

    /// Asks an actor something, and returns its answer.
    ///
    /// # Errors
    /// When it refuses, does not take it or does not answer in time, or when the host has ended.
    pub async fn question(
        &self,
        actor: &str,
        event_type: &str,
        payload: Json,
        timeout_ms: u32,
    ) -> Result<Json, RequestError> {
        let (answer, answered) = oneshot::channel();
        let question = Json::object([
            ("target", Json::from(actor)),
            ("type", event_type.into()),
            ("payload", payload),
            ("timeout", timeout_ms.into()),
        ]);
        let request = Request::Ask {
            actor: ActorId::new(actor),
            question,
            answer,
        };
        Ok(self.ask(request, answered).await??)
    }

    /// How it is.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn health(&self) -> Result<Health, RequestError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Health(answer), answered).await
    }

    /// Who it is.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn profile(&self) -> Result<Profile, RequestError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Profile(answer), answered).await
    }

    /// An actor as it is now; none if it does not run here.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn actor(&self, actor: &str) -> Result<Option<ActorView>, RequestError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Actor(ActorId::new(actor), answer);
        self.ask(request, answered).await
    }

    /// Every transition that an actor made, the oldest first.
    ///
    /// # Errors
    /// When it keeps no history, does not run here, or the host has ended.
    pub async fn history(&self, actor: &str) -> Result<Json, RequestError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::History(ActorId::new(actor), answer);
        Ok(self.ask(request, answered).await??)
    }

    async fn ask<T>(
        &self,
        request: Request,
        answered: oneshot::Receiver<T>,
    ) -> Result<T, RequestError> {
        let sent = self.0.send(Input::Request(request));
        sent.map_err(|_| RequestError::Stopped)?;
        answered.await.map_err(|_| RequestError::Stopped)
    }
}
