//! The one program: see `server::command`.

use std::process::ExitCode;

/// Statements allocate and free in many small pieces; the system's allocator would cost a sixth of a point query.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    ExitCode::from(server::command::main(&arguments, &server::engine::Ferrodon))
}
