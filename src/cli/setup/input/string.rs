//! `--string`: a reference string of the command line as the one trace of a job.

use super::{Inputs, Loaded};
use crate::cli::setup::failure::Failure;
use crate::exit;
use crate::trace::format::ReadReport;
use crate::trace::model::reference_string;
use crate::trace::model::source::LoadOptions;
use crate::units::{Ladder, PageSize, plain_name};
use std::path::PathBuf;

/// Parses `text` as a trace, once for each page size. Errors if it is no reference string, or if
/// `options` choose a part of it or a format.
pub fn load_string(
    text: &str,
    page_sizes: &[PageSize],
    options: &LoadOptions,
) -> Result<Inputs, Failure> {
    if !options.selection.is_all() || options.format.is_some() {
        return Err(Failure::usage(
            "--string: the whole string is taken as page numbers; put it into a file to read it with \
             --format, or to take a part",
        ));
    }
    let own_page_size = PageSize::DEFAULT;
    let sizes = match page_sizes {
        [] => &[own_page_size],
        sizes => sizes,
    };
    let mut traces = Vec::new();
    for &page_size in sizes {
        let mut trace = reference_string::parse(text)?;
        trace.meta.page_size = page_size;
        trace.meta.kind = options.kind.unwrap_or(trace.meta.kind);
        trace.meta.name = match &options.name {
            Some(name) => plain_name(name).into_owned(),
            None => trace.meta.name,
        };
        traces.push(trace);
    }
    Ok(Inputs {
        loaded: vec![Loaded {
            path: PathBuf::from("--string"),
            format: "string",
            codec: "none",
            guessed: false,
            own_page_size,
            report: ReadReport::default(),
            traces,
        }],
        failed: exit::OK,
        errors: Vec::new(),
    })
}

/// Returns `frames`; in place of `auto` every number of frames up to that of the pages of `text`.
pub fn frames_of_string(text: &str, frames: &Ladder) -> Result<Ladder, Failure> {
    let pages = reference_string::parse(text)?.distinct();
    match *frames == Ladder::auto() {
        true if pages > 1 => Ok(format!("1..{pages}:+1").parse()?),
        true => Ok("1".parse()?),
        false => Ok(frames.clone()),
    }
}
