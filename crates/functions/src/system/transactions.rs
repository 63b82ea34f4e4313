//! Transaction ids, snapshots and WAL positions.

use crate::call::{Call, Function};
use crate::set::{ReadyRows, SetFunction};
use crate::table::functions;
use crate::wire::Message;
use base::{Result, Xid, bail, err};
use datum::OwnedDatum;

/// A pg_snapshot as it is stored: count, xmin, xmax, the ids in progress.
struct StoredSnapshot {
    xmin: u64,
    xmax: u64,
    running: Vec<u64>,
}

impl StoredSnapshot {
    fn from_bytes(bytes: &[u8]) -> Result<StoredSnapshot> {
        let mut reader = base::bytes::Reader::new(bytes);
        let count = reader.u32()?;
        let (xmin, xmax) = (reader.u64()?, reader.u64()?);
        let running = (0..count).map(|_| reader.u64()).collect::<Result<_>>()?;
        Ok(StoredSnapshot { xmin, xmax, running })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = (self.running.len() as u32).to_le_bytes().to_vec();
        for id in [self.xmin, self.xmax].iter().chain(&self.running) {
            out.extend_from_slice(&id.to_le_bytes());
        }
        out
    }

    fn parse(text: &str) -> Result<StoredSnapshot> {
        let invalid =
            || err!(INVALID_TEXT_REPRESENTATION, "invalid input syntax for type pg_snapshot: \"{text}\"");
        let number = |digits: &str| digits.parse::<u64>().map_err(|_| invalid());
        let mut parts = text.splitn(3, ':');
        let mut next = || parts.next().ok_or_else(invalid);
        let (xmin, xmax, list) = (number(next()?)?, number(next()?)?, next()?);
        if xmin == 0 || xmax == 0 || xmin > xmax {
            return Err(invalid());
        }
        let mut running: Vec<u64> = Vec::new();
        for word in list.split(',').filter(|_| !list.is_empty()) {
            let id = number(word)?;
            if id < xmin || id >= xmax || running.last().is_some_and(|last| id < *last) {
                return Err(invalid());
            }
            if running.last() != Some(&id) {
                running.push(id);
            }
        }
        Ok(StoredSnapshot { xmin, xmax, running })
    }

    fn receive(bytes: &[u8]) -> Result<StoredSnapshot> {
        let invalid = || err!(INVALID_BINARY_REPRESENTATION, "invalid external pg_snapshot data");
        let mut message = Message::new(bytes);
        let count = message.i32()?;
        let (xmin, xmax) = (message.u64()?, message.u64()?);
        if count < 0 || xmin == 0 || xmax == 0 || xmin > xmax {
            return Err(invalid());
        }
        let mut running = Vec::new();
        for _ in 0..count {
            let id = message.u64()?;
            if id < xmin || id >= xmax || running.last().is_some_and(|last| id < *last) {
                return Err(invalid());
            }
            running.push(id);
        }
        message.end()?;
        Ok(StoredSnapshot { xmin, xmax, running })
    }

    fn text(&self) -> String {
        let running: Vec<String> = self.running.iter().map(u64::to_string).collect();
        format!("{}:{}:{}", self.xmin, self.xmax, running.join(","))
    }

    fn send(&self) -> Vec<u8> {
        let mut out = (self.running.len() as i32).to_be_bytes().to_vec();
        for id in [self.xmin, self.xmax].iter().chain(&self.running) {
            out.extend_from_slice(&id.to_be_bytes());
        }
        out
    }

    fn shows(&self, id: u64) -> bool {
        id < self.xmin || (id < self.xmax && !self.running.contains(&id))
    }
}

fn current(call: &Call<'_>) -> Result<Vec<u8>> {
    let snapshot = call.session.transaction()?.snapshot()?;
    let mut running: Vec<u64> = snapshot.running().iter().map(|xid| xid.0).collect();
    running.sort_unstable();
    Ok(StoredSnapshot { xmin: snapshot.xmin().0, xmax: snapshot.xmax().0, running }.to_bytes())
}

/// What became of a transaction; `None` when that is forgotten.
fn status(call: &Call<'_>, id: u64) -> Result<Option<String>> {
    let transactions = &call.session.instance().transactions;
    let xid = Xid(id);
    if id == 0 {
        return Ok(None);
    }
    if xid >= transactions.next_xid() {
        bail!(INVALID_PARAMETER_VALUE, "transaction ID {id} is in the future");
    }
    if xid.is_normal() && xid < transactions.oldest_xid().0 {
        return Ok(None);
    }
    if !xid.is_normal() {
        return Ok(Some("committed".to_owned()));
    }
    if call.session.current_transaction().is_some_and(|t| t.is_current(xid))
        || transactions.outcome(xid)? == txn::Outcome::InProgress
    {
        return Ok(Some("in progress".to_owned()));
    }
    let word = if transactions.outcome(xid)?.is_committed() { "committed" } else { "aborted" };
    Ok(Some(word.to_owned()))
}

fn own_id(call: &Call<'_>) -> Result<u64> {
    Ok(call.session.transaction()?.top_xid()?.0)
}

pub const FUNCTIONS: &[Function] = functions! {
    "pg_current_xact_id" [call] () -> u64 = own_id(call);
    "pg_current_xact_id_if_assigned" [call] () -> Option<u64> =
        Ok(call.session.current_transaction().and_then(|t| t.top_xid_if_assigned()).map(|xid| xid.0));
    "pg_current_snapshot" [call] () -> Vec<u8> = current(call);
    "pg_snapshot_in" (text: str) -> Vec<u8> = Ok(StoredSnapshot::parse(text)?.to_bytes());
    "pg_snapshot_out" (value: [u8]) -> String = Ok(StoredSnapshot::from_bytes(value)?.text());
    "pg_snapshot_recv" (bytes: [u8]) -> Vec<u8> = Ok(StoredSnapshot::receive(bytes)?.to_bytes());
    "pg_snapshot_send" (value: [u8]) -> Vec<u8> = Ok(StoredSnapshot::from_bytes(value)?.send());
    "pg_snapshot_xmin" (value: [u8]) -> u64 = Ok(StoredSnapshot::from_bytes(value)?.xmin);
    "pg_snapshot_xmax" (value: [u8]) -> u64 = Ok(StoredSnapshot::from_bytes(value)?.xmax);
    "pg_visible_in_snapshot" (id: u64, value: [u8]) -> bool = Ok(StoredSnapshot::from_bytes(value)?.shows(id));
    "pg_xact_status" [call] (id: u64) -> Option<String> = status(call, id);
    "pg_export_snapshot" [call] () -> String = call.session.transaction()?.export_snapshot();
};

pub const RUNNING: SetFunction = SetFunction {
    source: "pg_snapshot_xip",
    start: |_, args| {
        let Some(Some(value)) = args.first() else { return Ok(ReadyRows::new(Vec::new())) };
        let snapshot = StoredSnapshot::from_bytes(value.bytes())?;
        Ok(ReadyRows::new(
            snapshot.running.iter().map(|id| vec![Some(OwnedDatum::Int8(*id as i64))]).collect(),
        ))
    },
};

#[cfg(test)]
mod tests {
    use super::StoredSnapshot;

    #[test]
    fn snapshots_as_text() {
        for text in ["12:16:14,14", "12:13:", "12:18:14,16"] {
            let parsed = StoredSnapshot::parse(text).unwrap();
            assert!(parsed.text() == text || text == "12:16:14,14");
            assert_eq!(StoredSnapshot::from_bytes(&parsed.to_bytes()).unwrap().text(), parsed.text());
        }
        for bad in ["31:12:", "0:1:", "12:13:0", "12:16:14,13", ""] {
            assert!(StoredSnapshot::parse(bad).is_err(), "{bad}");
        }
    }
}
