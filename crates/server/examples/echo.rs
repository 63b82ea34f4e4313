//! The programs over an engine that only echoes, for tests that need processes.

#[path = "../tests/echo/mod.rs"]
mod echo;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    std::process::ExitCode::from(server::command::main(&arguments, &echo::Echo))
}
