//! From the traces named on the command line to traces in memory: folders are searched, formats
//! guessed and told, failures gathered so that one bad trace does not hide the others.

use super::failure::Failure;
use super::progress::message;
use crate::exit::{self, ExitCode};
use crate::trace::TraceError;
use crate::trace::dense::Trace;
use crate::trace::error::Cause;
use crate::trace::source::{self, LoadOptions, Source, name_of};
use crate::units::{PageSize, show_count};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// A trace in memory and how it got there.
pub struct Loaded {
    /// The file.
    pub path: PathBuf,
    /// The format.
    pub format: &'static str,
    /// The codec.
    pub codec: &'static str,
    /// Whether the format was guessed.
    pub guessed: bool,
    /// The trace, once per page size asked for.
    pub traces: Vec<Trace>,
}

/// What came of the traces named.
pub struct Inputs {
    /// Those that were read, in the order of their paths.
    pub loaded: Vec<Loaded>,
    /// The worst exit code of those that were not.
    pub failed: ExitCode,
    /// The messages of those that were not.
    pub errors: Vec<String>,
}

/// Reads all traces named. A folder gives the files in it that are traces; others in it are
/// named and passed over. Fails where nothing can be read at all.
pub fn load_all(
    paths: &[PathBuf],
    options: &LoadOptions,
    page_sizes: &[PageSize],
    quiet: bool,
) -> Result<Inputs, Failure> {
    let files = expand(paths, options, quiet)?;
    let names = unique_names(&files);
    let results: Vec<Result<Loaded, TraceError>> = files
        .par_iter()
        .zip(&names)
        .map(|(path, name)| load_one(path, name, options, page_sizes))
        .collect();
    let mut inputs = Inputs {
        loaded: Vec::new(),
        failed: exit::OK,
        errors: Vec::new(),
    };
    for result in results {
        match result {
            Ok(loaded) => {
                if !quiet {
                    tell(&loaded);
                }
                inputs.loaded.push(loaded);
            }
            Err(error) => {
                let failure = Failure::from(error);
                message(&format!("error: {failure}"));
                inputs.failed = exit::worse(inputs.failed, failure.code);
                inputs.errors.push(failure.to_string());
            }
        }
    }
    if inputs.loaded.is_empty() {
        return Err(Failure::new(inputs.failed, ""));
    }
    let nothing = |loaded: &Loaded| loaded.traces.iter().all(Trace::is_empty);
    if inputs.loaded.iter().all(nothing) {
        return Err(Failure::new(
            exit::NOTHING,
            format!(
                "nothing selected: no reference is left of any trace ({})",
                options.selection.describe()
            ),
        ));
    }
    inputs.loaded.retain(|loaded| {
        let empty = nothing(loaded);
        if empty {
            message(&format!(
                "warning: {}: no reference is left of it",
                loaded.path.display()
            ));
        }
        !empty
    });
    Ok(inputs)
}

/// The files named, folders searched (not their folders).
fn expand(paths: &[PathBuf], options: &LoadOptions, quiet: bool) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).map_err(|e| {
            Failure::new(
                exit::FAILURE,
                format!("{}: cannot read the folder: {e}", path.display()),
            )
        })?;
        let mut found: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        found.retain(|file| file.is_file() && !hidden(file));
        found.sort();
        let before = files.len();
        for file in found {
            if is_document(&file) {
                continue;
            }
            match Source::open(&file, options) {
                Err(error) if matches!(error.cause, Cause::UnknownFormat) => {
                    if !quiet {
                        message(&format!(
                            "{}: passed over: not a trace of a known format",
                            file.display()
                        ));
                    }
                }
                // Other errors are told when it is read.
                _ => files.push(file),
            }
        }
        if files.len() == before {
            return Err(Failure::new(
                exit::NOTHING,
                format!("{}: no trace in this folder", path.display()),
            ));
        }
    }
    // A file named twice, or named beside its folder, is one trace.
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(std::fs::canonicalize(file).unwrap_or(file.clone())));
    Ok(files)
}

fn hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// What lies beside traces in a folder and is none.
fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|ending| {
        ["md", "toml", "json", "sh", "png"]
            .iter()
            .any(|e| ending == *e)
    })
}

/// The names of the traces. Where several are the same, the folder is put before them; where that
/// does not help, they are the paths as they were given.
fn unique_names(files: &[PathBuf]) -> Vec<String> {
    let with_folder = |file: &PathBuf| {
        let folder = file.parent().and_then(Path::file_name);
        folder.map_or(name_of(file), |folder| {
            format!("{}/{}", folder.to_string_lossy(), name_of(file))
        })
    };
    let path = |file: &PathBuf| file.to_string_lossy().into_owned();
    let mut names: Vec<String> = files.iter().map(|file| name_of(file)).collect();
    for longer in [&with_folder as &dyn Fn(&PathBuf) -> String, &path] {
        let mut count: HashMap<String, usize> = HashMap::new();
        for name in &names {
            *count.entry(name.clone()).or_default() += 1;
        }
        for (name, file) in names.iter_mut().zip(files) {
            if count[name] > 1 {
                *name = longer(file);
            }
        }
    }
    names
}

fn load_one(
    path: &Path,
    name: &str,
    options: &LoadOptions,
    page_sizes: &[PageSize],
) -> Result<Loaded, TraceError> {
    let mut sizes = page_sizes.to_vec();
    sizes.sort_unstable();
    sizes.dedup();
    let with = |page_size| LoadOptions {
        page_size,
        name: Some(name.to_owned()),
        ..options.clone()
    };
    let source = Source::open(path, &with(sizes.first().copied()))?;
    let (format, codec, guessed) = (source.format, source.codec, source.guessed);
    let mut traces = vec![source::load_source(source)?];
    for &size in sizes.iter().skip(1) {
        // A range of references counts references of its own page size: read it afresh.
        let ranged = options.selection.skip > 0 || options.selection.limit.is_some();
        traces.push(match ranged {
            false => source::coarsen(&traces[0], size, path)?,
            true => source::load(path, &with(Some(size)))?,
        });
    }
    if traces[0].is_empty() && options.selection.is_all() {
        return Err(source::no_reference(path, &traces[0].meta));
    }
    Ok(Loaded {
        path: path.to_path_buf(),
        format,
        codec,
        guessed,
        traces,
    })
}

/// Says how many bad records were left out.
pub fn tell_skipped(path: &Path, skipped: u64) {
    let records = if skipped == 1 { "record" } else { "records" };
    if skipped > 0 {
        message(&format!(
            "warning: {}: {skipped} bad {records} skipped",
            path.display()
        ));
    }
}

fn tell(loaded: &Loaded) {
    let trace = &loaded.traces[0];
    let how = if loaded.guessed {
        " (guessed from content)"
    } else {
        ""
    };
    let codec = if loaded.codec == "none" {
        String::new()
    } else {
        format!(", {}", loaded.codec)
    };
    message(&format!(
        "{}: {}{how}{codec}, {} references, {} page{}",
        loaded.path.display(),
        loaded.format,
        show_count(trace.len() as u64),
        trace.distinct(),
        if trace.distinct() == 1 { "" } else { "s" }
    ));
    tell_skipped(&loaded.path, trace.meta.skipped);
    if let Some(warning) = trace.meta.kind.warning() {
        message(&format!(
            "warning: {}: trace kind is \"{}\": {warning}",
            trace.meta.name,
            trace.meta.kind.name()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_traces_have_the_same_name() {
        let names =
            |files: &[&str]| unique_names(&files.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(names(&["a/t.txt", "u.pbt"]), ["t", "u"]);
        assert_eq!(names(&["a/t.txt", "b/t.txt", "c.pbt"]), ["a/t", "b/t", "c"]);
        assert_eq!(names(&["t.txt", "t.pbt"]), ["t.txt", "t.pbt"]);
        assert_eq!(
            names(&["x/a/t.txt", "y/a/t.txt"]),
            ["x/a/t.txt", "y/a/t.txt"]
        );
    }
}
