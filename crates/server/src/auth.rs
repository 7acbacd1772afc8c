//! Who may connect: tokens in the handshake, each signed by a key that is trusted, until it expires or is revoked.
//!
//! ```text
//! pleione-sync token new|revoke|…  --change-->  book (a file, or a table in Postgres)  --read every 2 s-->  gate  <--  handshakes
//! ```
//!
//! A [`token`] is a JWT of the one kind `EdDSA`, so an application's own backend can make them with any library. The
//! [`book`] holds public keys and revocations, no secret; a [`shelf`] is where it is kept; the [`gate`] is what running
//! servers ask. The key that signs is in a file ([`key`]) that only the tool reads. Nothing here is compared with a
//! secret, so nothing has to be compared in constant time.

pub mod book;
pub mod command;
pub mod gate;
pub mod key;
pub mod shelf;
pub mod token;
