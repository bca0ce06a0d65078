//! Samples of every format of THE table, changed, and read by the name of the format and by guess.
//!
//! A text format brings its sample in its layout. A binary one has a file in
//! `src/tests/data/campaign/formats`, which a unit test of the formats writes and compares.

use super::mutate::{self, Rng, one, percent};
use super::runner::Subject;
use super::store::{refill, scratch};
use pagebench::internals::trace::format::{FORMATS, Format, ReadOptions};
use pagebench::internals::trace::{LoadOptions, load};
use std::fs;
use std::path::Path;

/// The samples of each format.
pub fn samples() -> Vec<(&'static Format, Vec<Vec<u8>>)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/data");
    let of = |format: &'static Format| {
        let example = format
            .layout
            .lines()
            .filter_map(|line| line.strip_prefix("    "));
        let example: String = example.flat_map(|line| [line, "\n"]).collect();
        let file = format.name.replace(':', "-");
        let kept = [
            format!("campaign/formats/{file}.bin"),
            format!("formats/{file}.txt"),
        ];
        let kept = kept
            .iter()
            .filter_map(|name| fs::read(data.join(name)).ok());
        let mut all: Vec<Vec<u8>> = kept.collect();
        if !example.is_empty() {
            all.push(example.into_bytes());
        }
        // Long samples would be changed in places that are all alike.
        all.iter_mut().for_each(|sample| sample.truncate(8 << 10));
        assert!(!all.is_empty(), "{}: no sample", format.name);
        (format, all)
    };
    FORMATS.iter().map(of).collect()
}

pub struct Formats {
    samples: Vec<(&'static Format, Vec<Vec<u8>>)>,
    file: tempfile::NamedTempFile,
}

impl Formats {
    pub fn new() -> Formats {
        Formats {
            samples: samples(),
            file: scratch(),
        }
    }
}

impl Subject for Formats {
    fn draw(&mut self, random: &mut Rng) -> Vec<u8> {
        let (format, own) = one(random, &self.samples);
        let (mut bytes, other) = (one(random, own).clone(), one(random, own));
        if format.is_text() && percent(random, 40) {
            mutate::lines(random, &mut bytes, other);
        }
        if percent(random, 90) {
            let (_, others) = one(random, &self.samples);
            let other = match percent(random, 80) {
                true => other,
                false => one(random, others),
            };
            mutate::bytes(random, &mut bytes, other);
        }
        bytes
    }

    fn attack(&mut self, bytes: &[u8], random: &mut Rng) -> Result<(), String> {
        refill(&mut self.file, bytes);
        let read = ReadOptions {
            skip_bad: percent(random, 50),
            ..ReadOptions::default()
        };
        let options = |format: Option<&str>| LoadOptions {
            format: format.map(str::to_owned),
            read: read.clone(),
            // A line can stand for any number of references: what a user allows for them bounds them.
            mem_limit: Some(8 << 20),
            ..LoadOptions::default()
        };
        let _ = load(self.file.path(), &options(None));
        // The format of the sample is as likely as any: most bytes belong to one that is near.
        let (format, _) = one(random, &self.samples);
        let mut named = vec![format.name];
        named.extend(
            self.samples
                .iter()
                .map(|(format, _)| format.name)
                .filter(|_| percent(random, 8)),
        );
        let mut digests = Vec::new();
        for name in &named {
            let loaded = load(self.file.path(), &options(Some(name)));
            digests.push(loaded.map(|trace| trace.digest()).ok());
        }
        if percent(random, 20) {
            refill(&mut self.file, &zstd::encode_all(bytes, 1).expect("memory"));
            for (name, digest) in named.iter().zip(&digests) {
                let packed = load(self.file.path(), &options(Some(name)));
                if packed.map(|trace| trace.digest()).ok() != *digest {
                    return Err(format!("{name}: compressed it is another trace"));
                }
            }
        }
        Ok(())
    }
}
