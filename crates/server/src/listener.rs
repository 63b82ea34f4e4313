//! Listening sockets: TCP addresses and Unix-domain sockets with their lock files.

use crate::lockfile::{LockFile, SocketLock};
use crate::log::Logger;
use crate::session::transport::Socket;
use base::{Error, Result, Severity, SqlState};
use settings::{ServerSettings, list};
use std::fs::Permissions;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// One listening socket. Dropping it removes its file.
pub enum Listener {
    Tcp(TcpListener),
    Unix { listener: UnixListener, path: PathBuf, _lock: SocketLock },
}

#[track_caller]
fn fatal(message: impl Into<String>) -> Error {
    Error::with_severity(Severity::Fatal, SqlState::SYSTEM_ERROR, message)
}

/// An operating system's error in the words of strerror.
pub fn os_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_string()
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Listener::Tcp(listener) => listener.as_raw_fd(),
            Listener::Unix { listener, .. } => listener.as_raw_fd(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Listener::Unix { path, .. } = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Listener {
    /// Opens what listen_addresses and unix_socket_directories name, and notes the first of each in the lock file.
    ///
    /// # Errors
    /// FATAL when a list is not one, or when none of its places can be listened on.
    pub fn open_all(
        settings: &ServerSettings,
        logger: &Logger,
        lock_file: &mut LockFile,
    ) -> Result<Vec<Listener>> {
        let port = settings.get(settings::PORT) as u16;
        let mut listeners = Vec::new();
        let hosts = words(settings, "listen_addresses", settings.get(settings::LISTEN_ADDRESSES))?;
        for host in &hosts {
            let before = listeners.len();
            listen_tcp(host, port, logger, &mut listeners);
            if listeners.len() == before {
                logger.report(
                    &fatal(format!("could not create listen socket for \"{host}\""))
                        .severity(Severity::Warning),
                );
            } else if before == 0 {
                lock_file.set_listen_address(host)?;
            }
        }
        if !hosts.is_empty() && listeners.is_empty() {
            return Err(fatal("could not create any TCP/IP sockets"));
        }
        let directories =
            words(settings, "unix_socket_directories", settings.get(settings::UNIX_SOCKET_DIRECTORIES))?;
        let tcp = listeners.len();
        for directory in &directories {
            match listen_unix(Path::new(directory), port, settings, logger) {
                Ok(listener) => {
                    if listeners.len() == tcp {
                        lock_file.set_socket_directory(directory)?;
                    }
                    listeners.push(listener);
                }
                Err(error) if error.state() == SqlState::LOCK_FILE_EXISTS => return Err(error),
                Err(error) => {
                    logger.report(&error.severity(Severity::Log));
                    logger.report(
                        &fatal(format!("could not create Unix-domain socket in directory \"{directory}\""))
                            .severity(Severity::Warning),
                    );
                }
            }
        }
        if !directories.is_empty() && listeners.len() == tcp {
            return Err(fatal("could not create any Unix-domain sockets"));
        }
        if listeners.is_empty() {
            return Err(fatal("no socket created for listening"));
        }
        Ok(listeners)
    }

    /// The next connection that waits, with its socket left to block: [`Socket`] says when it does.
    ///
    /// # Errors
    /// Those of accept(2); a connection that has gone meanwhile is none.
    pub fn accept(&self) -> io::Result<Option<Socket>> {
        loop {
            let accepted = match self {
                Listener::Tcp(listener) => listener.accept().map(|(stream, _)| Socket::Tcp(stream)),
                Listener::Unix { listener, .. } => listener.accept().map(|(stream, _)| Socket::Unix(stream)),
            };
            return match accepted {
                Ok(socket) => Ok(Some(socket)),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => Ok(None),
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => continue,
                    _ => Err(error),
                },
            };
        }
    }
}

fn words(_: &ServerSettings, name: &str, text: &str) -> Result<Vec<String>> {
    list::split_words(text).ok_or_else(|| fatal(format!("invalid list syntax in parameter \"{name}\"")))
}

fn listen_tcp(host: &str, port: u16, logger: &Logger, listeners: &mut Vec<Listener>) {
    let any_v6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let addresses: Vec<SocketAddr> = match host {
        // One socket takes both families; without IPv6, the second address is tried.
        "*" => vec![SocketAddr::new(any_v6, port)],
        _ => match (host, port).to_socket_addrs() {
            Ok(found) => found.collect(),
            Err(error) => {
                let why = os_words(&error);
                let why = why.rsplit(": ").next().unwrap_or(&why);
                logger.log(format!(
                    "could not translate host name \"{host}\", service \"{port}\" to address: {why}"
                ));
                return;
            }
        },
    };
    let mut queue: std::collections::VecDeque<SocketAddr> = addresses.into();
    while let Some(address) = queue.pop_front() {
        let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
        let bound = TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        match bound {
            Ok(listener) => {
                logger.log(format!("listening on {family} address \"{}\", port {port}", address.ip()));
                listeners.push(Listener::Tcp(listener));
            }
            Err(error) if host == "*" && address.is_ipv6() && error.kind() != io::ErrorKind::AddrInUse => {
                queue.push_back(SocketAddr::from(([0, 0, 0, 0], port)));
            }
            Err(error) => {
                let mut line = fatal(format!(
                    "could not bind {family} address \"{}\": {}",
                    address.ip(),
                    os_words(&error)
                ));
                if error.kind() == io::ErrorKind::AddrInUse {
                    line = line.hint(format!(
                        "Is another postmaster already running on port {port}? If not, wait a few seconds and retry."
                    ));
                }
                logger.report(&line.severity(Severity::Log));
            }
        }
    }
}

fn listen_unix(directory: &Path, port: u16, settings: &ServerSettings, logger: &Logger) -> Result<Listener> {
    let path = directory.join(format!(".s.PGSQL.{port}"));
    if path.as_os_str().len() > 107 {
        return Err(fatal(format!(
            "Unix-domain socket path \"{}\" is too long (maximum 107 bytes)",
            path.display()
        )));
    }
    let lock = SocketLock::create(&path)?;
    // We hold the lock, so a socket file that is there is a leftover.
    let _ = std::fs::remove_file(&path);
    let failed =
        |what: &str, error: io::Error| fatal(format!("{what} \"{}\": {}", path.display(), os_words(&error)));
    let listener = UnixListener::bind(&path).map_err(|error| failed("could not bind Unix address", error))?;
    listener.set_nonblocking(true).map_err(|error| failed("could not listen on Unix address", error))?;
    let group = settings.get(settings::UNIX_SOCKET_GROUP);
    if !group.is_empty() {
        let id = sys::process::group_id(group)
            .ok_or_else(|| fatal(format!("group \"{group}\" does not exist")))?;
        sys::process::set_group(&path, id).map_err(|error| failed("could not set group of file", error))?;
    }
    let mode = settings.get(settings::UNIX_SOCKET_PERMISSIONS) as u32;
    std::fs::set_permissions(&path, Permissions::from_mode(mode))
        .map_err(|error| failed("could not set permissions of file", error))?;
    logger.log(format!("listening on Unix socket \"{}\"", path.display()));
    Ok(Listener::Unix { listener, path, _lock: lock })
}
