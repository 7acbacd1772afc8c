//! Who asks the host from other tasks.

use cojson::json::Json;
use engine::actor::{ActorId, SendError};
use engine::machine::Event;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::Input;
use super::requests::{ActorView, Health, Profile, Request};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The event was not handled.
    #[error(transparent)]
    Send(#[from] SendError),
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
    ///
    /// # Errors
    /// When it was not handled, or the host has ended.
    pub async fn send(
        &self,
        actor: &str,
        event_type: &str,
        payload: Json,
    ) -> Result<bool, RequestError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Send {
            actor: ActorId::new(actor),
            event: Event::new(event_type, payload),
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
