//! How it is run: where operators and their machines ask, and what goes over the wire.

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
    /// Whether clients that offer the subprotocol `pleione-deflate-1` get it: `deflate`, or `none`, text for all
    #[arg(long, env = "COMPRESSION", value_name = "HOW", default_value = "none",
        value_parser = value("`none` or `deflate`", Compression::parse))]
    compression: Compression,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Deflate,
}

impl Compression {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
    }
}

impl OperatorSettings {
    /// Whether clients may have their frames deflated.
    pub fn deflates(&self) -> bool {
        self.compression == Compression::Deflate
    }
}
