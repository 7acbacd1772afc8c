//! A message on its way to clients: what a writer says goes to every reader, so it is put into text once for all of them.

use std::sync::{Arc, OnceLock};

use axum::extract::ws::Utf8Bytes;
use cojson::sync::{SyncMessage, encode_frame};

/// A message, shared by the outboxes that it waits in.
#[derive(Clone, Debug)]
pub struct Outgoing(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    message: SyncMessage,
    /// Made by the first socket that sends it, not by the relay, which everybody waits for.
    text: OnceLock<Utf8Bytes>,
}

impl Outgoing {
    /// The message.
    pub fn message(&self) -> &SyncMessage {
        &self.0.message
    }

    /// The frame that carries it.
    pub fn text(&self) -> Utf8Bytes {
        let encode = || encode_frame([self.message()]).into();
        self.0.text.get_or_init(encode).clone()
    }
}

impl From<SyncMessage> for Outgoing {
    fn from(message: SyncMessage) -> Self {
        let text = OnceLock::new();
        Self(Arc::new(Shared { message, text }))
    }
}

/// Makes equal messages that follow one another one and the same.
#[derive(Debug, Default)]
pub(super) struct Sharing(Option<Outgoing>);

impl Sharing {
    pub(super) fn share(&mut self, message: SyncMessage) -> Outgoing {
        if let Some(last) = &self.0
            && *last.message() == message
        {
            return last.clone();
        }
        let outgoing = Outgoing::from(message);
        self.0 = Some(outgoing.clone());
        outgoing
    }
}

#[cfg(test)]
mod tests {
    use cojson::ids::CoId;
    use cojson::known_state::KnownState;

    use super::*;

    #[test]
    fn what_goes_to_many_is_put_into_text_once() {
        let load = |id| SyncMessage::Load(KnownState::empty(CoId::parse(id).unwrap()));
        let mut sharing = Sharing::default();
        let texts = ["co_zA", "co_zA", "co_zB"].map(|id| sharing.share(load(id)).text());
        assert_eq!(texts[0].as_ptr(), texts[1].as_ptr());
        assert_ne!(texts[1], texts[2]);
        assert_eq!(texts[2].as_str(), encode_frame([&load("co_zB")]));
    }
}
