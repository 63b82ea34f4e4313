//! Messages in and out of one client's transport: the read and send buffers, and [`Output`] for the engine.

use super::engine_api::Output;
use super::transport::{Received, Socket, Transport};
use crate::interrupt::{Interrupt, Reason};
use crate::log::{LogContext, Logger};
use base::{Error, Result, Severity, SqlState, bail};
use protocol::frontend::{self, HEADER_BYTES, Message};
use std::sync::Arc;
use std::time::Instant;

/// Bytes asked of the socket at a time for small messages.
const READ_BYTES: usize = 8 * 1024;
/// While COPY data comes in, several messages are taken at once.
const COPY_READ_BYTES: usize = 64 * 1024;
/// Bytes read ahead at most within one large message at a time, so that an announced length costs nothing by itself.
const LARGE_READ_BYTES: usize = 1 << 20;
/// The send buffer goes to the socket when it is this large.
const DRAIN_BYTES: usize = 32 * 1024;

/// What a look for the next message found.
pub enum Frame {
    /// A message of this type; its body is in the buffer that was given.
    Message(u8),
    Nothing,
    Closed,
}

/// See the module's text.
pub struct Wire {
    pub transport: Transport,
    pub interrupt: Arc<Interrupt>,
    pub log: LogContext,
    logger: Arc<Logger>,
    received: Vec<u8>,
    consumed: usize,
    out: Vec<u8>,
    copy_chunk: Vec<u8>,
    copy_ended: bool,
    /// Bytes to ask the socket for at least.
    read_bytes: usize,
    log_detail: Option<String>,
}

#[track_caller]
fn lost(message: impl Into<String>) -> Error {
    Error::with_severity(Severity::Fatal, SqlState::CONNECTION_FAILURE, message)
}

fn not_received(error: std::io::Error) -> Error {
    lost(format!("could not receive data from client: {error}"))
}

/// Whether `error` says that the client is gone and cannot be told anything.
pub fn is_lost(error: &Error) -> bool {
    error.state() == SqlState::CONNECTION_FAILURE && error.data().severity == Severity::Fatal
}

impl Wire {
    pub fn new(socket: Socket, interrupt: Arc<Interrupt>, log: LogContext, logger: Arc<Logger>) -> Wire {
        Wire {
            transport: Transport::new(socket),
            interrupt,
            log,
            logger,
            received: Vec::new(),
            consumed: 0,
            out: Vec::new(),
            copy_chunk: Vec::new(),
            copy_ended: true,
            read_bytes: READ_BYTES,
            log_detail: None,
        }
    }

    fn unread(&self) -> &[u8] {
        &self.received[self.consumed..]
    }

    /// Whether bytes have been received that no message has used.
    pub fn has_unread(&self) -> bool {
        !self.unread().is_empty()
    }

    /// Whether there are bytes that the socket does not know of.
    pub fn may_have_unread(&self) -> bool {
        self.has_unread() || self.transport.is_tls()
    }

    /// Takes all unread bytes.
    pub fn take_unread(&mut self) -> Vec<u8> {
        let rest = self.received.split_off(self.consumed);
        self.received = Vec::new();
        self.consumed = 0;
        rest
    }

    fn receive(&mut self, limit: usize) -> Result<Received> {
        self.make_room();
        self.transport.receive(&mut self.received, limit).map_err(not_received)
    }

    /// Forgets what has been read.
    fn make_room(&mut self) {
        if self.consumed == self.received.len() {
            self.received.clear();
            self.consumed = 0;
        } else if self.consumed >= READ_BYTES {
            self.received.drain(..self.consumed);
            self.consumed = 0;
        }
    }

    /// Waits a little for the client to go on; `false` when it does not.
    ///
    /// # Errors
    /// FATAL when the client is gone.
    pub fn linger(&mut self) -> Result<bool> {
        self.make_room();
        self.transport.linger(&mut self.received, READ_BYTES).map_err(not_received)
    }

    /// Exactly `count` bytes of the startup phase, or `None` when the client closes before the first.
    ///
    /// # Errors
    /// FATAL `08P01` when it closes within, `57014` when the deadline passes.
    pub fn read_exact(&mut self, count: usize, deadline: Instant) -> Result<Option<Vec<u8>>> {
        while self.unread().len() < count {
            match self.receive(count - self.unread().len())? {
                Received::Bytes => {}
                Received::Closed if self.unread().is_empty() => return Ok(None),
                Received::Closed => {
                    return Err(Error::with_severity(
                        Severity::Fatal,
                        SqlState::PROTOCOL_VIOLATION,
                        "incomplete startup packet",
                    ));
                }
                Received::Nothing => self.await_bytes(Some(deadline))?,
            }
        }
        let bytes = self.unread()[..count].to_vec();
        self.consumed += count;
        Ok(Some(bytes))
    }

    fn await_bytes(&mut self, deadline: Option<Instant>) -> Result<()> {
        let ready = self.transport.await_bytes(deadline, &self.interrupt).map_err(not_received)?;
        if ready {
            return Ok(());
        }
        if self.interrupt.ending() {
            return self.interrupt.check();
        }
        Err(Error::with_severity(
            Severity::Fatal,
            SqlState::QUERY_CANCELED,
            "canceling authentication due to timeout",
        ))
    }

    /// The next whole message, if it has arrived; does not wait. Its body replaces the contents of `body`.
    ///
    /// # Errors
    /// FATAL when the stream cannot be followed.
    pub fn next_frame(&mut self, body: &mut Vec<u8>) -> Result<Frame> {
        loop {
            let header = frontend::header(self.unread())?;
            if let Some(header) = header
                && self.unread().len() >= HEADER_BYTES + header.body_bytes
            {
                let total = HEADER_BYTES + header.body_bytes;
                body.clear();
                if total > READ_BYTES && self.consumed == 0 && self.received.len() == total {
                    // A large message that fills the buffer moves out without a copy.
                    std::mem::swap(body, &mut self.received);
                    body.drain(..HEADER_BYTES);
                    self.received.clear();
                } else {
                    body.extend_from_slice(&self.unread()[HEADER_BYTES..total]);
                    self.consumed += total;
                }
                return Ok(Frame::Message(header.kind));
            }
            let missing = header.map_or(0, |h| HEADER_BYTES + h.body_bytes - self.unread().len());
            match self.receive(missing.clamp(self.read_bytes, LARGE_READ_BYTES))? {
                Received::Bytes => {}
                Received::Nothing => return Ok(Frame::Nothing),
                Received::Closed => return Ok(Frame::Closed),
            }
        }
    }

    /// The next message, waiting for it.
    ///
    /// # Errors
    /// FATAL when the client is gone, the deadline passes or the session is to end.
    pub fn await_frame(&mut self, body: &mut Vec<u8>, deadline: Option<Instant>) -> Result<u8> {
        loop {
            match self.next_frame(body)? {
                Frame::Message(kind) => return Ok(kind),
                Frame::Nothing => self.await_bytes(deadline)?,
                Frame::Closed => return Err(lost("unexpected EOF on client connection")),
            }
        }
    }

    /// Sends an error to the client and the log. `statement`: for the log and the position in it.
    pub fn report(
        &mut self,
        error: &Error,
        settings: Option<&settings::SessionSettings>,
        statement: Option<&str>,
    ) {
        let position = match (error.data().position, statement) {
            (Some(offset), Some(text)) => Some(character_position(text, offset)),
            _ => None,
        };
        match self.log_detail.take() {
            Some(detail) => {
                let detailed = error.clone().detail(detail);
                self.logger.write(&mut self.log, &detailed, settings, statement, position);
            }
            None => self.logger.write(&mut self.log, error, settings, statement, position),
        }
        if error.data().severity >= Severity::Error {
            protocol::error_response(&mut self.out, error, position);
        }
    }

    /// A DETAIL of the next reported error that the log shows and the client does not.
    pub fn set_log_detail(&mut self, detail: String) {
        self.log_detail = Some(detail);
    }

    /// A line for the log alone.
    pub fn log_line(&mut self, message: impl Into<String>, settings: Option<&settings::SessionSettings>) {
        let line = Error::with_severity(Severity::Log, SqlState::SUCCESSFUL_COMPLETION, message);
        self.logger.write(&mut self.log, &line, settings, None, None);
    }

    /// Writes straight to the socket, past the protocol (the one-byte answers to SSL requests).
    ///
    /// # Errors
    /// FATAL when the client is gone.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.transport
            .send(bytes, &self.interrupt)
            .map_err(|error| lost(format!("could not send data to client: {error}")))
    }

    /// Gives back the memory of the buffers while the session is idle.
    pub fn shrink(&mut self) {
        self.read_bytes = READ_BYTES;
        if self.unread().is_empty() {
            self.received = Vec::new();
            self.consumed = 0;
        }
        if self.out.is_empty() {
            self.out = Vec::new();
        }
        self.copy_chunk = Vec::new();
    }

    /// Whether something waits to be sent.
    pub fn has_unsent(&self) -> bool {
        !self.out.is_empty()
    }

    /// A COPY can no longer go on; what the client still sends of it is skipped as messages outside a COPY.
    pub fn end_copy(&mut self) {
        self.copy_ended = true;
    }
}

/// The 1-based character at byte `offset` of `text`.
pub fn character_position(text: &str, offset: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < offset).count() + 1
}

impl Output for Wire {
    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    fn drain(&mut self) -> Result<()> {
        if self.out.len() >= DRAIN_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let sent = self.transport.send(&self.out, &self.interrupt);
        self.out.clear();
        if self.out.capacity() > 4 * DRAIN_BYTES {
            self.out.shrink_to(DRAIN_BYTES);
        }
        match sent {
            Ok(()) => Ok(()),
            Err(_) if self.interrupt.ending() => self.interrupt.check(),
            Err(error) => {
                self.interrupt.raise(Reason::ConnectionLost);
                Err(lost(format!("could not send data to client: {error}")))
            }
        }
    }

    fn notice(&mut self, notice: &Error) {
        self.logger.write(&mut self.log, notice, None, None, None);
        protocol::notice_response(&mut self.out, notice, None);
    }

    fn copy_in_begin(&mut self, binary: bool, formats: &[i16]) -> Result<()> {
        self.copy_ended = false;
        self.read_bytes = COPY_READ_BYTES;
        protocol::backend::copy_response(
            &mut self.out,
            protocol::backend::CopyDirection::In,
            binary,
            formats,
        );
        self.flush()
    }

    fn copy_read(&mut self) -> Result<Option<&[u8]>> {
        if self.copy_ended {
            return Ok(None);
        }
        let mut body = std::mem::take(&mut self.copy_chunk);
        loop {
            let kind = match self.await_frame(&mut body, None) {
                Ok(kind) => kind,
                Err(error) if error.message() == "unexpected EOF on client connection" => {
                    return Err(lost("unexpected EOF on client connection with an open transaction"));
                }
                Err(error) => return Err(error),
            };
            match kind {
                b'd' => {
                    self.copy_chunk = body;
                    return Ok(Some(&self.copy_chunk));
                }
                b'H' | b'S' => {}
                b'c' => {
                    self.copy_ended = true;
                    self.copy_chunk = body;
                    return Ok(None);
                }
                b'f' => {
                    self.copy_ended = true;
                    let reason = match frontend::decode(b'f', &body)? {
                        Message::CopyFail(reason) => String::from_utf8_lossy(reason).into_owned(),
                        _ => String::new(),
                    };
                    bail!(QUERY_CANCELED, "COPY from stdin failed: {reason}");
                }
                other => {
                    self.copy_ended = true;
                    bail!(PROTOCOL_VIOLATION, "unexpected message type 0x{other:02X} during COPY from stdin");
                }
            }
        }
    }
}
