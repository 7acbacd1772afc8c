//! The load that `npm run bench:server` puts on a server, whichever implementation of the protocol it is: recorded frames
//! over many sockets, idle connections, one writer and many readers.
//!
//! Each command prints its figures as one line of JSON. It is made to cost little itself, as it shares the processors with
//! the server it measures: frames are put together before the clock starts, and answers are looked into no further than
//! is needed. It never judges; the targets are the benchmark's.

mod fan_in;
mod fan_out;
mod idle;
mod recording;
mod wire;

use std::process::ExitCode;

/// Whatever goes wrong ends the command with a sentence.
type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: load fan-in PORT FOLDER | fan-out PORT FILE READERS MESSAGES EVERY_MS | idle PORT CONNECTIONS";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<serde_json::Value, Failure> {
    match words {
        ["fan-in", port, folder] => fan_in::run(port.parse()?, folder.as_ref()),
        ["fan-out", port, file, readers, messages, every_ms] => fan_out::run(&fan_out::Plan {
            port: port.parse()?,
            file: file.as_ref(),
            readers: readers.parse()?,
            messages: messages.parse()?,
            every_ms: every_ms.parse()?,
        }),
        ["idle", port, connections] => idle::run(port.parse()?, connections.parse()?),
        _ => Err(USAGE.into()),
    }
}
