//! The one program: see `server::command`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    ExitCode::from(server::command::main(&arguments, &server::engine::Ferrodon))
}
