//! Connections that say nothing: opened, told to whoever measures the server, and held until standard input ends.

use std::io::Read;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::Failure;

/// How many handshakes are under way at once.
const TOGETHER: usize = 100;

/// Opens the connections, prints a line, and waits for the end of standard input.
pub(crate) fn run(port: u16, connections: usize) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut open = 0;
    while open < connections {
        let more = TOGETHER.min(connections - open);
        runtime.block_on(open_some(port, more))?;
        open += more;
    }
    println!("{}", json!({ "open": open }));
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Ok(json!({ "held": open }))
}

async fn open_some(port: u16, more: usize) -> Result<(), Failure> {
    let opened: Vec<_> = (0..more).map(|_| tokio::spawn(open_one(port))).collect();
    for one in opened {
        let stream = one.await??;
        tokio::spawn(swallow(stream));
    }
    Ok(())
}

async fn open_one(port: u16) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let url = format!("ws://127.0.0.1:{port}/sync");
    let (socket, _) = tokio_tungstenite::client_async(url, stream).await?;
    Ok(socket.into_inner())
}

/// Reads the pings away.
async fn swallow(mut stream: TcpStream) {
    let mut bytes = [0; 512];
    while matches!(stream.read(&mut bytes).await, Ok(length) if length > 0) {}
}
