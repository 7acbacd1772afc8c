//! Many writers at once: every recording over a socket of its own, until all of it is acknowledged.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Barrier;
use std::time::Instant;

use serde_json::{Value, json};
use tungstenite::WebSocket;

use crate::Failure;
use crate::recording::{Recording, strike_out};
use crate::wire;

/// Replays a folder of recordings. The clock runs from the first frame to the last acknowledgement.
pub(crate) fn run(port: u16, folder: &Path) -> Result<Value, Failure> {
    let recordings = Recording::read_all(folder)?;
    let frames: usize = recordings
        .iter()
        .map(|recording| recording.frames.len())
        .sum();
    let counts = recordings
        .iter()
        .flat_map(|recording| recording.counts.values());
    let transactions: usize = counts.sum();
    let sockets = recordings.len();
    let clients = recordings
        .into_iter()
        .map(|recording| Client::connect(port, recording))
        .collect::<Result<Vec<_>, _>>()?;
    let start = Barrier::new(sockets + 1);
    let seconds = std::thread::scope(|scope| {
        let replays: Vec<_> = clients
            .into_iter()
            .map(|client| scope.spawn(|| client.replay(&start)))
            .collect();
        start.wait();
        let begun = Instant::now();
        for replay in replays {
            replay.join().map_err(|_| "a client failed")??;
        }
        Ok::<_, Failure>(begun.elapsed().as_secs_f64())
    })?;
    Ok(
        json!({ "sockets": sockets, "frames": frames, "transactions": transactions, "seconds": seconds }),
    )
}

struct Client {
    socket: WebSocket<TcpStream>,
    recording: Recording,
    bytes: Vec<u8>,
}

impl Client {
    fn connect(port: u16, recording: Recording) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        for frame in &recording.frames {
            wire::append_frame(&mut bytes, frame);
        }
        Ok(Self {
            socket: wire::connect(port)?,
            recording,
            bytes,
        })
    }

    fn replay(self, start: &Barrier) -> Result<(), Failure> {
        let Self {
            mut socket,
            recording,
            bytes,
        } = self;
        let mut writing = socket.get_ref().try_clone()?;
        start.wait();
        let writer = std::thread::spawn(move || writing.write_all(&bytes));
        let mut left = recording.counts;
        while !left.is_empty() {
            strike_out(&mut left, &wire::hear(&mut socket)?);
        }
        writer.join().map_err(|_| "a writer failed")??;
        Ok(())
    }
}
