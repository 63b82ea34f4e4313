//! Messages from clients, decoded in place from the read buffer.

use crate::reader::Fields;
use base::{Error, Oid, Result, Severity, SqlState, bail};

/// Bytes of type and length before a message's body.
pub const HEADER_BYTES: usize = 5;
/// Limit for messages that carry no data.
const SMALL: usize = 10_000;
/// Limit for messages that carry data: what one allocation of PostgreSQL may hold.
const LARGE: usize = 0x3fff_fffe;
/// Limit for passwords and SASL tokens.
pub const MAX_AUTH_TOKEN_BYTES: usize = 65_535;

/// Type and body length of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: u8,
    pub body_bytes: usize,
}

#[track_caller]
fn fatal(message: impl Into<String>) -> Error {
    Error::with_severity(Severity::Fatal, SqlState::PROTOCOL_VIOLATION, message)
}

/// The header at the start of `buffer`; `None` when fewer than [`HEADER_BYTES`] are there. The type is looked at as
/// soon as its byte is there.
///
/// # Errors
/// `08P01`, FATAL, for an unknown type or a length beyond the type's limit: the stream cannot be followed any more.
pub fn header(buffer: &[u8]) -> Result<Option<Header>> {
    let Some(&kind) = buffer.first() else { return Ok(None) };
    let limit = match kind {
        b'Q' | b'F' | b'B' | b'P' | b'd' => LARGE,
        b'C' | b'D' | b'E' | b'H' | b'S' | b'X' | b'c' | b'f' => SMALL,
        b'p' => MAX_AUTH_TOKEN_BYTES,
        _ => return Err(fatal(format!("invalid frontend message type {kind}"))),
    };
    let Some(length) = buffer.get(1..HEADER_BYTES) else { return Ok(None) };
    let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
    if length < 4 || length > limit {
        return Err(fatal("invalid message length"));
    }
    Ok(Some(Header { kind, body_bytes: length - 4 }))
}

/// What Describe and Close are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    Statement(&'a [u8]),
    Portal(&'a [u8]),
}

/// A message of an authenticated client. Strings are bytes in the client's encoding.
#[derive(Clone, Debug)]
pub enum Message<'a> {
    Query(&'a [u8]),
    Parse {
        name: &'a [u8],
        query: &'a [u8],
        types: Vec<Oid>,
    },
    Bind(Bind<'a>),
    Describe(Target<'a>),
    Execute {
        portal: &'a [u8],
        max_rows: i32,
    },
    Close(Target<'a>),
    Flush,
    Sync,
    FunctionCall,
    CopyData(&'a [u8]),
    CopyDone,
    CopyFail(&'a [u8]),
    Terminate,
    /// Password, SASLInitialResponse or SASLResponse: which one, only the state of authentication says.
    Authentication(&'a [u8]),
}

/// The parts of a Bind message, checked to be whole.
#[derive(Clone, Debug)]
pub struct Bind<'a> {
    pub portal: &'a [u8],
    pub statement: &'a [u8],
    /// None for all text, one for all, or one for each.
    pub formats: Vec<i16>,
    pub parameters: Vec<Option<&'a [u8]>>,
    pub result_formats: Vec<i16>,
}

/// Decodes the body of a message of type `kind`.
///
/// # Errors
/// `08P01` for a body that does not have the shape of its type; the stream can still be followed.
pub fn decode(kind: u8, body: &[u8]) -> Result<Message<'_>> {
    let mut fields = Fields::new(body);
    let message = match kind {
        b'Q' => Message::Query(fields.string()?),
        b'P' => decode_parse(&mut fields)?,
        b'B' => Message::Bind(decode_bind(&mut fields)?),
        b'D' => Message::Describe(target(&mut fields, "DESCRIBE")?),
        b'C' => Message::Close(target(&mut fields, "CLOSE")?),
        b'E' => Message::Execute { portal: fields.string()?, max_rows: fields.i32()? },
        b'H' => Message::Flush,
        b'S' => Message::Sync,
        b'X' => {
            fields.rest();
            Message::Terminate
        }
        b'F' => {
            fields.rest();
            Message::FunctionCall
        }
        b'd' => Message::CopyData(fields.rest()),
        b'c' => Message::CopyDone,
        b'f' => Message::CopyFail(fields.string()?),
        b'p' => Message::Authentication(fields.rest()),
        _ => return Err(fatal(format!("invalid frontend message type {kind}"))),
    };
    fields.end()?;
    Ok(message)
}

fn target<'a>(fields: &mut Fields<'a>, message: &str) -> Result<Target<'a>> {
    match fields.u8()? {
        b'S' => Ok(Target::Statement(fields.string()?)),
        b'P' => Ok(Target::Portal(fields.string()?)),
        other => bail!(PROTOCOL_VIOLATION, "invalid {message} message subtype {other}"),
    }
}

fn decode_parse<'a>(fields: &mut Fields<'a>) -> Result<Message<'a>> {
    let (name, query) = (fields.string()?, fields.string()?);
    let count = usize::from(fields.u16()?);
    let types =
        fields.bytes(count * 4)?.chunks_exact(4).map(|b| Oid(u32::from_be_bytes([b[0], b[1], b[2], b[3]])));
    Ok(Message::Parse { name, query, types: types.collect() })
}

fn formats(fields: &mut Fields) -> Result<Vec<i16>> {
    let count = usize::from(fields.u16()?);
    Ok(fields.bytes(count * 2)?.chunks_exact(2).map(|b| i16::from_be_bytes([b[0], b[1]])).collect())
}

fn decode_bind<'a>(fields: &mut Fields<'a>) -> Result<Bind<'a>> {
    let (portal, statement) = (fields.string()?, fields.string()?);
    let formats_given = formats(fields)?;
    let count = usize::from(fields.u16()?);
    if formats_given.len() > 1 && formats_given.len() != count {
        bail!(
            PROTOCOL_VIOLATION,
            "bind message has {} parameter formats but {count} parameters",
            formats_given.len()
        );
    }
    let mut parameters = Vec::with_capacity(count);
    for _ in 0..count {
        parameters.push(match fields.i32()? {
            -1 => None,
            length => match usize::try_from(length) {
                Ok(length) => Some(fields.bytes(length)?),
                Err(_) => bail!(PROTOCOL_VIOLATION, "insufficient data left in message"),
            },
        });
    }
    let result_formats = formats(fields)?;
    Ok(Bind { portal, statement, formats: formats_given, parameters, result_formats })
}

/// The body of a password message: the password without its terminator.
///
/// # Errors
/// `08P01`.
pub fn password(body: &[u8]) -> Result<&[u8]> {
    let mut fields = Fields::new(body);
    let password = fields.string().map_err(|_| fatal("invalid password packet size"))?;
    fields.end().map_err(|_| fatal("invalid password packet size"))?;
    Ok(password)
}

/// The mechanism and the client's first message of a SASLInitialResponse.
///
/// # Errors
/// `08P01`.
pub fn sasl_initial_response(body: &[u8]) -> Result<(&[u8], Option<&[u8]>)> {
    let mut fields = Fields::new(body);
    let mechanism = fields.string()?;
    let response = match usize::try_from(fields.i32()?) {
        Ok(length) => Some(fields.bytes(length)?),
        Err(_) => None,
    };
    fields.end()?;
    Ok((mechanism, response))
}
