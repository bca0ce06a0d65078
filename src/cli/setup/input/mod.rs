//! From the traces named on the command line to traces in memory. Searches folders, guesses formats and
//! gathers failures, so that one bad trace does not hide the others.

mod report;
mod string;

pub use string::{frames_of_string, load_string};

pub use report::{
    counted_illegal, plain_given_name, read_as, report_illegal, report_read, report_skipped,
};

use super::cache::{self, Cache};
use super::failure::Failure;
use super::paths::declare_traces;
use super::progress::{message, note};
use super::reading::Reading;
use crate::exit::{self, ExitCode};
use crate::space::{self, Options, Resolved, SpaceError};
use crate::sweep::{Axes, Warmup};
use crate::trace::TraceError;
use crate::trace::format::ReadReport;
use crate::trace::model::dense::Trace;
use crate::trace::model::error::Cause;
use crate::trace::model::source;
use crate::trace::model::source::{LoadOptions, TraceSource, threads_in};
use crate::units::{PageSize, Printable, plain_name};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// A trace in memory, resolved or not, and how it was read.
pub struct Loaded<T = Trace> {
    /// The file.
    pub path: PathBuf,
    /// The format.
    pub format: &'static str,
    /// The codec.
    pub codec: &'static str,
    /// Whether the format was guessed.
    pub guessed: bool,
    /// How the file was read; nothing if it was taken from the cache.
    pub report: ReadReport,
    /// The page size if none is asked for: the stored one, or the usual one.
    pub own_page_size: PageSize,
    /// The trace, once per page size asked for.
    pub traces: Vec<T>,
}

impl<T> Loaded<T> {
    /// The same file with `traces`.
    fn with_traces<U>(self, traces: Vec<U>) -> Loaded<U> {
        Loaded {
            path: self.path,
            format: self.format,
            codec: self.codec,
            guessed: self.guessed,
            report: self.report,
            own_page_size: self.own_page_size,
            traces,
        }
    }

    /// The same file with `change` made to each trace; errors if one of them fails.
    pub fn try_map<U, E>(mut self, change: impl FnMut(T) -> Result<U, E>) -> Result<Loaded<U>, E> {
        let traces = std::mem::take(&mut self.traces).into_iter();
        let traces: Result<Vec<U>, E> = traces.map(change).collect();
        Ok(self.with_traces(traces?))
    }
}

/// The traces that were read, and why others were not.
pub struct Inputs<T = Trace> {
    /// The traces that were read, in the order of their paths.
    pub loaded: Vec<Loaded<T>>,
    /// The worst exit code of the others.
    pub failed: ExitCode,
    /// The messages about the others.
    pub errors: Vec<String>,
}

impl<T> Inputs<T> {
    /// Returns every trace at every page size.
    pub fn traces(&self) -> Vec<&T> {
        let loaded = self.loaded.iter();
        loaded.flat_map(|loaded| &loaded.traces).collect()
    }

    /// Prints and keeps the error of a trace that is left out.
    fn add_failure(&mut self, failure: &Failure) {
        message(&format!("error: {failure}"));
        self.failed = exit::worse(self.failed, failure.code);
        self.errors.push(failure.to_string());
    }

    /// Errors if no trace is left. Every reason was printed before.
    fn refuse_empty(&self) -> Result<(), Failure> {
        if self.loaded.is_empty() {
            return Err(Failure::reported(self.failed));
        }
        Ok(())
    }
}

/// Returns the page sizes wanted for a trace, given its name and the page size that it is stored with,
/// if it is stored. Empty keeps its own.
pub type Sizes<'a> = &'a (dyn Fn(&str, Option<PageSize>) -> Vec<PageSize> + Sync);

/// A trace, or a folder of traces, to read.
pub struct Wanted {
    /// The file or folder.
    pub path: PathBuf,
    /// How it is read.
    pub options: LoadOptions,
}

/// Reads the one trace `path`; errors if it is a folder, which `command` does not take.
pub fn load_one_trace(
    path: &Path,
    options: &LoadOptions,
    page_size: Option<PageSize>,
    command: &str,
) -> Result<Trace, Failure> {
    if path.is_dir() && threads_in(path, options)?.is_none() {
        let path = path.printed();
        return Err(Failure::usage(format!(
            "{path}: a folder; {command} looks at one trace"
        )));
    }
    let sizes = |_: &str, _| page_size.into_iter().collect();
    let inputs = load_all(&[path.to_path_buf()], options, &sizes, None)?;
    let mut traces = inputs.loaded.into_iter().flat_map(|loaded| loaded.traces);
    Ok(traces.next().expect("without a trace loading fails"))
}

/// Reads all traces of `paths` with the same options.
pub fn load_all(
    paths: &[PathBuf],
    options: &LoadOptions,
    sizes: Sizes<'_>,
    cache: Option<&Cache>,
) -> Result<Inputs, Failure> {
    let wanted = |path: &PathBuf| Wanted {
        path: path.clone(),
        options: options.clone(),
    };
    let wanted: Vec<Wanted> = paths.iter().map(wanted).collect();
    load_each(&wanted, sizes, cache)
}

/// Reads each trace with its own options. A folder gives the files in it that are traces; a note names
/// the others. Errors if nothing can be read at all.
pub fn load_each(
    wanted: &[Wanted],
    sizes: Sizes<'_>,
    cache: Option<&Cache>,
) -> Result<Inputs, Failure> {
    let (files, empty_folders) = expand(wanted)?;
    declare_traces(files.iter().map(|file| &*file.path))?;
    let reading = Reading::watch("read", files.iter().map(|file| &*file.path));
    let results: Vec<Result<Loaded, TraceError>> = files
        .par_iter()
        .map(|file| load_one(&file.path, file.options, sizes, cache))
        .collect();
    drop(reading);
    let mut inputs = Inputs {
        loaded: Vec::new(),
        failed: if empty_folders {
            exit::NOTHING
        } else {
            exit::OK
        },
        errors: Vec::new(),
    };
    for result in results {
        match result {
            Ok(loaded) => {
                report::report_loaded(&loaded);
                inputs.loaded.push(loaded);
            }
            Err(error) => inputs.add_failure(&error.into()),
        }
    }
    inputs.refuse_empty()?;
    let renamed = files.iter().filter(|file| file.options.name.is_some());
    make_names_unique(
        &mut inputs.loaded,
        &renamed.map(|file| &*file.path).collect(),
    );
    keep(&mut inputs, |trace| trace, |trace| !trace.is_empty());
    if inputs.loaded.is_empty() {
        let filter = wanted[0].options.selection.describe();
        let message = format!("nothing selected: no reference is left of any trace ({filter})");
        return Err(Failure::new(exit::NOTHING, message));
    }
    Ok(inputs)
}

/// Resolves the traces: which page each reference means, and whether it is legal. Reports what was
/// illegal, refused or without effect. Reports a contradictory trace on stderr and leaves it out. Errors
/// if none is left.
pub fn resolve_all(inputs: Inputs, options: &Options) -> Result<Inputs<Resolved>, Failure> {
    let mut resolved = Inputs {
        loaded: Vec::new(),
        failed: inputs.failed,
        errors: inputs.errors,
    };
    for mut loaded in inputs.loaded {
        let path = loaded.path.printed().to_string();
        let traces = std::mem::take(&mut loaded.traces).into_par_iter();
        let traces: Result<Vec<Resolved>, SpaceError> =
            traces.map(|trace| space::resolve(trace, options)).collect();
        match traces {
            Ok(traces) => {
                report_illegal(&path, &traces[0], options);
                resolved.loaded.push(loaded.with_traces(traces));
            }
            Err(error) => resolved.add_failure(&error.named(path).into()),
        }
    }
    resolved.refuse_empty()?;
    Ok(resolved)
}

/// Removes the traces without a reference to count, and warns. Errors if none is left.
pub fn keep_countable(inputs: &mut Inputs<Resolved>, warmup: Warmup) -> Result<(), Failure> {
    keep(
        inputs,
        |resolved| &resolved.trace,
        |trace| warmup.refs_of(trace) < trace.len() as u64,
    );
    if inputs.loaded.is_empty() {
        let message = match warmup {
            Warmup::Refs(0) => "nothing left to count: no trace has a legal reference",
            _ => "nothing left to count: the warm-up takes every reference of every trace",
        };
        return Err(Failure::new(exit::NOTHING, message));
    }
    Ok(())
}

/// Removes the traces, each page size by itself, that cannot have the frames or windows asked for, and
/// reports why. Errors if none is left.
pub fn keep_fitting(inputs: &mut Inputs<Resolved>, axes: &Axes) -> Result<(), Failure> {
    let mut why = Vec::new();
    for loaded in &mut inputs.loaded {
        loaded.traces.retain(|resolved| {
            let meta = &resolved.trace.meta;
            let fit = axes.fit(resolved);
            let (name, size) = (&meta.name, meta.page_size);
            why.extend(
                fit.as_ref()
                    .err()
                    .map(|e| format!("{name}, pages of {size}: {e}")),
            );
            fit.is_ok()
        });
    }
    inputs.loaded.retain(|loaded| !loaded.traces.is_empty());
    for why in why {
        inputs.add_failure(&Failure::usage(why));
    }
    inputs.refuse_empty()
}

/// Keeps the traces, each page size by itself, for which `has_references` holds; warns of the others.
fn keep<T>(
    inputs: &mut Inputs<T>,
    trace_of: impl Fn(&T) -> &Trace,
    has_references: impl Fn(&Trace) -> bool,
) {
    for loaded in &mut inputs.loaded {
        loaded.traces.retain(|one| {
            let trace = trace_of(one);
            let left = has_references(trace);
            if !left {
                let (name, size) = (&trace.meta.name, trace.meta.page_size);
                note(&format!(
                    "warning: {name}: no reference is left to count (pages of {size})"
                ));
            }
            left
        });
    }
    inputs.loaded.retain(|loaded| !loaded.traces.is_empty());
}

/// A file to read.
struct TraceFile<'w> {
    path: PathBuf,
    options: &'w LoadOptions,
    /// Whether its folder was named, not the file itself.
    in_folder: bool,
}

/// Returns the files to read, each once, and whether a folder has no trace.
fn expand(wanted: &[Wanted]) -> Result<(Vec<TraceFile<'_>>, bool), Failure> {
    let (mut files, mut empty_folders) = (Vec::new(), false);
    for Wanted { path, options } in wanted {
        // Reading reports what is wrong with a folder that may be one trace.
        let is_one = || !matches!(threads_in(path, options), Ok(None));
        if !path.is_dir() || is_one() {
            files.push(TraceFile {
                path: path.clone(),
                options,
                in_folder: false,
            });
            continue;
        }
        let found = traces_in(path, options)?;
        if found.is_empty() {
            empty_folders = true;
            let path = path.printed();
            message(&format!("error: {path}: no trace in this folder"));
        }
        files.extend(found);
    }
    if files.is_empty() {
        return Err(Failure::reported(exit::NOTHING));
    }
    Ok((each_once(files)?, empty_folders))
}

/// Returns the traces in `folder`, sorted; its folders are not searched. Notes the files of unknown
/// formats.
fn traces_in<'w>(folder: &Path, options: &'w LoadOptions) -> Result<Vec<TraceFile<'w>>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|e| {
        let what = format!("{}: cannot read the folder: {e}", folder.printed());
        Failure::new(exit::FAILURE, what)
    })?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.retain(|file| file.is_file() && !is_hidden(file) && !is_document(file));
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        match TraceSource::open(&path, options) {
            Err(error) if matches!(error.cause, Cause::UnknownFormat) => {
                let path = path.printed();
                note(&format!(
                    "{path}: passed over: not a trace of a known format"
                ));
            }
            // Reading reports other errors.
            _ => files.push(TraceFile {
                path,
                options,
                in_folder: true,
            }),
        }
    }
    Ok(files)
}

/// Returns the file that `path` leads to through all links; `path` itself if there is none.
pub fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Returns each file once, at its first place. The options of a file that is named itself win over those
/// of its folder. Errors if a file is named twice with different options.
fn each_once(files: Vec<TraceFile<'_>>) -> Result<Vec<TraceFile<'_>>, Failure> {
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    let mut all: Vec<TraceFile<'_>> = Vec::new();
    for file in files {
        let place = *places.entry(real(&file.path)).or_insert(all.len());
        let Some(known) = all.get_mut(place) else {
            all.push(file);
            continue;
        };
        let how = |file: &TraceFile<'_>| (file.options.name.clone(), file.options.format.clone());
        match (known.in_folder, file.in_folder) {
            (true, false) => *known = file,
            (false, true) => {}
            _ if how(known) == how(&file) => {}
            _ => {
                return Err(Failure::usage(format!(
                    "{} and {} are one file, and are to be read in two ways",
                    known.path.printed(),
                    file.path.printed()
                )));
            }
        }
    }
    Ok(all)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Returns whether a file next to traces is surely no trace, by its ending.
fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|ending| {
        ["md", "toml", "json", "sh", "png"]
            .iter()
            .any(|e| ending == *e)
    })
}

/// Gives every trace a name of its own. Traces of the same name get their folder in front; if that does
/// not help, the path as it was given. A name that the user chose, for the files in `chosen`, stays if
/// no other file has it by choice.
fn make_names_unique(loaded: &mut [Loaded], chosen: &HashSet<&Path>) {
    let named: Vec<(String, &Path)> = loaded
        .iter()
        .map(|one| (one.traces[0].meta.name.clone(), &*one.path))
        .collect();
    let names = unique_names(&named, chosen);
    for (one, name) in loaded.iter_mut().zip(names) {
        for trace in &mut one.traces {
            trace.meta.name = plain_name(&name).into_owned();
        }
    }
}

fn unique_names(named: &[(String, &Path)], chosen: &HashSet<&Path>) -> Vec<String> {
    let with_folder = |name: &str, file: &Path| match file.parent().and_then(Path::file_name) {
        Some(folder) => format!("{}/{name}", folder.to_string_lossy()),
        None => name.to_owned(),
    };
    let is_chosen = |file: &Path| chosen.contains(file);
    let stands = |name: &str, file: &Path| {
        let same = |(other, file): &&(String, &Path)| other == name && is_chosen(file);
        is_chosen(file) && named.iter().filter(same).count() == 1
    };
    let as_given = |_: &str, file: &Path| file.to_string_lossy().into_owned();
    let mut names: Vec<String> = named.iter().map(|(name, _)| name.clone()).collect();
    for longer in [&with_folder as &dyn Fn(&str, &Path) -> String, &as_given] {
        let mut count: HashMap<String, usize> = HashMap::new();
        for name in &names {
            *count.entry(name.clone()).or_default() += 1;
        }
        for (unique, (name, file)) in names.iter_mut().zip(named) {
            if count[unique] > 1 && !stands(name, file) {
                *unique = longer(name, file);
            }
        }
    }
    names
}

fn load_one(
    path: &Path,
    options: &LoadOptions,
    sizes: Sizes<'_>,
    cache: Option<&Cache>,
) -> Result<Loaded, TraceError> {
    let mut source = TraceSource::open(path, options)?;
    let stored = source.store().map(|store| store.meta.page_size);
    let mut sizes = sizes(&source.name(), stored);
    sizes.sort_unstable();
    sizes.dedup();
    let ranged = options.selection.skip > 0 || options.selection.limit.is_some();
    // Standard input, and pipes such as `<(command)`.
    let once = path == Path::new("-")
        || std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
    if sizes.len() > 1 && ranged && once {
        return Err(
            TraceError::new(path, "standard input and pipes can be read once only")
                .help("one page size at a time with --skip or --limit, or convert it first"),
        );
    }
    source.set_page_sizes(&sizes);
    let (format, codec, guessed) = (source.format, source.codec, source.guessed);
    let report = source.report.clone();
    let mut traces = vec![cache::load(cache, source, path, options)?];
    for &size in sizes.iter().skip(1) {
        traces.push(if ranged {
            // --skip and --limit count references at this page size: read the file again.
            let options = LoadOptions {
                page_size: Some(size),
                ..options.clone()
            };
            source::load(path, &options)?
        } else {
            source::coarsen(&traces[0], size, path)?
        });
    }
    if traces[0].is_empty() && options.selection.is_all() {
        return Err(source::no_reference(path, &traces[0].meta));
    }
    let path = path.to_path_buf();
    Ok(Loaded {
        path,
        format,
        codec,
        guessed,
        report: report.get(),
        own_page_size: stored.unwrap_or(PageSize::DEFAULT),
        traces,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_traces_have_the_same_name() {
        let chosen = |files: &[(&str, &'static str)], chosen: &[&'static str]| {
            let named: Vec<(String, &Path)> = files
                .iter()
                .map(|(name, path)| (name.to_string(), Path::new(*path)))
                .collect();
            unique_names(&named, &chosen.iter().map(Path::new).collect())
        };
        let names = |files: &[(&str, &'static str)]| chosen(files, &[]);
        assert_eq!(names(&[("t", "a/t.txt"), ("u", "u.pbt")]), ["t", "u"]);
        assert_eq!(
            names(&[("t", "a/t.txt"), ("t", "b/x"), ("c", "c")]),
            ["a/t", "b/t", "c"]
        );
        assert_eq!(names(&[("t", "t.txt"), ("t", "t.pbt")]), ["t.txt", "t.pbt"]);
        let one_given = chosen(&[("b", "a/b.txt"), ("b", "c/q")], &["c/q"]);
        assert_eq!(one_given, ["a/b", "b"]);
        let deep = [("t", "x/a/t.txt"), ("t", "y/a/t.txt")];
        assert_eq!(names(&deep), ["x/a/t.txt", "y/a/t.txt"]);
        // A name that was given stands, but two cannot.
        let two = [("b", "a/t.txt"), ("b", "c/b.txt")];
        assert_eq!(chosen(&two, &["a/t.txt"]), ["b", "c/b"]);
        assert_eq!(chosen(&two, &["a/t.txt", "c/b.txt"]), ["a/b", "c/b"]);
    }
}
