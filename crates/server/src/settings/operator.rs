//! Where operators and their machines ask.

use std::net::SocketAddr;

use clap::Args;

use super::value::value;

/// What is said about it; each is checked as it is read.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Operation")]
pub struct OperatorSettings {
    /// Where `/metrics` is served, and nowhere else then; without it `/metrics` is beside `/sync`
    #[arg(long, env = "METRICS_ADDRESS", value_name = "IP:PORT",
        value_parser = value("an IP address and a port: `127.0.0.1:9464`", |text| text.parse::<SocketAddr>().ok()))]
    pub metrics_address: Option<SocketAddr>,
}
