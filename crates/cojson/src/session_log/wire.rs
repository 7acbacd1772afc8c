//! A session's pieces on the wire, and what is told of each session of a value.

use super::SessionContent;
use crate::collections::SortedMap;
use crate::crypto::Signature;
use crate::ids::SessionId;
use crate::json::writer::{ObjectWriter, write_array};
use crate::json::{JsonError, Reader, Wire};
use crate::transaction::Transaction;

impl Wire for SessionContent {
    fn read(reader: &mut Reader<'_>) -> Result<Self, JsonError> {
        let (mut after, mut transactions, mut signature) = (None, None, None);
        reader.object(&mut |reader, member| {
            match member {
                "after" => after = Some(reader.small_count()?),
                "newTransactions" => transactions = Some(read_transactions(reader)?),
                "lastSignature" => signature = Some(Signature::read(reader)?),
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(Self {
            after: reader.required(after, "after")?,
            new_transactions: reader.required(transactions, "newTransactions")?,
            last_signature: reader.required(signature, "lastSignature")?,
        })
    }

    fn write(&self, out: &mut String) {
        let mut object = ObjectWriter::new(out);
        object.count("after", self.after.into());
        let transactions = object.member("newTransactions");
        write_array(transactions, &self.new_transactions, |out, it| {
            it.write(out);
        });
        self.last_signature.write(object.member("lastSignature"));
        object.end();
    }
}

fn read_transactions(reader: &mut Reader<'_>) -> Result<Vec<Transaction>, JsonError> {
    let mut transactions: Vec<Transaction> = Vec::new();
    reader.array(&mut |reader| {
        let previous = transactions.last();
        transactions.push(Transaction::read_after(previous, reader)?);
        Ok(())
    })?;
    Ok(transactions)
}

/// An object with a member per session.
impl<V: Wire> Wire for SortedMap<SessionId, V> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, JsonError> {
        let mut sessions = Self::new();
        reader.object(&mut |reader, session| {
            let session = SessionId::parse(session);
            let session = session.map_err(|error| reader.error(error.to_string()))?;
            sessions.insert(session, V::read(reader)?);
            Ok(())
        })?;
        Ok(sessions)
    }

    fn write(&self, out: &mut String) {
        let mut object = ObjectWriter::new(out);
        for (session, value) in self {
            value.write(object.member(session.as_str()));
        }
        object.end();
    }
}
