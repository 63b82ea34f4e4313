//! Sessions over real sockets against an engine that only echoes: the protocol's state machine, authentication,
//! parking, cancel, hostile bytes and panics.

mod echo;

use echo::Echo;
use server::server::{Server, ServerOptions};
use server::session::engine_api::ShutdownMode;
use settings::Paths;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

struct Running {
    server: Arc<Server>,
    port: u16,
    directory: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.request_shutdown(ShutdownMode::Fast);
        self.server.wait_for_shutdown().unwrap();
        assert!(!self.directory.path().join("postmaster.pid").exists());
    }
}

fn start(hba: &str, extra: &str) -> Running {
    start_in(tempfile::tempdir().unwrap(), hba, extra)
}

fn start_in(directory: tempfile::TempDir, hba: &str, extra: &str) -> Running {
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("pg_hba.conf", hba);
    write("pg_ident.conf", "");
    let sockets = directory.path().display();
    write(
        "postgresql.conf",
        &format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{sockets}'\n\
             log_min_messages = panic\n{extra}"
        ),
    );
    let options = ServerOptions { paths: Paths::within(directory.path()), command_line: Vec::new() };
    let server = Server::start(options, &Echo).unwrap();
    Running { server, port, directory }
}

struct Client {
    stream: TcpStream,
}

impl Client {
    fn raw(port: u16) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream }
    }

    fn startup(port: u16, version: u32, parameters: &[(&str, &str)]) -> Client {
        let mut client = Client::raw(port);
        let mut body = version.to_be_bytes().to_vec();
        for (name, value) in parameters {
            body.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
        }
        body.push(0);
        client.stream.write_all(&(body.len() as u32 + 4).to_be_bytes()).unwrap();
        client.stream.write_all(&body).unwrap();
        client
    }

    fn connect(port: u16) -> Client {
        let mut client = Client::startup(port, 3 << 16, &[("user", "ann")]);
        assert!(client.until(b'Z').ends_with('Z'));
        client
    }

    fn send(&mut self, kind: u8, body: &[u8]) {
        let length = (body.len() as u32 + 4).to_be_bytes();
        self.stream.write_all(&[&[kind][..], &length, body].concat()).unwrap();
    }

    /// The next message, or `None` at the end of the stream.
    fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).ok()?;
        let mut body = vec![0; u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4];
        self.stream.read_exact(&mut body).ok()?;
        Some((head[0], body))
    }

    /// The types of the messages up to one of type `last`; errors with their SQLSTATE, tags and rows with their text.
    fn until(&mut self, last: u8) -> String {
        let mut seen = String::new();
        while let Some((kind, body)) = self.receive() {
            seen.push(char::from(kind));
            let text = String::from_utf8_lossy(&body).into_owned();
            match kind {
                b'E' => {
                    let field = |code: char| {
                        text.split('\0').find(|f| f.starts_with(code)).map(|f| f[1..].to_string())
                    };
                    seen.push_str(&format!("({} {})", field('C').unwrap(), field('M').unwrap()));
                }
                b'C' => seen.push_str(&format!("({})", text.trim_end_matches('\0'))),
                b'D' => seen.push_str(&format!("({})", String::from_utf8_lossy(&body[6..]))),
                b'S' => seen.push_str(&format!("({})", text.trim_end_matches('\0').replace('\0', "="))),
                b'Z' if text != "I" => seen.push_str(&text),
                _ => {}
            }
            if kind == last {
                break;
            }
        }
        seen
    }

    fn query(&mut self, sql: &str) -> String {
        self.send(b'Q', format!("{sql}\0").as_bytes());
        self.until(b'Z')
    }
}

const TRUST: &str = "local all all trust\nhost all all all trust\n";

#[test]
fn simple_and_extended_queries() {
    let running = start(TRUST, "");
    let mut client = Client::connect(running.port);
    assert_eq!(client.query("hello"), "D(hello)C(ECHO)Z");
    assert_eq!(client.query("fail"), "E(42601 as you wish)Z");
    assert_eq!(client.query("begin"), "C(ECHO)ZT");
    assert_eq!(client.query("fail"), "E(42601 as you wish)ZE");
    assert_eq!(client.query("end"), "C(ECHO)Z");
    assert_eq!(client.query("set TimeZone UTC"), "C(ECHO)S(TimeZone=UTC)Z");
    // A pipeline in which the second of three fails: everything up to Sync is skipped.
    client.send(b'P', b"\0one\0\0\0");
    client.send(b'B', b"\0\0\0\0\0\0\0\0");
    client.send(b'D', b"P\0");
    client.send(b'E', b"\0\0\0\0\0");
    client.send(b'P', b"\0fail\0\0\0");
    client.send(b'E', b"\0\0\0\0\0");
    client.send(b'Q', b"skipped\0");
    client.send(b'S', b"");
    assert_eq!(client.until(b'Z'), "12TD(one)C(ECHO)1E(42601 as you wish)Z");
    client.send(b'F', b"");
    assert_eq!(client.until(b'Z'), "E(0A000 fastpath function calls are not supported yet)Z");
    client.send(b'Q', b"bad \xff\0");
    assert_eq!(client.until(b'Z'), "E(22021 invalid byte sequence for encoding \"UTF8\": 0xff)Z");
}

#[test]
fn copy_in_reads_the_stream() {
    let running = start(TRUST, "");
    let mut client = Client::connect(running.port);
    client.send(b'Q', b"copy\0");
    assert_eq!(client.until(b'G'), "G");
    client.send(b'd', &[b'x'; 100_000]);
    client.send(b'd', b"yz");
    client.send(b'c', b"");
    assert_eq!(client.until(b'Z'), "C(COPY 100002)Z");
    client.send(b'Q', b"copy\0");
    client.send(b'd', b"yz");
    client.send(b'f', b"changed my mind\0");
    assert_eq!(client.until(b'Z'), "GE(57014 COPY from stdin failed: changed my mind)Z");
    client.send(b'Q', b"copy\0");
    client.send(b'Q', b"x\0");
    client.send(b'd', b"ignored");
    assert_eq!(client.until(b'Z'), "GE(08P01 unexpected message type 0x51 during COPY from stdin)Z");
    assert_eq!(client.query("still here"), "D(still here)C(ECHO)Z");
}

#[test]
fn startup_answers_as_postgresql_does() {
    let running = start(
        "host all,db group,ann,root,ghost all trust\nhost all barred all reject\n",
        "max_connections = 5",
    );
    let port = running.port;
    let answer =
        |version: u32, parameters: &[(&str, &str)]| Client::startup(port, version, parameters).until(b'Z');
    let v3 = 3 << 16;
    assert_eq!(
        answer(v3, &[("user", "eve"), ("database", "db")]),
        "E(28000 no pg_hba.conf entry for host \"127.0.0.1\", user \"eve\", database \"db\", no encryption)"
    );
    assert_eq!(
        answer(v3, &[("user", "barred")]),
        "E(28000 pg_hba.conf rejects connection for host \"127.0.0.1\", user \"barred\", database \"barred\", no encryption)"
    );
    assert_eq!(answer(v3, &[("user", "ghost")]), "E(28000 role \"ghost\" does not exist)");
    assert_eq!(answer(v3, &[("user", "group")]), "E(28000 role \"group\" is not permitted to log in)");
    assert_eq!(answer(v3, &[]), "E(28000 no PostgreSQL user name specified in startup packet)");
    assert_eq!(
        answer(2 << 16, &[]),
        "E(0A000 unsupported frontend protocol 2.0: server supports 3.0 to 3.2)"
    );
    assert!(
        answer(v3, &[("user", "ann"), ("database", "nowhere")])
            .ends_with("E(3D000 database \"nowhere\" does not exist)")
    );
    assert!(
        answer(v3, &[("user", "ann"), ("nosuch", "1")])
            .ends_with("E(42704 unrecognized configuration parameter \"nosuch\")")
    );
    let greeting = answer(
        v3 | 9,
        &[("user", "ann"), ("_pq_.x", "1"), ("application_name", "t"), ("options", "-c datestyle=german")],
    );
    assert!(greeting.starts_with("vR") && greeting.ends_with("KZ"), "{greeting}");
    assert!(
        greeting.contains("S(application_name=t)") && greeting.contains("S(DateStyle=German, DMY)"),
        "{greeting}"
    );
    // Three of five slots are for superusers; sessions whose clients have just left may hold one a moment longer.
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut held = Vec::new();
    while held.len() < 2 && Instant::now() < deadline {
        let mut client = Client::startup(port, v3, &[("user", "ann")]);
        if client.until(b'Z').ends_with('Z') {
            held.push(client);
        }
    }
    assert_eq!(held.len(), 2);
    assert_eq!(
        answer(v3, &[("user", "ann")]),
        "E(53300 remaining connection slots are reserved for roles with the SUPERUSER attribute)"
    );
    assert!(answer(v3, &[("user", "root")]).ends_with('Z'));
}

#[test]
fn hostile_bytes_end_only_their_session() {
    let running = start(TRUST, "authentication_timeout = 1s");
    let mut good = Client::connect(running.port);
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0; 64],
        &[0xff; 64],
        b"\0\0\0\x08\0\x03\0",
        b"\x16\x03\x01\0\x05hello",
    ] {
        let mut bad = Client::raw(running.port);
        bad.stream.write_all(bytes).unwrap();
        while bad.receive().is_some() {}
    }
    let mut bad = Client::connect(running.port);
    bad.stream.write_all(b"!!!!!!!!!").unwrap();
    assert_eq!(bad.until(b'Z'), "E(08P01 invalid frontend message type 33)");
    let mut bad = Client::connect(running.port);
    bad.stream.write_all(b"Q\xff\xff\xff\xff").unwrap();
    assert_eq!(bad.until(b'Z'), "E(08P01 invalid message length)");
    assert_eq!(good.query("unharmed"), "D(unharmed)C(ECHO)Z");
    // Silent clients are dropped when their time is over.
    let mut silent = Client::raw(running.port);
    assert!(silent.receive().is_none());
}

#[test]
fn a_panic_ends_one_session() {
    let running = start(TRUST, "");
    let (mut one, mut other) = (Client::connect(running.port), Client::connect(running.port));
    assert_eq!(one.query("panic"), "E(XX000 internal error: as you wish)");
    assert_eq!(other.query("fine"), "D(fine)C(ECHO)Z");
}

#[test]
fn cancel_and_timeouts_interrupt() {
    let running = start(TRUST, "");
    let mut client = Client::startup(running.port, 3 << 16 | 2, &[("user", "ann")]);
    let mut key = Vec::new();
    while let Some((kind, body)) = client.receive() {
        if kind == b'K' {
            key = body;
        } else if kind == b'Z' {
            break;
        }
    }
    assert_eq!(key.len(), 4 + 32);
    client.send(b'Q', b"sleep\0");
    let answered = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // A request that comes before the statement has begun changes nothing: ask until it is heard.
        scope.spawn(|| {
            let body = [&80877102u32.to_be_bytes()[..], &key].concat();
            while !answered.load(Ordering::SeqCst) {
                let mut request = Client::raw(running.port);
                let message = [&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat();
                request.stream.write_all(&message).unwrap();
                assert!(request.receive().is_none());
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let answer = client.until(b'Z');
        answered.store(true, Ordering::SeqCst);
        assert_eq!(answer, "E(57014 canceling statement due to user request)Z");
    });
    client.query("set statement_timeout 20");
    assert_eq!(client.query("sleep"), "E(57014 canceling statement due to statement timeout)Z");
    client.query("set statement_timeout 0");
    client.query("set idle_in_transaction_session_timeout 50");
    client.query("begin");
    assert_eq!(client.until(b'Z'), "E(25P03 terminating connection due to idle-in-transaction timeout)");
}

#[test]
fn parked_sessions_cost_no_threads_and_wake_up() {
    let running = start(TRUST, "max_connections = 400");
    let mut clients: Vec<Client> = (0..200).map(|_| Client::connect(running.port)).collect();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(running.server.session_count(), 200);
    for client in &mut clients {
        assert_eq!(client.query("awake"), "D(awake)C(ECHO)Z");
    }
    drop(clients);
    let deadline = Instant::now() + Duration::from_secs(10);
    while running.server.session_count() > 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(running.server.session_count(), 0);
}

#[test]
fn passwords_in_clear_are_checked_and_shutdown_tells_clients() {
    let running = start("host all all all password\n", "");
    let login = |user: &str, password: &str| {
        let mut client = Client::startup(running.port, 3 << 16, &[("user", user)]);
        assert_eq!(client.until(b'R'), "R");
        client.send(b'p', format!("{password}\0").as_bytes());
        let answer = client.until(b'Z');
        (client, answer)
    };
    assert_eq!(login("ann", "pen").1, "E(28P01 password authentication failed for user \"ann\")");
    assert_eq!(login("nobody", "pencil").1, "E(28P01 password authentication failed for user \"nobody\")");
    assert_eq!(login("ann", "").1, "E(28P01 empty password returned by client)");
    let (mut client, answer) = login("ann", "pencil");
    assert!(answer.starts_with('R') && answer.ends_with('Z'), "{answer}");
    drop(running);
    assert_eq!(client.until(b'Z'), "E(57P01 terminating connection due to administrator command)");
}

/// A real client does SCRAM against us, where one is installed.
#[test]
fn psql_logs_in_by_scram() {
    if !Path::new("/usr/bin/psql").exists() {
        return;
    }
    let running = start("host all all all scram-sha-256\nlocal all all peer\n", "");
    let psql = |password: &str| {
        let address = format!("host=127.0.0.1 port={} user=ann dbname=x sslmode=disable", running.port);
        let output = std::process::Command::new("/usr/bin/psql")
            .args([&address, "-XAtc", "begin"])
            .env("PGPASSWORD", password)
            .output()
            .unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    assert_eq!(psql("pencil").trim(), "ECHO");
    assert!(psql("wrong").contains("password authentication failed for user \"ann\""));
}

/// psql over TLS, by SSLRequest and directly, with SCRAM bound to the channel; where psql and openssl are installed.
#[test]
fn psql_logs_in_over_tls() {
    if !Path::new("/usr/bin/psql").exists() || !Path::new("/usr/bin/openssl").exists() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("/usr/bin/openssl")
        .args(["req", "-new", "-x509", "-days", "1", "-nodes", "-subj", "/CN=localhost"])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-keyout", "server.key", "-out", "server.crt"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(made.status.success());
    let key = directory.path().join("server.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let running = start_in(directory, "hostssl all all all scram-sha-256\n", "ssl = on");
    let psql = |options: &str| {
        let address = format!("host=127.0.0.1 port={} user=ann dbname=x {options}", running.port);
        let output = std::process::Command::new("/usr/bin/psql")
            .args([&address, "-XAtc", "begin"])
            .env("PGPASSWORD", "pencil")
            .output()
            .unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_string()
    };
    assert_eq!(psql("sslmode=require channel_binding=require"), "ECHO");
    assert_eq!(psql("sslmode=require channel_binding=disable"), "ECHO");
    let direct = psql("sslmode=require sslnegotiation=direct channel_binding=require");
    assert!(direct == "ECHO" || direct.contains("invalid connection option"), "{direct}");
    assert!(psql("sslmode=disable").contains(
        "no pg_hba.conf entry for host \"127.0.0.1\", user \"ann\", database \"x\", no encryption"
    ));
}

/// The programs, as processes: the example `echo` is this crate's command line over the echoing engine.
#[test]
fn programs_start_stop_and_obey_signals() {
    let program = std::env::current_exe().unwrap().with_file_name("../examples/echo");
    let temporary = tempfile::tempdir().unwrap();
    let data = temporary.path().join("data").display().to_string();
    let log = temporary.path().join("log").display().to_string();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let run = |arguments: &[&str]| {
        let output =
            std::process::Command::new(&program).args(arguments).env_remove("PGDATA").output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code().unwrap(), text)
    };
    let ctl = |arguments: &[&str]| run(&[&["pg_ctl", "-D", &data], arguments].concat());
    assert_eq!(run(&["initdb", "-D", &data, "-A", "trust"]).0, 0);
    assert!(run(&["initdb", "-D", &data]).1.contains("exists but is not empty"));
    assert_eq!(ctl(&["status"]).0, 3);
    assert_eq!(run(&["pg_isready", "-h", "127.0.0.1", "-p", &port]).0, 2);
    let options = format!("-p {port} -k '{}' -c work_mem=5MB", temporary.path().display());
    let (status, text) = ctl(&["start", "-l", &log, "-o", &options]);
    assert_eq!((status, text.as_str()), (0, "waiting for server to start... done\nserver started\n"));
    assert!(ctl(&["status"]).1.contains("server is running (PID: "));
    assert_eq!(
        run(&["pg_isready", "-h", "127.0.0.1", "-p", &port]),
        (0, format!("127.0.0.1:{port} - accepting connections\n"))
    );
    let (status, text) = run(&["postgres", "-D", &data]);
    assert!(status == 1 && text.contains("FATAL:  lock file \"postmaster.pid\" already exists"), "{text}");
    assert!(text.contains("HINT:  Is another postmaster (PID "), "{text}");
    assert_eq!(ctl(&["reload"]).1, "server signaled\n");
    // A smart shutdown waits for the client; a fast one does not.
    let mut client = Client::connect(port.parse().unwrap());
    let (status, text) = ctl(&["stop", "-m", "smart", "-t", "1"]);
    assert!(status == 1 && text.contains("server does not shut down"), "{text}");
    assert_eq!(run(&["pg_isready", "-h", "127.0.0.1", "-p", &port]).0, 1);
    assert_eq!(ctl(&["stop"]).1, "waiting for server to shut down... done\nserver stopped\n");
    assert_eq!(client.until(b'Z'), "E(57P01 terminating connection due to administrator command)");
    assert_eq!(ctl(&["start", "-s", "-l", &log, "-o", &options]), (0, String::new()));
    let (status, text) = ctl(&["restart", "-l", &log]);
    assert!(status == 0, "{text}\n{}", std::fs::read_to_string(&log).unwrap());
    assert_eq!(run(&["pg_isready", "-h", "127.0.0.1", "-p", &port]).0, 0);
    assert_eq!(ctl(&["stop", "-m", "immediate"]).0, 0);
    let log = std::fs::read_to_string(&log).unwrap();
    for line in [
        "LOG:  received SIGHUP, reloading configuration files",
        "LOG:  received smart shutdown request",
        "LOG:  received fast shutdown request",
        "LOG:  received immediate shutdown request",
        "LOG:  database system is ready to accept connections",
        "LOG:  database system is shut down",
    ] {
        assert!(log.contains(line), "{line} is missing in\n{log}");
    }
}
