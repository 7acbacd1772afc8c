//! What one client, one address, one account or all together may cost. Each limit is one field: its flag, variable,
//! default, range and help.

use clap::Args;

use super::value::number;

/// The limits; each is checked as it is read.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Limits")]
pub struct LimitSettings {
    /// The longest WebSocket message that is read. Genuine clients join what they queued while offline into one, so it is
    /// far above the largest transaction (1 MiB)
    #[arg(long, env = "FRAME_BYTES_MAX", value_name = "BYTES", default_value = "33554432",
        value_parser = number::<usize>(FRAME_BYTES_MAX_LEAST..=1 << 30, "a number of bytes"))]
    pub frame_bytes_max: usize,
    /// The longest protocol message (a line of a frame) that is read; a longer one is dropped
    #[arg(long, env = "MESSAGE_BYTES_MAX", value_name = "BYTES", default_value = "8388608",
        value_parser = number::<usize>(1_024..=1 << 30, "a number of bytes"))]
    pub message_bytes_max: usize,
    /// The largest transaction that is taken, counting its changes and meta as they are sent; the format's own limit,
    /// 1 MiB in base64, is the most
    #[arg(long, env = "TRANSACTION_BYTES_MAX", value_name = "BYTES", default_value = "1398115",
        value_parser = number::<usize>(1_024..=1_398_115, "a number of bytes"))]
    pub transaction_bytes_max: usize,
    /// How many connections there may be; the next are turned away with 503
    #[arg(long, env = "CONNECTIONS_MAX", value_name = "COUNT", default_value = "10000",
        value_parser = number::<usize>(1..=10_000_000, "a number"))]
    pub connections_max: usize,
    /// How many connections one address (of IPv6, one /64 network) may have; the next are turned away with 503
    #[arg(long, env = "CONNECTIONS_PER_ADDRESS_MAX", value_name = "COUNT", default_value = "1000",
        value_parser = number::<usize>(1..=10_000_000, "a number"))]
    pub connections_per_address_max: usize,
    /// How many messages of one connection are read per second in the long run, and four times as many at once; one that
    /// sends more is read more slowly
    #[arg(long, env = "MESSAGES_PER_SECOND_MAX", value_name = "COUNT", default_value = "5000",
        value_parser = number::<u32>(1..=1_000_000, "a number"))]
    pub messages_per_second_max: u32,
    /// How many bytes of one connection are read per second in the long run, and four times as many at once; one that
    /// sends more is read more slowly
    #[arg(long, env = "BYTES_PER_SECOND_MAX", value_name = "BYTES", default_value = "16777216",
        value_parser = number::<u32>(1_024..=1 << 30, "a number of bytes"))]
    pub bytes_per_second_max: u32,
    /// How many bytes of transactions one account may write within an hour through this server; more is not taken in
    #[arg(long, env = "ACCOUNT_BYTES_PER_HOUR_MAX", value_name = "BYTES", default_value = "1073741824",
        value_parser = number::<u64>(1_024..=1 << 50, "a number of bytes"))]
    pub account_bytes_per_hour_max: u64,
    /// How many values one account may make within an hour through this server; more are not taken in
    #[arg(long, env = "ACCOUNT_VALUES_PER_HOUR_MAX", value_name = "COUNT", default_value = "100000",
        value_parser = number::<u64>(1..=1 << 40, "a number"))]
    pub account_values_per_hour_max: u64,
    /// How many values one connection may follow; the next are not answered
    #[arg(long, env = "VALUES_PER_CONNECTION_MAX", value_name = "COUNT", default_value = "200000",
        value_parser = number::<usize>(1..=100_000_000, "a number"))]
    pub values_per_connection_max: usize,
    /// How many sessions one value may have; content of the next is not taken in
    #[arg(long, env = "SESSIONS_PER_VALUE_MAX", value_name = "COUNT", default_value = "20000",
        value_parser = number::<usize>(1..=10_000_000, "a number"))]
    pub sessions_per_value_max: usize,
    /// How many bytes of one connection's content may wait for what it depends on; more is asked for again later
    #[arg(long, env = "PENDING_BYTES_MAX", value_name = "BYTES", default_value = "16777216",
        value_parser = number::<usize>(1_024..=1 << 30, "a number of bytes"))]
    pub pending_bytes_max: usize,
    /// What the logs in memory may take: the least recently used leave it, and long ones are read from storage in parts.
    /// What clients wrote and what is not on the disk yet comes on top
    #[arg(long, env = "CACHE_BYTES_MAX", value_name = "BYTES", default_value = "268435456",
        value_parser = number::<usize>(1 << 20..=1 << 40, "a number of bytes"))]
    pub cache_bytes_max: usize,
    /// How many bytes of content may wait for the disk: while one write is slow no more is read, and while writes fail who
    /// brings more is closed with 1013 (it brings it again when it returns)
    #[arg(long, env = "UNWRITTEN_BYTES_MAX", value_name = "BYTES", default_value = "67108864",
        value_parser = number::<usize>(1_024..=1 << 40, "a number of bytes"))]
    pub unwritten_bytes_max: usize,
    /// How many messages wait for a client that does not read, before it is closed with 1013 (it catches up when it
    /// returns)
    #[arg(long, env = "OUTBOX_MESSAGES_MAX", value_name = "COUNT", default_value = "16384",
        value_parser = number::<usize>(16..=10_000_000, "a number"))]
    pub outbox_messages_max: usize,
    /// How far ahead of this server's clock a transaction may be dated, since one dated in the far future wins until then;
    /// 0 for any date
    #[arg(long, env = "AHEAD_SECONDS_MAX", value_name = "SECONDS", default_value = "86400",
        value_parser = number::<u64>(0..=10_000_000_000, "a number of seconds"))]
    pub ahead_seconds_max: u64,
    /// How long a client may take for TLS and for the head of a request
    #[arg(long, env = "HANDSHAKE_SECONDS_MAX", value_name = "SECONDS", default_value = "10",
        value_parser = number::<u64>(1..=3_600, "a number of seconds"))]
    pub handshake_seconds_max: u64,
    /// How long a connection may be silent, although its browser or library answers our pings by itself; then nobody is
    /// there any more, and it is closed. So is, after half of it, one that takes nothing of what it is sent
    #[arg(long, env = "IDLE_SECONDS_MAX", value_name = "SECONDS", default_value = "60",
        value_parser = number::<u64>(2..=86_400, "a number of seconds"))]
    pub idle_seconds_max: u64,
}

/// The largest transaction (1 MiB), sealed and quoted, fits in it.
const FRAME_BYTES_MAX_LEAST: usize = 4 << 20;
