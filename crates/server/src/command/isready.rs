//! pg_isready: asks a server whether it would let a client in.

use super::arguments::{Argument, Flag, parse, refuse};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const PROGRAM: &str = "pg_isready";

const HELP: &str = "\
pg_isready asks whether a server accepts connections.

Usage:
  pg_isready [OPTION]...

  -d, --dbname=DBNAME      database name
  -h, --host=HOSTNAME      host name or socket directory
  -p, --port=PORT          port
  -q, --quiet              say nothing
  -t, --timeout=SECS       seconds to wait for a connection, 0 for no limit (default: 3)
  -U, --username=USERNAME  user name
  -V, --version            show the version
  -?, --help               show this text

Exit status: 0 accepting, 1 rejecting (starting or stopping), 2 no response, 3 no attempt made.
";

/// The answers, with pg_isready's exit codes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Accepting = 0,
    Rejecting = 1,
    NoResponse = 2,
    NoAttempt = 3,
}

pub fn run(arguments: &[String]) -> u8 {
    let flags = [
        Flag(Some('d'), "dbname", true),
        Flag(Some('h'), "host", true),
        Flag(Some('p'), "port", true),
        Flag(Some('q'), "quiet", false),
        Flag(Some('t'), "timeout", true),
        Flag(Some('U'), "username", true),
        Flag(Some('?'), "help", false),
    ];
    let arguments = match parse(arguments, &flags) {
        Ok(arguments) => arguments,
        Err(message) => {
            refuse(PROGRAM, &message);
            return Answer::NoAttempt as u8;
        }
    };
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut host = variable("PGHOST").unwrap_or_else(|| "/tmp".to_string());
    let mut port = variable("PGPORT").unwrap_or_else(|| "5432".to_string());
    let mut user = variable("PGUSER")
        .or_else(|| sys::process::user_name(sys::process::effective_user()))
        .unwrap_or_else(|| "postgres".to_string());
    let (mut database, mut quiet, mut timeout) = (variable("PGDATABASE"), false, "3".to_string());
    for argument in arguments {
        match argument {
            Argument::Flag(name, value) => {
                let value = value.unwrap_or_default();
                match name.as_str() {
                    "dbname" => database = Some(value),
                    "host" => host = value,
                    "port" => port = value,
                    "quiet" => quiet = true,
                    "timeout" => timeout = value,
                    "username" => user = value,
                    _ => {
                        print!("{HELP}");
                        return 0;
                    }
                }
            }
            Argument::Operand(operand) => {
                eprintln!("{PROGRAM}: error: too many command-line arguments (first is \"{operand}\")");
                eprintln!("{PROGRAM}: hint: Try \"{PROGRAM} --help\" for more information.");
                return Answer::NoAttempt as u8;
            }
        }
    }
    let answer = match (port.parse::<u16>(), timeout.parse::<u64>()) {
        (Ok(number), Ok(seconds)) => ask(&host, number, &user, database.as_deref(), seconds),
        _ => Answer::NoAttempt,
    };
    if !quiet {
        let words = match answer {
            Answer::Accepting => "accepting connections",
            Answer::Rejecting => "rejecting connections",
            Answer::NoResponse => "no response",
            Answer::NoAttempt => "no attempt",
        };
        println!("{host}:{port} - {words}");
    }
    answer as u8
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn connect(host: &str, port: u16, limit: Option<Duration>) -> io::Result<Box<dyn Stream>> {
    if host.starts_with('/') {
        let stream = UnixStream::connect(Path::new(host).join(format!(".s.PGSQL.{port}")))?;
        stream.set_read_timeout(limit)?;
        return Ok(Box::new(stream));
    }
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in (host, port).to_socket_addrs()? {
        let connected = match limit {
            Some(limit) => TcpStream::connect_timeout(&address, limit),
            None => TcpStream::connect(address),
        };
        match connected {
            Ok(stream) => {
                stream.set_read_timeout(limit)?;
                return Ok(Box::new(stream));
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn ask(host: &str, port: u16, user: &str, database: Option<&str>, seconds: u64) -> Answer {
    let limit = (seconds > 0).then(|| Duration::from_secs(seconds));
    let Ok(mut stream) = connect(host, port, limit) else { return Answer::NoResponse };
    let mut packet = protocol::ProtocolVersion::V3_0.0.to_be_bytes().to_vec();
    for text in ["user", user, "database", database.unwrap_or(user)] {
        packet.extend_from_slice(text.as_bytes());
        packet.push(0);
    }
    packet.push(0);
    let length = (packet.len() as u32 + 4).to_be_bytes();
    if stream.write_all(&[&length[..], &packet].concat()).is_err() {
        return Answer::NoResponse;
    }
    let mut head = [0u8; 5];
    if stream.read_exact(&mut head).is_err() {
        return Answer::NoResponse;
    }
    if head[0] != b'E' {
        return Answer::Accepting;
    }
    // Only "cannot connect now" is a rejection; any other error comes from a server that is up.
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]).saturating_sub(4).min(64 * 1024);
    let mut body = vec![0; length as usize];
    if stream.read_exact(&mut body).is_err() {
        return Answer::NoResponse;
    }
    if body.split(|b| *b == 0).any(|field| field == b"C57P03") {
        Answer::Rejecting
    } else {
        Answer::Accepting
    }
}
