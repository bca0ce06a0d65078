//! Tables and the files of run folders: what the program itself wrote, changed, and read by everything
//! that reads such files. Half of the lines of `cells.jsonl` get the checksum that they should have.

use super::codecs::TEXT;
use super::mutate::{self, Rng, one, percent};
use super::runner::Subject;
use pagebench::internals::check::{Baseline, Digests};
use pagebench::internals::report::results::cells_jsonl::{self, Record};
use pagebench::internals::report::results::plan_file::PlanFile;
use pagebench::internals::report::results::results_csv::{parse_rows, to_csv};
use pagebench::internals::report::tables::{curve_csv, states_csv, windows_csv};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Runs the program in `folder`.
pub fn program(folder: &Path, args: &str) {
    let status = Command::new(env!("CARGO_BIN_EXE_pagebench"))
        .args(args.split(' '))
        .current_dir(folder)
        .env_remove("PAGEBENCH_FAIL_AT")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.expect("the program").success(), "{args}");
}

/// Every table that the program writes, of a small run.
fn samples() -> Vec<Vec<u8>> {
    let folder = TempDir::new().expect("a scratch folder");
    fs::write(folder.path().join("t.txt"), TEXT).expect("the scratch folder");
    for args in [
        "run t.txt -p lru,fifo,ws -m 2,4 --tau 3 --windows=2 -o run --no-charts -q",
        "check base.csv t.txt -p lru,fifo -m 2,4 --accept --with-digests -q",
        "curve t.txt --ignore-events -p lru -o curve -q",
        "vm t.txt --over-time 3 -m 2 -o over -q",
    ] {
        program(folder.path(), args);
    }
    let mut files = Vec::new();
    for folder in ["", "run", "curve", "over"].map(|name| folder.path().join(name)) {
        files.extend(
            fs::read_dir(folder)
                .expect("a folder")
                .map(|entry| entry.expect("an entry").path()),
        );
    }
    files.sort();
    let tables = files.iter().filter(|path| {
        // Times differ from run to run.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_table =
            name.ends_with(".csv") || name.ends_with(".jsonl") || name.contains("digest");
        (is_table || name == "plan.json") && name != "timings.csv"
    });
    let tables = tables.map(|path| fs::read(path).expect("a table"));
    tables
        .map(|bytes| with_sums(&without_times(&bytes)))
        .collect()
}

/// Replaces the times of cells by one.
fn without_times(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.split("\"wall_ns\":");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out += "\"wall_ns\":1";
        out += part.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out.into_bytes()
}

/// Makes the checksums of the lines of a `cells.jsonl` right.
fn with_sums(bytes: &[u8]) -> Vec<u8> {
    const MIDDLE: &str = "\",\"record\":";
    let line = |line: &[u8]| -> Vec<u8> {
        let text = String::from_utf8_lossy(line);
        let parts = text
            .strip_prefix("{\"sum\":\"")
            .and_then(|rest| rest.split_once(MIDDLE));
        match parts.and_then(|(_, record)| record.strip_suffix('}')) {
            Some(record) => {
                let sum = xxhash_rust::xxh3::xxh3_64(record.as_bytes());
                format!("{{\"sum\":\"{sum:016x}{MIDDLE}{record}}}").into_bytes()
            }
            None => line.to_vec(),
        }
    };
    let lines: Vec<Vec<u8>> = bytes.split(|&b| b == b'\n').map(line).collect();
    lines.join(&b'\n')
}

pub struct Tables {
    samples: Vec<Vec<u8>>,
    folder: TempDir,
}

impl Tables {
    pub fn new() -> Tables {
        let samples = samples();
        let records = samples
            .iter()
            .flat_map(|sample| sample.split(|&b| b == b'\n'));
        let readable = records
            .filter_map(|line| std::str::from_utf8(line).ok())
            .filter(|line| Record::of_line(line).is_some());
        assert_eq!(
            readable.count(),
            5,
            "checksums are made as the program makes them"
        );
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => TempDir::new_in(memory),
            false => TempDir::new(),
        };
        Tables {
            samples,
            folder: folder.expect("a scratch folder"),
        }
    }
}

impl Subject for Tables {
    fn draw(&mut self, random: &mut Rng) -> Vec<u8> {
        let mut bytes = one(random, &self.samples).clone();
        let other = match percent(random, 20) {
            true => one(random, &self.samples).clone(),
            false => bytes.clone(),
        };
        if percent(random, 40) {
            mutate::lines(random, &mut bytes, &other);
        }
        if percent(random, 90) {
            mutate::bytes(random, &mut bytes, &other);
        }
        match percent(random, 50) {
            true => with_sums(&bytes),
            false => bytes,
        }
    }

    fn attack(&mut self, bytes: &[u8], _: &mut Rng) -> Result<(), String> {
        let path = Path::new("t.csv");
        if let Ok(rows) = parse_rows(path, bytes) {
            // Written once, a number has as many digits as ever.
            let written = to_csv(&rows);
            let again = parse_rows(path, &written).map(|rows| to_csv(&rows));
            if again.ok() != Some(written) {
                return Err("rows that are written and read again are others".into());
            }
        }
        let _ = curve_csv::parse_rows(path, bytes);
        let _ = states_csv::parse_rows(path, bytes);
        let _ = windows_csv::parse_rows(path, bytes);
        let _ = Digests::parse(path, bytes);
        if let Ok(baseline) = Baseline::parse(path, bytes) {
            let written = baseline.to_bytes();
            let again = Baseline::parse(path, &written).map(|again| again.to_bytes());
            if again.ok() != Some(written) {
                return Err("a baseline that is written and read again is another".into());
            }
        }
        for name in ["cells.jsonl", "plan.json"] {
            fs::write(self.folder.path().join(name), bytes).expect("the scratch folder");
        }
        let _ = PlanFile::read(self.folder.path());
        if let Ok(kept) = cells_jsonl::read(self.folder.path()) {
            for record in kept.records.values() {
                let line = record.to_line();
                let again = Record::of_line(line.trim_end()).map(|record| record.to_line());
                if again != Some(line) {
                    return Err("a finished cell that is written and read again is another".into());
                }
            }
        }
        Ok(())
    }
}
