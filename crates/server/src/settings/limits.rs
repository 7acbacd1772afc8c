//! What one client, one address or all together may cost. Each is one field: its flag, variable, default, range and help.

use clap::Args;

use super::value::number;

/// The limits; each is checked as it is read.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Limits")]
pub struct LimitSettings {
    /// The longest WebSocket message that is read, in bytes. Genuine clients join what they queued while offline into one,
    /// so it is far above the largest transaction (1 MiB)
    #[arg(long, env = "FRAME_BYTES_MAX", value_name = "BYTES", default_value = "33554432",
        value_parser = number(FRAME_BYTES_MAX_LEAST..=1 << 30, "a number of bytes"))]
    pub frame_bytes_max: usize,
}

/// The largest transaction (1 MiB), sealed and quoted, fits in it.
const FRAME_BYTES_MAX_LEAST: usize = 4 << 20;
