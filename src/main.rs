//! The `pagebench` program: turns the command line into an exit code. The library does the rest.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(pagebench::cli::main().code)
}
