//! The sync server: sockets in, verified logs out.
fn main() {}
