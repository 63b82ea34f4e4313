//! The byte stream to a client: TCP or Unix socket, plain or TLS. Reads and writes do not block; waits are explicit.
//!
//! The sockets themselves do block, for the one wait that every round trip has: [`Transport::linger`] waits and reads
//! in one system call.

use crate::interrupt::Interrupt;
use crate::tls::Tls;
use rustls::ServerConnection;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sys::poll::{Readiness, send_now, wait};

/// How long a wait lasts before the session looks whether it is to end.
const SLICE: Duration = Duration::from_millis(200);

/// A session that has answered waits this long for the next message before it gives its thread back: a client that
/// goes on at once then never pays for the hand-over. The wait sleeps in the kernel, it does not spin.
const LINGER: Duration = Duration::from_millis(2);

/// A connected socket.
pub enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    pub fn client_address(&self) -> Option<SocketAddr> {
        match self {
            Socket::Tcp(stream) => stream.peer_addr().ok(),
            Socket::Unix(_) => None,
        }
    }

    pub fn server_address(&self) -> Option<SocketAddr> {
        match self {
            Socket::Tcp(stream) => stream.local_addr().ok(),
            Socket::Unix(_) => None,
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Socket::Tcp(stream) => stream.as_raw_fd(),
            Socket::Unix(stream) => stream.as_raw_fd(),
        }
    }
}

impl Socket {
    /// Blocking reads end after this long.
    fn set_read_timeout(&self, time: Duration) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.set_read_timeout(Some(time)),
            Socket::Unix(stream) => stream.set_read_timeout(Some(time)),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut bytes = Vec::new();
        let count = sys::poll::receive(self, &mut bytes, room.len(), false)?;
        room[..count].copy_from_slice(&bytes);
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        send_now(self, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    Bytes,
    Nothing,
    Closed,
}

/// See the module's text.
pub struct Transport {
    socket: Socket,
    tls: Option<Box<ServerConnection>>,
    /// Whether the socket's read timeout is that of lingering.
    lingers: bool,
}

/// Bytes that were read before TLS began, then the socket.
struct Replay<'a> {
    early: &'a mut Vec<u8>,
    socket: &'a mut Socket,
}

impl Read for Replay<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.early.is_empty() {
            return self.socket.read(room);
        }
        let count = room.len().min(self.early.len());
        room[..count].copy_from_slice(&self.early[..count]);
        self.early.drain(..count);
        Ok(count)
    }
}

impl Transport {
    pub fn new(socket: Socket) -> Transport {
        Transport { socket, tls: None, lingers: false }
    }

    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The TLS version and cipher, for the log.
    pub fn tls_description(&self) -> Option<String> {
        let tls = self.tls.as_ref()?;
        let version = match tls.protocol_version()? {
            rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3",
            rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2",
            _ => "TLS",
        };
        let cipher =
            tls.negotiated_cipher_suite().map_or(String::new(), |suite| format!("{:?}", suite.suite()));
        Some(format!("protocol={version}, cipher={cipher}"))
    }

    /// Turns to TLS; `early` are bytes already read. `direct`: the client must have named the protocol by ALPN.
    ///
    /// # Errors
    /// When the handshake fails or takes longer than to `deadline`.
    pub fn start_tls(
        &mut self,
        tls: &Tls,
        mut early: Vec<u8>,
        direct: bool,
        deadline: Instant,
    ) -> io::Result<()> {
        let mut connection = ServerConnection::new(Arc::clone(&tls.config)).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            if connection.wants_write() {
                match connection.write_tls(&mut self.socket) {
                    Ok(_) => continue,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.pause(Readiness::Write, deadline)?;
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            match connection.read_tls(&mut Replay { early: &mut early, socket: &mut self.socket }) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {
                    if let Err(error) = connection.process_new_packets() {
                        let _ = connection.write_tls(&mut self.socket);
                        return Err(io::Error::other(error));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.pause(Readiness::Read, deadline)?
                }
                Err(error) => return Err(error),
            }
        }
        if direct && connection.alpn_protocol() != Some(b"postgresql") {
            return Err(io::Error::other(
                "received direct SSL connection request without ALPN protocol negotiation extension",
            ));
        }
        self.tls = Some(Box::new(connection));
        Ok(())
    }

    fn pause(&self, readiness: Readiness, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || !wait(&self.socket, readiness, left)? && Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// Appends what is there to `buffer`, at most about `limit` bytes, without waiting.
    ///
    /// # Errors
    /// Those of the socket or of TLS.
    pub fn receive(&mut self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<Received> {
        let Some(tls) = &mut self.tls else {
            return receive_plain(&self.socket, buffer, limit, false);
        };
        loop {
            match receive_from(&mut tls.reader(), buffer, limit) {
                Ok(Received::Nothing) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Received::Closed),
                done => return done,
            }
            match tls.read_tls(&mut self.socket) {
                Ok(0) => return Ok(Received::Closed),
                Ok(_) => {
                    tls.process_new_packets().map_err(io::Error::other)?;
                    // Alerts and key updates want answers; a full socket sends them with the next flush.
                    while tls.wants_write() && tls.write_tls(&mut self.socket).is_ok() {}
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Received::Nothing),
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes everything, waiting while the client is slow; gives up when the session is to end.
    ///
    /// # Errors
    /// Those of the socket; `Interrupted` when the session is to end.
    pub fn send(&mut self, bytes: &[u8], interrupt: &Interrupt) -> io::Result<()> {
        let mut rest = bytes;
        if self.tls.is_none() {
            while !rest.is_empty() {
                match self.socket.write(rest) {
                    Ok(count) => rest = &rest[count..],
                    Err(error) => self.writable_again(error, interrupt)?,
                }
            }
            return Ok(());
        }
        while let Some(tls) = &mut self.tls {
            // The TLS layer keeps a bounded number of bytes; what it does not take is given again.
            let taken = tls.writer().write(rest)?;
            rest = &rest[taken..];
            while let Some(tls) = self.tls.as_mut().filter(|tls| tls.wants_write()) {
                if let Err(error) = tls.write_tls(&mut self.socket) {
                    self.writable_again(error, interrupt)?;
                }
            }
            if rest.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn writable_again(&self, error: io::Error, interrupt: &Interrupt) -> io::Result<()> {
        match error.kind() {
            io::ErrorKind::Interrupted => Ok(()),
            io::ErrorKind::WouldBlock => {
                while !wait(&self.socket, Readiness::Write, SLICE)? {
                    if interrupt.ending() {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// Waits for bytes until `deadline` (or forever) or until the session is to end; `false` then.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn await_bytes(&self, deadline: Option<Instant>, interrupt: &Interrupt) -> io::Result<bool> {
        loop {
            let left = deadline.map_or(SLICE, |at| at.saturating_duration_since(Instant::now()).min(SLICE));
            if wait(&self.socket, Readiness::Read, left)? {
                return Ok(true);
            }
            if interrupt.ending() || deadline.is_some_and(|at| Instant::now() >= at) {
                return Ok(false);
            }
        }
    }

    /// Waits a short while, [`LINGER`], for bytes; they may be in `buffer` then, at most about `limit`. `false` when none
    /// came.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn linger(&mut self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
        if self.tls.is_some() {
            return wait(&self.socket, Readiness::Read, LINGER);
        }
        if !self.lingers {
            self.socket.set_read_timeout(LINGER)?;
            self.lingers = true;
        }
        // That the client has closed shows again at the next read.
        Ok(receive_plain(&self.socket, buffer, limit, true)? != Received::Nothing)
    }

    /// Says goodbye on a TLS connection, if that does not block.
    pub fn close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            while tls.wants_write() && tls.write_tls(&mut self.socket).is_ok() {}
        }
    }
}

fn receive_plain(socket: &Socket, buffer: &mut Vec<u8>, limit: usize, waits: bool) -> io::Result<Received> {
    loop {
        if let Some(received) = outcome(sys::poll::receive(socket, buffer, limit.max(1), waits))? {
            return Ok(received);
        }
    }
}

fn receive_from(source: &mut impl Read, buffer: &mut Vec<u8>, limit: usize) -> io::Result<Received> {
    let start = buffer.len();
    loop {
        buffer.resize(start + limit.max(1), 0);
        let result = source.read(&mut buffer[start..]);
        buffer.truncate(start + result.as_ref().map_or(0, |count| *count));
        if let Some(received) = outcome(result)? {
            return Ok(received);
        }
    }
}

/// What a read has brought; `None`: it was interrupted and is to be tried again.
fn outcome(result: io::Result<usize>) -> io::Result<Option<Received>> {
    match result {
        Ok(0) => Ok(Some(Received::Closed)),
        Ok(_) => Ok(Some(Received::Bytes)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock => Ok(Some(Received::Nothing)),
            io::ErrorKind::Interrupted => Ok(None),
            io::ErrorKind::ConnectionReset => Ok(Some(Received::Closed)),
            _ => Err(error),
        },
    }
}
