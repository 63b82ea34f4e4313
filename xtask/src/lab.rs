//! PostgreSQL 18 as judge and rival: the lab beside the checkout, set up when it is not there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where PostgreSQL 18 and its clients are.
pub struct Lab {
    scripts: PathBuf,
}

const CLIENTS: &str = "/opt/forky/usr/lib/postgresql/18/bin";
const ORACLE_PORT: u16 = 25418;

impl Lab {
    /// Finds the lab and starts PostgreSQL; `None` (with a word why) where it cannot be had.
    pub fn open(root: &Path) -> Result<Lab, String> {
        let candidates = [root.join("../shared/lab"), PathBuf::from("/work/shared/lab")];
        let scripts = candidates.into_iter().find(|p| p.join("oracle").exists());
        let scripts = scripts.ok_or("the lab (shared/lab) is not beside the checkout")?;
        if !Path::new(CLIENTS).exists() {
            run(Command::new(scripts.join("setup-oracle")).stdout(Stdio::null()))?;
        }
        let lab = Lab { scripts };
        if Command::new(lab.scripts.join("oracle")).arg("status").output().is_ok_and(|o| o.status.success()) {
            return Ok(lab);
        }
        run(Command::new(lab.scripts.join("oracle")).args(["start", &ORACLE_PORT.to_string()]))?;
        Ok(lab)
    }

    pub fn oracle_port(&self) -> u16 {
        ORACLE_PORT
    }

    /// A PostgreSQL client program, to be run in the lab's root.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new("chroot");
        command.args(["--userspec=postgres:postgres", "/opt/forky", "/usr/bin/env", "-i"]);
        command.args([
            "PATH=/usr/lib/postgresql/18/bin:/usr/bin:/bin",
            "HOME=/var/lib/postgresql",
            "LC_ALL=C.UTF-8",
        ]);
        command.args(["PGUSER=postgres", "PGHOST=127.0.0.1", "PGCONNECT_TIMEOUT=10", program]);
        command
    }

    pub fn script(&self, name: &str) -> Command {
        Command::new(self.scripts.join(name))
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("{command:?}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}

/// A Ferrodon server in a fresh data directory. Ends with the value.
pub struct Server {
    child: Child,
    pub port: u16,
    pub data: PathBuf,
}

impl Server {
    /// Makes a cluster under `scratch` with superuser postgres and serves it on `port`.
    pub fn start(binary: &Path, scratch: &Path, port: u16, settings: &[&str]) -> Result<Server, String> {
        let data = scratch.join(format!("data-{port}"));
        let _ = std::fs::remove_dir_all(&data);
        run(Command::new(binary)
            .args(["initdb", "-U", "postgres", "-A", "trust", "-D"])
            .arg(&data)
            .stdout(Stdio::null()))?;
        let child = spawn(binary, &data, port, settings)?;
        let mut server = Server { child, port, data };
        server.wait_ready()?;
        Ok(server)
    }

    /// Kills the server as a crash would, and starts it again on the same directory.
    pub fn crash_and_restart(&mut self, binary: &Path, settings: &[&str]) -> Result<Duration, String> {
        self.child.kill().map_err(|e| e.to_string())?;
        self.child.wait().map_err(|e| e.to_string())?;
        let start = Instant::now();
        self.child = spawn(binary, &self.data, self.port, settings)?;
        self.wait_ready()?;
        Ok(start.elapsed())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_ready(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the server ended: {status}"));
            }
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err("the server does not answer".to_owned())
    }
}

fn spawn(binary: &Path, data: &Path, port: u16, settings: &[&str]) -> Result<Child, String> {
    let mut command = Command::new(binary);
    command.args(["postgres", "-D"]).arg(data).args(["-p", &port.to_string()]);
    for setting in settings {
        command.args(["-c", setting]);
    }
    let log = std::fs::File::create(data.with_extension("log")).map_err(|e| e.to_string())?;
    command.stdout(Stdio::null()).stderr(log).spawn().map_err(|e| format!("{}: {e}", binary.display()))
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
