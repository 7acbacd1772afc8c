//! A segment's body: its transactions in canonical form, a line each. JSON text has no line break, so a line is one
//! transaction, and `convert_from(body, 'UTF8')` shows them.

use cojson::json::Wire as _;
use cojson::transaction::Transaction;

use crate::pieces::parse;

/// The transactions as they are kept.
pub(super) fn encode(transactions: &[Transaction]) -> Vec<u8> {
    let texts: Vec<String> = transactions.iter().map(Transaction::to_text).collect();
    texts.join("\n").into_bytes()
}

/// The transactions' texts.
pub(super) fn lines(body: &[u8]) -> impl Iterator<Item = Result<&str, String>> {
    let lines = body.split(|byte| *byte == b'\n');
    lines.map(|line| std::str::from_utf8(line).map_err(|error| error.to_string()))
}

/// The transactions, if all of them can be read.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Transaction>, String> {
    lines(body).map(|line| parse(line?)).collect()
}

/// A number of the database as a count. One that is none counts as nothing.
pub(super) fn unsigned<T: TryFrom<i64> + Default>(number: i64) -> T {
    T::try_from(number).unwrap_or_default()
}

/// A number for the database.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
