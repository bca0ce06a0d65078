//! From the traces named on the command line to traces in memory: folders are searched, formats
//! guessed and told, failures gathered so that one bad trace does not hide the others.

use super::cache::{self, Cache};
use super::failure::Failure;
use super::progress::{message, note};
use crate::exit::{self, ExitCode};
use crate::space::{self, OnSegfault, Options, Resolved, SpaceError};
use crate::sweep::{Axes, Warmup};
use crate::trace::TraceError;
use crate::trace::dense::Trace;
use crate::trace::error::Cause;
use crate::trace::source::{self, LoadOptions, Source};
use crate::units::{PageSize, about, counted, show_count};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// A trace in memory, resolved or not, and how it got there.
pub struct Loaded<T = Trace> {
    /// The file.
    pub path: PathBuf,
    /// The format.
    pub format: &'static str,
    /// The codec.
    pub codec: &'static str,
    /// Whether the format was guessed.
    pub guessed: bool,
    /// The page size that the trace has if none is asked for.
    pub unasked: PageSize,
    /// The trace, once per page size asked for.
    pub traces: Vec<T>,
}

/// What came of the traces named.
pub struct Inputs<T = Trace> {
    /// Those that were read, in the order of their paths.
    pub loaded: Vec<Loaded<T>>,
    /// The worst exit code of those that were not.
    pub failed: ExitCode,
    /// The messages of those that were not.
    pub errors: Vec<String>,
}

/// The page sizes at which a trace of this name, stored with this page size if it is stored, is
/// wanted; none for the one that it has.
pub type Sizes<'a> = &'a (dyn Fn(&str, Option<PageSize>) -> Vec<PageSize> + Sync);

/// A trace, or a folder of traces, that is to be read, and how.
pub struct Wanted {
    /// Where it is.
    pub path: PathBuf,
    /// How it is read.
    pub options: LoadOptions,
}

/// Reads all traces named, in one way.
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

/// Reads all traces named, each in its way. A folder gives the files in it that are traces; others
/// in it are named and passed over. Fails where nothing can be read at all.
pub fn load_each(
    wanted: &[Wanted],
    sizes: Sizes<'_>,
    cache: Option<&Cache>,
) -> Result<Inputs, Failure> {
    let (files, empty_folders) = expand(wanted)?;
    let results: Vec<Result<Loaded, TraceError>> = files
        .par_iter()
        .map(|file| load_one(&file.path, file.options, sizes, cache))
        .collect();
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
                tell(&loaded);
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
    let chosen = files.iter().filter(|file| file.options.name.is_some());
    name_apart(
        &mut inputs.loaded,
        &chosen.map(|file| &*file.path).collect(),
    );
    keep(&mut inputs, |trace| trace, |trace| !trace.is_empty());
    if inputs.loaded.is_empty() {
        let filter = wanted[0].options.selection.describe();
        let message = format!("nothing selected: no reference is left of any trace ({filter})");
        return Err(Failure::new(exit::NOTHING, message));
    }
    Ok(inputs)
}

/// Works out what the traces mean, and says what was illegal, refused or without effect. A trace
/// that contradicts itself is told and left out. Fails where none is left.
pub fn resolve_all(inputs: Inputs, options: &Options) -> Result<Inputs<Resolved>, Failure> {
    let mut resolved = Inputs {
        loaded: Vec::new(),
        failed: inputs.failed,
        errors: inputs.errors,
    };
    for loaded in inputs.loaded {
        let path = loaded.path.display().to_string();
        let traces = loaded.traces.into_par_iter();
        let traces: Result<Vec<Resolved>, SpaceError> =
            traces.map(|trace| space::resolve(trace, options)).collect();
        match traces {
            Ok(traces) => {
                tell_illegal(&path, &traces[0], options);
                resolved.loaded.push(Loaded {
                    path: loaded.path,
                    format: loaded.format,
                    codec: loaded.codec,
                    guessed: loaded.guessed,
                    unasked: loaded.unasked,
                    traces,
                });
            }
            Err(error) => {
                let failure = Failure::from(SpaceError {
                    name: path,
                    ..error
                });
                message(&format!("error: {failure}"));
                resolved.failed = exit::worse(resolved.failed, failure.code);
                resolved.errors.push(failure.to_string());
            }
        }
    }
    if resolved.loaded.is_empty() {
        return Err(Failure::new(resolved.failed, ""));
    }
    Ok(resolved)
}

/// How many illegal references and refused events are named.
const NAMED: usize = 3;

/// Says what of a trace did not go as its programs would have it.
pub fn tell_illegal(path: &str, resolved: &Resolved, options: &Options) {
    let tally = &resolved.tally;
    let pids = &resolved.trace.dictionary.pids;
    let illegal = tally.segfaults + tally.protection_faults;
    if illegal > 0 {
        let then = match options.on_segfault {
            OnSegfault::Kill => format!(
                "processes ended there, {} later references were left out",
                show_count(tally.dropped)
            ),
            _ => "they were left out".to_owned(),
        };
        note(&format!(
            "warning: {path}: {} and {}: {then}",
            counted(tally.segfaults, "segmentation fault"),
            counted(tally.protection_faults, "protection fault")
        ));
        for one in tally.illegal.iter().take(NAMED) {
            note(&format!(
                "  position {}: {} of the page at {:#x} by process {}: {}",
                one.position,
                one.kind.letter(),
                one.page << resolved.trace.meta.page_shift(),
                pids[one.process as usize],
                match one.segmentation {
                    true => "no mapping",
                    false => "not allowed",
                }
            ));
        }
        if illegal > NAMED as u64 {
            note("  (pagebench vm lists more)");
        }
    }
    for one in tally.refusals.iter().take(NAMED) {
        note(&format!(
            "warning: {path}: position {}, process {}: {} (refused)",
            one.position, pids[one.process as usize], one.what
        ));
    }
    if tally.refused > NAMED as u64 {
        note(&format!("  {} were refused in all", tally.refused));
    }
    if tally.idle_events > 0 {
        note(&format!(
            "note: {path}: {} had no effect: nothing was mapped there, or the heap could not be so",
            counted(tally.idle_events, "event")
        ));
    }
}

/// Leaves out traces of which nothing would be counted, and says so.
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

/// Leaves out traces, at each page size by itself, that cannot have the frames or windows asked for,
/// and says why. Fails where none is left.
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
        message(&format!("error: {why}"));
        inputs.failed = exit::worse(inputs.failed, exit::USAGE);
        inputs.errors.push(why);
    }
    match inputs.loaded.is_empty() {
        true => Err(Failure::new(inputs.failed, "")),
        false => Ok(()),
    }
}

/// Keeps the traces of which something is left, at each page size by itself.
fn keep<T>(
    inputs: &mut Inputs<T>,
    trace_of: impl Fn(&T) -> &Trace,
    something_left: impl Fn(&Trace) -> bool,
) {
    for loaded in &mut inputs.loaded {
        loaded.traces.retain(|one| {
            let trace = trace_of(one);
            let left = something_left(trace);
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

/// A file and how it is read.
struct Found<'w> {
    path: PathBuf,
    options: &'w LoadOptions,
    /// Whether it is there because its folder was named.
    in_folder: bool,
}

/// The files named, each with how it is read, folders searched (not their folders); and whether a
/// folder had none.
fn expand(wanted: &[Wanted]) -> Result<(Vec<Found<'_>>, bool), Failure> {
    let (mut files, mut empty_folders) = (Vec::new(), false);
    for Wanted { path, options } in wanted {
        let take = |path: PathBuf, in_folder| Found {
            path,
            options,
            in_folder,
        };
        if !path.is_dir() {
            files.push(take(path.clone(), false));
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
                    note(&format!(
                        "{}: passed over: not a trace of a known format",
                        file.display()
                    ));
                }
                // Other errors are told when it is read.
                _ => files.push(take(file, true)),
            }
        }
        if files.len() == before {
            empty_folders = true;
            message(&format!(
                "error: {}: no trace in this folder",
                path.display()
            ));
        }
    }
    if files.is_empty() {
        return Err(Failure::new(exit::NOTHING, ""));
    }
    Ok((each_once(files)?, empty_folders))
}

/// The file that a path means, whatever links lead there; the path itself where there is none.
pub fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Each file once, where it comes first. What is said of a file itself goes over what is said of a
/// folder that brings it, too.
fn each_once(files: Vec<Found<'_>>) -> Result<Vec<Found<'_>>, Failure> {
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    let mut all: Vec<Found<'_>> = Vec::new();
    for file in files {
        let place = *places.entry(real(&file.path)).or_insert(all.len());
        let Some(known) = all.get_mut(place) else {
            all.push(file);
            continue;
        };
        let said = |file: &Found<'_>| (file.options.name.clone(), file.options.format.clone());
        match (known.in_folder, file.in_folder) {
            (true, false) => *known = file,
            (false, true) => {}
            _ if said(known) == said(&file) => {}
            _ => {
                return Err(Failure::usage(format!(
                    "{} and {} are one file, and are to be read in two ways",
                    known.path.display(),
                    file.path.display()
                )));
            }
        }
    }
    Ok(all)
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

/// Names traces apart. Where several have the same name, the folder is put before it; where that
/// does not help, they are called as they were given. A name that the user gave to one of the files in
/// `chosen` stands: others give way.
fn name_apart(loaded: &mut [Loaded], chosen: &HashSet<&Path>) {
    let named: Vec<(String, &Path)> = loaded
        .iter()
        .map(|one| (one.traces[0].meta.name.clone(), &*one.path))
        .collect();
    let names = unique_names(&named, chosen);
    for (one, name) in loaded.iter_mut().zip(names) {
        for trace in &mut one.traces {
            trace.meta.name.clone_from(&name);
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
    let mut source = Source::open(path, options)?;
    let stored = source.store().map(|store| store.meta.page_size);
    let mut sizes = sizes(&source.name(), stored);
    sizes.sort_unstable();
    sizes.dedup();
    let ranged = options.selection.skip > 0 || options.selection.limit.is_some();
    // Standard input, and pipes such as those of `<(command)`.
    let once = path == Path::new("-") || std::fs::metadata(path).is_ok_and(|meta| !meta.is_file());
    if sizes.len() > 1 && ranged && once {
        return Err(
            TraceError::new(path, "standard input and pipes can be read once only")
                .help("one page size at a time with --skip or --limit, or convert it first"),
        );
    }
    source.set_page_sizes(&sizes);
    let (format, codec, guessed) = (source.format, source.codec, source.guessed);
    let mut traces = vec![cache::load(cache, source, path, options)?];
    for &size in sizes.iter().skip(1) {
        // A range of references counts references of its own page size: read it afresh.
        let afresh = LoadOptions {
            page_size: Some(size),
            ..options.clone()
        };
        traces.push(match ranged {
            false => source::coarsen(&traces[0], size, path)?,
            true => source::load(path, &afresh)?,
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
        unasked: stored.unwrap_or(PageSize::DEFAULT),
        traces,
    })
}

/// Says how many bad records were left out.
pub fn tell_skipped(path: &Path, skipped: u64) {
    let records = if skipped == 1 { "record" } else { "records" };
    if skipped > 0 {
        note(&format!(
            "warning: {}: {skipped} bad {records} skipped",
            path.display()
        ));
    }
}

/// How a file was read: its format, whether that was guessed, and its codec if it has one.
pub fn read_as(format: &str, guessed: bool, codec: &str) -> String {
    let how = if guessed {
        " (guessed from content)"
    } else {
        ""
    };
    match codec {
        "none" => format!("{format}{how}"),
        codec => format!("{format}{how}, {codec}"),
    }
}

fn tell(loaded: &Loaded) {
    let trace = &loaded.traces[0];
    note(&format!(
        "{}: {}, {}, {}",
        loaded.path.display(),
        read_as(loaded.format, loaded.guessed, loaded.codec),
        about(trace.len() as u64, "reference"),
        counted(trace.distinct(), "page"),
    ));
    tell_skipped(&loaded.path, trace.meta.skipped);
    if let Some(warning) = trace.meta.kind.warning() {
        note(&format!(
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
