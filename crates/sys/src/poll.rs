//! Readiness of sockets: waiting for one, and a poller that watches many at little cost.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    Read,
    Write,
}

fn last_error(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Waits until `socket` is ready, or has failed or closed, for at most `timeout` (microsecond resolution).
/// `false` when the time is over; a signal counts as that.
///
/// # Errors
/// What poll(2) reports.
pub fn wait(socket: &impl AsRawFd, readiness: Readiness, timeout: Duration) -> io::Result<bool> {
    let events = match readiness {
        Readiness::Read => libc::POLLIN,
        Readiness::Write => libc::POLLOUT,
    };
    let mut entry = libc::pollfd { fd: socket.as_raw_fd(), events, revents: 0 };
    let time = libc::timespec {
        tv_sec: timeout.as_secs().min(1 << 30) as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    };
    // SAFETY: `entry` and `time` live through the call, and the count is that of `entry`; no signal mask is given.
    let result = unsafe { libc::ppoll(&mut entry, 1, &time, std::ptr::null()) };
    match last_error(result) {
        Ok(ready) => Ok(ready > 0),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
    }
}

fn transferred(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Appends at most `limit` bytes of what a socket has to `buffer`. With `waits`, a socket that blocks waits as it does;
/// else there is no waiting, whatever the socket is.
///
/// # Errors
/// What recv(2) reports; `WouldBlock` when nothing came.
pub fn receive(socket: &impl AsRawFd, buffer: &mut Vec<u8>, limit: usize, waits: bool) -> io::Result<usize> {
    buffer.reserve(limit);
    let room = &mut buffer.spare_capacity_mut()[..limit];
    let (fd, flags) = (socket.as_raw_fd(), if waits { 0 } else { libc::MSG_DONTWAIT });
    // SAFETY: writes at most `room.len()` bytes into `room`, which lives through the call.
    let count = transferred(unsafe { libc::recv(fd, room.as_mut_ptr().cast(), room.len(), flags) })?;
    // SAFETY: the kernel has written the first `count` bytes of the spare capacity, and `count` is at most `limit`.
    unsafe { buffer.set_len(buffer.len() + count) };
    Ok(count)
}

/// Writes what a socket takes, without waiting even if the socket is one that blocks.
///
/// # Errors
/// What send(2) reports; `WouldBlock` when it takes nothing.
pub fn send_now(socket: &impl AsRawFd, bytes: &[u8]) -> io::Result<usize> {
    let (fd, flags) = (socket.as_raw_fd(), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
    // SAFETY: reads at most `bytes.len()` bytes of `bytes`, which lives through the call.
    transferred(unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) })
}

/// Watches sockets for bytes. Each watch fires once and is armed again by [`Poller::arm`].
pub struct Poller {
    epoll: OwnedFd,
    waker: OwnedFd,
}

/// The token that [`Poller::wake`] shows up as; never given by a caller.
const WAKE: u64 = u64::MAX;

impl Poller {
    /// # Errors
    /// When the system has no descriptors left.
    pub fn new() -> io::Result<Poller> {
        // SAFETY: creates a descriptor that nothing else owns.
        let epoll = unsafe { OwnedFd::from_raw_fd(last_error(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
        let flags = libc::EFD_CLOEXEC | libc::EFD_NONBLOCK;
        // SAFETY: creates a descriptor that nothing else owns.
        let waker = unsafe { OwnedFd::from_raw_fd(last_error(libc::eventfd(0, flags))?) };
        let poller = Poller { epoll, waker };
        poller.control(libc::EPOLL_CTL_ADD, poller.waker.as_raw_fd(), libc::EPOLLIN as u32, WAKE)?;
        Ok(poller)
    }

    fn control(&self, operation: libc::c_int, fd: RawFd, events: u32, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: token };
        // SAFETY: `event` lives through the call; a descriptor that is not open gives an error.
        last_error(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd, &mut event) })?;
        Ok(())
    }

    /// Watches `socket` until it has bytes, or fails or closes; then `token` is reported once. The socket may have
    /// been watched before or not. It leaves the poller when it is closed.
    ///
    /// # Errors
    /// What epoll_ctl(2) reports.
    pub fn arm(&self, socket: &impl AsRawFd, token: u64) -> io::Result<()> {
        let events = (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLONESHOT) as u32;
        match self.control(libc::EPOLL_CTL_MOD, socket.as_raw_fd(), events, token) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                self.control(libc::EPOLL_CTL_ADD, socket.as_raw_fd(), events, token)
            }
            done => done,
        }
    }

    /// Appends the tokens of ready sockets to `ready`; returns after `timeout` or [`Poller::wake`] at the latest.
    ///
    /// # Errors
    /// What epoll_wait(2) reports.
    pub fn wait(&self, ready: &mut Vec<u64>, timeout: Option<Duration>) -> io::Result<()> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 256];
        // Rounded up, so that a deadline has passed when the wait for it ends.
        let millis =
            timeout.map_or(-1, |t| t.as_micros().div_ceil(1000).min(i32::MAX as u128) as libc::c_int);
        let (room, capacity) = (events.as_mut_ptr(), events.len() as libc::c_int);
        // SAFETY: `room` points to `capacity` events that live through the call.
        let count =
            match last_error(unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), room, capacity, millis) }) {
                Ok(count) => count as usize,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return Err(error),
            };
        for event in &events[..count] {
            let token = event.u64;
            if token == WAKE {
                let mut counter = [0u8; 8];
                // SAFETY: reads at most 8 bytes into 8 bytes; the descriptor does not block.
                unsafe { libc::read(self.waker.as_raw_fd(), counter.as_mut_ptr().cast(), counter.len()) };
            } else {
                ready.push(token);
            }
        }
        Ok(())
    }

    /// Ends a [`Poller::wait`] of another thread, or the next one.
    pub fn wake(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: writes 8 bytes from 8 bytes; a full counter fails, and then a wake-up is under way already.
        unsafe { libc::write(self.waker.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_watch_fires_once_and_can_be_armed_again() {
        let poller = Poller::new().unwrap();
        let (mut near, far) = UnixStream::pair().unwrap();
        let mut ready = Vec::new();
        poller.arm(&far, 7).unwrap();
        poller.wait(&mut ready, Some(Duration::from_millis(1))).unwrap();
        assert!(ready.is_empty());
        near.write_all(b"x").unwrap();
        poller.wait(&mut ready, None).unwrap();
        poller.wait(&mut ready, Some(Duration::ZERO)).unwrap();
        assert_eq!(ready, [7]);
        poller.arm(&far, 8).unwrap();
        poller.wait(&mut ready, None).unwrap();
        assert_eq!(ready, [7, 8]);
        poller.wake();
        poller.wait(&mut ready, None).unwrap();
        assert!(wait(&far, Readiness::Read, Duration::ZERO).unwrap());
        assert!(!wait(&near, Readiness::Read, Duration::from_micros(50)).unwrap());
        let mut bytes = b"a".to_vec();
        assert_eq!(receive(&far, &mut bytes, 8, true).unwrap(), 1);
        assert_eq!(bytes, b"ax");
        assert_eq!(receive(&far, &mut bytes, 8, false).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(send_now(&far, b"yz").unwrap(), 2);
        assert_eq!(receive(&near, &mut bytes, 1, false).unwrap(), 1);
        assert_eq!(bytes, b"axy");
    }
}
