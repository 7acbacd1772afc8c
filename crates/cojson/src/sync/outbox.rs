//! Messages on their way out: joined to frames of reasonable length, and held back while the host still has much to
//! send.

use std::collections::VecDeque;

/// Messages are joined up to about this length.
pub const FRAME_BYTES_TARGET: usize = 64 * 1024;
/// No frame is handed over while the host holds this much.
const BUFFERED_BYTES_MAX: u32 = 512 * 1024;
/// More than this waiting means that the connection does not keep up, and is given up.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// What waits to be sent.
#[derive(Debug, Default)]
pub struct Outbox {
    messages: VecDeque<String>,
    bytes: usize,
}

impl Outbox {
    /// Queues a message; `false` if too much is waiting already: the connection does not keep up, and is given up.
    #[must_use]
    pub fn push(&mut self, message: String) -> bool {
        self.bytes = self.bytes.saturating_add(message.len());
        self.messages.push_back(message);
        self.bytes <= WAITING_BYTES_MAX
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Sends frames until nothing waits or the host's buffer, asked each time, is full.
    pub fn drain<E>(
        &mut self,
        buffered_bytes: impl Fn() -> u32,
        send: impl Fn(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        while !self.is_empty() && buffered_bytes() <= BUFFERED_BYTES_MAX {
            send(&self.next_frame())?;
        }
        Ok(())
    }

    /// The next frame: the messages that fit into one, joined; empty if nothing waits.
    pub fn next_frame(&mut self) -> String {
        let mut frame = String::new();
        while let Some(message) = self.messages.pop_front() {
            self.bytes = self.bytes.saturating_sub(message.len());
            if !frame.is_empty() {
                frame.push('\n');
            }
            frame.push_str(&message);
            let next_bytes = self.messages.front().map_or(0, String::len);
            if frame.len() + next_bytes > FRAME_BYTES_TARGET {
                break;
            }
        }
        frame
    }
}
