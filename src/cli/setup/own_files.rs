//! Which files in an output folder are of pagebench, by what is in them: `--force` replaces and removes
//! these and no others.

use super::failure::Failure;
use super::manifest::MANIFEST;
use crate::exit;
use crate::report::results::cells_jsonl::CELLS;
use crate::report::results::plan_file::PLAN;
use crate::report::results::results_csv::write_file;
use crate::report::tables::list::columns_of;
use crate::report::whole_file::remove_own;
use crate::units::Printable;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// The files of a run other than its charts and [`CELLS`].
pub const FILES: [&str; 7] = [
    "results.csv",
    "windows.csv",
    "distributions.csv",
    "vmstat.csv",
    "timings.csv",
    MANIFEST,
    PLAN,
];

/// The files that every run writes. It writes the others of [`FILES`] only if they are asked for.
pub const ALWAYS: [&str; 5] = ["results.csv", "timings.csv", MANIFEST, PLAN, CELLS];

/// Returns whether `folder` holds a run of pagebench.
pub fn is_of_run(folder: &Path) -> bool {
    [PLAN, "results.csv"]
        .iter()
        .any(|name| is_own(folder, name))
}

/// Returns whether the file `name` in `folder` is one of pagebench: a table by its header, another file
/// by its content.
pub fn is_own(folder: &Path, name: &str) -> bool {
    let path = folder.join(name);
    if !path.is_file() {
        return false;
    }
    if let Some(columns) = columns_of(name) {
        let header = columns.iter().take(2).map(|(name, ..)| format!("{name},"));
        return begins_with(&path, &header.collect::<String>());
    }
    match name {
        CELLS => begins_with(&path, "{"),
        _ => {
            let text = fs::read(&path).unwrap_or_default();
            let content: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
            let tool = content["tool"].as_str();
            tool.is_some_and(|tool| tool.starts_with("pagebench"))
        }
    }
}

fn begins_with(path: &Path, text: &str) -> bool {
    let mut start = Vec::new();
    let file = File::open(path).map(|file| file.take(text.len() as u64));
    file.is_ok_and(|mut file| file.read_to_end(&mut start).is_ok()) && start == text.as_bytes()
}

/// Returns whether there is nothing to lose in the place of a file: no regular file, or an empty one.
fn is_free(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |meta| !meta.is_file() || meta.len() == 0)
}

/// Errors if one of the files `names` in `folder` would be replaced, and is not one of pagebench.
/// `charts` are ours if a run or table of ours is next to them, as `has_results` says.
pub fn refuse_foreign(
    folder: &Path,
    names: &[&str],
    charts: &[String],
    has_results: bool,
) -> Result<(), Failure> {
    refuse_irregular(folder, names)?;
    refuse_irregular(folder, charts)?;
    let is_foreign = |name: &&str| !is_free(&folder.join(name)) && !is_own(folder, name);
    let table = names.iter().copied().find(is_foreign);
    let charts = charts.iter().map(String::as_str);
    let mut charts = charts.filter(|name| !has_results && !is_free(&folder.join(name)));
    match table.or_else(|| charts.next()) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(foreign(folder, name))),
    }
}

fn foreign(folder: &Path, name: &str) -> String {
    format!(
        "{}: holds {name}, which pagebench did not write, and --force replaces only what it wrote; move \
         it away, or choose another folder",
        folder.printed()
    )
}

/// Errors if one of the files `names` in `folder` is a folder, a pipe or a socket: opening these fails, or
/// waits without end.
pub fn refuse_irregular<S: AsRef<str>>(folder: &Path, names: &[S]) -> Result<(), Failure> {
    let irregular = |name: &&str| {
        fs::metadata(folder.join(name)).is_ok_and(|meta| meta.is_dir() || is_pipe(&meta))
    };
    match names.iter().map(S::as_ref).find(irregular) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(format!(
            "{}: no regular file; move it away, or choose another folder",
            folder.join(name).printed()
        ))),
    }
}

#[cfg(unix)]
fn is_pipe(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    meta.file_type().is_fifo() || meta.file_type().is_socket()
}

#[cfg(not(unix))]
fn is_pipe(_: &fs::Metadata) -> bool {
    false
}

/// Writes the table `name` into `folder`. Errors if another file than such a table is there.
pub fn write_table(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(name);
    if !is_free(&path) && !is_own(folder, name) {
        return Err(Failure::new(exit::FAILURE, foreign(folder, name)));
    }
    Ok(write_file(&path, bytes)?)
}

/// Removes those of the files `names` that exist.
pub fn remove_files<S: AsRef<str>>(folder: &Path, names: &[S]) -> io::Result<()> {
    names
        .iter()
        .try_for_each(|name| remove_own(&folder.join(name.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_what_is_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let own = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            is_own(folder.path(), name)
        };
        for name in FILES.into_iter().chain([CELLS, "curve.csv", "states.csv"]) {
            assert!(!own(name, "mine\n"), "{name}");
            assert!(!own(name, ""), "{name}");
        }
        assert!(!is_of_run(folder.path()));
        assert!(own("results.csv", "schema,trace,more\n"));
        assert!(own(PLAN, "{\"tool\": \"pagebench 0.1.0\"}"));
        assert!(!own(MANIFEST, "{\"tool\": \"other\"}"));
        assert!(own(CELLS, "{\"id\": 1}\n"));
        assert!(is_of_run(folder.path()));
        let none: [String; 0] = [];
        fs::write(folder.path().join("windows.csv"), "mine").unwrap();
        refuse_foreign(folder.path(), &["results.csv", "windows.csv"], &none, true).unwrap_err();
        refuse_foreign(folder.path(), &["results.csv", "x.csv"], &none, true).unwrap();
        fs::write(folder.path().join("x.csv"), "x").unwrap();
        fs::write(folder.path().join("windows.csv"), "").unwrap();
        refuse_foreign(folder.path(), &["windows.csv"], &none, true).unwrap();
        let chart = ["x.csv".to_owned()];
        refuse_foreign(folder.path(), &[], &chart, true).unwrap();
        refuse_foreign(folder.path(), &[], &chart, false).unwrap_err();
        fs::create_dir(folder.path().join("d")).unwrap();
        refuse_foreign(folder.path(), &[], &["d".to_owned()], true).unwrap_err();
    }
}
