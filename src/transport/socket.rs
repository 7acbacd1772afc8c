//! One WebSocket, its events as values. Binary frames are none of the protocol's and are dropped.

use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, MessageEvent, WebSocket};

pub(super) enum SocketEvent {
    Opened,
    Frame(String),
    /// Ended, or never came up.
    Closed,
}

/// One WebSocket; closed and unheard of when it is dropped.
pub(super) struct Socket {
    inner: WebSocket,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_open: Closure<dyn FnMut(Event)>,
    _on_close: Closure<dyn FnMut(Event)>,
}

impl Socket {
    pub(super) fn open(
        url: &str,
        listener: impl Fn(SocketEvent) + Clone + 'static,
    ) -> Result<Self, JsValue> {
        let socket = WebSocket::new(url)?;
        let (opened, closed) = (listener.clone(), listener.clone());
        let on_open = Closure::new(move |_: Event| opened(SocketEvent::Opened));
        let on_close = Closure::new(move |_: Event| closed(SocketEvent::Closed));
        let on_message = Closure::new(move |event: MessageEvent| {
            if let Some(frame) = event.data().as_string() {
                listener(SocketEvent::Frame(frame));
            }
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Ok(Self {
            inner: socket,
            _on_message: on_message,
            _on_open: on_open,
            _on_close: on_close,
        })
    }

    pub(super) fn send(&self, frame: &str) -> Result<(), JsValue> {
        self.inner.send_with_str(frame)
    }

    pub(super) fn buffered_bytes(&self) -> u32 {
        self.inner.buffered_amount()
    }

    /// Ends it; no event follows.
    pub(super) fn close(&self) {
        self.inner.set_onopen(None);
        self.inner.set_onclose(None);
        self.inner.set_onmessage(None);
        let _ = self.inner.close();
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.close();
    }
}
