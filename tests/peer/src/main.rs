//! Nodes for tests: each line of stdin is a command for one of them, each line of stdout the answer to one.
//!
//! `{"id": 1, "node": "a", "do": "open"}` makes a node named `a`; see [`command`] for what else it can be told. An answer is
//! `{"id": 1, "ok": …, "sent": []}` or has `error`, a text, instead of `ok`. A node talks to a server over a WebSocket, or over
//! a wire: what it sends there comes with the next answer, `"sent": [["a", "wire", "frame"]]`, and the test delivers it when,
//! where and as often as it likes. Nothing waits: a test asks until it sees what it wants. Everything ends with stdin.

mod command;
mod groups;
mod host;
mod link;
mod peers;
mod storage;
mod values;

use std::io::{BufRead, Write};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use link::LinkEvent;
use peers::Peers;

/// What can happen.
enum Input {
    /// A line of stdin.
    Line(String),
    /// Something on a node's WebSocket.
    Link { node: String, event: LinkEvent },
    /// Stdin has ended.
    End,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let (inputs, mut received) = unbounded_channel();
    let mut peers = Peers::new(inputs.clone());
    std::thread::spawn(move || read_lines(&inputs));
    while let Some(input) = received.recv().await {
        match input {
            Input::Line(line) => {
                let answer = peers.answer(&line);
                let mut out = std::io::stdout().lock();
                writeln!(out, "{answer}")?;
                out.flush()?;
            }
            Input::Link { node, event } => peers.hear(&node, event),
            Input::End => break,
        }
    }
    Ok(())
}

fn read_lines(inputs: &UnboundedSender<Input>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if inputs.send(Input::Line(line)).is_err() {
            return;
        }
    }
    // Nobody listens any more if it cannot be sent.
    let _ = inputs.send(Input::End);
}
