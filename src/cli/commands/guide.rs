//! `pagebench guide`: prints the chapters of the guide.

use super::lists::listing;
use crate::cli::setup::failure::Failure;
use crate::cli::setup::terminal::print;
use crate::exit::{self, ExitCode};
use crate::guide::{CHAPTERS, Chapter};
use crate::units::did_you_mean;
use clap::Args;

/// Read the guide: list its chapters, or print one
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pagebench guide\n  pagebench guide run | less")]
pub struct GuideArgs {
    /// Print this chapter
    #[arg(value_name = "CHAPTER")]
    chapter: Option<String>,
}

/// Runs `guide`.
pub fn guide(args: GuideArgs) -> Result<ExitCode, Failure> {
    let text = match args.chapter {
        None => list(),
        Some(name) => chapter(&name)?,
    };
    print(&text)?;
    Ok(exit::OK)
}

fn list() -> String {
    let line = |chapter: &Chapter| (chapter.name.to_owned(), chapter.about.to_owned());
    listing(&CHAPTERS.iter().map(line).collect::<Vec<_>>())
}

fn chapter(name: &str) -> Result<String, Failure> {
    let found = CHAPTERS.iter().find(|chapter| chapter.name == name);
    found.map(Chapter::text).ok_or_else(|| {
        let hint = did_you_mean(name, CHAPTERS.iter().map(|chapter| chapter.name));
        Failure::usage(format!(
            "unknown chapter {name:?}{hint} (see: pagebench guide)"
        ))
    })
}
