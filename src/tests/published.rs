//! Counts that other people published, against the product's readers and engine. The traces are not part of
//! the project: they are looked for in the folder that `PAGEBENCH_PUBLISHED_TRACES` names, or in
//! `../shared/traces`.

// Cargo shows what a test prints: here, that it had nothing to test.
#![allow(clippy::print_stderr)]

use crate::oracle::formats;
use crate::oracle::published::{Expected, PUBLISHED, Published};
use crate::support::{Setting, replay, trace_of};
use flate2::read::GzDecoder;
use pagebench::internals::trace;
use pagebench::internals::trace::LoadOptions;
use pagebench::internals::trace::model::dense::Trace;
use pagebench::internals::units::PageSize;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The folder of the traces, if it is there.
fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("PAGEBENCH_PUBLISHED_TRACES") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces"),
    };
    folder.is_dir().then_some(folder)
}

/// References and distinct pages of each file, by which a wrong file is noticed.
const SIZES: &[(&str, usize, usize)] = &[
    ("course/gcc.trace.gz", 1_000_000, 2_852),
    ("course/swim.trace.gz", 1_000_000, 2_543),
    ("spec/address_gcc.trace.gz", 515_683, 294),
    ("spec/address_swim.trace.gz", 303_193, 135),
    ("teaching/tr-simpleloop.ref", 10_320, 2_644),
    ("lirs/gli.trc", 6_015, 2_529),
    ("lirs/multi1.trc", 15_858, 2_606),
    ("lirs/sprite.trc", 133_996, 7_075),
    ("storage/cloudPhysicsIO.oracleGeneral.bin", 113_872, 48_974),
];

/// The trace as the product reads it. An independent reader must find the same references.
fn load(file: &Path, row: &Published) -> Trace {
    let options = LoadOptions {
        format: Some(row.format.to_owned()),
        page_size: PageSize::from_shift(row.page_size.trailing_zeros() as u8),
        ..LoadOptions::default()
    };
    let trace = trace::load(file, &options).unwrap_or_else(|e| panic!("{e}"));
    let expected = trace_of(&formats::read(row.format, &unpacked(file), row.page_size));
    let same = trace.refs() == expected.refs()
        && trace.kinds() == expected.kinds()
        && trace.dictionary.pages == expected.dictionary.pages;
    assert!(same, "{}: the readers disagree", file.display());
    trace
}

/// The content of a file, decompressed.
fn unpacked(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    if file.extension().is_none_or(|ending| ending != "gz") {
        return bytes;
    }
    let mut text = Vec::new();
    let read = GzDecoder::new(&bytes[..]).read_to_end(&mut text);
    read.unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    text
}

/// What the product counts, in the terms of the row.
fn counted(trace: &Trace, row: &Published) -> Expected {
    let (outcome, _) = replay(trace, &Setting::frames(row.policy, row.frames as usize));
    let counters = &outcome.counters;
    match row.expected {
        Expected::Faults(_) => Expected::Faults(counters.faults()),
        Expected::FaultsAndWrites(..) => {
            Expected::FaultsAndWrites(counters.faults(), counters.write_backs())
        }
        Expected::HitPercentHundredths(_) => {
            let hundredths = (counters.hits * 20_000 / counters.refs).div_ceil(2);
            Expected::HitPercentHundredths(hundredths as u32)
        }
    }
}

/// One figure and its verdict, as `scripts/verify_published.sh` prints it.
fn line(trace: &Trace, row: &Published) -> (bool, String) {
    let got = counted(trace, row);
    let verdict = if got == row.expected {
        "equal"
    } else {
        "DIFFERS"
    };
    let Published {
        trace: name,
        policy,
        frames,
        expected,
        source,
        ..
    } = row;
    let line = format!(
        "{verdict}: {name}, {policy}, {frames} frames: expected {expected}, got {got} ({source})"
    );
    (got == row.expected, line)
}

#[test]
fn every_published_count() {
    let Some(folder) = folder() else {
        eprintln!("skipped: no published traces");
        return;
    };
    let mut by_trace: BTreeMap<&str, Vec<&Published>> = BTreeMap::new();
    for row in PUBLISHED {
        by_trace.entry(row.trace).or_default().push(row);
    }
    let traces: Vec<(&str, Vec<&Published>)> = by_trace.into_iter().collect();
    let check = |(name, rows): &(&str, Vec<&Published>)| -> Vec<(bool, String)> {
        let file = folder.join(name);
        if !file.exists() {
            eprintln!("skipped: no {}", file.display());
            return Vec::new();
        }
        let trace = load(&file, rows[0]);
        let size = (*name, trace.len(), trace.distinct());
        assert!(
            SIZES.contains(&size),
            "another file than the published one: {size:?}"
        );
        rows.par_iter().map(|row| line(&trace, row)).collect()
    };
    let lines: Vec<(bool, String)> = traces.par_iter().flat_map_iter(check).collect();
    if std::env::var_os("PAGEBENCH_PUBLISHED_LINES").is_some() {
        lines.iter().for_each(|(_, line)| eprintln!("{line}"));
    }
    let differences = lines.into_iter().filter(|(equal, _)| !equal);
    let differences: Vec<String> = differences.map(|(_, line)| line).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_trace_has_its_size() {
    for row in PUBLISHED {
        let known = SIZES.iter().any(|(name, ..)| *name == row.trace);
        assert!(known, "{}", row.trace);
    }
}
