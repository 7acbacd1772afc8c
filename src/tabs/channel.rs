//! What tabs of one database tell each other: the frames of what one of them has just made durable.

use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

/// One tab's end of the database's channel; closed when it is dropped.
pub struct Channel {
    channel: BroadcastChannel,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl Channel {
    /// Joins the channel. `listener` gets every frame that another tab posts, never its own. None where the browser
    /// has no channels.
    pub fn join(database: &str, listener: impl Fn(String) + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(&format!("pleione:{database}")).ok()?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(frame) = event.data().as_string() {
                listener(frame);
            }
        });
        channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Some(Self {
            channel,
            _on_message: on_message,
        })
    }

    /// Tells all other tabs.
    pub fn post(&self, frame: &str) {
        // Text can always be cloned; a closed channel has nobody to tell.
        let _ = self.channel.post_message(&JsValue::from_str(frame));
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}
