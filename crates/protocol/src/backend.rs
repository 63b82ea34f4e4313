//! Messages to clients, appended to the send buffer.

use crate::ProtocolVersion;
use base::Oid;

/// A column of a RowDescription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDescription {
    pub name: String,
    /// The table the column comes from, or 0.
    pub table: Oid,
    /// The column's number in that table, or 0.
    pub column: i16,
    pub type_oid: Oid,
    /// Bytes of the type, or negative for variable length.
    pub type_size: i16,
    pub type_modifier: i32,
    /// 0 text, 1 binary.
    pub format: i16,
}

/// The state that ReadyForQuery tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TransactionStatus {
    Idle = b'I',
    InTransaction = b'T',
    Failed = b'E',
}

/// Starts a message: the type and room for the length. Give the result to [`end`].
#[inline]
pub fn begin(out: &mut Vec<u8>, kind: u8) -> usize {
    out.push(kind);
    out.extend_from_slice(&[0; 4]);
    out.len() - 4
}

/// Fills in the length of the message that [`begin`] started.
#[inline]
pub fn end(out: &mut [u8], start: usize) {
    let length = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn message(out: &mut Vec<u8>, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = begin(out, kind);
    body(out);
    end(out, start);
}

/// A string with its terminator; a zero byte within ends it early, since the protocol cannot carry one.
pub fn put_string(out: &mut Vec<u8>, text: &str) {
    let end = memchr::memchr(0, text.as_bytes()).unwrap_or(text.len());
    out.extend_from_slice(&text.as_bytes()[..end]);
    out.push(0);
}

fn put_i16(out: &mut Vec<u8>, value: i16) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_i32(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub fn authentication_ok(out: &mut Vec<u8>) {
    message(out, b'R', |out| put_i32(out, 0));
}

pub fn authentication_cleartext_password(out: &mut Vec<u8>) {
    message(out, b'R', |out| put_i32(out, 3));
}

pub fn authentication_md5_password(out: &mut Vec<u8>, salt: [u8; 4]) {
    message(out, b'R', |out| {
        put_i32(out, 5);
        out.extend_from_slice(&salt);
    });
}

/// Offers SASL mechanisms, the preferred one first.
pub fn authentication_sasl(out: &mut Vec<u8>, mechanisms: &[&str]) {
    message(out, b'R', |out| {
        put_i32(out, 10);
        mechanisms.iter().for_each(|name| put_string(out, name));
        out.push(0);
    });
}

pub fn authentication_sasl_continue(out: &mut Vec<u8>, data: &[u8]) {
    message(out, b'R', |out| {
        put_i32(out, 11);
        out.extend_from_slice(data);
    });
}

pub fn authentication_sasl_final(out: &mut Vec<u8>, data: &[u8]) {
    message(out, b'R', |out| {
        put_i32(out, 12);
        out.extend_from_slice(data);
    });
}

/// The version that will be spoken, and the `_pq_.` options that are not known here.
pub fn negotiate_protocol_version(out: &mut Vec<u8>, version: ProtocolVersion, unknown: &[&str]) {
    message(out, b'v', |out| {
        put_i32(out, version.0 as i32);
        put_i32(out, unknown.len() as i32);
        unknown.iter().for_each(|name| put_string(out, name));
    });
}

pub fn backend_key_data(out: &mut Vec<u8>, process_id: u32, key: &[u8]) {
    message(out, b'K', |out| {
        put_i32(out, process_id as i32);
        out.extend_from_slice(key);
    });
}

pub fn parameter_status(out: &mut Vec<u8>, name: &str, value: &str) {
    message(out, b'S', |out| {
        put_string(out, name);
        put_string(out, value);
    });
}

pub fn ready_for_query(out: &mut Vec<u8>, status: TransactionStatus) {
    message(out, b'Z', |out| out.push(status as u8));
}

pub fn row_description(out: &mut Vec<u8>, fields: &[FieldDescription]) {
    message(out, b'T', |out| {
        put_i16(out, fields.len() as i16);
        for field in fields {
            put_string(out, &field.name);
            put_i32(out, field.table.0 as i32);
            put_i16(out, field.column);
            put_i32(out, field.type_oid.0 as i32);
            put_i16(out, field.type_size);
            put_i32(out, field.type_modifier);
            put_i16(out, field.format);
        }
    });
}

/// Starts a DataRow of `columns` values; give the result to [`end`] after writing them.
#[inline]
pub fn begin_data_row(out: &mut Vec<u8>, columns: usize) -> usize {
    let start = begin(out, b'D');
    put_i16(out, columns as i16);
    start
}

/// One value of a DataRow.
#[inline]
pub fn put_value(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(bytes) => {
            put_i32(out, bytes.len() as i32);
            out.extend_from_slice(bytes);
        }
        None => put_i32(out, -1),
    }
}

/// One value of a DataRow, written by `write` straight into the buffer.
#[inline]
pub fn put_value_with(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = (out.len() - start - 4) as i32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

pub fn command_complete(out: &mut Vec<u8>, tag: &str) {
    message(out, b'C', |out| put_string(out, tag));
}

pub fn empty_query_response(out: &mut Vec<u8>) {
    message(out, b'I', |_| {});
}

pub fn parse_complete(out: &mut Vec<u8>) {
    message(out, b'1', |_| {});
}

pub fn bind_complete(out: &mut Vec<u8>) {
    message(out, b'2', |_| {});
}

pub fn close_complete(out: &mut Vec<u8>) {
    message(out, b'3', |_| {});
}

pub fn no_data(out: &mut Vec<u8>) {
    message(out, b'n', |_| {});
}

pub fn portal_suspended(out: &mut Vec<u8>) {
    message(out, b's', |_| {});
}

pub fn parameter_description(out: &mut Vec<u8>, types: &[Oid]) {
    message(out, b't', |out| {
        put_i16(out, types.len() as i16);
        types.iter().for_each(|oid| put_i32(out, oid.0 as i32));
    });
}

pub fn notification_response(out: &mut Vec<u8>, process_id: u32, channel: &str, payload: &str) {
    message(out, b'A', |out| {
        put_i32(out, process_id as i32);
        put_string(out, channel);
        put_string(out, payload);
    });
}

/// The direction of a COPY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CopyDirection {
    In = b'G',
    Out = b'H',
    Both = b'W',
}

/// `binary`: the whole stream's format; `formats`: each column's.
pub fn copy_response(out: &mut Vec<u8>, direction: CopyDirection, binary: bool, formats: &[i16]) {
    message(out, direction as u8, |out| {
        out.push(u8::from(binary));
        put_i16(out, formats.len() as i16);
        formats.iter().for_each(|format| put_i16(out, *format));
    });
}

pub fn copy_data(out: &mut Vec<u8>, data: &[u8]) {
    message(out, b'd', |out| out.extend_from_slice(data));
}

pub fn copy_done(out: &mut Vec<u8>) {
    message(out, b'c', |_| {});
}
