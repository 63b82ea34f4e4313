//! The server's files and programs as COPY's other end.

use super::lines::Source;
use base::Oid;
use base::{Result, SqlState, bail, err};
use catalog::Session;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const READ_SERVER_FILES: Oid = Oid(4569);
const WRITE_SERVER_FILES: Oid = Oid(4570);
const EXECUTE_SERVER_PROGRAM: Oid = Oid(4571);

const HINT: &str = "Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.";

/// Whether the user may let the server read or write files, or run programs.
///
/// # Errors
/// `42501`
pub fn check_role(session: &Session, target: &syntax::CopyTarget, from: bool) -> Result<()> {
    let (role, role_name, what, may) = match (target, from) {
        (syntax::CopyTarget::Client, _) => return Ok(()),
        (syntax::CopyTarget::Program(_), _) => (
            EXECUTE_SERVER_PROGRAM,
            "pg_execute_server_program",
            "COPY to or from an external program",
            "COPY to or from an external program",
        ),
        (syntax::CopyTarget::File(_), true) => {
            (READ_SERVER_FILES, "pg_read_server_files", "COPY from a file", "COPY from a file")
        }
        (syntax::CopyTarget::File(_), false) => {
            (WRITE_SERVER_FILES, "pg_write_server_files", "COPY to a file", "COPY to a file")
        }
    };
    if session.has_role(session.user(), role)? {
        return Ok(());
    }
    Err(err!(INSUFFICIENT_PRIVILEGE, "permission denied to {what}")
        .detail(format!("Only roles with privileges of the \"{role_name}\" role may {may}."))
        .hint(HINT))
}

/// A file error's SQLSTATE and words.
fn file_error(error: &std::io::Error, message: String) -> base::Error {
    let state = match error.kind() {
        ErrorKind::NotFound => SqlState::UNDEFINED_FILE,
        ErrorKind::PermissionDenied => SqlState::INSUFFICIENT_PRIVILEGE,
        ErrorKind::AlreadyExists => SqlState::DUPLICATE_FILE,
        ErrorKind::StorageFull => SqlState::DISK_FULL,
        _ => SqlState::IO_ERROR,
    };
    base::Error::new(state, format!("{message}: {}", words(error)))
}

/// The system's words for an error, as strerror gives them.
fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

const READ_BYTES: usize = 1 << 16;

fn read_piece(reader: &mut dyn Read, buffer: &mut Vec<u8>) -> Result<bool> {
    let before = buffer.len();
    buffer.resize(before + READ_BYTES, 0);
    let read = reader.read(&mut buffer[before..]);
    buffer.truncate(before + *read.as_ref().unwrap_or(&0));
    match read {
        Ok(count) => Ok(count > 0),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(file_error(&error, "could not read from COPY file".to_owned())),
    }
}

/// COPY FROM 'file'.
pub struct InputFile(File);

impl InputFile {
    /// # Errors
    /// `58P01` and the like; `42809` for a directory.
    pub fn open(path: &str) -> Result<InputFile> {
        let file = File::open(path).map_err(|error| {
            let found = file_error(&error, format!("could not open file \"{path}\" for reading"));
            match error.kind() {
                ErrorKind::NotFound | ErrorKind::PermissionDenied => found.hint(
                    "COPY FROM instructs the PostgreSQL server process to read a file. You may want a client-side facility such as psql's \\copy.",
                ),
                _ => found,
            }
        })?;
        let kind = file.metadata().map_err(|e| file_error(&e, format!("could not stat file \"{path}\"")))?;
        if kind.is_dir() {
            bail!(WRONG_OBJECT_TYPE, "\"{path}\" is a directory");
        }
        Ok(InputFile(file))
    }
}

impl Source for InputFile {
    fn read(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        read_piece(&mut self.0, buffer)
    }
}

fn shell(command: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command);
    shell
}

/// Waits for a program's end.
fn reap(child: &mut Child, command: &str) -> Result<()> {
    let status =
        child.wait().map_err(|e| file_error(&e, "could not close pipe to external command".to_owned()))?;
    if status.success() {
        return Ok(());
    }
    let how = match status.code() {
        Some(127) => "command not found".to_owned(),
        Some(126) => "command was found but could not be executed".to_owned(),
        Some(code) => format!("child process exited with exit code {code}"),
        None => "child process was terminated by a signal".to_owned(),
    };
    Err(err!(EXTERNAL_ROUTINE_EXCEPTION, "program \"{command}\" failed").detail(how))
}

/// COPY FROM PROGRAM.
pub struct InputProgram {
    command: String,
    child: Child,
    output: Option<ChildStdout>,
}

impl InputProgram {
    /// # Errors
    /// When the shell cannot be started.
    pub fn start(command: &str) -> Result<InputProgram> {
        let mut child = shell(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| file_error(&e, format!("could not execute command \"{command}\"")))?;
        let output = child.stdout.take();
        Ok(InputProgram { command: command.to_owned(), child, output })
    }
}

impl Source for InputProgram {
    fn read(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        let Some(output) = &mut self.output else { return Ok(false) };
        if read_piece(output, buffer)? {
            return Ok(true);
        }
        Ok(false)
    }

    fn close(&mut self) -> Result<()> {
        self.output = None;
        reap(&mut self.child, &self.command)
    }
}

impl Drop for InputProgram {
    fn drop(&mut self) {
        if self.output.take().is_some() {
            // With its output closed the program ends at its next write; what it thinks of that is of no interest.
            let _ = self.child.wait();
        }
    }
}

/// Where COPY TO writes, other than to the client.
pub enum Output {
    File(File),
    Program { command: String, child: Child, input: Option<ChildStdin> },
}

impl Output {
    /// # Errors
    /// `42602` for a relative path; `58P01` and the like.
    pub fn open(path: &str) -> Result<Output> {
        if !path.starts_with('/') {
            bail!(INVALID_NAME, "relative path not allowed for COPY to file");
        }
        let file = File::create(path).map_err(|error| {
            if std::path::Path::new(path).is_dir() {
                return err!(WRONG_OBJECT_TYPE, "\"{path}\" is a directory");
            }
            let found = file_error(&error, format!("could not open file \"{path}\" for writing"));
            match error.kind() {
                ErrorKind::NotFound | ErrorKind::PermissionDenied => found.hint(
                    "COPY TO instructs the PostgreSQL server process to write a file. You may want a client-side facility such as psql's \\copy.",
                ),
                _ => found,
            }
        })?;
        Ok(Output::File(file))
    }

    /// # Errors
    /// When the shell cannot be started.
    pub fn start(command: &str) -> Result<Output> {
        let mut child = shell(command)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|e| file_error(&e, format!("could not execute command \"{command}\"")))?;
        let input = child.stdin.take();
        Ok(Output::Program { command: command.to_owned(), child, input })
    }

    /// # Errors
    /// `53100` and the like.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Output::File(file) => {
                file.write_all(bytes).map_err(|e| file_error(&e, "could not write to COPY file".to_owned()))
            }
            Output::Program { command, child, input: Some(input) } => match input.write_all(bytes) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    // What the program died of says more.
                    reap(child, command)?;
                    Err(file_error(&error, "could not write to COPY program".to_owned()))
                }
                written => written.map_err(|e| file_error(&e, "could not write to COPY program".to_owned())),
            },
            Output::Program { input: None, .. } => Ok(()),
        }
    }

    /// # Errors
    /// `38000` when the program failed.
    pub fn close(&mut self) -> Result<()> {
        match self {
            Output::File(_) => Ok(()),
            Output::Program { command, child, input } => {
                *input = None;
                reap(child, command)
            }
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Output::Program { child, input, .. } = self
            && input.take().is_some()
        {
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_told() {
        let mut program = InputProgram::start("echo a; exit 3").unwrap();
        let mut buffer = Vec::new();
        let error = loop {
            match program.read(&mut buffer) {
                Ok(true) => {}
                Ok(false) => break program.close().unwrap_err(),
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(buffer, b"a\n");
        assert_eq!(error.message(), "program \"echo a; exit 3\" failed");
        assert_eq!(error.data().detail.as_deref(), Some("child process exited with exit code 3"));
    }
}
