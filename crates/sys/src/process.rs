//! The process and its neighbours: signals, users, process ids, and socket options that std does not offer.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The signals a server and its control program use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Hangup,
    Interrupt,
    Quit,
    Terminate,
    User1,
    User2,
    Abort,
    Kill,
}

impl Signal {
    fn number(self) -> libc::c_int {
        match self {
            Signal::Hangup => libc::SIGHUP,
            Signal::Interrupt => libc::SIGINT,
            Signal::Quit => libc::SIGQUIT,
            Signal::Terminate => libc::SIGTERM,
            Signal::User1 => libc::SIGUSR1,
            Signal::User2 => libc::SIGUSR2,
            Signal::Abort => libc::SIGABRT,
            Signal::Kill => libc::SIGKILL,
        }
    }

    fn from_number(number: libc::c_int) -> Option<Signal> {
        use Signal::*;
        [Hangup, Interrupt, Quit, Terminate, User1, User2, Abort, Kill]
            .into_iter()
            .find(|s| s.number() == number)
    }
}

/// Receives signals as data instead of interrupting a thread.
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Takes HUP, INT, QUIT, TERM, USR1 and USR2 from now on, and ignores PIPE. Must be called before other threads
    /// start, since they inherit the blocked signals.
    ///
    /// # Errors
    /// What the system reports.
    pub fn take() -> io::Result<Signals> {
        let wanted = [
            Signal::Hangup,
            Signal::Interrupt,
            Signal::Quit,
            Signal::Terminate,
            Signal::User1,
            Signal::User2,
        ];
        // SAFETY: a zeroed sigset_t is then initialised by sigemptyset; all pointers are to live locals.
        unsafe {
            let mut set: libc::sigset_t = zeroed();
            libc::sigemptyset(&mut set);
            for signal in wanted {
                libc::sigaddset(&mut set, signal.number());
            }
            libc::signal(libc::SIGPIPE, libc::SIG_IGN);
            let error = libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            if error != 0 {
                return Err(io::Error::from_raw_os_error(error));
            }
            Ok(Signals { fd: OwnedFd::from_raw_fd(check(libc::signalfd(-1, &set, libc::SFD_CLOEXEC))?) })
        }
    }

    /// The next signal; blocks until there is one.
    ///
    /// # Errors
    /// What the system reports.
    pub fn next(&self) -> io::Result<Signal> {
        loop {
            // SAFETY: a zeroed signalfd_siginfo is valid, and the read is bounded by its size.
            let (count, info) = unsafe {
                let mut info: libc::signalfd_siginfo = zeroed();
                let size = size_of::<libc::signalfd_siginfo>();
                (libc::read(self.fd.as_raw_fd(), (&raw mut info).cast(), size), info)
            };
            if count < 0 {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            }
            if let Some(signal) = Signal::from_number(info.ssi_signo as libc::c_int) {
                return Ok(signal);
            }
        }
    }
}

/// Sends a signal.
///
/// # Errors
/// No such process, or not permitted.
pub fn send_signal(process_id: u32, signal: Signal) -> io::Result<()> {
    let pid = libc::pid_t::try_from(process_id).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    if pid == 0 {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    // SAFETY: kill takes plain numbers.
    check(unsafe { libc::kill(pid, signal.number()) })?;
    Ok(())
}

/// Whether a process of this id runs (as another user's, too). One that has ended and only waits for its parent to look
/// does not, although signals still reach it.
pub fn is_running(process_id: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(process_id) else { return false };
    // SAFETY: signal 0 only checks.
    pid > 0
        && check(unsafe { libc::kill(pid, 0) })
            .map_or_else(|error| error.raw_os_error() == Some(libc::EPERM), |_| true)
        && !has_ended(process_id)
}

/// By its state in /proc (proc_pid_stat(5)); `false` where that cannot be read.
fn has_ended(process_id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    matches!(state, Some('Z' | 'X'))
}

/// The parent's process id.
pub fn parent_id() -> u32 {
    std::os::unix::process::parent_id()
}

/// The effective user's id.
pub fn effective_user() -> u32 {
    // SAFETY: cannot fail.
    unsafe { libc::geteuid() }
}

/// Starts a session of its own, away from the terminal of the parent.
///
/// # Errors
/// When the process leads a group already.
pub fn new_session() -> io::Result<()> {
    // SAFETY: takes no arguments.
    check(unsafe { libc::setsid() })?;
    Ok(())
}

/// Sets which permission bits new files lack.
pub fn set_file_mask(mask: u32) {
    // SAFETY: cannot fail.
    unsafe { libc::umask(mask as libc::mode_t) };
}

/// Raises the limit of open files to the most the system grants, and returns it.
pub fn raise_file_limit() -> u64 {
    // SAFETY: pointers are to a live local.
    unsafe {
        let mut limit: libc::rlimit = zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) != 0 {
            return 1024;
        }
        if limit.rlim_cur < limit.rlim_max {
            let raised = libc::rlimit { rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max };
            if libc::setrlimit(libc::RLIMIT_NOFILE, &raised) == 0 {
                return raised.rlim_cur;
            }
        }
        limit.rlim_cur
    }
}

/// The name of a user.
pub fn user_name(user: u32) -> Option<String> {
    let mut buffer = vec![0u8; 16 * 1024];
    // SAFETY: the entry and its strings live in locals that outlive their use, of the sizes given.
    unsafe {
        let mut entry: libc::passwd = zeroed();
        let mut found = std::ptr::null_mut();
        let room = buffer.as_mut_ptr().cast();
        let result = libc::getpwuid_r(user, &mut entry, room, buffer.len(), &mut found);
        if result != 0 || found.is_null() {
            return None;
        }
        CStr::from_ptr(entry.pw_name).to_str().ok().map(str::to_string)
    }
}

/// The id of a group, by name or number.
pub fn group_id(name: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let name = CString::new(name).ok()?;
    let mut buffer = vec![0u8; 64 * 1024];
    // SAFETY: as in `user_name`.
    unsafe {
        let mut entry: libc::group = zeroed();
        let mut found = std::ptr::null_mut();
        let room = buffer.as_mut_ptr().cast();
        let result = libc::getgrnam_r(name.as_ptr(), &mut entry, room, buffer.len(), &mut found);
        (result == 0 && !found.is_null()).then_some(entry.gr_gid)
    }
}

/// Gives a file to a group.
///
/// # Errors
/// What chown(2) reports.
pub fn set_group(path: &Path, group: u32) -> io::Result<()> {
    std::os::unix::fs::chown(path, None, Some(group))
}

/// The user at the other end of a Unix socket.
///
/// # Errors
/// What getsockopt(2) reports.
pub fn peer_user(socket: &impl AsRawFd) -> io::Result<u32> {
    // SAFETY: the option fills a ucred of the size given.
    unsafe {
        let mut credentials: libc::ucred = zeroed();
        let mut size = size_of::<libc::ucred>() as libc::socklen_t;
        check(libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &mut size,
        ))?;
        Ok(credentials.uid)
    }
}

/// Keep-alive of a TCP connection; a zero leaves the system's default.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepAlive {
    pub idle_seconds: u32,
    pub interval_seconds: u32,
    pub count: u32,
    pub user_timeout_ms: u32,
}

/// Turns keep-alive on with the given times.
///
/// # Errors
/// What setsockopt(2) reports.
pub fn set_keep_alive(socket: &impl AsRawFd, times: KeepAlive) -> io::Result<()> {
    let set = |level, option, value: u32| {
        let value = value as libc::c_int;
        let size = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: the option reads one int of the size given.
        check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), size) })
            .map(drop)
    };
    set(libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    for (option, value) in [
        (libc::TCP_KEEPIDLE, times.idle_seconds),
        (libc::TCP_KEEPINTVL, times.interval_seconds),
        (libc::TCP_KEEPCNT, times.count),
        (libc::TCP_USER_TIMEOUT, times.user_timeout_ms),
    ] {
        if value > 0 {
            set(libc::IPPROTO_TCP, option, value)?;
        }
    }
    Ok(())
}

/// The addresses and masks of this machine's network interfaces.
pub fn interfaces() -> Vec<(IpAddr, IpAddr)> {
    let mut found = Vec::new();
    // SAFETY: the list is walked before it is freed; each address is read as the family it names.
    unsafe {
        let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
        if libc::getifaddrs(&mut list) != 0 {
            return found;
        }
        let mut entry = list;
        while !entry.is_null() {
            if let (Some(address), Some(mask)) = (ip_of((*entry).ifa_addr), ip_of((*entry).ifa_netmask)) {
                found.push((address, mask));
            }
            entry = (*entry).ifa_next;
        }
        libc::freeifaddrs(list);
    }
    found
}

/// The IP address in a socket address.
///
/// # Safety
/// `address` is null or points to a socket address of the family it names.
unsafe fn ip_of(address: *const libc::sockaddr) -> Option<IpAddr> {
    if address.is_null() {
        return None;
    }
    // SAFETY: by the caller's promise, the structure of that family is there.
    unsafe {
        match libc::c_int::from((*address).sa_family) {
            libc::AF_INET => {
                let v4 = address.cast::<libc::sockaddr_in>();
                Some(Ipv4Addr::from(u32::from_be((*v4).sin_addr.s_addr)).into())
            }
            libc::AF_INET6 => {
                let v6 = address.cast::<libc::sockaddr_in6>();
                Some(Ipv6Addr::from((*v6).sin6_addr.s6_addr).into())
            }
            _ => None,
        }
    }
}

/// The local time of a moment in seconds since 1970, formatted by a strftime pattern.
pub fn local_time(seconds: i64, pattern: &str) -> String {
    let Ok(pattern) = CString::new(pattern) else { return String::new() };
    let mut buffer = [0u8; 128];
    // SAFETY: all pointers are to live locals; strftime writes at most the size given.
    let length = unsafe {
        let mut parts: libc::tm = zeroed();
        if libc::localtime_r(&seconds, &mut parts).is_null() {
            return String::new();
        }
        libc::strftime(buffer.as_mut_ptr().cast(), buffer.len(), pattern.as_ptr(), &parts)
    };
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_processes_do_not_run() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while is_running(child.id()) && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert!(!is_running(child.id()));
        assert!(is_running(std::process::id()));
        child.wait().unwrap();
    }

    #[test]
    fn knows_this_process() {
        assert!(is_running(std::process::id()));
        assert!(!is_running(u32::MAX) && !is_running(0));
        assert!(send_signal(0, Signal::Kill).is_err());
        let (near, _far) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(peer_user(&near).unwrap(), effective_user());
        assert!(interfaces().iter().any(|(address, _)| address.is_loopback()));
        assert_eq!(local_time(0, "%Y").len(), 4);
    }
}
