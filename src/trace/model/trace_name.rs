//! The name of a trace, from the name of its file without what would act on what shows it.

use crate::trace::{codec, format};
use crate::units::plain_name;
use std::path::Path;

/// Endings of formats that are only read, and `pbt`. A trace's name leaves them out, like the endings of
/// codecs and of formats that are written.
const ENDINGS: [&str; 18] = [
    "pbt",
    "lackey",
    "trace",
    "trc",
    "din",
    "lis",
    "csv",
    "tsv",
    "txt",
    "bin",
    "oracleGeneral",
    "ref",
    "log",
    "out",
    "spc",
    "vscsi",
    "champsim",
    "champsimtrace",
];

/// Returns the name of a trace: its file name without the endings of codec and format, made plain.
pub fn name_of(path: &Path) -> String {
    // The folder `trace` of a drmemtrace is in one that is named after the program.
    let path = match path.parent() {
        Some(folder) if path.is_dir() && path.ends_with("trace") => folder,
        _ => path,
    };
    let Some(file) = path.file_name() else {
        return "stdin".into();
    };
    let mut name = &*file.to_string_lossy();
    if name == "-" {
        return "stdin".into();
    }
    while let Some((stem, ending)) = name.rsplit_once('.') {
        let known = ENDINGS.contains(&ending)
            || (ending == "dir" && path.is_dir())
            || codec::by_ending(ending).is_some()
            || format::by_ending(ending).is_some();
        if stem.is_empty() || !known {
            break;
        }
        name = stem;
    }
    plain_name(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_endings_of_codecs_and_formats_only() {
        for (path, name) in [
            ("a/cc1.lackey.zst", "cc1"),
            ("gcc-4.8.trace.gz", "gcc-4.8"),
            ("cloudPhysicsIO.oracleGeneral.bin", "cloudPhysicsIO"),
            (".pbt", ".pbt"),
            ("-", "stdin"),
            ("x", "x"),
            ("prog.rw", "prog"),
            ("prog.plain.gz", "prog"),
            ("prog.vpn", "prog"),
            ("prog.rwx", "prog.rwx"),
        ] {
            assert_eq!(name_of(Path::new(path)), name);
        }
        assert_eq!(name_of(Path::new("d/x\n\u{202e}.txt")), "x??");
        // What `convert` writes, it names alike.
        let written = format::TABLE.iter().filter_map(|f| f.written.as_ref());
        for ending in written.flat_map(|written| written.endings) {
            assert_eq!(name_of(Path::new(&format!("a.b.{ending}"))), "a.b");
        }
    }
}
