//! `pagebench completions` and `pagebench man`: completions for shells and manual pages, made from the
//! grammar that parses the command line.

use crate::cli::setup::failure::Failure;
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::report::results::results_csv::write_file;
use crate::units::Printable;
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;
use std::path::PathBuf;

/// Print completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  source <(pagebench completions bash)
  pagebench completions fish > ~/.config/fish/completions/pagebench.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Print the manual page, or write one page for each command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench man | man -l -
  pagebench man -o ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Folder for the pages: pagebench.1, pagebench-run.1 and so on
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Runs `completions`.
pub fn completions(args: CompletionsArgs, mut command: Command) -> Result<ExitCode, Failure> {
    let mut bytes = Vec::new();
    clap_complete::generate(args.shell, &mut command, "pagebench", &mut bytes);
    print(&String::from_utf8_lossy(&bytes))?;
    Ok(exit::OK)
}

/// Runs `man`.
pub fn man(args: ManArgs, command: Command) -> Result<ExitCode, Failure> {
    let Some(folder) = args.output else {
        print(&String::from_utf8_lossy(&page(command)?))?;
        return Ok(exit::OK);
    };
    std::fs::create_dir_all(&folder).map_err(|e| Failure::file(&folder, e))?;
    // Building gives a subcommand its full name, pagebench-run.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let pages = command.get_subcommands().cloned();
    let mut written = String::new();
    for command in pages.chain(std::iter::once(command.clone())) {
        let name = Man::new(command.clone()).get_filename();
        let path = folder.join(name);
        write_file(&path, &page(command)?)?;
        written += &format!("{}\n", path.printed());
    }
    print(&written)?;
    Ok(exit::OK)
}

fn page(command: Command) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let rendered = Man::new(command).render(&mut bytes);
    rendered.map_err(|e| Failure::new(exit::FAILURE, format!("cannot make the page: {e}")))?;
    Ok(bytes)
}
