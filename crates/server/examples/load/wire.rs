//! Sockets of clients, and frames put together beforehand.

use std::net::TcpStream;

use tungstenite::{Message, WebSocket};

use crate::Failure;

const TEXT_FRAME: u8 = 0x81;
const IS_MASKED: u8 = 0x80;
const LENGTH_IN_2_BYTES: u8 = 126;
const LENGTH_IN_8_BYTES: u8 = 127;

/// Connects as a client does.
pub(crate) fn connect(port: u16) -> Result<WebSocket<TcpStream>, Failure> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let url = format!("ws://127.0.0.1:{port}/sync");
    let (socket, _) = tungstenite::client(url, stream)?;
    Ok(socket)
}

/// The next text that the server sends.
pub(crate) fn hear(socket: &mut WebSocket<TcpStream>) -> Result<String, Failure> {
    loop {
        match socket.read()? {
            Message::Text(text) => return Ok(text.as_str().to_owned()),
            Message::Close(why) => return Err(format!("the server closed: {why:?}").into()),
            _ => {}
        }
    }
}

/// Appends a text frame as a client sends it: masked, here with a mask that changes nothing.
pub(crate) fn append_frame(bytes: &mut Vec<u8>, text: &str) {
    let length = text.len();
    bytes.push(TEXT_FRAME);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < LENGTH_IN_2_BYTES => bytes.push(IS_MASKED | short),
        (_, Ok(length)) => {
            bytes.push(IS_MASKED | LENGTH_IN_2_BYTES);
            bytes.extend(length.to_be_bytes());
        }
        _ => {
            bytes.push(IS_MASKED | LENGTH_IN_8_BYTES);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(text.as_bytes());
}
