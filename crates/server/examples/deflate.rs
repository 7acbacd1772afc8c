//! What deflated frames save and cost: `cargo run --release -p pleione-sync --example deflate -- FILE…`.
//!
//! A file is what a client said or heard: a frame on each line, as a JSON string. Each frame is deflated and inflated as the
//! server does it, many times over, on one core.

use std::time::{Duration, Instant};

use pleione_sync::socket::wire::{deflated, inflated};

/// So many frames are worked through, about.
const FRAMES: usize = 50_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for path in std::env::args().skip(1) {
        let lines = std::fs::read_to_string(&path)?;
        let frames: Result<Vec<String>, _> = lines.lines().map(serde_json::from_str).collect();
        let frames = frames?;
        let rounds = FRAMES / frames.len().max(1) + 1;
        let begun = Instant::now();
        let mut deflated_frames = Vec::new();
        for _ in 0..rounds {
            deflated_frames = frames.iter().map(|frame| deflated(frame)).collect();
        }
        let deflating = begun.elapsed();
        let begun = Instant::now();
        for _ in 0..rounds {
            for bytes in deflated_frames.iter().flatten() {
                runtime.block_on(inflated(bytes, usize::MAX))?;
            }
        }
        tell(
            &path,
            &frames,
            &deflated_frames,
            [deflating, begun.elapsed()],
            rounds,
        );
    }
    Ok(())
}

#[allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "it tells what it measured"
)]
fn tell(
    path: &str,
    frames: &[String],
    deflated: &[Option<Vec<u8>>],
    took: [Duration; 2],
    rounds: usize,
) {
    let text_bytes: usize = frames.iter().map(String::len).sum();
    let wire_bytes = frames.iter().zip(deflated);
    let wire_bytes: usize = wire_bytes
        .map(|(text, deflated)| deflated.as_ref().map_or(text.len(), Vec::len))
        .sum();
    let [deflating, inflating] = took.map(|took| {
        let each = took.as_secs_f64() * 1e6 / (rounds * frames.len()) as f64;
        format!("{each:.1} us")
    });
    println!(
        "{path}: {} frames of {} bytes: {:.3} of the bytes; {deflating} to deflate each, {inflating} to inflate",
        frames.len(),
        text_bytes / frames.len().max(1),
        wire_bytes as f64 / text_bytes.max(1) as f64,
    );
}
