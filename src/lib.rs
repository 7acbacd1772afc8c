//! The browser host: what JavaScript sees, and the DOM, `IndexedDB`, `WebSocket` and tabs behind it.
