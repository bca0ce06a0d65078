//! The `pagebench` program: the command line goes in, an exit code comes out. Everything else is
//! in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(pagebench::cli::main().code)
}
