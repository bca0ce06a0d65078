//! Compressed traces of every codec of THE table, changed: cut, garbled, two codecs in a row, and small
//! files that unpack to large ones.

use super::mutate::{self, Rng, one, percent};
use super::runner::Subject;
use super::store::{refill, scratch};
use pagebench::internals::trace::codec::CODECS;
use pagebench::internals::trace::{LoadOptions, load};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Text of a trace under a codec. Those without an encoder here have a file of the same text in
/// `src/tests/data/campaign/codecs`.
fn packed(codec: &str, text: &[u8]) -> Vec<u8> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/data/campaign/codecs");
    let all = |mut out: Box<dyn Write + '_>| {
        out.write_all(text)
            .and_then(|()| out.flush())
            .expect("memory");
    };
    let mut bytes = Vec::new();
    match codec {
        "none" => bytes = text.to_vec(),
        "zstd" => bytes = zstd::encode_all(text, 3).expect("memory"),
        "gzip" => all(Box::new(flate2::write::GzEncoder::new(
            &mut bytes,
            flate2::Compression::default(),
        ))),
        "bzip2" => all(Box::new(bzip2::write::BzEncoder::new(
            &mut bytes,
            bzip2::Compression::best(),
        ))),
        "lz4" => {
            let mut out = lz4_flex::frame::FrameEncoder::new(&mut bytes);
            out.write_all(text).expect("memory");
            out.finish().expect("memory");
        }
        "snappy" => all(Box::new(snap::write::FrameEncoder::new(&mut bytes))),
        other => {
            let file = data.join(other);
            bytes = fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        }
    }
    bytes
}

/// A few accesses.
pub const TEXT: &str = "# pagebench trace 1\nR 1000\nW 2000 8\nI 401ab7 3\nR 1000\nR 3000\n";

pub struct Codecs {
    samples: Vec<Vec<u8>>,
    file: tempfile::NamedTempFile,
}

impl Codecs {
    pub fn new() -> Codecs {
        let mut file = scratch();
        let long = TEXT.to_owned() + &"R 5000\nW 7000\n".repeat(300);
        let mut samples = Vec::new();
        for codec in CODECS {
            for text in [TEXT, &long] {
                let bytes = packed(codec.name, text.as_bytes());
                refill(&mut file, &bytes);
                let loaded = load(file.path(), &LoadOptions::default());
                loaded.unwrap_or_else(|e| panic!("{}: {e}", codec.name));
                samples.push(bytes);
            }
        }
        Codecs { samples, file }
    }
}

impl Subject for Codecs {
    fn draw(&mut self, random: &mut Rng) -> Vec<u8> {
        let mut bytes = one(random, &self.samples).clone();
        match random.below(8) {
            0 => {
                let other = one(random, &self.samples);
                bytes.extend(other);
            }
            1 => bytes = zstd::encode_all(&bytes[..], 1).expect("memory"),
            _ => {}
        }
        if percent(random, 95) {
            let other = one(random, &self.samples);
            mutate::bytes(random, &mut bytes, other);
        }
        bytes
    }

    fn attack(&mut self, bytes: &[u8], random: &mut Rng) -> Result<(), String> {
        refill(&mut self.file, bytes);
        let mut options = LoadOptions::default();
        options.read.skip_bad = percent(random, 30);
        let _ = load(self.file.path(), &options);
        options.format = Some("plain".into());
        let _ = load(self.file.path(), &options);
        Ok(())
    }
}
