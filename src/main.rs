//! The `pagebench` program: the command line with its own policies. The library does the rest.

use pagebench::{Registry, cli};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(Registry::standard())
}
